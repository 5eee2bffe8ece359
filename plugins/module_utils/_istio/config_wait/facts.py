# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a mesh in the API."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import covers


@dataclass
class Facts:
    """Lists of all objects of the mesh, as read from the API at one time.

    live: the rules to wait for, by title; None for one that does not exist.
    """

    live: dict = field(default_factory=dict)
    installed: bool = True  # whether the API has Istio's kinds
    selected: set | None = None  # pods that match the label selector, as namespace/name; None without one
    pods: list = field(default_factory=list)
    services: list = field(default_factory=list)
    gateways: list = field(default_factory=list)
    virtual_services: list = field(default_factory=list)
    destination_rules: list = field(default_factory=list)
    sidecars: list = field(default_factory=list)
    service_entries: list = field(default_factory=list)


def service_namespaces(host: str, facts: Facts) -> set[str]:
    """The namespaces of the Services and ServiceEntries that have a host."""
    found = set()
    for service in facts.services:
        metadata = service["metadata"]
        if covers(host, f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local"):
            found.add(metadata["namespace"])
    for entry in facts.service_entries:
        if any(covers(host, x) or covers(x, host) for x in (entry.get("spec") or {}).get("hosts") or ()):
            found.add(entry["metadata"]["namespace"])
    return found


def find_object(objects: Iterable[dict], namespace: str, name: str) -> dict | None:
    return next(
        (x for x in objects if x["metadata"]["name"] == name and x["metadata"]["namespace"] == namespace),
        None,
    )
