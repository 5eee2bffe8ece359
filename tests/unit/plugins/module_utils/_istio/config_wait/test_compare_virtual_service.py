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


def test_applied_routes():
    missing, applied = compared(virtual_service(), sidecar_dump(routes()))
    assert missing == []
    assert applied == ["catalog.shop.svc in 8080: prefix / -> v1.shop:8080 80%, v2.shop:8080 20%"]


def test_unreachable_routes_are_ignored():  # Istio 1.7 sends them, newer releases do not
    assert compared(virtual_service(), sidecar_dump([*routes(), *routes([50, 50])]))[0] == []


@pytest.mark.parametrize(
    ("dump", "difference"),
    [
        (
            sidecar_dump(routes([50, 50])),
            "catalog.shop.svc in 8080: expected prefix / -> v1.shop 80%, v2.shop 20%, "
            "got prefix / -> v1.shop:8080 50%, v2.shop:8080 50%",
        ),
        (
            sidecar_dump([*routes([50, 50]), *routes()]),  # the first one matches everything
            "catalog.shop.svc in 8080: expected prefix / -> v1.shop 80%, v2.shop 20%, "
            "got prefix / -> v1.shop:8080 50%, v2.shop:8080 50%",
        ),
        (sidecar_dump(plain_routes()), "catalog.shop.svc in 8080: no VirtualService is applied"),
        (
            sidecar_dump(routes(name="older")),
            "catalog.shop.svc in 8080: VirtualService shop/older configures the routes",
        ),
        (sidecar_dump(routes(), "other.shop.svc.cluster.local"), "the proxy has no virtual host for catalog.shop.svc"),
        (Dump(), "the proxy has no virtual host for catalog.shop.svc"),
    ],
)
def test_missing_routes(dump, difference):
    assert compared(virtual_service(), dump)[0] == [difference]


def test_every_host_is_required():
    assert compared(virtual_service(["catalog", "basket"]), sidecar_dump(routes()))[0] == [
        "the proxy has no virtual host for basket.shop.svc"
    ]


def test_one_of_several_rules_for_a_host_at_a_gateway():
    item = virtual_service(["*"], gateways=["front"])
    held = [*routes(name="other"), *routes(), *routes()]  # twice, because two servers have it
    at_edge = {"proxy": GATEWAY_POD, "names": ["shop/front"], "services": [EDGE]}
    missing, applied = compared(item, gateway_dump(held), gateway(), **at_edge)
    assert missing == []
    assert applied == ["*.example.com in http.8080: prefix / -> v1.shop:8080 80%, v2.shop:8080 20%"]
    assert compared(item, gateway_dump(held, port=81, rds=["http.81"]), gateway(), **at_edge)[0] == [
        "the proxy has no virtual host for *.example.com"
    ]
    # Every server needs the routes.
    both = gateway(server(), server(443, "HTTPS", tls={"mode": "SIMPLE"}))
    assert compared(item, gateway_dump(held), both, **at_edge)[0] == ["the proxy has no virtual host for *.example.com"]
    redirects = gateway(server(), server(81, tls={"httpsRedirect": True}))
    assert compared(item, gateway_dump(held), redirects, **at_edge)[0] == []


def test_every_port_needs_the_routes():
    half = sidecar_dump(routes())
    half.routes += sidecar_dump(plain_routes(), port=9090).routes
    assert compared(virtual_service(), half)[0] == ["catalog.shop.svc in 9090: no VirtualService is applied"]
    one_port = virtual_service()
    one_port["spec"]["http"][0]["match"] = [{"port": 8080}]
    assert compared(one_port, half)[0] == []


def test_hosts_of_tcp_servers_are_ignored_for_http_routes():
    front = gateway(server(hosts=["b.org"]), server(31400, "TCP", ["*"]))
    item = virtual_service(["a.example.com"], gateways=["front"])
    assert needs(item, front)[1] == ["none of its hosts (a.example.com) is a host of Gateway shop/front (*, b.org)"]
    item["spec"]["tcp"] = [{"route": [{"destination": {"host": "v1"}}]}]
    assert list(needs(item, front)[0]) == ["istio-system/gateway"]


def test_tcp_routes_in_listeners():
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
    assert compared(item, dump) == (["the proxy has no listener for TCP -> v1.shop:9000"], ["TCP -> v2.shop:9000"])
