# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running proxies of a mesh, and a filter for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import SIDECAR


@dataclass(frozen=True)
class ProxyFilter:
    """A filter for proxies; None does not limit. pods: names, or namespace/name."""

    namespaces: tuple | None = None
    pods: tuple | None = None

    def allows(self, proxy: Proxy, selected: set | None) -> bool:
        """Whether a proxy matches; selected: as in Facts."""
        if self.namespaces is not None and proxy.namespace not in self.namespaces:
            return False
        if self.pods is not None and proxy.name not in self.pods and proxy.title not in self.pods:
            return False
        return selected is None or proxy.title in selected


@dataclass(frozen=True)
class Proxy:
    """The proxy of a pod. type: "sidecar", or "router" for a gateway."""

    namespace: str
    name: str
    type: str
    labels: dict = field(hash=False, compare=False)
    ports: dict = field(default_factory=dict, hash=False, compare=False)  # container ports by name

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"


def proxies_in(pods: list[dict]) -> list[Proxy]:
    """The sidecars and gateways that run in these pods. Proxies of ambient mode are ignored."""
    found = []
    for pod in pods:
        spec, status, metadata = pod["spec"], pod.get("status") or {}, pod["metadata"]
        containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
        proxy = next((x for x in containers if x["name"] == SIDECAR), None)
        if proxy is None or metadata.get("deletionTimestamp"):
            continue
        statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
        if not any(x["name"] == SIDECAR and "running" in (x.get("state") or {}) for x in statuses):
            continue
        type_ = next(
            (x for x in proxy.get("args") or () if x in ("sidecar", "router", "waypoint", "ztunnel")), "sidecar"
        )
        if type_ in ("sidecar", "router"):
            named = [x for container in containers for x in container.get("ports") or () if x.get("name")]
            ports = {x["name"]: x["containerPort"] for x in named}
            found.append(Proxy(metadata["namespace"], metadata["name"], type_, metadata.get("labels") or {}, ports))
    return sorted(found, key=lambda x: (x.namespace, x.name))
