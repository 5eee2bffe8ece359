# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of Istio is in a cluster: control planes, webhooks, what injects where, proxies; and what is wrong with it.

Everything is read from API objects that every release since 1.7 has, so that a cluster half broken still tells. Only
whether proxies are in step with their istiod is asked of istioctl.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Any
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info import proxy_status
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import (
    IGNORED_NAMESPACES,
    INJECTOR,
    NAMESPACE_LABEL,
    REVISION,
    WEBHOOKS_PATH,
    Decision,
    decide,
    select_webhooks,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import (
    STATUS,
    Workload,
    injected_by,
    sidecar_of,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Istioctl, IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.deployments import explain_readiness, owned_pods
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.permissions import unless_forbidden
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import (
    SIDECAR,
    running_statuses,
    summarize_pod,
)
from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and, shorten_list

ISTIOD = "app=istiod"
TAG = "istio.io/tag"
DEFAULT = "default"
# On the selectors of webhooks that were put out of action, as when a tag took over.
DEACTIVATED = "istio.io/deactivated"


# ---- versions --------------------------------------------------------------------------------------------------------


def version_of(image):
    """The Istio version in an image's tag, without its variant: pilot:1.27.0-distroless gives "1.27.0". Or None."""
    tag = re.search(r":(?P<tag>[^:/@]+)(?:@|$)", image or "")
    match = re.match(
        r"v?([0-9]+\.[0-9]+(?:\.[0-9]+)?(?:-(?:alpha|beta|rc)\.[0-9]+(?![0-9a-z]))?)(?![0-9.])",
        tag["tag"] if tag else "",
    )
    return match[1] if match else None


def number(version):
    """A version as numbers to compare by: "1.27.0-rc.1" gives (1, 27, 0). None for what is none."""
    match = re.match(r"([0-9]+)\.([0-9]+)(?:\.([0-9]+))?", version or "")
    return tuple(int(part or 0) for part in match.groups()) if match else None


# ---- control planes --------------------------------------------------------------------------------------------------


def control_plane(deployment, pods, events=()):
    """One istiod as what the module returns of it; pods and events: those of its namespace."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    labels, name = metadata.get("labels") or {}, metadata["name"]
    container = next(
        (x for x in spec["template"]["spec"]["containers"] if x["name"] == "discovery"),
        spec["template"]["spec"]["containers"][0],
    )
    missing = explain_readiness([deployment], pods, list(events), [name], False)
    if spec.get("replicas", 1) == 0:
        missing = [f"Deployment {name}: it is scaled to 0"]
    return {
        "name": name,
        "namespace": metadata["namespace"],
        "revision": labels.get(REVISION) or DEFAULT,
        "version": version_of(container.get("image")) or labels.get("operator.istio.io/version"),
        "image": container.get("image"),
        "ready": not missing,
        "replicas": spec.get("replicas", 1),
        "ready_replicas": (deployment.get("status") or {}).get("readyReplicas", 0),
        "pods": [
            {key: x[key] for key in ("name", "ready", "phase", "restarts")}
            for x in map(summarize_pod, owned_pods(deployment, pods))
        ],
        "reasons": missing,
    }


# ---- webhooks --------------------------------------------------------------------------------------------------------


def webhook(configuration):
    """One MutatingWebhookConfiguration of an injector as what the module returns of it."""
    metadata, hooks = configuration["metadata"], configuration.get("webhooks") or ()
    labels = metadata.get("labels") or {}
    client = (hooks[0].get("clientConfig") or {}) if hooks else {}
    service = client.get("service")
    return {
        "name": metadata["name"],
        "revision": labels.get(REVISION) or DEFAULT,
        "tag": labels.get(TAG),
        "active": any(is_active(hook) for hook in hooks),
        "failure_policy": hooks[0].get("failurePolicy", "Fail") if hooks else None,
        "ca_bundle": bool(hooks) and all(_has_ca(hook) for hook in hooks),
        "service": f"{service['namespace']}/{service['name']}" if service else None,
        "url": client.get("url"),
    }


def is_active(hook):
    """Whether a webhook can select anything at all."""
    for field in ("namespaceSelector", "objectSelector"):
        if DEACTIVATED in ((hook.get(field) or {}).get("matchLabels") or {}):
            return False
    return True


def _has_ca(hook):
    bundle = (hook.get("clientConfig") or {}).get("caBundle")
    return bool(bundle) and bool(b64decode(bundle).strip())  # some charts hold a line break in its place


# ---- namespaces ------------------------------------------------------------------------------------------------------


def namespace_state(namespace, configurations):
    """One namespace as what the module returns of it, without what depends on its pods.

    configurations: the injectors' MutatingWebhookConfigurations, or None if they may not be read. What they would do
    with a pod without labels is worked out from their selectors, as the API server does.
    """
    name, all_labels = namespace["metadata"]["name"], namespace["metadata"].get("labels") or {}
    labels = {key: all_labels[key] for key in (NAMESPACE_LABEL, REVISION) if key in all_labels}
    found = {"name": name, "injection": "none", "revision": None, "labels": labels, "webhooks": [], "warnings": []}
    if name in IGNORED_NAMESPACES:
        if labels.get(NAMESPACE_LABEL) == "enabled" or REVISION in labels:
            found["warnings"].append(f"it is labelled for injection, which istiod never does in {name}")
        return found
    if configurations is None:
        if labels.get(NAMESPACE_LABEL) == "enabled":
            found.update(injection="enabled")
        elif NAMESPACE_LABEL in labels:
            found.update(injection="disabled")
        elif REVISION in labels:
            found.update(injection="enabled", revision=labels[REVISION])
        return found
    selecting = select_webhooks(configurations, all_labels)
    found["webhooks"] = [configuration["metadata"]["name"] for configuration in selecting]
    if selecting:
        found.update(injection="enabled", revision=webhook(selecting[0])["revision"])
    elif labels.get(NAMESPACE_LABEL, "enabled") != "enabled":
        found["injection"] = "disabled"
    found["warnings"] = _label_warnings(name, labels, configurations, selecting)
    return found


def _label_warnings(name, labels, configurations, selecting):
    """What is wrong with a namespace's labels, with the cure."""
    injection, revision = labels.get(NAMESPACE_LABEL), labels.get(REVISION)
    hooks = [x for x in map(webhook, configurations) if x["active"]]
    served = sorted({x["tag"] or x["revision"] for x in hooks})
    there = f"there are {', '.join(served)}" if served else "there is none"
    warnings = []
    if injection not in (None, "enabled", "disabled"):
        warnings.append(f"{NAMESPACE_LABEL}={injection} means nothing: only enabled and disabled do")
    if injection is not None and revision is not None:
        meant = {x["revision"] for x in hooks if revision in (x["tag"], x["revision"])}
        if not selecting or webhook(selecting[0])["revision"] not in meant:
            warnings.append(
                f"{NAMESPACE_LABEL}={injection} and {REVISION}={revision} contradict each other, and the first one "
                f"holds; remove one (kubectl label namespace {name} {REVISION}-)"
            )
    elif revision is not None and not selecting:
        warnings.append(
            f"{REVISION}={revision}, and no webhook serves this revision or tag ({there}), so nothing is injected"
            + (f"; label it with {served[0]} instead, or install that revision" if served else "")
        )
    if injection == "enabled" and not selecting:
        cure = ""
        if served:
            cure = (
                f"; label it {REVISION}={served[0]} instead, or run istioctl tag set {DEFAULT} --revision {served[0]}"
            )
        warnings.append(
            f"{NAMESPACE_LABEL}=enabled, and no webhook serves the default revision ({there}), "
            f"so nothing is injected{cure}"
        )
    if len(selecting) > 1:
        names = ", ".join(x["metadata"]["name"] for x in selecting)
        warnings.append(f"{len(selecting)} webhooks inject here, one after the other: {names}")
    return warnings


# ---- proxies ---------------------------------------------------------------------------------------------------------


def proxy_of(pod):
    """The proxy in a pod as what the module returns of it, without the control plane's share; None if it has none."""
    metadata, spec = pod["metadata"], pod["spec"]
    container = next(
        (x for x in [*(spec.get("initContainers") or ()), *spec["containers"]] if x["name"] == SIDECAR), None
    )
    if container is None:
        return None
    arguments = container.get("args") or ()
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        # The agent is started as "proxy sidecar", "proxy router", "proxy waypoint" or "proxy ztunnel".
        "type": arguments[1] if len(arguments) > 1 and arguments[0] == "proxy" else "sidecar",
        "revision": _revision_of(metadata),
        "version": version_of(container.get("image")),
        "ready": any(x["name"] == SIDECAR and x.get("ready", False) for x in running_statuses(pod)),
        "outdated": None,
        "synced": None,
        "types": None,
        "istiod": None,
    }


def _revision_of(metadata):
    """The revision that a pod's proxy belongs to, from what injection leaves there; None if it left nothing."""
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    try:
        revision = json.loads(annotations.get(STATUS) or "{}").get("revision")
    except (ValueError, AttributeError):
        revision = None
    if revision:
        return revision
    for holder in (labels, annotations):
        if REVISION in holder:
            return holder[REVISION] or DEFAULT  # kube-inject of 1.7 leaves it empty
    return None


def decide_pod(
    pod: dict[str, Any], namespace: dict[str, Any], configurations: list[dict[str, Any]] | None, version: str | None
) -> Decision:
    """Decide whether a webhook would inject a pod if it were created again. namespace: the API object."""
    return decide(_seen(pod), namespace["metadata"].get("labels") or {}, _table_version(version), configurations)


def _table_version(version):
    """A version that the table of releases can answer for: the newest minor in place of an unknown or older one."""
    known = (number(version) or (0,))[:2] >= min(releases.RELEASES)
    return version if known else releases.show(max(releases.RELEASES))


def _seen(pod):
    return Workload([{"kind": "Pod", **pod}], 0, (), pod["metadata"]["namespace"])


def plane_of(proxy, control_planes, tags):
    """The control plane that a proxy belongs to; None if that is not known. tags: the revision of each tag."""
    revision = proxy["revision"]
    own = [x for x in control_planes if x["revision"] == revision] if revision else control_planes
    if not own:
        own = [x for x in control_planes if x["revision"] == tags.get(revision)]
    return own[0] if len(own) == 1 else None


def age(proxy, plane):
    """-1 if a proxy is older than its control plane, 0 if it is of the same release, 1 if newer; None if not known."""
    ours, theirs = number(proxy["version"]), number(plane["version"] if plane else None)
    return (ours > theirs) - (ours < theirs) if ours and theirs else None


# ---- workloads -------------------------------------------------------------------------------------------------------

# What owns pods and holds their template: where its list is, with and without the namespace that goes in between.
OWNERS = {
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "Job": ("/apis/batch/v1", "jobs"),
    "ReplicationController": ("/api/v1", "replicationcontrollers"),
}


def owner_of(thing):
    """(kind, name) of what controls an object; None if nothing does."""
    for reference in thing["metadata"].get("ownerReferences") or ():
        if reference.get("controller") and reference["kind"] != "Node":  # as kubelet says of the pods of its own files
            return reference["kind"], reference["name"]
    return None


def workload_states(pods, owners, states, objects, configurations, version):
    """Every workload with pods as what the module returns of it, in the order of names.

    owners: the objects of OWNERS by (namespace, kind, name); states: what namespace_state gave, by name;
    objects: the Namespace objects, by name; configurations: as namespace_state takes them; version: Istio's, or None.
    """
    found = {}
    for pod in pods:
        namespace, own = pod["metadata"]["namespace"], owner_of(pod)
        owner = owners.get((namespace, *own)) if own else None
        # A Deployment owns its pods by way of a ReplicaSet, a CronJob by way of a Job.
        kind, name = (owner and owner_of(owner)) or own or ("Pod", pod["metadata"]["name"])
        template = owner and (owner.get("spec") or {}).get("template")
        verdict = _pod_state(pod, template, states[namespace], objects[namespace], configurations, version)
        found.setdefault((namespace, name, kind), []).append(verdict)
    return [
        {"namespace": namespace, "workload": name, "kind": kind, **_of_all(verdicts)}
        for (namespace, name, kind), verdicts in sorted(found.items())
    ]


def _of_all(verdicts):
    """One verdict on a workload from those on its pods: it counts as injected if every pod is."""
    lacking = [x for x in verdicts if not x["injected"]]
    if not lacking or len(lacking) == len(verdicts):
        return verdicts[-1]
    return {**lacking[0], "reason": f"{len(lacking)} of {len(verdicts)} pods: {lacking[0]['reason']}"}


def _pod_state(pod, template, state, namespace, configurations, version):
    """Whether one pod is injected, how, with which kind of sidecar, and why. template: its owner's, or None."""
    proxy, seen = proxy_of(pod), _seen(pod)
    decision = decide_pod(pod, namespace, configurations, version)

    def verdict(how, reason, injected=True):
        return {"injected": injected, "how": how, "sidecar": sidecar_of(seen) if injected else "", "reason": reason}

    if proxy and proxy["type"] != "sidecar" and STATUS not in seen.annotations():
        return verdict("", f"it is a gateway ({proxy['type']}), not an injected workload", False)
    if not proxy:
        return verdict("", _reason_without_sidecar(state, decision), False)
    carried = template and _carried(template, state["name"], version)
    if carried and decision.injected:
        return verdict("kube-inject and webhook", f"{carried} already in the manifest, and {decision.reason}")
    if carried:
        return verdict("kube-inject", f"{carried} already in the manifest")
    if decision.injected:
        return verdict("webhook", decision.reason)
    if template:
        return verdict("webhook", "it was when its pods were created; nothing would inject them today")
    return verdict("unknown", "nothing would inject it today: kube-inject did it, or a label that was removed")


def _carried(template, namespace, version):
    """What shows that the owner's template carries a sidecar, in words; None if it carries none."""
    return injected_by(Workload([{"kind": "Pod", **template}], 0, (), namespace), _table_version(version))


def _reason_without_sidecar(state, decision):
    """Why a pod has no sidecar, in words."""
    name, labels = state["name"], state["labels"]
    if decision.excluded:
        return decision.reason
    if decision.injected:
        return f"the pods predate the label or webhook; restart them (kubectl rollout restart deployment -n {name})"
    if labels and state["warnings"]:
        return f"namespace {name}: {state['warnings'][0]}"
    if state["injection"] == "disabled":
        return f"namespace {name} is labelled {NAMESPACE_LABEL}={labels[NAMESPACE_LABEL]}"
    return decision.reason or f"namespace {name} has neither label, {NAMESPACE_LABEL} nor {REVISION}"


# ---- reading ---------------------------------------------------------------------------------------------------------


class Reader:
    """Reads a cluster as far as this user may, and remembers what was refused."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.answered = 0
        self.refused = []

    def get(self, path):
        """The object at an API path; None if it does not exist or may not be read."""
        return self._unless_forbidden(lambda: self.cluster.get(path))

    def items(self, path, **query):
        """The objects of a list; None if it may not be read."""
        return self._unless_forbidden(lambda: list(self.cluster.items(path, **query)))

    def each(self, path):
        """The objects of a list one by one, for lists that are long; none if it may not be read."""
        try:
            yield from self.cluster.items(path)
        except ClusterError as error:
            self._forgive(error)

    def _unless_forbidden(self, read):
        refusals = len(self.refused)
        found = unless_forbidden(read, refused=self.refused)
        self.answered += len(self.refused) == refusals
        return found

    def _forgive(self, error):
        """Note a refusal; raise what is none."""
        if error.status != 403:
            raise error
        self.refused.append(error)


def find_client(binary_path, kubeconfig, timeout):
    """istioctl as (Istioctl, what the module returns of it, None), or (None, None, why there is none).

    Raises IstioctlError if one is named by binary_path and not there.
    """
    try:
        istioctl = Istioctl(binary_path, kubeconfig, timeout)
    except IstioctlError as error:
        if binary_path:
            raise
        return None, None, str(error)
    try:
        return istioctl, {"path": istioctl.path, "version": istioctl.version}, None
    except IstioctlError as error:
        return None, None, str(error)


def look(cluster, istioctl, namespaces=(), proxies=True, sync=True, workloads=False):
    """Look at a cluster and return what the module returns, without what is known of the client alone.

    istioctl: the runner, or None; namespaces: names of those to look at, all if empty; workloads: wants proxies too.
    Raises ClusterError if the cluster cannot be reached, or if this user may read nothing at all.
    """
    reader, namespaces = Reader(cluster), list(dict.fromkeys(namespaces))
    planes = _control_planes(reader)
    configurations = reader.items(WEBHOOKS_PATH, labelSelector=INJECTOR)
    objects, unknown = _namespaces(reader, namespaces)
    if not reader.answered:
        raise reader.refused[0]
    apis = _apis(reader)
    hooks = [webhook(x) for x in configurations or ()]
    tags = {x["tag"]: x["revision"] for x in hooks if x["tag"]}
    states = [namespace_state(x, configurations) for x in objects]
    found = {
        "installed": None if planes is None else bool(planes),
        "version": None,
        "control_planes": planes or [],
        "tags": tags,
        "webhooks": hooks,
        "apis": apis,
        "namespaces": states,
        "proxies": [],
        "workloads": [],
        "sync_reason": None,
    }
    versions = {x["version"] for x in found["control_planes"]}
    if len(versions) == 1:
        found["version"] = versions.pop()
    if proxies:
        found["proxies"], pods = _proxies(
            reader, objects, states, namespaces, configurations, found["version"], workloads
        )
        if sync:
            found["sync_reason"] = synchronise(found["proxies"], found["control_planes"], istioctl)
        for proxy in found["proxies"]:
            older = age(proxy, plane_of(proxy, found["control_planes"], tags))
            proxy["outdated"] = None if older is None else older < 0
        if workloads:
            owners = _owners(reader, pods, namespaces)
            by_name = ({x["name"]: x for x in states}, {x["metadata"]["name"]: x for x in objects})
            found["workloads"] = workload_states(pods, owners, *by_name, configurations, found["version"])
    if not (proxies and sync):
        found["sync_reason"] = "it was not asked for"
    found["counts"] = counts(found, proxies)
    found["problems"] = problems(found, planes is not None, configurations is not None)
    found["problems"] += [f"namespace {name}: there is none" for name in unknown]
    found["problems"] += [f"this user may not read all: {error}" for error in reader.refused]
    return found


def _control_planes(reader):
    """Every istiod; None if Deployments may not be read."""
    deployments = reader.items("/apis/apps/v1/deployments", labelSelector=ISTIOD)
    if not deployments:
        return deployments
    pods = reader.items("/api/v1/pods", labelSelector=ISTIOD) or []
    planes = []
    for deployment in deployments:
        namespace = deployment["metadata"]["namespace"]
        near = [pod for pod in pods if pod["metadata"]["namespace"] == namespace]
        plane = control_plane(deployment, near)
        if not plane["ready"]:
            events = reader.items(f"/api/v1/namespaces/{namespace}/events") or ()
            plane = control_plane(deployment, near, events)
        planes.append(plane)
    return planes


def _apis(reader):
    """The API groups of Istio's that the cluster has, each with its versions: what its CRDs bring. None: not known."""
    listed = reader.get("/apis")
    if listed is None:
        return None
    return {
        group["name"]: [version["version"] for version in group["versions"]]
        for group in listed.get("groups") or ()
        if group["name"].endswith(".istio.io")
    }


def _namespaces(reader, names):
    """The Namespace objects to look at, and the names that do not exist."""
    if not names:
        return reader.items("/api/v1/namespaces") or [], []
    objects, unknown = [], []
    for name in names:
        refused = len(reader.refused)
        found = reader.get(f"/api/v1/namespaces/{quote(name, safe='')}")
        if found:
            objects.append(found)
        elif len(reader.refused) == refused:
            unknown.append(name)
    return objects, unknown


def _owners(reader, pods, names):
    """What holds the templates of these pods, by (namespace, kind, name), as far as it may be read."""
    found = {}
    for kind in sorted({own[0] for own in map(owner_of, pods) if own} & OWNERS.keys()):
        group, plural = OWNERS[kind]
        for path in [f"{group}/namespaces/{quote(x, safe='')}/{plural}" for x in names] or [f"{group}/{plural}"]:
            for owner in reader.each(path):
                found[owner["metadata"]["namespace"], kind, owner["metadata"]["name"]] = owner
    return found


def _proxies(reader, objects, states, names, configurations, version, keep=False):
    """The proxies of all pods that are looked at, and those pods, if they are to be kept.

    Fills in what the namespaces' states say of pods.
    """
    by_name, proxies, kept = {x["metadata"]["name"]: x for x in objects}, [], []
    for state in states:
        state.update(proxies=0, without_proxy=[])
    state_of = {x["name"]: x for x in states}
    paths = [f"/api/v1/namespaces/{quote(name, safe='')}/pods" for name in names] if names else ["/api/v1/pods"]
    for path in paths:
        for pod in reader.each(path):
            phase = (pod.get("status") or {}).get("phase")
            if phase in ("Succeeded", "Failed") or pod["metadata"].get("deletionTimestamp"):
                continue
            proxy, namespace = proxy_of(pod), pod["metadata"]["namespace"]
            if proxy:
                proxies.append(proxy)
            if namespace not in state_of:
                continue
            if keep:
                kept.append(pod)
            if proxy:
                state_of[namespace]["proxies"] += 1
            elif configurations and decide_pod(pod, by_name[namespace], configurations, version).injected:
                state_of[namespace]["without_proxy"].append(pod["metadata"]["name"])
    return proxies, kept


def synchronise(proxies, control_planes, istioctl):
    """Ask each control plane that is ready whether its proxies are in step, and fill it in.

    Returns why it is not known of all of them; None if it is.
    """
    if istioctl is None:
        return "istioctl is not there, see client_reason"
    ready = [x for x in control_planes if x["ready_replicas"]]
    if not ready:
        return "no istiod is ready"
    reasons = [f"{x['namespace']}/{x['name']} is not ready" for x in control_planes if x not in ready]
    rows = {}
    for plane in ready:
        try:
            output = istioctl.run(*proxy_status.arguments(istioctl.version, plane["namespace"], plane["revision"]))
            for row in proxy_status.parse(output.stdout):
                key = (row["namespace"], row["name"])
                # A proxy that just changed to another istiod may be with both.
                if key not in rows or (row["types"] and not proxy_status.behind(row["types"])):
                    rows[key] = row
        except (IstioctlError, proxy_status.ProxyStatusError, releases.ReleaseError) as error:
            if "no proxies found" not in str(error):
                reasons.append(f"istioctl proxy-status of {plane['namespace']}/{plane['name']}: {error}")
    for proxy in proxies:
        row = rows.get((proxy["namespace"], proxy["name"]))
        if row:
            proxy.update(types=row["types"], istiod=row["istiod"], version=proxy["version"] or row["version"])
            proxy["synced"] = None if row["types"] is None else not proxy_status.behind(row["types"])
        elif not reasons and proxy["type"] != "ztunnel":
            proxy["synced"] = False
    return "; ".join(reasons) or None


# ---- what is wrong ---------------------------------------------------------------------------------------------------


def counts(found, with_proxies=True):
    """How many of what there are; None of what was not looked at."""
    proxies = found["proxies"]
    of_proxies = {
        "proxies": len(proxies),
        "proxies_ready": sum(x["ready"] for x in proxies),
        "proxies_outdated": sum(bool(x["outdated"]) for x in proxies),
        "proxies_not_synced": sum(x["synced"] is False for x in proxies),
    }
    return {
        "control_planes": len(found["control_planes"]),
        "namespaces": len(found["namespaces"]),
        "namespaces_injected": sum(x["injection"] == "enabled" for x in found["namespaces"]),
        **(of_proxies if with_proxies else dict.fromkeys(of_proxies)),
    }


def problems(found, planes_known=True, webhooks_known=True):
    """What is wrong, each in a sentence or two with the cure; found: what look() returns.

    planes_known and webhooks_known: whether this user may read them; else nothing is concluded from there being none.
    """
    return [
        *(_plane_problems(found) if planes_known else ()),
        *(_webhook_problems(found, planes_known) if webhooks_known else ()),
        *_namespace_problems(found),
        *_proxy_problems(found),
    ]


def _plane_problems(found):
    planes = found["control_planes"]
    outside = sorted({x["url"] for x in found["webhooks"] if x["url"]})
    if not planes and not outside:
        said = "Istio is not installed: no Deployment has the label app=istiod"
        left = []
        if found["apis"]:
            left.append(f"its CRDs are there ({', '.join(sorted(found['apis']))})")
        if found["proxies"]:
            left.append(f"pods have proxies ({len(found['proxies'])})")
        if left:
            said += f", though {join_and(left)}; an installation was not finished or not taken away whole"
        yield f"{said}. Install it with the role meshlab.istio.istio."
    for plane in planes:
        if not plane["ready"]:
            reason = "; ".join(" ".join(line.split()) for line in plane["reasons"]).replace(":; ", ": ")
            yield f"control plane {plane['namespace']}/{plane['name']} is not ready: {reason}"
    if planes and found["apis"] == {}:
        yield "Istio's CRDs are missing, so no rule can be made; install Istio again with the role meshlab.istio.istio"
    for revision in sorted({x["revision"] for x in planes}):
        same = [f"{x['namespace']}/{x['name']}" for x in planes if x["revision"] == revision]
        if len(same) > 1:
            names = shorten_list(same)
            yield f"{len(same)} control planes have the revision {revision}: {names}; give each a revision of its own"


def _webhook_problems(found, planes_known):
    ready = {x["revision"]: False for x in found["control_planes"]}
    ready.update((x["revision"], True) for x in found["control_planes"] if x["ready_replicas"])
    for hook in found["webhooks"]:
        if not hook["active"]:
            continue
        title = f"webhook {hook['name']}"
        injected = [x["name"] for x in found["namespaces"] if hook["name"] in x["webhooks"]]
        harm = "no pod can be made" if hook["failure_policy"] == "Fail" else "pods are made without a sidecar"
        stopped = f"; {harm} in {shorten_list(injected)}" if injected else ""
        if planes_known and hook["revision"] not in ready and not hook["url"]:
            what = f"tag {hook['tag']} for revision" if hook["tag"] else "revision"
            yield (
                f"{title} serves {what} {hook['revision']}, and there is no istiod of it{stopped}. Install that "
                f"revision, or remove the webhook (kubectl delete mutatingwebhookconfiguration {hook['name']})."
            )
        elif not hook["ca_bundle"]:
            yield (
                f"{title} has no CA bundle{stopped}. Its istiod sets it when it starts: see whether it is ready, "
                "and whether its log says why it may not."
            )
        elif stopped and not ready.get(hook["revision"], True):
            yield f"{title} calls an istiod that is not ready{stopped} until it is"
    if found["control_planes"] and not any(x["active"] for x in found["webhooks"]):
        yield "no webhook injects sidecars; only istioctl kube-inject does (module meshlab.istio.istio_kube_inject)"


def _namespace_problems(found):
    for state in found["namespaces"]:
        for warning in state["warnings"]:
            yield f"namespace {state['name']}: {warning}"
        without = state.get("without_proxy")
        if without:
            yield (
                f"namespace {state['name']}: pods without a sidecar that would get one today: {shorten_list(without)}. "
                "They predate the label or webhook; restart them "
                f"(kubectl rollout restart deployment -n {state['name']})."
            )


def _proxy_problems(found):
    planes = found["control_planes"]
    for namespace in sorted({x["namespace"] for x in found["proxies"]}):
        here = [x for x in found["proxies"] if x["namespace"] == namespace]
        title = f"namespace {namespace}: proxies"
        restart = f"restart them (kubectl rollout restart deployment -n {namespace})"
        lost, older, newer = {}, [], []
        for proxy in here:
            plane = plane_of(proxy, planes, found["tags"])
            compared = age(proxy, plane)
            if compared:
                (older if compared < 0 else newer).append(f"{proxy['name']} ({proxy['version']})")
            if planes and proxy["revision"] and not plane:
                lost.setdefault(proxy["revision"], []).append(proxy["name"])
        if older:
            yield f"{title} that are older than their control plane: {shorten_list(older)}; {restart}"
        if newer:
            yield (
                f"{title} that are newer than their control plane, which is not supported: {shorten_list(newer)}; "
                f"upgrade the control plane, or {restart}"
            )
        for revision, names in sorted(lost.items()):
            yield (
                f"{title} of revision {revision}, which is not there or there twice: {shorten_list(names)}; "
                f"label the namespace for a revision that is there, and {restart}"
            )
        not_ready = [x["name"] for x in here if not x["ready"]]
        if not_ready:
            look_at = f"see kubectl logs -n {namespace} {not_ready[0]} -c {SIDECAR}"
            yield f"{title} that are not ready: {shorten_list(not_ready)}; {look_at}"
        away = [x["name"] for x in here if x["ready"] and x["synced"] is False and not x["types"]]
        if away:
            yield f"{title} that no istiod knows: {shorten_list(away)}; {restart}"
        late = [x for x in here if x["synced"] is False and x["types"]]
        if late:
            names = shorten_list(f"{x['name']} ({', '.join(proxy_status.behind(x['types']))})" for x in late)
            yield (
                f"{title} that are behind their istiod: {names}. They may be for a moment after a change; "
                f"if they stay so, they reject what they are sent, and the log of their {SIDECAR} says why."
            )


def client_problems(client, control_planes):
    """What is wrong with istioctl beside these control planes."""
    ours = number(client["version"]) if client else None
    theirs = {number(x["version"]): x["version"] for x in control_planes if number(x["version"])}
    if not ours or not theirs or ours[:2] in {version[:2] for version in theirs}:
        return []
    return [
        f"istioctl is {client['version']} and the control plane {join_and(theirs[x] for x in sorted(theirs))}; "
        "use one of the same minor release (role meshlab.istio.istioctl)"
    ]
