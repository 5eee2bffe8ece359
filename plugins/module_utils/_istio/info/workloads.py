# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether each workload is injected, by what, and the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.pod_injection import (
    decide_pod,
    pod_workload,
    table_version,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.proxies import proxy_of
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.reader import Reader, list_paths
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import NAMESPACE_LABEL
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import (
    STATUS,
    injected_by,
    sidecar_of,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import REVISION

# The kinds that own pods and contain their template: path of the API group, and plural.
OWNERS = {
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "Job": ("/apis/batch/v1", "jobs"),
    "ReplicationController": ("/api/v1", "replicationcontrollers"),
}

# Owners of pods by (namespace, kind, name).
Owners = dict[tuple[str, str, str], dict[str, Any]]


def owner_of(definition: dict[str, Any]) -> tuple[str, str] | None:
    """(kind, name) of the controller of an object, or None."""
    for reference in definition["metadata"].get("ownerReferences") or ():
        if reference.get("controller") and reference["kind"] != "Node":  # the kubelet sets it for static pods
            return reference["kind"], reference["name"]
    return None


def workload_states(
    pods: list[dict[str, Any]],
    owners: Owners,
    states: dict[str, dict[str, Any]],
    objects: dict[str, dict[str, Any]],
    configurations: list[dict[str, Any]] | None,
    version: str | None,
    policies: Mapping[str, Policy] | None = None,
) -> list[dict[str, Any]]:
    """Describe every workload that has pods for the result of the module, sorted by name.

    states: results of namespace_state(), by name; objects: the Namespace objects, by name; configurations: see
    namespace_state(); version: of Istio, None if unknown; policies: of the injectors by revision.
    """
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for pod in pods:
        namespace, own = pod["metadata"]["namespace"], owner_of(pod)
        owner = owners.get((namespace, *own)) if own else None
        # A Deployment owns its pods through a ReplicaSet, a CronJob through a Job.
        kind, name = (owner and owner_of(owner)) or own or ("Pod", pod["metadata"]["name"])
        template = owner and (owner.get("spec") or {}).get("template")
        verdict = _pod_state(pod, template, states[namespace], objects[namespace], configurations, version, policies)
        found.setdefault((namespace, name, kind), []).append(verdict)
    return [
        {"namespace": namespace, "workload": name, "kind": kind, **_merge_verdicts(verdicts)}
        for (namespace, name, kind), verdicts in sorted(found.items())
    ]


def _merge_verdicts(verdicts):
    """The verdict on a workload from those on its pods: it is injected if every pod is."""
    uninjected = [x for x in verdicts if not x["injected"]]
    if not uninjected or len(uninjected) == len(verdicts):
        return verdicts[-1]
    return {**uninjected[0], "reason": f"{len(uninjected)} of {len(verdicts)} pods: {uninjected[0]['reason']}"}


def _pod_state(pod, template, state, namespace, configurations, version, policies):
    """Whether one pod is injected, by what, its kind of sidecar, and the reason. template: of its owner, or None."""
    proxy, workload = proxy_of(pod), pod_workload(pod)
    decision = decide_pod(pod, namespace, configurations, version, policies)

    def verdict(source, reason, injected=True):
        return {
            "injected": injected,
            "injected_by": source,
            "sidecar": sidecar_of(workload) if injected else "",
            "reason": reason,
        }

    if proxy and proxy["type"] != "sidecar" and STATUS not in workload.annotations():
        return verdict("", f"it is a gateway ({proxy['type']}), not an injected workload", False)
    if not proxy:
        return verdict("", _reason_without_sidecar(state, decision), False)
    marker = template and _injection_marker(template, state["name"], version)
    if marker and decision.injected:
        return verdict("kube-inject and webhook", f"{marker} already in the manifest, and {decision.reason}")
    if marker:
        return verdict("kube-inject", f"{marker} already in the manifest")
    if decision.injected:
        return verdict("webhook", decision.reason)
    if template:
        return verdict("webhook", "it was injected when its pods were created; nothing would inject them today")
    return verdict("unknown", "nothing would inject it today: kube-inject injected it, or its label was removed")


def _injection_marker(template, namespace, version):
    """The evidence, in words, that the template of the owner contains a sidecar; None if it does not."""
    return injected_by(pod_workload(template, namespace), table_version(version))


def _reason_without_sidecar(state, decision):
    """Why a pod has no sidecar."""
    name, labels = state["name"], state["labels"]
    if decision.excluded:
        return decision.reason
    if decision.injected:
        return f"the pods predate the label or webhook; restart them (kubectl rollout restart deployment -n {name})"
    if labels and state["warnings"]:
        return f"namespace {name}: {state['warnings'][0]}"
    if state["injection"] == "disabled":
        return f"namespace {name} is labeled {NAMESPACE_LABEL}={labels[NAMESPACE_LABEL]}"
    return decision.reason or f"namespace {name} has neither the label {NAMESPACE_LABEL} nor {REVISION}"


def read_owners(reader: Reader, pods: list[dict[str, Any]], namespaces: list[str]) -> Owners:
    """Read the owners of these pods, as far as permitted."""
    found = {}
    for kind in sorted({own[0] for own in map(owner_of, pods) if own} & OWNERS.keys()):
        for path in list_paths(*OWNERS[kind], namespaces):
            for owner in reader.each(path):
                found[owner["metadata"]["namespace"], kind, owner["metadata"]["name"]] = owner
    return found
