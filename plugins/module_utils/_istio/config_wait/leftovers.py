# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what a proxy still has of a deleted rule."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import (
    Dump,
    listener_ports,
    outbound_clusters,
    rule_tag,
    tcp_targets,
    virtual_hosts,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_routes import destination_shares
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.gateway_servers import (
    server_port,
    server_ports,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import Proxy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_texts import (
    show_destination,
    show_shares,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule


def leftovers(rule: Rule, proxy: Proxy, dump: Dump, facts: Facts) -> list[str]:
    """Phrases about what a proxy still has of a deleted rule."""
    if rule.kind == "VirtualService":
        counts: dict[str, int] = {}
        for name, _port, _domains, routes in virtual_hosts(dump):
            counts[name] = counts.get(name, 0) + sum(1 for x in routes if rule_tag(x) == rule.tag)
        left = [
            f"{count} {'route' if count == 1 else 'routes'} in {name}"
            for name, count in sorted(counts.items())
            if count
        ]
        left += [
            f"TCP -> {show_shares(destination_shares(clusters))}"
            for own, _names, clusters in tcp_targets(dump)
            if own == rule.tag
        ]
        return list(dict.fromkeys(left))
    if rule.kind == "DestinationRule":
        return [
            show_destination((host, port, subset))
            for host, port, subset, cluster in outbound_clusters(dump)
            if rule_tag(cluster) == rule.tag
        ]
    return _gateway_leftovers(rule, proxy, dump, facts)


def _gateway_leftovers(rule, proxy, dump, facts):
    """Listeners have no tag, so look for ports that no other Gateway has, and for HTTPS routes."""
    others = set()
    for item in facts.gateways:
        metadata, spec = item["metadata"], item.get("spec") or {}
        selected = all(proxy.labels.get(key) == value for key, value in (spec.get("selector") or {}).items())
        if selected and (metadata["namespace"], metadata["name"]) != (rule.namespace, rule.name):
            for server in spec.get("servers") or ():
                others |= server_ports(server_port(server)[0], proxy, facts.services)
    left = []
    listeners = listener_ports(dump)
    for server in (rule.spec or {}).get("servers") or ():
        number, protocol = server_port(server)
        for port in sorted(server_ports(number, proxy, facts.services) & set(listeners) - others):
            left.append(f"{protocol} {number} on {port}")
    left += [
        f"route {name}"
        for names in listeners.values()
        for name in sorted(names)
        if name.startswith("https.") and name.endswith(f".{rule.name}.{rule.namespace}")
    ]
    return left
