# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers of a Gateway: ports, protocols, and the hosts that they have in common with a VirtualService."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import covers, full_host
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import Proxy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule


def gateway_hosts(rule: Rule, gateway: Rule, http: bool = True) -> list[str]:
    """The hosts that a VirtualService and the servers of a Gateway have in common; of two patterns the more specific.

    http: whether to use the servers for HTTP routes, or those for TCP and TLS routes.
    """
    hosts = set()
    for server in gateway.spec.get("servers") or ():
        if takes_http(server) is not http:
            continue
        for entry in server.get("hosts") or ():
            namespace, slash, host = entry.rpartition("/")
            if (
                slash
                and namespace not in ("*", rule.namespace)
                and (namespace, gateway.namespace) != (".", rule.namespace)
            ):
                continue
            for own in rule.spec.get("hosts") or ():
                own = full_host(own, rule.namespace)
                if covers(host, own):
                    hosts.add(own)
                elif covers(own, host):
                    hosts.add(host)
    return sorted(hosts)


def server_port(server: dict) -> tuple[int | None, str]:
    port = server.get("port") or {}
    return port.get("number"), str(port.get("protocol") or "").upper()


def is_https(server: dict) -> bool:
    return server_port(server)[1] == "HTTPS" and (server.get("tls") or {}).get("mode") not in (
        "PASSTHROUGH",
        "AUTO_PASSTHROUGH",
    )


def takes_http(server: dict) -> bool:
    """Whether a server accepts HTTP and therefore has a listener. For TCP and TLS passthrough, it needs a rule."""
    return server_port(server)[1] in ("HTTP", "HTTP2", "GRPC", "GRPC-WEB") or is_https(server)


def server_ports(number: int | None, proxy: Proxy, services: Iterable[dict]) -> set[int]:
    """Ports on which a gateway pod may listen for a server's port: itself and the target ports of its Services."""
    ports: set = {number}
    for service in services:
        selector = service["spec"].get("selector")
        if service["metadata"]["namespace"] != proxy.namespace or not selector:
            continue
        if all(proxy.labels.get(key) == value for key, value in selector.items()):
            for port in service["spec"].get("ports") or ():
                if port["port"] == number:
                    ports.add(proxy.ports.get(port.get("targetPort"), port.get("targetPort")))
    return ports
