# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the control planes in a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import (
    ISTIOD,
    istiod_image,
    istiod_version,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.reader import Reader
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import revision_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.deployments import explain_readiness, owned_pods
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import summarize_pod


def version_number(version: str | None) -> tuple[int, ...] | None:
    """A version as numbers to compare by: "1.27.0-rc.1" gives (1, 27, 0). None if it is not a version."""
    match = re.match(r"([0-9]+)\.([0-9]+)(?:\.([0-9]+))?", version or "")
    return tuple(int(part or 0) for part in match.groups()) if match else None


def describe_control_plane(
    deployment: dict[str, Any], pods: list[dict[str, Any]], events: Iterable[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Describe one istiod for the result of the module. pods, events: those of its namespace."""
    name, spec = deployment["metadata"]["name"], deployment["spec"]
    reasons = explain_readiness([deployment], pods, list(events), [name], False)
    if spec.get("replicas", 1) == 0:
        reasons = [f"Deployment {name}: scaled to 0 replicas"]
    return {
        "name": name,
        "namespace": deployment["metadata"]["namespace"],
        "revision": revision_of(deployment),
        "version": istiod_version(deployment),
        "image": istiod_image(deployment),
        "ready": not reasons,
        "replicas": spec.get("replicas", 1),
        "ready_replicas": (deployment.get("status") or {}).get("readyReplicas", 0),
        "pods": [
            {key: x[key] for key in ("name", "ready", "phase", "restarts")}
            for x in map(summarize_pod, owned_pods(deployment, pods))
        ],
        "reasons": reasons,
    }


def read_control_planes(reader: Reader) -> list[dict[str, Any]] | None:
    """All istiod Deployments, described; None without permission to read Deployments."""
    deployments = reader.items("/apis/apps/v1/deployments", labelSelector=ISTIOD)
    if not deployments:
        return deployments
    pods = reader.items("/api/v1/pods", labelSelector=ISTIOD) or []
    planes = []
    for deployment in deployments:
        namespace = deployment["metadata"]["namespace"]
        own_pods = [pod for pod in pods if pod["metadata"]["namespace"] == namespace]
        plane = describe_control_plane(deployment, own_pods)
        if not plane["ready"]:
            events = reader.items(f"/api/v1/namespaces/{namespace}/events") or ()
            plane = describe_control_plane(deployment, own_pods, events)
        planes.append(plane)
    return planes


def read_istio_apis(reader: Reader) -> dict[str, list[str]] | None:
    """The versions of each API group of Istio that the cluster serves; None without permission to read them."""
    listed = reader.get("/apis")
    if listed is None:
        return None
    return {
        group["name"]: [version["version"] for version in group["versions"]]
        for group in listed.get("groups") or ()
        if group["name"].endswith(".istio.io")
    }
