# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the container that sends the requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import SIDECAR, running_statuses
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import SplitError

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


@dataclass(frozen=True)
class Client:
    """A container that sends requests. sidecar: whether its pod has a ready sidecar."""

    namespace: str
    pod: str
    container: str
    sidecar: bool


def find_client(
    cluster: Cluster,
    namespace: str,
    pod: str | None = None,
    deployment: str | None = None,
    label_selector: str | None = None,
    container: str | None = None,
) -> Client:
    """Return the Client for a pod, Deployment or label selector.

    cluster: anything with Cluster.get. Raises SplitError if no such pod is running.
    """
    for kind, name in (("namespace", namespace), ("pod", pod), ("deployment", deployment)):
        if name and not NAME.fullmatch(name):
            raise SplitError(f"client: {name!r} is not a valid {kind} name")
    if not namespace or not (pod or deployment or label_selector):
        raise SplitError("client: namespace and one of pod, deployment and label_selector must be set")
    pods_path = f"/api/v1/namespaces/{namespace}/pods"
    if pod:
        found = cluster.get(f"{pods_path}/{pod}")
        if found is None:
            raise SplitError(f"client: pod {pod} does not exist in namespace {namespace}")
        candidates, criterion = [found], f"pod {pod}"
    elif deployment:
        owner = cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}")
        if owner is None:
            raise SplitError(f"client: deployment {deployment} does not exist in namespace {namespace}")
        labels = owner["spec"]["selector"].get("matchLabels") or {}
        listed = cluster.get(pods_path, labelSelector=",".join(f"{key}={labels[key]}" for key in sorted(labels))) or {}
        candidates = [item for item in listed.get("items", []) if _belongs(item, deployment)]
        criterion = f"deployment {deployment}"
    else:
        listed = cluster.get(pods_path, labelSelector=label_selector) or {}
        candidates, criterion = listed.get("items", []), f"label selector {label_selector}"
    chosen = choose_pod(candidates)
    if chosen is None:
        states = ", ".join(f"{item['metadata']['name']} is {_state(item)}" for item in candidates) or "none exists"
        raise SplitError(f"client: no pod of {criterion} in namespace {namespace} is running: {states}")
    return Client(namespace, chosen["metadata"]["name"], choose_container(chosen, container), has_sidecar(chosen))


def _belongs(pod: dict[str, Any], deployment: str) -> bool:
    """Whether the pod is owned by this Deployment; the selectors of two Deployments may overlap."""
    metadata = pod["metadata"]
    replica_set = f"{deployment}-{(metadata.get('labels') or {}).get('pod-template-hash')}"
    owners = metadata.get("ownerReferences") or []
    return any(owner["kind"] == "ReplicaSet" and owner["name"] == replica_set for owner in owners)


def choose_pod(pods: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Choose a running pod, preferably a ready one, then by name; None if no pod is running."""
    running = [
        pod
        for pod in pods
        if pod.get("status", {}).get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")
    ]
    return min(running, key=lambda pod: (not is_ready(pod), pod["metadata"]["name"]), default=None)


def _state(pod: dict[str, Any]) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "terminating"
    return pod.get("status", {}).get("phase", "without a phase")


def choose_container(pod: dict[str, Any], container: str | None = None) -> str:
    """Choose the container to send from: the given one, the pod's default, or the first that is not the sidecar."""
    names: list[str] = [item["name"] for item in pod["spec"]["containers"]]
    where = f"pod {pod['metadata']['name']}"
    if container:
        if container not in names:
            raise SplitError(f"client: {where} has no container {container}; its containers are {', '.join(names)}")
        return container
    default = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if default in names and default != SIDECAR:
        return str(default)
    others = [name for name in names if name != SIDECAR]
    if not others:
        raise SplitError(f"client: {where} has no container other than {SIDECAR}")
    return others[0]


def has_sidecar(pod: dict[str, Any]) -> bool:
    """Whether the pod has a ready sidecar, either a container or a native sidecar (init container)."""
    return any(item["name"] == SIDECAR and item.get("ready") for item in running_statuses(pod))
