# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from mesh_objects import (
    EDGE,
    GATEWAY_POD,
    compared,
    custom,
    gateway,
    gateway_dump,
    needs,
    plain_routes,
    routes,
    rule,
    server,
    sidecar_dump,
    tagged,
    virtual_service,
)

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import Dump
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import resources


def test_a_sidecar_that_has_the_routes():
    missing, found = compared(virtual_service(), sidecar_dump(routes()))
    assert missing == []
    assert found == ["catalog.shop.svc in 8080: prefix / -> v1.shop:8080 80 %, v2.shop:8080 20 %"]


def test_routes_that_are_never_reached_do_not_count():  # Istio 1.7 sends them, newer releases do not
    assert compared(virtual_service(), sidecar_dump([*routes(), *routes([50, 50])]))[0] == []


@pytest.mark.parametrize(
    ("dump", "told"),
    [
        (
            sidecar_dump(routes([50, 50])),
            "catalog.shop.svc in 8080: it has prefix / -> v1.shop:8080 50 %, v2.shop:8080 50 %, "
            "wanted is prefix / -> v1.shop 80 %, v2.shop 20 %",
        ),
        (
            sidecar_dump([*routes([50, 50]), *routes()]),  # the first catches all
            "catalog.shop.svc in 8080: it has prefix / -> v1.shop:8080 50 %, v2.shop:8080 50 %, "
            "wanted is prefix / -> v1.shop 80 %, v2.shop 20 %",
        ),
        (sidecar_dump(plain_routes()), "catalog.shop.svc in 8080: its routes come from no rule"),
        (
            sidecar_dump(routes(name="older")),
            "catalog.shop.svc in 8080: its routes come from VirtualService shop/older",
        ),
        (sidecar_dump(routes(), "other.shop.svc.cluster.local"), "it has no virtual host for catalog.shop.svc"),
        (Dump(), "it has no virtual host for catalog.shop.svc"),
    ],
)
def test_a_sidecar_that_lags(dump, told):
    assert compared(virtual_service(), dump)[0] == [told]


def test_every_host_has_to_be_there():
    assert compared(virtual_service(["catalog", "basket"]), sidecar_dump(routes()))[0] == [
        "it has no virtual host for basket.shop.svc"
    ]


def test_a_gateway_has_its_own_of_several_rules_for_a_host():
    item = virtual_service(["*"], gateways=["front"])
    held = [*routes(name="other"), *routes(), *routes()]  # twice, as two servers have it
    at_edge = {"proxy": GATEWAY_POD, "names": ["shop/front"], "services": [EDGE]}
    missing, found = compared(item, gateway_dump(held), gateway(), **at_edge)
    assert missing == []
    assert found == ["*.example.com in http.8080: prefix / -> v1.shop:8080 80 %, v2.shop:8080 20 %"]
    assert compared(item, gateway_dump(held, port=81, rds=["http.81"]), gateway(), **at_edge)[0] == [
        "it has no virtual host for *.example.com"
    ]
    # One server with the routes does not make up for another one.
    both = gateway(server(), server(443, "HTTPS", tls={"mode": "SIMPLE"}))
    assert compared(item, gateway_dump(held), both, **at_edge)[0] == ["it has no virtual host for *.example.com"]
    redirects = gateway(server(), server(81, tls={"httpsRedirect": True}))
    assert compared(item, gateway_dump(held), redirects, **at_edge)[0] == []


def test_one_port_with_the_routes_does_not_make_up_for_another_one():
    half = sidecar_dump(routes())
    half.routes += sidecar_dump(plain_routes(), port=9090).routes
    assert compared(virtual_service(), half)[0] == ["catalog.shop.svc in 9090: its routes come from no rule"]
    only = virtual_service()
    only["spec"]["http"][0]["match"] = [{"port": 8080}]
    assert compared(only, half)[0] == []


def test_a_host_of_a_tcp_server_is_none_for_http():
    front = gateway(server(hosts=["b.org"]), server(31400, "TCP", ["*"]))
    item = virtual_service(["a.example.com"], gateways=["front"])
    assert needs(item, front)[1] == ["none of its hosts (a.example.com) is one of Gateway shop/front (*, b.org)"]
    item["spec"]["tcp"] = [{"route": [{"destination": {"host": "v1"}}]}]
    assert list(needs(item, front)[0]) == ["istio-system/gateway"]


def test_tcp_is_looked_for_in_listeners():
    item = custom(
        "VirtualService",
        hosts=["catalog"],
        tcp=[{"route": [{"destination": {"host": "v1", "port": {"number": 9000}}}]}],
    )
    proxy = {"@type": "x.TcpProxy", "cluster": "outbound|9000||v1.shop.svc.cluster.local"}
    dump = Dump(listeners=[{"filter_chains": [{"filters": [{"typed_config": proxy}], "metadata": tagged()}]}])
    assert resources([rule(item)]) == ["dynamic_listeners", "dynamic_route_configs"]
    assert compared(item, dump) == ([], ["TCP -> v1.shop:9000"])
    proxy["cluster"] = "outbound|9000||v2.shop.svc.cluster.local"
    assert compared(item, dump) == (["no listener sends TCP -> v1.shop:9000"], ["TCP -> v2.shop:9000"])
