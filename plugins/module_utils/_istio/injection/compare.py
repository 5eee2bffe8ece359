# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares workloads before and after rendering, and rendering by webhook with rendering from files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import (
    NATIVE,
    PROXY,
    Workload,
    containers_in,
    sidecar_of,
)

# Fields that injection rewrites, so differences in them are expected.
_REWRITTEN = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


def _pairs(before, after):
    """Pair the items of two lists as (item before or None, item after), by name if all have one, else by position."""
    names = {item.get("name"): item for item in before if isinstance(item, dict)}
    if None not in names and len(names) == len(before):
        return [(names.get(item.get("name")) if isinstance(item, dict) else None, item) for item in after]
    if len(before) == len(after):
        return list(zip(before, after))
    return [(None, item) for item in after]


def normalize(before: Any, after: Any) -> Any:
    """Return istioctl's output in the key order of the input, without the empty fields that Go adds."""
    if isinstance(before, dict) and isinstance(after, dict):
        normalized = {key: normalize(before[key], after[key]) for key in before if key in after}
        for key, value in after.items():
            if key not in before and value not in (None, {}) and not (key == "status" and "apiVersion" in after):
                normalized[key] = normalize({}, value) if isinstance(value, dict) and key == "metadata" else value
        return normalized
    if isinstance(before, list) and isinstance(after, list):
        return [item if old is None else normalize(old, item) for old, item in _pairs(before, after)]
    return after


def missing_fields(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the non-empty fields of the input that istioctl's output does not have."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in _REWRITTEN or (key == "status" and not path) or not value:
                continue
            where = f"{path}.{key}" if path else key
            if key not in after:
                yield where
            else:
                yield from missing_fields(value, after[key], where)
    elif isinstance(before, list) and isinstance(after, list):
        for old, item in _pairs(before, after):
            if isinstance(old, dict) and old.get("name") != PROXY:
                yield from missing_fields(old, item, f"{path}[{old['name']}]" if old.get("name") else f"{path}[]")


def differences(workloads: list[Workload], version: str, by_files: bool) -> list[dict[str, Any]]:
    """Return how the injected workloads would, or may, differ if the other way of rendering had been used.

    version: istioctl's; by_files: whether it rendered with the three files, not by webhook. The result is for users.
    """
    if not releases.has(version, "by_webhook"):  # istioctl itself renders, from the same ConfigMaps
        return []
    found = []

    def add(field, actual, alternative, affected):
        if affected:
            titles = [workload.title for workload in affected]
            found.append({"field": field, "actual": actual, "alternative": alternative, "workloads": titles})

    if releases.has(version, "native_sidecars"):
        by_kind: dict[str, list[Workload]] = {"container": [], "native": []}
        for workload in workloads:
            if sidecar_of(workload) and not workload.annotations().get(NATIVE):  # otherwise the pod itself decides
                by_kind[sidecar_of(workload)].append(workload)
        by_webhook = (
            "the control plane decides by its ENABLE_NATIVE_SIDECARS, whose default follows the Kubernetes version of "
            "the nodes since Istio 1.27"
        )
        by_istioctl = "an ordinary container, unless ENABLE_NATIVE_SIDECARS is set for istioctl"
        for kind, actual in (("container", "an ordinary container"), ("native", "a native sidecar (init container)")):
            if by_files or kind == "native":
                add("sidecar", actual, by_webhook if by_files else by_istioctl, by_kind[kind])
    affected = [workload for workload in workloads if _names_workload(workload) == by_files]
    values = ("set", "missing") if by_files else ("missing", "set")
    add("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", *values, affected)
    return found


def _names_workload(workload):
    """Whether the environment of the sidecar contains the name of its workload."""
    for container in containers_in(workload.template["spec"]):
        if container.get("name") == PROXY:
            return any(item.get("name") == "ISTIO_META_WORKLOAD_NAME" for item in container.get("env") or ())
    return False
