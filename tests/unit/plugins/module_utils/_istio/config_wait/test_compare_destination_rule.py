# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from mesh_objects import DESTINATION_RULE, GATEWAY_POD, ROOT, cluster, compared, custom, metadata, pod

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import Dump

LIMITED = {"circuit_breakers": {"thresholds": [{"max_connections": 7}]}}


def test_applied_destination_rule():
    held = [cluster(**LIMITED), cluster("v1", **LIMITED), cluster("v2", lb_policy="RANDOM", **LIMITED)]
    assert compared(DESTINATION_RULE, Dump(clusters=held)) == ([], ["catalog.shop:8080 subsets v1, v2"])


def test_missing_destination_rule():
    held = [cluster(**LIMITED), cluster("v2", **LIMITED), cluster("v3")]
    assert compared(DESTINATION_RULE, Dump(clusters=held))[0] == [
        "the proxy has no cluster for catalog.shop:8080 subset v1",
        "the cluster for catalog.shop:8080 subset v2 has load balancing ROUND_ROBIN instead of RANDOM",
        "the cluster for catalog.shop:8080 subset v3 still exists",
    ]
    assert compared(DESTINATION_RULE, Dump(clusters=[cluster(name=None)]))[0] == [
        "the cluster for catalog.shop:8080 has no DestinationRule"
    ]
    assert compared(DESTINATION_RULE, Dump())[0] == ["the proxy has no cluster for catalog.shop.svc"]
    assert compared(DESTINATION_RULE, Dump(), proxy=GATEWAY_POD) == ([], [])


def test_rules_for_the_same_host_are_merged():
    held = Dump(clusters=[cluster(**LIMITED), *(cluster(x, lb_policy="RANDOM", **LIMITED) for x in ("v1", "v2", "v3"))])
    other = custom("DestinationRule", "other", host="catalog.shop.svc.cluster.local", subsets=[{"name": "v3"}])
    assert compared(DESTINATION_RULE, held, other)[0] == []
    assert compared(other, held, DESTINATION_RULE)[0] == []
    assert compared(custom("DestinationRule", "third", host="catalog"), held)[0] == [
        "the cluster for catalog.shop:8080 is configured by DestinationRule shop/catalog"
    ]


SHOP_RULE = custom("DestinationRule", host="catalog")
SHOP_WILDCARD = custom("DestinationRule", "wildcard", host="*.shop.svc.cluster.local")
MESH_RULE = custom("DestinationRule", "mesh", ROOT, host="*.local")
MESH_EXACT = custom("DestinationRule", "mesh", ROOT, host="catalog.shop.svc.cluster.local")
CLIENT_RULE = custom("DestinationRule", "client", "web", host="*.shop.svc.cluster.local")


@pytest.mark.parametrize(
    ("rule", "in_effect", "applied"),
    [
        (MESH_RULE, SHOP_RULE, True),
        (MESH_RULE, SHOP_WILDCARD, True),
        (MESH_EXACT, SHOP_WILDCARD, True),
        (SHOP_WILDCARD, SHOP_RULE, True),
        (SHOP_RULE, CLIENT_RULE, True),
        (SHOP_RULE, SHOP_WILDCARD, False),
        (SHOP_RULE, MESH_EXACT, False),
        (CLIENT_RULE, SHOP_RULE, False),
    ],
)
def test_a_rule_that_another_one_replaces_by_design_is_applied(rule, in_effect, applied):
    own = in_effect["metadata"]
    held = cluster(name=None) | {"metadata": metadata("destination-rule", own["namespace"], own["name"])}
    missing, found = compared(rule, Dump(clusters=[held]), rule, in_effect, proxy=pod("client", "web"))
    title = f"DestinationRule {own['namespace']}/{own['name']}"
    if applied:
        assert (missing, found) == ([], [f"catalog.shop:8080: {title} takes precedence"])
    else:
        assert missing == [f"the cluster for catalog.shop:8080 is configured by {title}"]


def test_a_rule_that_replaces_another_one_must_exist():
    held = cluster(name=None) | {"metadata": metadata("destination-rule", "shop", "deleted")}
    missing, _found = compared(MESH_RULE, Dump(clusters=[held]), MESH_RULE)
    assert missing == ["the cluster for catalog.shop:8080 is configured by DestinationRule shop/deleted"]
