# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address ranges of the role kind_cluster, and which of them the machine already uses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

Networks = Mapping[str, str]

# Every network of the lab is in this range, which is reserved for benchmarks. Proxy tools (Clash, sing-box, OrbStack)
# answer DNS queries with addresses from it.
LAB_RANGE = "198.18.0.0/15"
DEFAULTS: Networks = {"node": "198.18.0.0/24", "pod": "198.18.64.0/18", "service": "198.18.32.0/20"}
# Private ranges that neither Docker nor home routers use by default.
_ALTERNATIVES = ("10.218.0.0/17", "172.30.128.0/17", "10.77.128.0/17", "192.168.128.0/17")
# A shorter prefix is a default route or that of a VPN for the whole internet; a network of the lab is more specific.
_SHORTEST_PREFIX = 8
# A bridge of a container engine, which refuses to use a subnet twice, and may have left one of this cluster.
_ENGINE_BRIDGE = re.compile(r"podman\d+|br-[0-9a-f]+")


def routes(table: str) -> list[tuple[str, str]]:
    """Return the destinations and interfaces of a table in the format of /proc/net/route, without wide ones."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        address, mask = (ipaddress.IPv4Address(bytes.fromhex(fields[x])[::-1]) for x in (1, 7))
        network = ipaddress.IPv4Network(f"{address}/{mask}", strict=False)
        if network.prefixlen >= _SHORTEST_PREFIX:
            found.append((str(network), fields[0]))
    return found


def _overlap(one: str, other: str) -> bool:
    return ipaddress.ip_network(one, strict=False).overlaps(ipaddress.ip_network(other, strict=False))


def in_range(address: str, network: str = LAB_RANGE) -> bool:
    """Whether a text is an IP address in a network."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False


def conflicts(networks: Networks, table: str, addresses: Iterable[str], own: str) -> list[tuple[str, str]]:
    """Return each network of the cluster that is in use, as its kind (node, pod or service) and by what.

    table: content of /proc/net/route; addresses: to which the registry's name resolves; own: subnet of a network that
    the role created earlier, "" if there is none.
    """
    users = [
        (network, f"the route {network} of the interface {interface}")
        for network, interface in routes(table)
        if network != own and not (network == networks["node"] and _ENGINE_BRIDGE.fullmatch(interface))
    ]
    users += [(f"{x}/32", f"the registry, whose name resolves to {x}") for x in addresses if in_range(x)]
    return [(kind, user) for kind, network in networks.items() for used, user in users if _overlap(network, used)]


def _parts(base: str) -> dict[str, str]:
    """Divide a range as the default one is divided."""
    first = ipaddress.IPv4Network(base).network_address
    start = ipaddress.IPv4Network(LAB_RANGE).network_address
    moved = {kind: ipaddress.IPv4Network(x) for kind, x in DEFAULTS.items()}
    return {kind: f"{first + (int(x.network_address) - int(start))}/{x.prefixlen}" for kind, x in moved.items()}


def choose(configured: Networks, facts: Mapping[str, Any], may_change: bool) -> dict[str, str]:
    """Return the networks of a cluster (node, pod, service), and the reason if they are not the configured ones.

    facts: route_table, registry_addresses and own_subnet, as in conflicts(); may_change: whether another range may
    replace the default one.
    """
    table, addresses, own = facts["route_table"], facts["registry_addresses"], facts["own_subnet"]
    candidates = [_parts(x) for x in _ALTERNATIVES]
    if not may_change or dict(configured) != dict(DEFAULTS):
        return {**configured, "reason": ""}
    existing = next((x for x in candidates if x["node"] == own), None)
    if existing:  # of an interrupted creation
        return {**existing, "reason": f"the cluster's network has the subnet {own}"}
    found = conflicts(configured, table, addresses, own)
    fake = [x for x in addresses if in_range(x)]
    if not found and not fake:
        return {**configured, "reason": ""}
    free = next((x for x in candidates if not conflicts(x, table, (), own)), None)
    if free is None:
        return {**configured, "reason": ""}
    user = found[0][1] if found else f"the registry, whose name resolves to {fake[0]}"
    return {**free, "reason": f"{LAB_RANGE} is used by {user}"}
