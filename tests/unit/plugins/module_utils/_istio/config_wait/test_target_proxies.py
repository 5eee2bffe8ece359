# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from mesh_objects import ROOT, custom, gateway, needs, plain_pod, pod, server, virtual_service


@pytest.mark.parametrize(
    ("export", "titles"),
    [
        (None, ["default/far", "shop/client"]),
        (["*"], ["default/far", "shop/client"]),
        (["."], ["shop/client"]),
        (["default"], ["default/far"]),
    ],
)
def test_a_mesh_rule_applies_to_sidecars_in_exported_namespaces(export, titles):
    found, reasons = needs(virtual_service(**({"exportTo": export} if export else {})))
    assert list(found) == titles
    assert reasons == []
    assert all(names == {"mesh"} for names in found.values())


def test_reasons_if_no_proxy_is_in_an_exported_namespace():
    assert needs(virtual_service(exportTo=["nowhere"])) == (
        {},
        ['exportTo ["nowhere"] matches no namespace with a proxy'],
    )
    assert needs(virtual_service(), pods=[plain_pod("plain")]) == ({}, ["no proxy is running in the cluster"])


@pytest.mark.parametrize(
    ("egress", "imported"),
    [
        (["./*"], True),
        (["*/catalog.shop.svc.cluster.local"], True),
        (["shop/*.shop.svc.cluster.local"], True),
        (["istio-system/*"], False),
        (["~/*"], False),
        (["./other.shop.svc.cluster.local"], False),
    ],
)
def test_egress_of_a_sidecar_object(egress, imported):
    sidecar = custom("Sidecar", "default", egress=[{"hosts": egress}])
    found, _reasons = needs(virtual_service(exportTo=["."]), sidecar)
    assert bool(found) is imported


def test_precedence_of_sidecar_objects():
    mesh = custom("Sidecar", "mesh", ROOT, egress=[{"hosts": ["~/*"]}])
    namespace = custom("Sidecar", "default", egress=[{"hosts": ["*/*"]}])
    own = custom("Sidecar", "own", egress=[{"hosts": ["~/*"]}], workloadSelector={"labels": {"app": "client"}})
    item = virtual_service(exportTo=["."])
    assert needs(item, mesh)[1] == ["the Sidecar objects of all proxies exclude its hosts"]
    assert list(needs(item, mesh, namespace)[0]) == ["shop/client"]
    assert needs(item, mesh, namespace, own)[0] == {}


def test_objects_without_a_spec_are_ignored():
    objects = [custom(kind) for kind in ("Sidecar", "ServiceEntry")]
    for item in objects:
        del item["spec"]
    assert list(needs(virtual_service(exportTo=["."]), *objects)[0]) == ["shop/client"]
    assert needs(custom("DestinationRule", host="nowhere"), *objects)[1] == [
        "no Service or ServiceEntry has the host nowhere.shop.svc"
    ]


def test_a_gateway_rule_applies_to_the_gateway_pods():
    item = virtual_service(["a.example.com"], gateways=["front", "mesh"])
    found, reasons = needs(item, gateway())
    assert found == {"istio-system/gateway": {"shop/front"}, "shop/client": {"mesh"}, "default/far": {"mesh"}}
    assert reasons == []


@pytest.mark.parametrize(
    ("front", "reason"),
    [
        (None, "Gateway shop/front does not exist"),
        (
            gateway(selector={"istio": "other"}),
            "the selector istio=other of Gateway shop/front matches no running gateway pod "
            "(running: istio=ingressgateway)",
        ),
        (
            gateway(server(hosts=["b.org"])),
            "none of its hosts (a.example.com) is a host of Gateway shop/front (b.org)",
        ),
    ],
)
def test_reasons_if_no_gateway_pod_needs_a_rule(front, reason):
    item = virtual_service(["a.example.com"], gateways=["front"])
    assert needs(item, *([front] if front else [])) == ({}, [reason])


def test_a_destination_rule_applies_to_all_or_to_its_own_namespace():
    own = custom("DestinationRule", host="catalog")
    other = custom("DestinationRule", namespace="default", host="catalog.shop.svc.cluster.local")
    mesh = custom("DestinationRule", namespace=ROOT, host="*.shop.svc.cluster.local")
    all_proxies = ["istio-system/gateway", "default/far", "shop/client"]
    assert sorted(needs(own)[0]) == sorted(needs(mesh)[0]) == sorted(all_proxies)
    assert list(needs(other)[0]) == ["default/far"]
    assert needs(custom("DestinationRule", host="nowhere")) == (
        {},
        ["no Service or ServiceEntry has the host nowhere.shop.svc"],
    )
    entry = custom("ServiceEntry", "external", hosts=["api.example.com"])
    assert len(needs(custom("DestinationRule", host="api.example.com"), entry)[0]) == 3


def labeled(item, revision):
    item["metadata"]["labels"] = {"istio.io/rev": revision}
    return item


@pytest.mark.parametrize(
    "item", [virtual_service(), custom("DestinationRule", host="catalog")], ids=["VirtualService", "DestinationRule"]
)
def test_a_rule_of_a_revision_applies_to_proxies_of_this_revision(item):
    pods = [pod(name, labels={"istio.io/rev": name}) for name in ("canary", "stable")]
    pods.append(pod("old-release"))
    found, reasons = needs(labeled(item, "canary"), pods=pods)
    assert (sorted(found), reasons) == (["shop/canary", "shop/old-release"], [])
    assert needs(labeled(item, "canary"), pods=pods[1:2]) == ({}, ["no proxy of revision canary is running"])


def test_a_gateway_of_a_revision_applies_to_its_pods():
    pods = [
        pod(name, ROOT, "router", labels={"istio": "ingressgateway", "istio.io/rev": name})
        for name in ("canary", "stable")
    ]
    assert list(needs(labeled(gateway(), "stable"), pods=pods)[0]) == ["istio-system/stable"]
