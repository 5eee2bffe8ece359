# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Deployments are rolled out and their pods ready, and if not, why."""

from __future__ import annotations

import time
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import endpoints
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.events import last_events
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.images import image_advice
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import (
    SIDECAR,
    container_reasons,
    expected_containers,
    summarize_pod,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.selectors import selects

POLL_SECONDS = 1.0


def owned_pods(deployment, pods):
    """The live pods that a Deployment's selector picks."""
    return [
        pod
        for pod in pods
        if selects(deployment["spec"]["selector"], pod["metadata"].get("labels"))
        and not pod["metadata"].get("deletionTimestamp")
    ]


def rollout_problem(deployment):
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


def readiness_problems(deployments, pods, names, sidecars, outside=()):
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
        missing = rollout_problem(deployment)
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


def explain_readiness(deployments, pods, events, names, sidecars, outside=()):
    """not_ready with the reasons behind each line: container states and last events."""
    lines = readiness_problems(deployments, pods, names, sidecars, outside)
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


def wait_for_deployments(cluster, namespace, names, sidecars, deadline, why=True, outside=(), services=None):
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
        lines = readiness_problems(deployments, pods, wanted, sidecars, outside)
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
        lines = explain_readiness(deployments, pods, events, wanted, sidecars, outside) or lines
    owned = [pod for x in deployments if x["metadata"]["name"] in wanted for pod in owned_pods(x, pods)]
    return lines, [summarize_pod(x) for x in owned]
