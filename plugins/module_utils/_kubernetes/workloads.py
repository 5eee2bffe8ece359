# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Deployments are rolled out and their pods ready, and if not, why. All but wait work on API objects alone."""

from __future__ import annotations

import time
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import endpoints
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

SIDECAR = "istio-proxy"

POLL_SECONDS = 1.0

# What a container waits for whose image did not come.
NO_IMAGE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "InvalidImageName"}

# What is in a message of the kubelet about a pull, whether another try may help, and the way out. The first that fits.
_CAUSES = (
    (
        ("invalid reference", "InvalidImageName", "couldn't parse"),
        "final",
        "That is no image's name: it is [HOST[:PORT]/]NAME[:TAG], in small letters.",
    ),
    (
        ("toomanyrequests", "429 Too Many Requests", "pull rate limit"),
        "passing",
        "The registry takes no more pulls for now (Docker Hub counts them by address, or by account): wait for some "
        "hours, name a pull secret of an account that may pull more, or pull from a mirror.",
    ),
    (
        ("no space left on device",),
        "passing",
        "The node's disk is full: make room on it (crictl rmi --prune, or docker image prune, takes away unused "
        "images).",
    ),
    (
        ("no match for platform in manifest", "no matching manifest for"),
        "final",
        "The image is there, but not for the node's kind of machine: name one that is made for it, or push one.",
    ),
    (
        ("unauthorized", "authentication required", "no basic auth", " 401 ", " 403 ", "denied", "insufficient_scope"),
        "final",
        "The registry does not let this cluster have it, or has no such image and does not say so: make a Secret with "
        "credentials (kubectl create secret docker-registry), and name it as a pull secret of the pod or of its "
        "ServiceAccount (Istio's own pods take the value global.imagePullSecrets).",
    ),
    (
        ("not found", "manifest unknown", "does not exist", "NotFound"),
        "final",
        "The registry has no such image: correct its name or tag, or push it there.",
    ),
    (
        ("http: server gave HTTP response to HTTPS client",),
        "final",
        "The registry speaks plain HTTP, and the node's runtime must be told so (containerd: a hosts.toml for it).",
    ),
    (
        ("x509", "certificate"),
        "final",
        "The node does not trust the registry's certificate: give its CA to the node's runtime.",
    ),
    (
        ("connection refused", "no such host", "i/o timeout", "EOF", "reset by peer", "no route to host", "deadline",
         "network is unreachable", "TLS handshake timeout", "unexpected status"),
        "passing",
        "The node does not reach the registry, or the registry stopped.",
    ),
)  # fmt: skip


def containers_of(pod):
    """Statuses of a pod's containers that keep running: its containers and its native sidecars."""
    status = pod.get("status") or {}
    native = {x["name"] for x in pod["spec"].get("initContainers") or () if x.get("restartPolicy") == "Always"}
    statuses = [x for x in status.get("initContainerStatuses") or () if x["name"] in native]
    return statuses + list(status.get("containerStatuses") or ())


def expected_containers(pod):
    """Names of the containers that keep running, from the pod's spec."""
    native = [x["name"] for x in pod["spec"].get("initContainers") or () if x.get("restartPolicy") == "Always"]
    return native + [x["name"] for x in pod["spec"]["containers"]]


def summarize(pod):
    """One pod as {name, app, ready ("2/2"), phase, restarts, node_ip, sidecar}, as `kubectl get pods` counts it."""
    statuses = containers_of(pod)
    expected = expected_containers(pod)
    return {
        "name": pod["metadata"]["name"],
        "ready": f"{sum(1 for x in statuses if x.get('ready'))}/{len(expected)}",
        "phase": (pod.get("status") or {}).get("phase", "Unknown"),
        "restarts": sum(x.get("restartCount", 0) for x in statuses),
        "sidecar": SIDECAR in expected,
        "ip": (pod.get("status") or {}).get("podIP"),
    }


def matches(selector, labels):
    """Whether a label selector (of a Deployment, or of a webhook) selects these labels. An empty one selects all."""
    labels, selector = labels or {}, selector or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(labels, expression) for expression in selector.get("matchExpressions") or ())


def _meets(labels, expression):
    key, values = expression["key"], expression.get("values") or ()
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(expression["operator"], False)


def owned_pods(deployment, pods):
    """The live pods that a Deployment's selector picks."""
    return [
        pod
        for pod in pods
        if matches(deployment["spec"]["selector"], pod["metadata"].get("labels"))
        and not pod["metadata"].get("deletionTimestamp")
    ]


def rolled_out(deployment):
    """None if a Deployment is rolled out whole, else what is missing, in a few words."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    wanted = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return "the controller has not seen the last change"
    if status.get("updatedReplicas", 0) < wanted:
        return f"{status.get('updatedReplicas', 0)} of {wanted} pods updated"
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return f"{status.get('replicas', 0) - status.get('updatedReplicas', 0)} old pods still there"
    if status.get("availableReplicas", 0) < wanted:
        return f"{status.get('availableReplicas', 0)} of {wanted} pods available"
    return None


def container_reasons(pod):
    """Why a pod's containers are not ready, a line each."""
    lines = []
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            lines.append(f"not scheduled: {condition.get('message') or condition.get('reason')}")
    for container in list(status.get("initContainerStatuses") or ()) + list(status.get("containerStatuses") or ()):
        state = container.get("state") or {}
        finished = state.get("terminated") or {}
        if container.get("ready") or finished.get("exitCode") == 0:
            continue
        waiting = state.get("waiting")
        if waiting:
            line = f"container {container['name']}: {waiting.get('reason')}"
            if waiting.get("message"):
                line += f": {waiting['message']}"
        elif finished:
            line = f"container {container['name']}: ended with exit code {finished.get('exitCode')}"
        else:
            line = f"container {container['name']}: running, not ready"
        last = (container.get("lastState") or {}).get("terminated")
        if last:
            line += f" (before: exit code {last.get('exitCode')}, {last.get('reason')})"
        lines.append(line)
    return lines


def pull_cause(message):
    """Whether another try may mend a pull that failed with this message ("passing") or not ("final"); and the way out.

    The way out is empty where the message is none that is known.
    """
    for words, kind, advice in _CAUSES:
        if any(x in message for x in words):
            return kind, advice
    return "passing", ""


def events_about(events, name):
    """Those of a namespace's events that are about one object."""
    return [x for x in events if (x.get("involvedObject") or {}).get("name") == name]


def image_advice(pod, events=()):
    """The ways out for a pod whose images did not come, a line for each image.

    events: of its namespace. The kubelet's are there before the pod's state says the same.
    """
    status, spec = pod.get("status") or {}, pod["spec"]
    images = {x["name"]: x.get("image") for x in [*(spec.get("initContainers") or ()), *spec["containers"]]}
    told = " ".join(
        x.get("message") or "" for x in events_about(events, pod["metadata"]["name"]) if x.get("reason") == "Failed"
    )
    missing = {}
    for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        image, waiting = images.get(each["name"]), (each.get("state") or {}).get("waiting")
        if waiting and image and (waiting.get("reason") in NO_IMAGE or f'Failed to pull image "{image}"' in told):
            missing[image] = f"{waiting.get('reason')} {waiting.get('message') or ''} {told}"
    return [
        f"image {image} did not come to the node. {pull_cause(message)[1]}".rstrip()
        + " If its name is right, load it on every node beforehand (meshlab.istio.image_prepull; kind "
        "load docker-image or image-archive; elsewhere ctr --namespace k8s.io images import), or name a copy of it on "
        "a mirror that the nodes reach (roles have a variable for each image; Istio's own take the value global.hub)"
        for image, message in sorted(missing.items())
    ]


def last_events(events, name, count=2):
    """The newest warnings (else the newest events) about one object, a line each."""
    about = events_about(events, name)
    about = [x for x in about if x.get("type") == "Warning"] or about
    about.sort(
        key=lambda x: x.get("lastTimestamp") or x.get("eventTime") or x["metadata"].get("creationTimestamp") or ""
    )
    return [f"event {x.get('reason')}: {(x.get('message') or '').strip()}" for x in about[-count:]]


def not_ready(deployments, pods, names, sidecars, outside=()):
    """Lines that say what is not ready; an empty list when everything is.

    names: Deployments that must be there; sidecars: every pod must have a ready istio-proxy, but for those of the
    Deployments outside, which must have none.
    """
    by_name = {x["metadata"]["name"]: x for x in deployments}
    lines = [f"Deployment {name}: it does not exist" for name in names if name not in by_name]
    for name in names:
        deployment = by_name.get(name)
        if not deployment:
            continue
        missing = rolled_out(deployment)
        if missing:
            lines.append(f"Deployment {name}: {missing}")
        elif name in outside:
            lines += [
                f"pod {pod['metadata']['name']}: it has a sidecar (container {SIDECAR}) and must have none; the label "
                'and annotation sidecar.istio.io/inject: "false" on the pod keep it away'
                for pod in owned_pods(deployment, pods)
                if SIDECAR in expected_containers(pod)
            ]
        elif sidecars:
            lines += [
                f"pod {pod['metadata']['name']}: it has no sidecar (container {SIDECAR}); "
                "was its namespace labelled for injection before the pod was made?"
                for pod in owned_pods(deployment, pods)
                if SIDECAR not in expected_containers(pod)
            ]
    return lines


def explain(deployments, pods, events, names, sidecars, outside=()):
    """not_ready with the reasons behind each line: container states and last events."""
    lines = not_ready(deployments, pods, names, sidecars, outside)
    by_name = {x["metadata"]["name"]: x for x in deployments}
    for name in names:
        deployment = by_name.get(name)
        if not deployment or not rolled_out(deployment):
            continue
        for condition in (deployment.get("status") or {}).get("conditions") or ():
            if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
                lines.append(f"  Deployment {name}: {condition.get('message')}")
        for pod in owned_pods(deployment, pods):
            reasons = container_reasons(pod)
            if reasons:
                lines.append(f"  pod {pod['metadata']['name']}:")
                reasons += last_events(events, pod["metadata"]["name"]) + image_advice(pod, events)
                lines += [f"    {x}" for x in reasons]
    return lines


def wait(cluster, namespace, names, sidecars, deadline, why=True, outside=(), services=None):
    """Look at a namespace's Deployments until they are ready, or once more after a deadline (of time.monotonic()).

    names: all of the namespace if empty, and there must be one then; why: whether to give the reasons behind each line;
    outside: those whose pods must have no sidecar; services: how many ready endpoints each of these Services must have,
    which is looked at when the Deployments are ready.
    Returns lines that say what is not ready, none when everything is, and a summary of each pod. ClusterError where the
    namespace has a name that none can have.
    """
    quoted = quote(namespace, safe="")
    while True:
        listed = cluster.get(f"/apis/apps/v1/namespaces/{quoted}/deployments")
        if listed is None:  # where a namespace is missing the list is empty, so this is no namespace's name
            raise ClusterError(f"there is no namespace {namespace}, nor can there be one of this name")
        deployments = listed["items"]
        pods = cluster.get(f"/api/v1/namespaces/{quoted}/pods")["items"]
        wanted = names or sorted(x["metadata"]["name"] for x in deployments)
        lines = not_ready(deployments, pods, wanted, sidecars, outside)
        rolled = not lines
        if not wanted:
            lines = [f"namespace {namespace} has no Deployment"]
        elif rolled and services:
            lines = endpoints.not_ready(cluster, namespace, services, pods)
        if not lines or time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    if lines and cluster.get(f"/api/v1/namespaces/{quoted}") is None:
        lines = [f"there is no namespace {namespace}"]
    elif lines and why and not rolled:
        events = cluster.get(f"/api/v1/namespaces/{quoted}/events")["items"]
        lines = explain(deployments, pods, events, wanted, sidecars, outside) or lines
    owned = [pod for x in deployments if x["metadata"]["name"] in wanted for pod in owned_pods(x, pods)]
    return lines, [summarize(x) for x in owned]
