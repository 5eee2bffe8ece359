# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to objects of any kind by API version, kind, namespace and name.

The key of an object is (kind, namespace, name), with an empty namespace for a cluster-scoped object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError

Key = tuple[str, str, str]
Objects = list[dict]


def key_of(definition: Mapping[str, Any]) -> Key:
    """The key of an object: (kind, namespace, name)."""
    metadata = definition["metadata"]
    return definition["kind"], metadata.get("namespace") or "", metadata["name"]


def title(definition: dict) -> str:
    """Kind and name of an object for messages, such as "Service istio-system/istiod"."""
    kind, namespace, name = key_of(definition)
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


class Api:
    """Finds the kinds that a cluster serves by API discovery. Each API version is read once."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster
        self._resources: dict[str, dict] = {}
        self._versions: dict[str, list[str]] | None = None
        self.changed = False  # whether something has or may have changed

    def versions(self, group: str) -> list[str]:
        """The apiVersions that the API server serves of a group, the preferred one first."""
        if not group:
            return ["v1"]
        if self._versions is None:
            self._versions = {
                entry["name"]: list(
                    dict.fromkeys(x["groupVersion"] for x in (entry["preferredVersion"], *entry["versions"]))
                )
                for entry in self.cluster.get("/apis")["groups"]
            }
        return self._versions.get(group, [])

    def api_version(self, group: str, kind: str) -> str | None:
        """The apiVersion of a kind: the preferred one that serves it, since not every version serves every kind."""
        return next((x for x in self.versions(group) if self.path(x, kind)), None)

    def path(self, api_version: str, kind: str, namespace: str = "", name: str = "") -> str | None:
        """The path of an object, or without name that of a list; None if the API server does not serve the kind."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        if api_version not in self._resources:
            listed = (self.cluster.get(root) or {}).get("resources") or ()
            self._resources[api_version] = {x["kind"]: x for x in listed if "/" not in x["name"]}
        resource = self._resources[api_version].get(kind)
        if not resource:
            return None
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace and resource["namespaced"] else ""
        return f"{root}{within}/{resource['name']}" + (f"/{quote(name, safe=':')}" if name else "")

    def path_of(self, definition: Mapping[str, Any]) -> str:
        """The path of an object. Raises ClusterError if the API server does not serve its kind."""
        path = self.path(definition["apiVersion"], *key_of(definition))
        if path is None:
            raise ClusterError(f"the API server does not serve {definition['kind']} of {definition['apiVersion']}")
        return path

    def list(self, api_version: str, kind: str, namespace: str = "", **query: str) -> Objects:
        """The objects of a kind with apiVersion and kind; empty if the API server does not serve the kind."""
        path = self.path(api_version, kind, namespace)
        items = ((self.cluster.get(path, **query) if path else None) or {}).get("items") or ()
        return [{"apiVersion": api_version, "kind": kind, **item} for item in items]

    def get(self, api_version: str, key: Key) -> dict | None:
        """One object; None if it does not exist."""
        path = self.path(api_version, *key)
        return self.cluster.get(path) if path else None
