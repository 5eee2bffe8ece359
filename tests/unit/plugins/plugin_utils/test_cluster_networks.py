# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress
from itertools import combinations

import pytest

from ansible_collections.meshlab.istio.plugins.plugin_utils import cluster_networks
from ansible_collections.meshlab.istio.plugins.plugin_utils.cluster_networks import DEFAULTS, choose, conflicts, routes

# The default route, and that of a local network.
TABLE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def route(network, interface="tun0"):
    parsed = ipaddress.IPv4Network(network)
    address, mask = (bytes(reversed(x.packed)).hex().upper() for x in (parsed.network_address, parsed.netmask))
    return f"{interface}\t{address}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n"


def facts(table=TABLE, addresses=(), own=""):
    return {"route_table": table, "registry_addresses": addresses, "own_subnet": own}


def test_routes():
    assert routes(TABLE + route("198.18.0.0/16", "Meta")) == [("192.0.2.0/24", "eth0"), ("198.18.0.0/16", "Meta")]
    assert routes("") == []
    assert routes("Iface\nincomplete line\n") == []


@pytest.mark.parametrize("wide", ["0.0.0.0/1", "128.0.0.0/1", "196.0.0.0/6"])
def test_routes_of_a_vpn_for_the_whole_internet_are_ignored(wide):
    assert conflicts(DEFAULTS, route("10.0.0.0/8") + route(wide), (), "") == []


@pytest.mark.parametrize(
    ("network", "kinds"),
    [
        ("198.18.0.0/16", ["node", "pod", "service"]),
        ("198.18.0.1/32", ["node"]),
        ("198.18.70.0/24", ["pod"]),
        ("198.18.33.0/24", ["service"]),
        ("198.19.0.0/16", []),
    ],
)
def test_conflicts_with_routes(network, kinds):
    found = conflicts(DEFAULTS, TABLE + route(network, "Meta"), (), "")
    assert [x[0] for x in found] == kinds
    assert all(x[1] == f"the route {network} of the interface Meta" for x in found)


def test_conflict_with_the_address_of_the_registry():
    found = conflicts(DEFAULTS, TABLE, ["44.1.2.3", "198.18.0.131", "fd00::1", ""], "")
    assert found == [("node", "the registry, whose name resolves to 198.18.0.131")]


def test_the_network_of_an_earlier_run_is_not_a_conflict():
    assert conflicts(DEFAULTS, TABLE + route("198.18.0.0/24", "podman1"), (), "198.18.0.0/24") == []


@pytest.mark.parametrize(("interface", "found"), [("podman1", 0), ("br-0a1b2c3d4e5f", 0), ("Meta", 1)])
def test_a_bridge_with_the_same_subnet_is_left_to_the_engine(interface, found):
    assert len(conflicts(DEFAULTS, TABLE + route("198.18.0.0/24", interface), (), "")) == found


def test_free_default_networks_are_kept():
    assert choose(DEFAULTS, facts(), True) == {**DEFAULTS, "reason": ""}


@pytest.mark.parametrize(
    ("table", "addresses", "reason"),
    [
        (
            TABLE + route("198.18.0.0/30", "Meta"),
            (),
            "198.18.0.0/15 is used by the route 198.18.0.0/30 of the interface Meta",
        ),
        # An address outside the lab's own networks too: the tool may answer with one that is inside at any time.
        (TABLE, ["198.19.1.1"], "198.18.0.0/15 is used by the registry, whose name resolves to 198.19.1.1"),
    ],
)
def test_other_networks_are_chosen(table, addresses, reason):
    assert choose(DEFAULTS, facts(table, addresses), True) == {
        "node": "10.218.0.0/24",
        "pod": "10.218.64.0/18",
        "service": "10.218.32.0/20",
        "reason": reason,
    }


def test_alternatives_are_tried_in_order():
    table = TABLE + route("198.18.0.0/16") + route("10.0.0.0/8")
    assert choose(DEFAULTS, facts(table), True)["node"] == "172.30.128.0/24"


def test_networks_are_not_changed_if_they_are_configured_or_required():
    table = TABLE + route("198.18.0.0/16")
    mine = {**DEFAULTS, "pod": "198.18.128.0/18"}
    assert choose(mine, facts(table), True) == {**mine, "reason": ""}
    assert choose(DEFAULTS, facts(table), False) == {**DEFAULTS, "reason": ""}


def test_configured_networks_are_kept_if_nothing_is_free():
    table = TABLE + "".join(map(route, ("198.18.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
    assert choose(DEFAULTS, facts(table), True) == {**DEFAULTS, "reason": ""}


def test_the_network_of_an_interrupted_creation_is_used_again():
    assert choose(DEFAULTS, facts(own="10.218.0.0/24"), True)["pod"] == "10.218.64.0/18"
    assert choose(DEFAULTS, facts(own="198.18.0.0/24"), True) == {**DEFAULTS, "reason": ""}


@pytest.mark.parametrize("base", cluster_networks._ALTERNATIVES)
def test_alternatives_are_valid_and_disjoint(base):
    parts = [ipaddress.IPv4Network(x) for x in cluster_networks._parts(base).values()]
    assert not any(a.overlaps(b) for a, b in combinations(parts, 2))
    assert all(x.subnet_of(ipaddress.IPv4Network(base)) and x.is_private for x in parts)
