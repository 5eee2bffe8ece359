# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring a traffic split: the plan, the client pod, the probe that runs in it, its answer, and the verdict.

The probe is one shell script for one exec. It sends the requests, tells the backends apart where the bodies arrive,
and answers with a few counted lines, so that thousands of bodies never travel. Whatever the user gave reaches it as
positional parameters and never as text of the script.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.events import last_events
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import (
    SIDECAR,
    container_reasons,
    running_statuses,
)
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, number_problem

MOST_REQUESTS = 100_000
MOST_WORKERS = 16
# Failures after the verdict is settled that are still worth waiting for: they show the pattern. The workers share them.
MORE_FAILURES = 9
SAMPLE = 200
EPHEMERAL_CONTAINER = "client"
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
# Seconds that starting the probe and reading its answer may take on top of what the plan allows for requests.
EXEC_MARGIN = 30
# Seconds that an ephemeral client may take to be ready, and to be gone.
START_TIMEOUT = 120
END_TIMEOUT = 60
# What no waiting mends: a container that waits for one of these reasons will not start.
_HOPELESS = {"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}


class SplitError(Exception):
    """Why a split cannot be measured, in words for the user."""


@dataclass(frozen=True)
class Backend:
    """One backend: its weight, and the extended regular expression that a line of its body, or a header
    matches."""

    name: str
    weight: int
    match: str
    header: str | None = None


@dataclass(frozen=True)
class Plan:
    """What to send and how to judge it. Times in whole seconds; significance and tolerance as fractions."""

    url: str
    backends: tuple[Backend, ...]
    requests: int = 400
    warmup: int = 10
    method: str = "auto"
    request_timeout: int = 5
    timeout: int = 300
    max_errors: int = 0
    significance: float = 0.001
    tolerance: float | None = None
    headers: tuple[tuple[str, str], ...] = ()
    parallel: int = 4

    @property
    def workers(self):
        """How many workers send side by side: no more than there are requests."""
        return min(self.parallel, self.requests)

    @property
    def shares(self):
        """The expected share of each backend, as fractions that sum to 1."""
        total = sum(backend.weight for backend in self.backends)
        return [backend.weight / total for backend in self.backends]

    @property
    def weights(self):
        """The weights as people write them: 80/20."""
        return "/".join(str(backend.weight) for backend in self.backends)


@dataclass
class Tally:
    """What the probe counted. backends is parallel to the plan's; failures maps (kind, detail) to a count."""

    method: str = ""
    elapsed: float = 0.0
    sent: int = 0
    backends: list[int] = field(default_factory=list)
    unknown: int = 0
    ambiguous: int = 0
    overlap: tuple[int, ...] = ()
    failures: Counter = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)
    gave_up: bool = False

    @property
    def answered(self):
        """The responses that one backend gave: what shares are shares of."""
        return sum(self.backends)

    @property
    def errors(self):
        """Everything that was sent and is not answered by exactly one backend."""
        return self.unknown + self.ambiguous + sum(self.failures.values())


@dataclass(frozen=True)
class Client:
    """The container that sends, and whether its pod has a ready sidecar."""

    namespace: str
    pod: str
    container: str
    sidecar: bool


# ---- the plan ------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_META = re.compile(r"[][\\.*+?(){}|^$]")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_INSTEAD = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[[:alnum:]_]",
    "W": "[^[:alnum:]_]",
    "s": "[[:space:]]",
    "S": "[^[:space:]]",
}


def plan_from(params):
    """The Plan of a module's parameters. Raises SplitError for what can be known wrong without a cluster."""
    backends = tuple(
        Backend(backend["name"], backend["weight"], backend["match"], backend.get("header") or None)
        for backend in params["backends"] or []
    )
    headers = tuple((str(name), str(value)) for name, value in (params.get("headers") or {}).items())
    tolerance = params.get("tolerance")
    plan = Plan(
        url=params["url"],
        backends=backends,
        requests=params["requests"],
        warmup=params["warmup"],
        method=params["method"],
        request_timeout=params["request_timeout"],
        timeout=params["timeout"],
        max_errors=params["max_errors"],
        significance=params["significance"],
        tolerance=None if tolerance is None else tolerance / 100.0,
        headers=headers,
        parallel=params["parallel"],
    )
    _check_url(plan.url)
    _check_backends(backends)
    _check_headers(headers)
    _check_numbers(plan)
    return plan


def _check_url(url):
    try:
        parts = urlsplit(url)
        good = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        good = False
    if not good:
        raise SplitError(
            f"url {url!r}: it has to be like http://web-svc:8080/, without a user in it "
            "(and not https: the caller's proxy cannot see requests within it)"
        )
    if re.search(r"[^\x21-\x7e]|#", url):
        raise SplitError(f"url {url!r}: spaces, '#' and characters beyond ASCII cannot be sent; percent-encode them")


def _check_backends(backends):
    if not backends:
        raise SplitError("backends: at least one is needed")
    for number, backend in enumerate(backends, 1):
        where = f"backends[{number}] ({backend.name})" if backend.name else f"backends[{number}]"
        if not backend.name:
            raise SplitError(f"{where}: the name is empty")
        told = number_problem(f"{where}: weight", backend.weight, 0)
        if told:
            raise SplitError(told)
        if backend.header is not None and not _TOKEN.fullmatch(backend.header):
            raise SplitError(f"{where}: {backend.header!r} is not a valid header name")
        problem = regex_problem(backend.match)
        if problem:
            raise SplitError(f"{where}: match {backend.match}: {problem}")
    for name, count in Counter(backend.name for backend in backends).items():
        if count > 1:
            raise SplitError(f"backends: {count} of them have the name {name}")
    looks = {}
    for backend in backends:
        look = ((backend.header or "").lower(), backend.match)
        if look in looks:
            raise SplitError(
                f"backends: {looks[look]} and {backend.name} have the same match, so nothing tells them apart"
            )
        looks[look] = backend.name
    if not any(backend.weight for backend in backends):
        raise SplitError("backends: every weight is 0")


def regex_problem(pattern):
    """Why a pattern is no POSIX extended regular expression for every awk; None if nothing is known against it."""
    if not pattern:
        return "it is empty, and would match every response"
    if re.search(r"[\x00-\x1f\x7f]", pattern):
        return "it has a line break or another control character; responses are matched line by line"
    escape = re.search(r"(?<!\\)(?:\\\\)*\\([A-Za-z0-9])", pattern)
    if escape:
        instead = _INSTEAD.get(escape[1])
        hint = f"; write {instead}" if instead else ""
        return f"\\{escape[1]} is not part of POSIX extended regular expressions{hint}"
    if re.search(r"(?<!\\)(?:\\\\)*\(\?", pattern):
        return "(? is not part of POSIX extended regular expressions"
    if pattern.endswith("\\") and (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        return "it ends with a lone backslash"
    try:
        known = re.compile(re.sub(r"\[:[a-z]+:\]", "a-z", pattern))  # Python does not know [:alpha:] and the like
    except re.error as error:
        return str(error)
    # Both, as ^$ matches nothing, too, but means it.
    if known.search("") and known.search("\x7f"):
        return "it matches nothing at all, too, and so every response"
    return None


def _check_headers(headers):
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise SplitError(f"headers: {name!r} is not a valid header name")
        if not value.strip():
            raise SplitError(f"headers: the value of {name} is empty, and curl would not send it")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise SplitError(f"headers: the value of {name} has a line break or another control character")


def _check_numbers(plan):
    limits = {
        "requests": (1, MOST_REQUESTS),
        "warmup": (0, MOST_REQUESTS),
        "request_timeout": (1, 3600),
        "timeout": (plan.request_timeout, DAY),
        "parallel": (1, MOST_WORKERS),
        "max_errors": (0, plan.requests),
        "significance": (1e-9, 0.1),
    }
    for name, (low, high) in limits.items():
        told = number_problem(name, getattr(plan, name), low, high)
        if told:
            raise SplitError(told)
    if plan.tolerance is None:
        return
    if not 0.0 < plan.tolerance < 1.0:
        raise SplitError(f"tolerance {100 * plan.tolerance:g} has to be above 0 and below 100 percentage points")
    if not statistics.resolves(plan.requests, plan.shares, plan.tolerance, plan.significance):
        needed = statistics.requests_for_tolerance(plan.shares, plan.tolerance, plan.significance, MOST_REQUESTS)
        cure = f"{needed} requests or more can" if needed else f"even {MOST_REQUESTS} cannot, so widen the tolerance"
        raise SplitError(
            f"tolerance {100 * plan.tolerance:g}: {plan.requests} requests cannot resolve it, as a right {plan.weights}"
            f" split leaves it by chance more often than significance {plan.significance:g} allows; {cure}"
        )


def plan_warnings(plan):
    """What the user should know about a plan's power before believing a pass, as a list of sentences."""
    equal = 1.0 / len(plan.backends)
    if len(set(plan.shares)) == 1:
        return []
    # A backend of weight 0 or 100% is caught by its first wrong response: accepted() is one count then.
    caught = max(statistics.outside(plan.requests, equal, *accepted(plan, share)) for share in plan.shares)
    if caught >= 0.99:
        return []
    return [
        f"{plan.requests} requests would catch an even split, as without any rule, with a probability of only "
        f"{100 * caught:.0f} %: {_enough(plan)}"
    ]


def _enough(plan):
    """How many requests tell the plan's split from an even one, as a clause."""
    even = [1.0 / len(plan.backends)] * len(plan.backends)
    needed = statistics.requests_to_tell(even, plan.shares, plan.significance, most=MOST_REQUESTS)
    return f"about {needed} tell the two apart" if needed else f"not even {MOST_REQUESTS} tell the two apart"


def accepted(plan, share, n=None):
    """The counts (lowest, highest) of n responses (the plan's requests if not given) that pass for this share."""
    n = plan.requests if n is None else n
    if plan.tolerance is not None:
        return statistics.band(n, share, plan.tolerance)
    return statistics.acceptance(n, share, plan.significance / statistics.family(plan.shares))


# ---- the client ----------------------------------------------------------------------------------------------------


def find_client(cluster, namespace, pod=None, deployment=None, label_selector=None, container=None):
    """The Client that the user named, by pod, deployment or label selector.

    cluster: anything with Cluster.get. Raises SplitError if there is no such pod that runs.
    """
    for what, name in (("namespace", namespace), ("pod", pod), ("deployment", deployment)):
        if name and not _NAME.fullmatch(name):
            raise SplitError(f"client: {name!r} cannot be the name of a {what}")
    if not namespace or not (pod or deployment or label_selector):
        raise SplitError("client: namespace, and one of pod, deployment and label_selector have to be set")
    pods_path = f"/api/v1/namespaces/{namespace}/pods"
    if pod:
        found = cluster.get(f"{pods_path}/{pod}")
        if found is None:
            raise SplitError(f"client: there is no pod {pod} in namespace {namespace}")
        candidates, asked = [found], f"pod {pod}"
    elif deployment:
        owner = cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}")
        if owner is None:
            raise SplitError(f"client: there is no deployment {deployment} in namespace {namespace}")
        labels = owner["spec"]["selector"].get("matchLabels") or {}
        listed = cluster.get(pods_path, labelSelector=",".join(f"{key}={labels[key]}" for key in sorted(labels))) or {}
        candidates = [item for item in listed.get("items", []) if _belongs(item, deployment)]
        asked = f"deployment {deployment}"
    else:
        listed = cluster.get(pods_path, labelSelector=label_selector) or {}
        candidates, asked = listed.get("items", []), f"label selector {label_selector}"
    chosen = choose_pod(candidates)
    if chosen is None:
        seen = ", ".join(f"{item['metadata']['name']} is {_state(item)}" for item in candidates) or "no pod at all"
        raise SplitError(f"client: no pod of {asked} in namespace {namespace} is running: {seen}")
    return Client(namespace, chosen["metadata"]["name"], choose_container(chosen, container), has_sidecar(chosen))


def _belongs(pod, deployment):
    """True if the pod is this deployment's: selectors of two deployments can overlap, owners cannot."""
    metadata = pod["metadata"]
    replica_set = f"{deployment}-{(metadata.get('labels') or {}).get('pod-template-hash')}"
    owners = metadata.get("ownerReferences") or []
    return any(owner["kind"] == "ReplicaSet" and owner["name"] == replica_set for owner in owners)


def choose_pod(pods):
    """The pod to send from: running and not ending, best a ready one, then by name; None if there is none."""
    running = [
        pod
        for pod in pods
        if pod.get("status", {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")
    ]
    return min(running, key=lambda pod: (not is_ready(pod), pod["metadata"]["name"]), default=None)


def _state(pod):
    if pod["metadata"].get("deletionTimestamp"):
        return "ending"
    return pod.get("status", {}).get("phase", "without a phase")


def choose_container(pod, wanted=None):
    """The container to send from: the wanted one, the pod's default container, or the first that is not the sidecar."""
    names = [container["name"] for container in pod["spec"]["containers"]]
    where = f"pod {pod['metadata']['name']}"
    if wanted:
        if wanted not in names:
            raise SplitError(f"client: {where} has no container {wanted}; it has {', '.join(names)}")
        return wanted
    default = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if default in names and default != SIDECAR:
        return default
    others = [name for name in names if name != SIDECAR]
    if not others:
        raise SplitError(f"client: {where} has no container besides {SIDECAR}")
    return others[0]


def has_sidecar(pod):
    """True if the pod has a ready sidecar, as a container or as a native one (an init container that stays)."""
    return any(item["name"] == SIDECAR and item.get("ready") for item in running_statuses(pod))


# ---- the ephemeral client, where no client is named -----------------------------------------------------------------


def ephemeral_pod(plan, namespace, name, image):
    """The definition of a pod that does nothing, to send the plan's requests from.

    Should nobody remove it, as the module was killed, it ends by itself.
    """
    lifetime = START_TIMEOUT + plan.timeout + plan.request_timeout + EXEC_MARGIN
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": "traffic-split-client", "app.kubernetes.io/managed-by": "meshlab.istio"},
        },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "activeDeadlineSeconds": lifetime,
            "containers": [
                {
                    "name": EPHEMERAL_CONTAINER,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", str(lifetime)],
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65534,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                }
            ],
        },
    }


@contextlib.contextmanager
def ephemeral_client(cluster, plan, namespace, image):
    """Yield the Client of a pod that is made for this plan, with a sidecar if the namespace injects one.

    cluster: anything with Cluster.create, get and delete. The pod is gone when the block ends, however it ends.
    Raises SplitError if the pod does not get ready, or cannot be removed.
    """
    if not _NAME.fullmatch(namespace):
        raise SplitError(f"ephemeral_client: {namespace!r} is not a valid namespace name")
    pods_path, name = f"/api/v1/namespaces/{namespace}/pods", f"traffic-split-{secrets.token_hex(4)}"
    before = ""
    try:
        if cluster.create(pods_path, ephemeral_pod(plan, namespace, name, image)) is None:
            raise SplitError(f"ephemeral_client: namespace {namespace} does not exist")
        yield Client(namespace, name, EPHEMERAL_CONTAINER, has_sidecar(_wait_for_pod(cluster, namespace, name)))
    except (SplitError, ClusterError) as error:
        before = f"{error}; besides, "
        raise
    finally:
        # Also where create failed, since an answer that got lost may have been a yes. The name is nobody else's.
        try:
            _remove_pod(cluster, f"{pods_path}/{name}")
        except (SplitError, ClusterError) as error:
            raise SplitError(
                f"{before}ephemeral_client: pod {namespace}/{name} could not be removed: {error}"
            ) from error


def _wait_for_pod(cluster, namespace, name):
    path, until = f"/api/v1/namespaces/{namespace}/pods/{name}", time.monotonic() + START_TIMEOUT
    while True:
        pod = cluster.get(path)
        if pod is None:
            raise SplitError(f"ephemeral_client: pod {namespace}/{name} was deleted by another client")
        if is_ready(pod):
            return pod
        phase = pod.get("status", {}).get("phase")
        if phase in ("Failed", "Succeeded") or _hopeless(pod) or time.monotonic() > until:
            events = (cluster.get(f"/api/v1/namespaces/{namespace}/events") or {}).get("items", [])
            why = "; ".join([*container_reasons(pod), *last_events(events, name)]) or f"its phase is {phase}"
            raise SplitError(f"ephemeral_client: pod {namespace}/{name} does not get ready: {' '.join(why.split())}")
        time.sleep(0.5)


def _hopeless(pod):
    status = pod.get("status", {})
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return any(((item.get("state") or {}).get("waiting") or {}).get("reason") in _HOPELESS for item in states)


def _remove_pod(cluster, path):
    until = time.monotonic() + END_TIMEOUT
    cluster.delete(path)
    while cluster.get(path) is not None:
        if time.monotonic() > until:
            raise SplitError(f"it is still there after {END_TIMEOUT} s")
        time.sleep(0.2)


# ---- the probe -----------------------------------------------------------------------------------------------------

# Parameters: nonce method url request-timeout timeout requests warmup give-up backends workers, then per backend the
# name of a header (empty for the body) and a match, then options for the client program. A match starts with "=" (plain
# text) or "~" (regular expression).
#
# Each worker sends its share of the requests one after the other into an awk of its own, so that bodies never
# interleave. The workers are a pipeline, though none reads what it is to send or count: each one, when it is done, says
# its own counts and then hands on those of the ones before it. So answers do not interleave either.
#
# The stream from the client program to awk is body, newline, then lines that start with the nonce, which no backend
# has seen: "done" after each response of curl, "wget" or "curl" with the exit status and then what the program said on
# stderr, up to "end". Stderr is kept apart from the body by the command substitution: 2>&1 before >&3.
#
# A wget that has no -T of its own is watched: its process id goes to fd 4 when it starts, and 0 when there is no more.
# It is ended if no other one follows in time. (/proc/self is the shell that opens it, and wget takes that one's place.)
#
# A batch never outlives the time that is left: it has at most (time left / request timeout) requests.
# It is one request at first and after a failure, and grows from there, so that an outage costs few timeouts.
# Of the warm-up it costs no more than one: patience is when a failure ends it, and empty once it is over.
# A warm-up that went well leaves the step as it was, since each start of a client program costs as much as requests.
_SHELL = r"""
nonce=$1 method=$2 url=$3 per=$4 limit=$5 requests=$6 warmup=$7 give_up=$8 backends=$9
shift 9
workers=$1
shift
say() { printf '%s %s\n' "$nonce" "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
lacks() { say lacks "$1"; exit 0; }
clock() { read -r now rest </proc/uptime; }
i=0 heads=
while [ $i -lt "$backends" ]; do
  i=$((i + 1))
  [ -z "$1" ] || heads=-i
  export "MESHLAB_HEADER_$i=$1" "MESHLAB_MATCH_$i=$2"
  shift 2
done
export LC_ALL=C
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY
if [ $method = auto ]; then
  if have curl; then method=curl; else method=wget; fi
fi
have $method || lacks $method
have awk || lacks awk
most=100 code=' %{exitcode}' dog=
if [ $method = wget ]; then
  most=1 quiet=-q show= timer=
  help=$(wget --help 2>&1)
  case $help in *--no-verbose*) quiet=-nv ;; esac
  case $help in *cqS*|*-S\ *|*-S,*|*-S\|*) show=-S ;; esac
  [ -z "$heads" ] || [ "$show" ] || lacks headers
  case $help in
  *-T\ *|*-T,*) timer="-T $per" ;;
  *) echo | read -t 1 -r word 2>/dev/null || lacks timeout
     dog=1 ;;
  esac
else
  case $(curl --version) in curl\ [0-6].*|curl\ 7.[0-9].*|curl\ 7.[0-6][0-9].*|curl\ 7.7[0-4].*) most=1 code= ;; esac
fi
say method $method
many() {
  i=$1
  shift
  set -- -q -g -s -S $heads -m "$per" -H 'Connection: close' -w "\n$nonce done %{http_code}$code\n" "$@"
  while [ $i -gt 0 ]; do set -- "$@" "$url"; i=$((i - 1)); done
  exec curl "$@"
}
send() {
  left=$1
  shift
  while [ $left -gt 0 ]; do
    clock
    room=$(((deadline - ${now%.*}) / per))
    [ $room -gt 0 ] || return 0
    [ $step -le $room ] || step=$room
    [ $step -le $left ] || step=$left
    left=$((left - step))
    if [ $method = curl ]; then
      err=$(many $step "$@" 2>&1 >&3 3>&-)
      rc=$?
    elif [ -z "$dog" ]; then
      err=$(wget $quiet $show -O - $timer -t 1 "$@" "$url" 2>&1 >&3 3>&-)
      rc=$?
    else
      err=$(read -r pid rest </proc/self/stat
        echo $pid >&4
        exec wget $quiet $show -O - -t 1 "$@" "$url" 2>&1 >&3 3>&- 4>&-)
      rc=$?
    fi
    printf '\n%s %s %s\n%s\n%s end\n' "$nonce" $method $rc "$err" "$nonce" >&3 2>/dev/null || return 0
    if [ $rc -eq 0 ]; then step=$((step * 4))
    else
      step=1
      [ -z "$patience" ] || { clock; [ ${now%.*} -lt $patience ] || return 0; }
    fi
    [ $step -le $most ] || step=$most
  done
}
watch() {
  while read -r pid; do
    while read -t $per -r word; do pid=$word; done
    [ $pid = 0 ] || kill $pid 2>/dev/null
  done
}
timed() {
  if [ "$dog" ]; then { send "$@"; echo 0 >&4; } 4>&1 | watch; else send "$@"; fi
}
work() {
  timed "$@" 3>&1 | awk '@AWK@'
  say awk $?
}
crew() {
  share=$(($2 / $1))
  if [ $1 -eq 1 ]; then
    shift 2
    work $share "$@"
  else
    before=$(($1 - 1)) rest=$(($2 - share))
    shift 2
    crew $before $rest "$@" | { work $share "$@" </dev/null; awk 1; }
  fi
}
[ $method = curl ] || heads=
export MESHLAB_NONCE="$nonce" MESHLAB_BACKENDS=$backends MESHLAB_HEADS=$heads MESHLAB_GIVE_UP=$give_up
clock
deadline=$((${now%.*} + limit))
patience=$((${now%.*} + per))
step=1
timed $warmup "$@" 3>/dev/null
patience=
clock
begin=$now
crew $workers $requests "$@"
clock
say time $begin $now
"""

# A line is looked at when the next one is there, as the newline before the nonce is not part of the body.
#
# Lines cost time, in BusyBox above all. So where every backend is told by plain text in the body, which no line end can
# part, they are gathered, and looked at by the thousands of characters.
_AWK = r"""
function found(i, s) { return plain[i] ? index(s, what[i]) > 0 : s ~ what[i] }
function field(s, i, p, key) {
  p = index(s, ":")
  key = tolower(substr(s, 1, p - 1))
  sub(/^ +/, "", key)
  s = substr(s, p + 1)
  gsub(/^[ \t]+|[ \t\r]+$/, "", s)
  for (i = 1; i <= backends; i++) if (header[i] != "" && header[i] == key && found(i, s)) hit[i] = 1
}
function take(s, i) {
  if (substr(s, length(s)) == "\r") s = substr(s, 1, length(s) - 1)
  if (heading) {
    if (s == "") { heading = interim; interim = 0 }
    else if (s ~ /^HTTP\//) interim = (s ~ /^HTTP\/[0-9.]+ 1/)
    else field(s)
    return
  }
  size += length(s) + 1
  if (size > 16777216) stop = "long"
  if (length(body) < @SAMPLE@) body = body (lines++ ? "\n" : "") substr(s, 1, @SAMPLE@)
  for (i = 1; i <= backends; i++) if (!hit[i] && header[i] == "" && found(i, s)) hit[i] = 1
}
function scan(i) {
  if (length(body) < @SAMPLE@) {
    body = body (lines++ ? "\n" : "") substr(bulk, 1, 2 * @SAMPLE@)
    gsub(/\r\n/, "\n", body)
    sub(/[\r\n]$/, "", body)
  }
  for (i = 1; i <= backends; i++) if (!hit[i] && index(bulk, what[i])) hit[i] = 1
  size += length(bulk)
  if (size > 16777216) stop = "long"
  held = 0
}
function note(s) {
  if (s ~ /^ / && s !~ /^ +HTTP\//) field(s)
  else if (match(s, /HTTP\/[0-9.]+ [0-9][0-9][0-9]/)) {
    if (status == "" || status ~ /^1/) status = substr(s, RSTART + RLENGTH - 3, 3)
  } else if (s ~ /[^ ]/) text = s
}
function keep(kind) { if (!(kind in sample)) sample[kind] = body }
function fail(key) {
  if (!(key in failed) && kinds++ > 8) key = "text more"
  failed[key]++
  keep("failed")
  if (++failures > give_up) stop = "gave_up"
}
function finish(rc, i, n, which) {
  sent++
  if (status != "" && status != "000" && status != "200") fail("http " status)
  else if (rc != 0) fail(text != "" && rc < 128 ? "text " text : (status == "200" ? "cut " : "exit ") rc)
  else {
    for (i = 1; i <= backends; i++) if (hit[i]) { n++; which = which " " i }
    if (n == 1) count[which + 0]++
    else if (n == 0) { unknown++; keep("unknown") }
    else { ambiguous++; keep("ambiguous"); if (overlap == "") overlap = which }
  }
  fresh()
}
function fresh(i) {
  for (i = 1; i <= backends; i++) hit[i] = 0
  body = status = text = ""
  size = lines = interim = pending = 0
  heading = (ENVIRON["MESHLAB_HEADS"] != "")
}
function say(s) { print mark s }
BEGIN {
  mark = ENVIRON["MESHLAB_NONCE"] " "
  width = length(mark)
  backends = ENVIRON["MESHLAB_BACKENDS"] + 0
  give_up = ENVIRON["MESHLAB_GIVE_UP"] + 0
  for (i = 1; i <= backends; i++) {
    header[i] = tolower(ENVIRON["MESHLAB_HEADER_" i])
    what[i] = substr(ENVIRON["MESHLAB_MATCH_" i], 2)
    plain[i] = (substr(ENVIRON["MESHLAB_MATCH_" i], 1, 1) == "=")
    if (header[i] != "" || !plain[i]) each = 1
    if (plain[i]) continue
    bare = what[i]
    gsub(/\\./, "", bare)
    two = "^a{2}$"
    if (index(bare, "{") && "aa" !~ two) stop = "weak"
    if (index(bare, "[:") && "a" !~ "^[[:alpha:]]$") stop = "weak"
  }
  if (ENVIRON["MESHLAB_HEADS"] != "") each = 1
  if (stop != "") exit
  fresh()
}
index($0, mark) == 1 {
  if (held && !each && bulk != "") scan()
  else if (held && previous != "") take(previous)
  held = said = 0
  split(substr($0, width + 1), word, " ")
  if (word[1] == "done") { seen++; status = word[2]; if (word[3] != "") finish(word[3]); else pending = 1 }
  else if (word[1] == "end") { if (pending || !wget && rc != 0 && !seen) finish(rc); seen = 0 }
  else { rc = word[2]; said = 1; if (word[1] == "wget") { wget = 1; pending = 1 } }
  if (stop != "") exit
  next
}
said {
  if (wget) note($0)
  else if (match($0, /curl: \([0-9]+\)/)) {
    key = substr($0, RSTART + 7, RLENGTH - 8)
    if (!(key in told)) { told[key] = 1; say("told " key " " $0) }
  }
  next
}
!each {
  if (held++) bulk = bulk "\n" $0
  else bulk = $0
  if (length(bulk) > 4000) scan()
  if (stop != "") exit
  next
}
{
  if (held) take(previous)
  previous = $0
  held = 1
  if (stop != "") exit
}
END {
  if (stop != "") say("stop " stop)
  for (i = 1; i <= backends; i++) say("backend " i " " (count[i] + 0))
  for (key in failed) say("failed " failed[key] " " key)
  for (key in sample) {
    n = split(sample[key], line, "\n")
    for (i = 1; i <= n; i++) say("sample " key " " line[i])
  }
  if (overlap != "") say("overlap" overlap)
  say("sent " (sent + 0) " " (unknown + 0) " " (ambiguous + 0))
}
"""


def _lean(text):
    """The text without indentation and empty lines: a command travels in the exec request's URL, so bytes count."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


SCRIPT = _lean(_SHELL.replace("@AWK@", _AWK.replace("@SAMPLE@", str(SAMPLE))))


def new_nonce():
    """The word that marks the probe's own lines in this run; no backend can know it."""
    return secrets.token_hex(12)


def probe_command(plan, nonce):
    """The argv of the probe, for one exec."""
    argv = [
        "sh",
        "-c",
        SCRIPT,
        "meshlab",
        nonce,
        plan.method,
        plan.url,
        str(plan.request_timeout),
        str(plan.timeout),
        str(plan.requests),
        str(plan.warmup),
        str(plan.max_errors + MORE_FAILURES // plan.workers),
        str(len(plan.backends)),
        str(plan.workers),
    ]
    for backend in plan.backends:
        argv += [backend.header or "", ("~" if _META.search(backend.match) else "=") + backend.match]
    for name, value in plan.headers:
        argv += ["--header", f"{name}: {value}"]
    return argv


# ---- the answer ----------------------------------------------------------------------------------------------------

_LACKS = {
    "wget": "has no wget",
    "curl": "has no curl",
    "awk": "has no awk, which tells the responses apart",
    "headers": "has a wget that cannot show headers, which a backend's header needs",
    "timeout": "has a wget without -T, and a shell that cannot stand in for it (no read -t)",
}
_CURL_EXITS = {6: "dns", 7: "connection", 18: "broken", 28: "timeout", 52: "broken", 55: "broken", 56: "broken"}
_WGET_EXITS = {4: "connection", 143: "timeout"}  # 143: ended by the probe
# Tried in this order on what wget says.
_WGET_TEXTS = (
    ("timeout", re.compile(r"tim(?:ed|e) ?out", re.IGNORECASE)),
    ("dns", re.compile(r"bad address|unable to resolve|not known|temporary failure in name", re.IGNORECASE)),
    ("connection", re.compile(r"refused|unreachable|no route|can't connect", re.IGNORECASE)),
    ("broken", re.compile(r"reset|closed|prematurely|error getting response|short read|no data", re.IGNORECASE)),
)
# The order in which errors are told.
KINDS = ("status", "timeout", "dns", "connection", "broken", "other")


def read_answer(answer, nonce, plan):
    """The Tally in what the probe wrote (anything with rc, stdout, stderr). Raises SplitError if it is not whole."""
    tally = Tally(backends=[0] * len(plan.backends))
    failed, told, sample, samples = Counter(), {}, {}, {}
    finished, whole = 0, False
    for line in answer.stdout.splitlines():
        if not line.startswith(nonce + " "):
            continue
        word, _space, rest = line[len(nonce) + 1 :].partition(" ")
        if word == "lacks":
            if rest == "wget" and plan.method == "auto":
                raise SplitError("the client container has neither curl nor wget")
            raise SplitError(f"the client container {_LACKS.get(rest, 'lacks ' + rest)}")
        if word == "stop":
            if rest == "weak":
                raise SplitError("the client container's awk knows no {n} or no [:class:] in a match; write it without")
            if rest == "long":
                raise SplitError(f"a response of {plan.url} is longer than 16 MiB: measure a smaller page")
            tally.gave_up = True
        elif word == "method":
            tally.method = rest
        elif word == "backend":
            number, count = rest.split()
            tally.backends[int(number) - 1] += int(count)
        elif word == "failed":
            count, _space, key = rest.partition(" ")
            failed[key] += int(count)
        elif word == "told":
            code, _space, text = rest.partition(" ")
            told[code] = text
        elif word == "sample":
            kind, _space, text = rest.partition(" ")
            sample.setdefault(kind, []).append(text)
        elif word == "overlap":
            tally.overlap = tuple(int(number) for number in rest.split())
        elif word == "sent":
            sent, unknown, ambiguous = (int(number) for number in rest.split())
            tally.sent += sent
            tally.unknown += unknown
            tally.ambiguous += ambiguous
            samples, sample = {**sample, **samples}, {}
            finished += 1
        elif word == "time":
            begin, end = (float(number) for number in rest.split())
            tally.elapsed = round(end - begin, 3)
            whole = finished == plan.workers
        elif word == "awk" and rest != "0":
            raise SplitError(f"the client container's awk gave up ({rest}): {_line(answer.stderr)}")
    for key, count in failed.items():
        tally.failures[_failure(key, tally.method, told)] += count
    tally.samples = {kind: _clean("\n".join(lines)) for kind, lines in samples.items()}
    if not whole or tally.sent != tally.answered + tally.errors:
        said = _line(answer.stderr) or _line(answer.stdout.replace(nonce, "")) or "nothing"
        raise SplitError(f"the probe's answer is not whole (exit status {answer.rc}); the container said: {said}")
    return tally


def _failure(key, method, told):
    """(kind, detail) of what the probe calls a failure.

    That is "http 503", "exit 28", "cut 18" for an exit status after a good start, or "text wget: download timed out".
    """
    sort, _space, detail = key.partition(" ")
    if sort == "http":
        return "status", detail
    if sort in ("exit", "cut"):
        kind = (_CURL_EXITS if method == "curl" else _WGET_EXITS).get(int(detail), "other")
        said = told.get(detail) or f"{method} ended with exit status {detail}"
        if sort == "cut" and kind != "timeout":
            kind = "broken"
        elif kind == "timeout" and "resolving timed out" in said.lower():
            kind = "dns"
        elif kind == "timeout" and method == "wget":
            said = "wget was ended, which leaves open whether the name or the answer took so long"
        return kind, said
    for kind, pattern in _WGET_TEXTS:
        if pattern.search(detail):
            return kind, detail
    return "other", detail


def _clean(text):
    """At most SAMPLE characters of a body, with what cannot be printed as question marks."""
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)[:SAMPLE]


def _line(text, most=SAMPLE):
    """The text in one line of at most so many characters."""
    line = " ".join(_clean(text).split())
    return line if len(line) <= most else line[: most - 3] + "..."


def measure(cluster, plan, client):
    """Send the plan's requests from the client, in one exec, and return the Tally.

    cluster: anything with Cluster.exec. Raises SplitError if the container cannot measure, or its answer is not whole.
    """
    nonce = new_nonce()
    answer = cluster.exec(
        client.namespace,
        client.pod,
        client.container,
        probe_command(plan, nonce),
        timeout=plan.timeout + plan.request_timeout + EXEC_MARGIN,
    )
    try:
        return read_answer(answer, nonce, plan)
    except SplitError as error:
        raise SplitError(f"client {client.namespace}/{client.pod}/{client.container}: {error}") from error


# ---- the verdict ---------------------------------------------------------------------------------------------------

NO_SIDECAR = "the caller has no sidecar: weights act in the caller's proxy"


def judge(plan, tally, client):
    """The verdict with everything that led to it, as the dictionary that the module returns."""
    shares, n = plan.shares, tally.answered
    overall, each = statistics.split_p_value(tally.backends, shares)
    backends = []
    for backend, share, count, p_value in zip(plan.backends, shares, tally.backends, each):
        backends.append(
            {
                "name": backend.name,
                "weight": backend.weight,
                "expected_share": share,
                "count": count,
                "share": count / n if n else None,
                "interval": list(statistics.interval(count, n, plan.significance)),
                "p_value": p_value,
                "detectable": list(statistics.detectable(n, *accepted(plan, share, n))),
            }
        )
    against, doubts = _against(plan, tally, overall), _doubts(plan, tally, overall)
    clauses = [*against, *doubts]
    counts = ", ".join(_backend_text(backend, n, plan.significance, bool(clauses)) for backend in backends)
    cause = ""
    if clauses:
        verdict = "fail" if against else "inconclusive"
        cause = _cause(plan, tally, client.sidecar) if against else _doubtful_cause(plan, tally, client.sidecar)
        said = "does not hold" if against else "is neither confirmed nor refuted"
        message = f"the {plan.weights} split {said}: {'; '.join(clauses)}. Seen: {counts}. Likely cause: {cause}"
    else:
        verdict = "pass"
        rule = (
            f"within {100 * plan.tolerance:g} percentage points"
            if plan.tolerance is not None
            else f"p {_p_text(overall)}, not below significance {plan.significance:g}"
        )
        message = f"the {plan.weights} split holds: {counts}; {rule}"
        if tally.errors:
            message += f"; {_errors_text(tally)} within max_errors {plan.max_errors}"
    return {
        "verdict": verdict,
        "msg": message,
        "likely_cause": cause,
        "requests": plan.requests,
        "sent": tally.sent,
        "answered": n,
        "backends": backends,
        "p_value": overall,
        "significance": plan.significance,
        "errors": _errors(tally),
        "samples": tally.samples,
        "elapsed": tally.elapsed,
        "client": {
            "namespace": client.namespace,
            "pod": client.pod,
            "container": client.container,
            "sidecar": client.sidecar,
            "method": tally.method,
        },
    }


def _against(plan, tally, overall):
    """What speaks against the split, as a list of clauses; any means fail."""
    against = []
    if tally.errors > plan.max_errors:
        against.append(f"{_errors_text(tally)}, max_errors is {plan.max_errors}")
    n = tally.answered
    if not n:
        return against
    strict = [
        f"{backend.name} has weight 0 and got {count}"
        if share == 0.0
        else f"{backend.name} has all the weight, not all of {n}"
        for backend, share, count in zip(plan.backends, plan.shares, tally.backends)
        if (share == 0.0 and count) or (share == 1.0 and count < n)
    ]
    against += strict
    if plan.tolerance is not None:
        if _resolved(plan, n, overall):
            against += _beyond_tolerance(plan, tally)
    elif overall < plan.significance and not strict:
        against.append(f"p {_p_text(overall)} is below significance {plan.significance:g}")
    return against


def _doubts(plan, tally, overall):
    """What keeps a verdict from being reached, as a list of clauses; any means that there is no pass."""
    doubts, n = [], tally.answered
    if tally.sent < plan.requests:
        why = "then the run was given up" if tally.gave_up else f"as timeout {plan.timeout} s was over"
        doubts.append(f"only {tally.sent} of {plan.requests} requests were sent, {why}")
    if not n:
        doubts.append("no response came from any backend")
    elif plan.tolerance is not None:
        if not _resolved(plan, n, overall):
            doubts += [f"{clause}, which {n} responses cannot resolve" for clause in _beyond_tolerance(plan, tally)]
    elif overall >= plan.significance and len(set(plan.shares)) > 1:
        even = statistics.split_p_value(tally.backends, [1.0 / len(plan.backends)] * len(plan.backends))[0]
        if even >= plan.significance:
            doubts.append(f"an even split fits these {n} responses too (p {_p_text(even)})")
    return doubts


def _resolved(plan, n, overall):
    """Whether chance alone does not explain that n responses, which may be fewer than planned, leave the tolerance."""
    return overall < plan.significance or statistics.resolves(n, plan.shares, plan.tolerance, plan.significance)


def _beyond_tolerance(plan, tally):
    """A clause for each backend that is further off than the tolerance."""
    clauses, n = [], tally.answered
    for backend, share, count in zip(plan.backends, plan.shares, tally.backends):
        low, high = accepted(plan, share, n)
        if 0.0 < share < 1.0 and not low <= count <= high:
            off = f"{100 * abs(count / n - share):.1f} percentage points off"
            clauses.append(f"{backend.name} is {off}, tolerance is {100 * plan.tolerance:g}")
    return clauses


def _backend_text(backend, n, significance, with_interval):
    if not n:
        return f"{backend['name']} 0"
    text = f"{backend['name']} {backend['count']} of {n} = {_percent(backend['share'])}"
    text += f" (expected {_percent(backend['expected_share'])}"
    if with_interval:
        low, high = backend["interval"]
        text += f", {100 * (1 - significance):g}% interval {_percent(low)} to {_percent(high)}"
    return text + ")"


def _percent(share):
    return f"{100 * share:.1f}%"


def _p_text(p_value):
    return f"= {p_value:.2g}" if p_value > 1e-300 else "< 1e-300"


def _errors(tally):
    by_kind = Counter()
    status, messages = {}, []
    for (kind, detail), count in sorted(tally.failures.items()):
        by_kind[kind] += count
        if kind == "status":
            status[detail] = count
        elif detail != "more":
            messages.append(_line(detail))
    return {
        "total": tally.errors,
        "unknown": tally.unknown,
        "ambiguous": tally.ambiguous,
        **{kind: by_kind[kind] for kind in KINDS if kind != "status"},
        "status": status,
        "messages": messages,
    }


def _errors_text(tally):
    errors = _errors(tally)
    parts = [f"{count} with status {status}" for status, count in errors["status"].items()]
    parts += [f"{errors[kind]} {kind}" for kind in (*KINDS[1:], "unknown", "ambiguous") if errors[kind]]
    return f"{tally.errors} of {tally.sent} requests are errors ({', '.join(parts)})"


def _cause(plan, tally, sidecar):
    """The likely cause of a failed verdict, in a sentence."""
    if tally.errors > plan.max_errors:
        cause = _error_cause(plan, tally, sidecar)
        return cause if sidecar else f"{cause}; besides, {NO_SIDECAR}"
    if not sidecar:
        return NO_SIDECAR
    counts, shares = tally.backends, plan.shares

    def fits(expected):
        return statistics.split_p_value(counts, expected)[0] >= plan.significance

    backends = len(counts)
    if len(set(shares)) > 1 and fits([1.0 / backends] * backends):
        return (
            "the rule is not in force, as all backends got about the same: the VirtualService is missing, "
            "names another host, or has not yet reached the caller's proxy"
        )
    if backends > 1 and max(counts) == tally.answered:
        winner = plan.backends[counts.index(tally.answered)].name
        return (
            f"{winner} takes everything: another rule or match comes first, the other backends have no ready pods, "
            "or the DestinationRule keeps a caller on one backend (consistent hash)"
        )
    if backends <= 4:
        for order in itertools.permutations(shares):
            if list(order) != shares and fits(order):
                seen = ", ".join(f"{backend.name} {_percent(share)}" for backend, share in zip(plan.backends, order))
                return f"the weights belong to other backends: what was seen fits {seen}"
    stray = [backend.name for backend, share, count in zip(plan.backends, shares, counts) if share == 0.0 and count]
    if stray:
        return f"a stale rule: {' and '.join(stray)} should get nothing, so the caller's proxy still has an older one"
    return (
        "other weights are in force than those expected here, or none, and the Service spreads over pods "
        "(backends with more pods get more): compare with the VirtualService, and with the routes of the caller's proxy"
    )


def _doubtful_cause(plan, tally, sidecar):
    """The likely cause of an inconclusive verdict, in a sentence."""
    if not tally.answered and tally.errors:
        cause = _error_cause(plan, tally, sidecar)
    elif tally.sent < plan.requests:
        cause = "the backends answer too slowly for this many requests"
    elif plan.tolerance is not None:
        cause = f"too many of the {plan.requests} requests are errors to resolve the tolerance"
    else:
        cause = f"too few requests: {_enough(plan)}"
    return cause if sidecar else f"{cause}; besides, {NO_SIDECAR}"


def _error_cause(plan, tally, sidecar):
    """The likely cause of errors: of the most frequent kind."""
    by_kind = Counter({"unknown": tally.unknown, "ambiguous": tally.ambiguous})
    status = Counter()
    for (kind, detail), count in tally.failures.items():
        by_kind[kind] += count
        if kind == "status":
            status[detail] += count
    kind = by_kind.most_common(1)[0][0]
    host = urlsplit(plan.url).netloc
    if kind == "unknown":
        start = _line(tally.samples.get("unknown", ""), 80)
        sample = f"the first such body starts with: {start}" if start else "the first such body is empty"
        if not tally.answered:
            return f"no backend's match fits what {host} answers; {sample}"
        return f"a server behind {host} is none of the backends, or a match misses some of its responses; {sample}"
    if kind == "ambiguous":
        names = " and ".join(plan.backends[number - 1].name for number in tally.overlap)
        return f"the matches overlap: one response fits {names}"
    if kind == "status":
        code = status.most_common(1)[0][0]
        return {
            "503": "status 503 is the proxy's own where a route names a Service or subset without ready pods "
            "(DestinationRule missing, or its labels on no pod)",
            "404": "status 404 comes from a path that the backends do not have, or from a VirtualService without a "
            "route for this request",
        }.get(code, f"the backends, or a proxy, answer {code} for this path")
    messages = [detail for (each, detail) in tally.failures if each == kind]
    said = f" ({_line(messages[0])})" if messages else ""
    if kind == "connection" and sidecar:  # a proxy takes every connection, and answers 503 where there is no backend
        return f"the caller's own proxy takes no connections to {host}: it is starting, ending or bypassed{said}"
    return {
        "timeout": f"{host} does not answer within request_timeout {plan.request_timeout} s",
        "dns": f"the client cannot resolve {host}: no such Service in its namespace, or the name lacks another",
        "connection": f"nothing accepts connections at {host}: wrong port, or a Service without ready pods",
        "broken": "connections break off before the response is whole: a backend or proxy restarts, or it is not HTTP",
    }.get(kind, "the client program failed") + said
