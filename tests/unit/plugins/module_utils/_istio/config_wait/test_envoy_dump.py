# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from mesh_objects import ADMIN, cluster_name, metadata, raw_route, read, route_config, weighted

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import (
    LISTENERS,
    ROUTES,
    Dump,
    DumpError,
    listener_ports,
    outbound_clusters,
    route_config_port,
    rule_tag,
    tcp_targets,
    virtual_hosts,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_routes import destination_shares


def test_full_dump_and_dump_of_one_resource():
    config = route_config("8080", {"name": "catalog", "domains": ["catalog"], "routes": [raw_route()]})
    single = {"configs": [{"@type": f"{ADMIN}.RoutesConfigDump.DynamicRouteConfig", "route_config": config}]}
    full = {
        "configs": [
            {"@type": f"{ADMIN}.BootstrapConfigDump", "bootstrap": {}},
            {
                "@type": f"{ADMIN}.RoutesConfigDump",
                "static_route_configs": [{"route_config": route_config("inbound|8080||")}],
                "dynamic_route_configs": [{"route_config": config}],
            },
        ]
    }
    assert read(**{ROUTES: single}).routes == [config]
    assert read(**{ROUTES: full}).routes == [config]


def test_active_listeners_and_rejected_updates():
    listeners = {
        "configs": [
            {"name": "0.0.0.0_80", "active_state": {"listener": {"name": "0.0.0.0_80"}}},
            {
                "name": "0.0.0.0_81",
                "warming_state": {"listener": {"name": "0.0.0.0_81"}},
                "error_state": {"details": "error adding listener: duplicate matcher"},
            },
        ]
    }
    dump = read(**{LISTENERS: listeners})
    assert [x["name"] for x in dump.listeners] == ["0.0.0.0_80"]
    assert dump.rejected == ["error adding listener: duplicate matcher"]


@pytest.mark.parametrize("text", ["{}", "dynamic_listeners not found in config dump"])
def test_a_proxy_without_listeners(text):
    assert read(**{LISTENERS: text}).listeners == []


@pytest.mark.parametrize("text", ["", "upstream connect error", "[]"])
def test_other_responses_are_errors(text):
    with pytest.raises(DumpError, match="the response is not a configuration dump"):
        read(**{ROUTES: text})


def test_rule_tag_of_old_and_new_releases():
    for version in ("v1alpha3", "v1"):
        assert rule_tag({"metadata": metadata(version=version)}) == ("virtual-service", "shop", "catalog")
    assert rule_tag({}) is None
    assert rule_tag({"metadata": {"filter_metadata": {"istio": {"services": []}}}}) is None


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("8080", 8080),
        ("1.example.com:9153", 9153),
        ("http.8080", 8080),
        ("https.443.https-web.gateway.shop", 443),
        ("inbound-vip", None),
    ],
)
def test_route_config_port(name, port):
    assert route_config_port({"name": name}) == port


def test_virtual_hosts_have_their_domains_and_their_name():
    dump = Dump(
        routes=[
            route_config(
                "catalog.shop.svc.cluster.local:8080", {"name": "catalog.shop.svc.cluster.local:8080", "domains": ["*"]}
            ),
            route_config("http.8080", {"name": "a.example.com:80", "domains": ["a.example.com", "a.example.com:*"]}),
            route_config("inbound|8080||", {"name": "inbound|http|8080", "domains": ["*"]}),
        ]
    )
    assert list(virtual_hosts(dump)) == [
        ("catalog.shop.svc.cluster.local:8080", 8080, {"*", "catalog.shop.svc.cluster.local"}, []),
        ("http.8080", 8080, {"a.example.com"}, []),
    ]


def test_listener_ports_and_tcp_targets():
    hcm = {"rds": {"route_config_name": "http.8080"}}
    tcp = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        **weighted(v1=1, v2=3),
    }
    dump = Dump(
        listeners=[
            {
                "address": {"socket_address": {"port_value": 8080}},
                "filter_chains": [{"filters": [{"typed_config": hcm}]}],
            },
            {
                "address": {"socket_address": {"port_value": 9443}},
                "filter_chains": [
                    {
                        "filter_chain_match": {"server_names": ["a.example.com"]},
                        "filters": [{"typed_config": tcp}],
                        "metadata": metadata(),
                    }
                ],
            },
            {"address": {"pipe": {"path": "/x"}}},
        ]
    )
    assert listener_ports(dump) == {8080: {"http.8080"}, 9443: set()}
    [(tag, names, clusters)] = tcp_targets(dump)
    assert tag == ("virtual-service", "shop", "catalog")
    assert names == {"a.example.com"}
    assert destination_shares(clusters) == {
        ("v1.shop.svc.cluster.local", 8080, ""): 1,
        ("v2.shop.svc.cluster.local", 8080, ""): 3,
    }


def test_outbound_clusters():
    names = [cluster_name("catalog", 8080, "v1"), "inbound|8080||", "BlackHoleCluster", "outbound_.8080_._.x"]
    dump = Dump(clusters=[{"name": x} for x in names])
    assert [x[:3] for x in outbound_clusters(dump)] == [("catalog.shop.svc.cluster.local", 8080, "v1")]
