# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness of Deployments, with the reasons if they are not ready."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import endpoints
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster, ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.events import last_events
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.images import image_advice
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import (
    SIDECAR,
    container_reasons,
    expected_containers,
    summarize_pod,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.selectors import selects
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.waits import poll


def owned_pods(deployment: dict, pods: list[dict]) -> list[dict]:
    """Return the pods that match a Deployment's selector, without those that are terminating."""
    return [
        pod
        for pod in pods
        if selects(deployment["spec"]["selector"], pod["metadata"].get("labels"))
        and not pod["metadata"].get("deletionTimestamp")
    ]


def rollout_problem(deployment: dict) -> str | None:
    """Return None if a Deployment is completely rolled out, else a short reason."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    replicas = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return "the controller has not observed the latest change"
    if status.get("updatedReplicas", 0) < replicas:
        return f"{status.get('updatedReplicas', 0)} of {replicas} pods updated"
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return f"{status.get('replicas', 0) - status.get('updatedReplicas', 0)} old pods not yet terminated"
    if status.get("availableReplicas", 0) < replicas:
        return f"{status.get('availableReplicas', 0)} of {replicas} pods available"
    return None


def readiness_problems(
    deployments: list[dict], pods: list[dict], names: Iterable[str], sidecars: bool, without_sidecar: Iterable[str] = ()
) -> list[str]:
    """Return one line per problem; an empty list if everything is ready.

    names: Deployments to check; sidecars: whether every pod must have the sidecar, except the pods of the Deployments
    in without_sidecar, which must not have one.
    """
    by_name = {x["metadata"]["name"]: x for x in deployments}
    lines = [f"Deployment {name} does not exist" for name in names if name not in by_name]
    for name in names:
        deployment = by_name.get(name)
        if not deployment:
            continue
        missing = rollout_problem(deployment)
        if missing:
            lines.append(f"Deployment {name}: {missing}")
        elif name in without_sidecar:
            lines += [
                f"pod {pod['metadata']['name']} has a sidecar (container {SIDECAR}) but must not have one; set the "
                'label and the annotation sidecar.istio.io/inject: "false" on the pod template'
                for pod in owned_pods(deployment, pods)
                if SIDECAR in expected_containers(pod)
            ]
        elif sidecars:
            lines += [
                f"pod {pod['metadata']['name']} has no sidecar (container {SIDECAR}); check that its namespace was "
                "labeled for injection before the pod was created"
                for pod in owned_pods(deployment, pods)
                if SIDECAR not in expected_containers(pod)
            ]
    return lines


def explain_readiness(
    deployments: list[dict],
    pods: list[dict],
    events: Iterable[dict],
    names: Iterable[str],
    sidecars: bool,
    without_sidecar: Iterable[str] = (),
) -> list[str]:
    """Return readiness_problems with the reasons for each: container states and last events."""
    lines = readiness_problems(deployments, pods, names, sidecars, without_sidecar)
    by_name = {x["metadata"]["name"]: x for x in deployments}
    for name in names:
        deployment = by_name.get(name)
        if not deployment or not rollout_problem(deployment):
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


@dataclass
class _State:
    """The state of a namespace at one point in time."""

    deployments: list
    pods: list
    names: list
    problems: list
    rolled_out: bool


def _read_state(cluster, namespace, names, sidecars, without_sidecar, services) -> _State:
    quoted = quote(namespace, safe="")
    listed = cluster.get(f"/apis/apps/v1/namespaces/{quoted}/deployments")
    if listed is None:  # for a valid name, the API server returns an empty list
        raise ClusterError(f'namespace "{namespace}" does not exist and is not a valid name')
    pods = cluster.get(f"/api/v1/namespaces/{quoted}/pods")["items"]
    names = names or sorted(x["metadata"]["name"] for x in listed["items"])
    problems = readiness_problems(listed["items"], pods, names, sidecars, without_sidecar)
    rolled_out = not problems
    if not names:
        problems = [f"namespace {namespace} has no Deployment"]
    elif rolled_out and services:
        problems = endpoints.find_problems(cluster, namespace, services, pods)
    return _State(listed["items"], pods, names, problems, rolled_out)


def wait_for_deployments(
    cluster: Cluster,
    namespace: str,
    names: list[str],
    sidecars: bool,
    deadline: float,
    explain: bool = True,
    without_sidecar: Iterable[str] = (),
    services: dict[str, int] | None = None,
) -> tuple[list[str], list[dict]]:
    """Poll a namespace until its Deployments are ready or the deadline (of time.monotonic()) has passed.

    names: all Deployments of the namespace if empty, of which there must be at least one; explain: whether to add the
    reasons to each problem; without_sidecar: Deployments whose pods must not have a sidecar; services: the expected
    number of ready endpoints of each Service, checked once the Deployments are ready.
    Returns the problems, empty if everything is ready, and a summary of each pod.
    Raises ClusterError, also if the namespace's name is not valid.
    """
    state = poll(
        lambda: _read_state(cluster, namespace, names, sidecars, without_sidecar, services),
        lambda found: not found.problems,
        deadline,
    )
    problems, quoted = state.problems, quote(namespace, safe="")
    if problems and cluster.get(f"/api/v1/namespaces/{quoted}") is None:
        problems = [f"namespace {namespace} does not exist"]
    elif problems and explain and not state.rolled_out:
        events = cluster.get(f"/api/v1/namespaces/{quoted}/events")["items"]
        problems = (
            explain_readiness(state.deployments, state.pods, events, state.names, sidecars, without_sidecar) or problems
        )
    owned = [x for x in state.deployments if x["metadata"]["name"] in state.names]
    return problems, [summarize_pod(pod) for x in owned for pod in owned_pods(x, state.pods)]
