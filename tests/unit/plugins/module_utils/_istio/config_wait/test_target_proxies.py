# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from mesh_objects import ROOT, custom, gateway, needs, plain_pod, server, virtual_service


@pytest.mark.parametrize(
    ("export", "titles"),
    [
        (None, ["default/far", "shop/client"]),
        (["*"], ["default/far", "shop/client"]),
        (["."], ["shop/client"]),
        (["default"], ["default/far"]),
    ],
)
def test_a_rule_in_the_mesh_is_for_the_sidecars_that_it_is_exported_to(export, titles):
    found, reasons = needs(virtual_service(**({"exportTo": export} if export else {})))
    assert list(found) == titles
    assert reasons == []
    assert all(names == {"mesh"} for names in found.values())


def test_nobody_hears_of_a_rule_that_is_exported_to_nobody():
    assert needs(virtual_service(exportTo=["nowhere"])) == (
        {},
        ['exportTo ["nowhere"] fits no namespace that has a proxy'],
    )
    assert needs(virtual_service(), pods=[plain_pod("plain")]) == ({}, ["no proxy runs in the cluster"])


@pytest.mark.parametrize(
    ("egress", "hears"),
    [
        (["./*"], True),
        (["*/catalog.shop.svc.cluster.local"], True),
        (["shop/*.shop.svc.cluster.local"], True),
        (["istio-system/*"], False),
        (["~/*"], False),
        (["./other.shop.svc.cluster.local"], False),
    ],
)
def test_a_sidecar_object_narrows_what_a_proxy_hears(egress, hears):
    narrow = custom("Sidecar", "default", egress=[{"hosts": egress}])
    found, _reasons = needs(virtual_service(exportTo=["."]), narrow)
    assert bool(found) is hears


def test_the_sidecar_object_of_the_workload_counts_before_that_of_the_namespace_and_the_mesh():
    mesh = custom("Sidecar", "mesh", ROOT, egress=[{"hosts": ["~/*"]}])
    namespace = custom("Sidecar", "default", egress=[{"hosts": ["*/*"]}])
    own = custom("Sidecar", "own", egress=[{"hosts": ["~/*"]}], workloadSelector={"labels": {"app": "client"}})
    item = virtual_service(exportTo=["."])
    assert needs(item, mesh)[1] == ["every proxy's Sidecar object leaves its hosts out"]
    assert list(needs(item, mesh, namespace)[0]) == ["shop/client"]
    assert needs(item, mesh, namespace, own)[0] == {}


def test_a_rule_at_a_gateway_is_for_its_pods():
    item = virtual_service(["a.example.com"], gateways=["front", "mesh"])
    found, reasons = needs(item, gateway())
    assert found == {"istio-system/gateway": {"shop/front"}, "shop/client": {"mesh"}, "default/far": {"mesh"}}
    assert reasons == []


@pytest.mark.parametrize(
    ("front", "told"),
    [
        (None, "there is no Gateway shop/front"),
        (
            gateway(selector={"istio": "other"}),
            "the selector istio=other of Gateway shop/front fits no running gateway pod "
            "(there are some with istio=ingressgateway)",
        ),
        (
            gateway(server(hosts=["b.org"])),
            "none of its hosts (a.example.com) is one of Gateway shop/front (b.org)",
        ),
    ],
)
def test_why_no_gateway_gets_it(front, told):
    item = virtual_service(["a.example.com"], gateways=["front"])
    assert needs(item, *([front] if front else [])) == ({}, [told])


def test_a_destination_rule_is_for_all_or_for_its_own_namespace():
    own = custom("DestinationRule", host="catalog")
    other = custom("DestinationRule", namespace="default", host="catalog.shop.svc.cluster.local")
    mesh = custom("DestinationRule", namespace=ROOT, host="*.shop.svc.cluster.local")
    everyone = ["istio-system/gateway", "default/far", "shop/client"]
    assert sorted(needs(own)[0]) == sorted(needs(mesh)[0]) == sorted(everyone)
    assert list(needs(other)[0]) == ["default/far"]
    assert needs(custom("DestinationRule", host="nowhere")) == (
        {},
        ["no Service or ServiceEntry has the host nowhere.shop.svc"],
    )
    entry = custom("ServiceEntry", "outside", hosts=["api.example.com"])
    assert len(needs(custom("DestinationRule", host="api.example.com"), entry)[0]) == 3
