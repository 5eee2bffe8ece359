# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies in pods, and the control plane of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import version_of
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.control_planes import version_number
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.reader import Reader, list_paths
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import STATUS, containers_in
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import (
    DEFAULT,
    REVISION,
    annotations_of,
    labels_of,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import SIDECAR, running_statuses


def proxy_of(pod: dict[str, Any]) -> dict[str, Any] | None:
    """Describe the proxy in a pod, without what only the control plane knows; None if the pod has no proxy."""
    container = next((x for x in containers_in(pod["spec"]) if x["name"] == SIDECAR), None)
    if container is None:
        return None
    arguments = container.get("args") or []
    return {
        "namespace": pod["metadata"]["namespace"],
        "name": pod["metadata"]["name"],
        # The agent is started as "proxy sidecar", "proxy router", "proxy waypoint" or "proxy ztunnel".
        "type": arguments[1] if len(arguments) > 1 and arguments[0] == "proxy" else "sidecar",
        "revision": _proxy_revision(pod),
        "version": version_of(container.get("image")),
        "ready": any(x["name"] == SIDECAR and x.get("ready", False) for x in running_statuses(pod)),
        "outdated": None,
        "synced": None,
        "types": None,
        "istiod": None,
    }


def _proxy_revision(pod):
    """The revision of a pod's proxy, from the annotations and labels that injection sets; None if they are missing."""
    labels, annotations = labels_of(pod), annotations_of(pod)
    try:
        revision = json.loads(annotations.get(STATUS) or "{}").get("revision")
    except (ValueError, AttributeError):
        revision = None
    if revision:
        return revision
    for holder in (labels, annotations):
        if REVISION in holder:
            return holder[REVISION] or DEFAULT  # empty after kube-inject of 1.7
    return None


def plane_of(
    proxy: dict[str, Any], control_planes: list[dict[str, Any]], tags: dict[str, str]
) -> dict[str, Any] | None:
    """The control plane of a proxy; None if it cannot be determined. tags: the revision of each tag."""
    revision = proxy["revision"]
    own = [x for x in control_planes if x["revision"] == revision] if revision else control_planes
    if not own:
        own = [x for x in control_planes if x["revision"] == tags.get(revision)]
    return own[0] if len(own) == 1 else None


def compare_versions(proxy: dict[str, Any], plane: dict[str, Any] | None) -> int | None:
    """-1 if a proxy is older than its control plane, 0 if they have the same version, 1 if newer; None if unknown."""
    own, expected = version_number(proxy["version"]), version_number(plane["version"] if plane else None)
    return (own > expected) - (own < expected) if own and expected else None


def read_proxies(reader: Reader, namespaces: list[str]) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Yield each pod that has not ended in these namespaces (in all if empty), with its proxy or None."""
    for path in list_paths("/api/v1", "pods", namespaces):
        for pod in reader.each(path):
            phase = (pod.get("status") or {}).get("phase")
            if phase not in ("Succeeded", "Failed") and not pod["metadata"].get("deletionTimestamp"):
                yield pod, proxy_of(pod)
