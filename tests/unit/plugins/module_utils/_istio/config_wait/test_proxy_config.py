# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait import proxy_config as subject

ADMIN = "type.googleapis.com/envoy.admin.v3"
DOMAIN = "cluster.local"

# ---- what Envoy's admin port gives, as a proxy of Istio 1.27 does, without what nobody reads ----


def metadata(kind="virtual-service", namespace="shop", name="catalog", version="v1"):
    config = f"/apis/networking.istio.io/{version}/namespaces/{namespace}/{kind}/{name}"
    return {"filter_metadata": {"istio": {"config": config}}}


def cluster_name(host, port=8080, subset=""):
    return f"outbound|{port}|{subset}|{host}.shop.svc.{DOMAIN}"


def route(match=None, **action):
    return {"match": match or {"prefix": "/"}, "route": {"timeout": "0s", **action}, "metadata": metadata()}


def weighted(**weights):
    clusters = [
        {"name": cluster_name(host), **({"weight": weight} if weight else {})} for host, weight in weights.items()
    ]
    return {"weighted_clusters": {"clusters": clusters}}


def read(**resources):
    dump = subject.Dump()
    for resource, text in resources.items():
        subject.add(dump, resource, text if isinstance(text, str) else json.dumps(text))
    return dump


def route_config(name, *virtual_hosts):
    return {"name": name, "virtual_hosts": list(virtual_hosts)}


# ---- reading ----


def test_a_dump_of_one_resource_and_the_whole_one_give_the_same():
    config = route_config("8080", {"name": "catalog", "domains": ["catalog"], "routes": [route()]})
    one = {"configs": [{"@type": f"{ADMIN}.RoutesConfigDump.DynamicRouteConfig", "route_config": config}]}
    whole = {
        "configs": [
            {"@type": f"{ADMIN}.BootstrapConfigDump", "bootstrap": {}},
            {
                "@type": f"{ADMIN}.RoutesConfigDump",
                "static_route_configs": [{"route_config": route_config("inbound|8080||")}],
                "dynamic_route_configs": [{"route_config": config}],
            },
        ]
    }
    assert read(**{subject.ROUTES: one}).routes == [config]
    assert read(**{subject.ROUTES: whole}).routes == [config]


def test_only_what_is_in_force_counts_and_what_was_refused_is_told():
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
    dump = read(**{subject.LISTENERS: listeners})
    assert [x["name"] for x in dump.listeners] == ["0.0.0.0_80"]
    assert dump.refused == ["error adding listener: duplicate matcher"]


@pytest.mark.parametrize("text", ["{}", "dynamic_listeners not found in config dump"])
def test_a_proxy_that_has_none_says_so_in_its_way(text):
    assert read(**{subject.LISTENERS: text}).listeners == []


@pytest.mark.parametrize("text", ["", "upstream connect error", "[]"])
def test_what_is_no_dump_is_told(text):
    with pytest.raises(subject.DumpError, match="its answer is no configuration dump"):
        read(**{subject.ROUTES: text})


def test_the_tag_of_old_and_new_releases():
    for version in ("v1alpha3", "v1"):
        assert subject.tag({"metadata": metadata(version=version)}) == ("virtual-service", "shop", "catalog")
    assert subject.tag({}) is None
    assert subject.tag({"metadata": {"filter_metadata": {"istio": {"services": []}}}}) is None


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
def test_the_port_of_a_route_configuration(name, port):
    assert subject.port_of({"name": name}) == port


def test_virtual_hosts_answer_to_their_domains_and_their_name():
    dump = subject.Dump(
        routes=[
            route_config(
                "catalog.shop.svc.cluster.local:8080", {"name": "catalog.shop.svc.cluster.local:8080", "domains": ["*"]}
            ),
            route_config("http.8080", {"name": "a.example.com:80", "domains": ["a.example.com", "a.example.com:*"]}),
            route_config("inbound|8080||", {"name": "inbound|http|8080", "domains": ["*"]}),
        ]
    )
    assert list(subject.virtual_hosts(dump)) == [
        ("catalog.shop.svc.cluster.local:8080", 8080, {"*", "catalog.shop.svc.cluster.local"}, []),
        ("http.8080", 8080, {"a.example.com"}, []),
    ]


def test_listeners_give_ports_route_configurations_and_tcp():
    hcm = {"rds": {"route_config_name": "http.8080"}}
    tcp = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        **weighted(v1=1, v2=3),
    }
    dump = subject.Dump(
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
    assert subject.listener_ports(dump) == {8080: {"http.8080"}, 9443: set()}
    [(tag, names, clusters)] = subject.tcp_targets(dump)
    assert tag == ("virtual-service", "shop", "catalog")
    assert names == {"a.example.com"}
    assert subject.tcp_shares(clusters) == {
        ("v1.shop.svc.cluster.local", 8080, ""): 1,
        ("v2.shop.svc.cluster.local", 8080, ""): 3,
    }


def test_clusters_for_services_are_told_from_others():
    names = [cluster_name("catalog", 8080, "v1"), "inbound|8080||", "BlackHoleCluster", "outbound_.8080_._.x"]
    dump = subject.Dump(clusters=[{"name": x} for x in names])
    assert [x[:3] for x in subject.outbound_clusters(dump)] == [("catalog.shop.svc.cluster.local", 8080, "v1")]


# ---- names ----


def test_hosts():
    assert subject.full_host("catalog", "shop") == "catalog.shop.svc"
    assert subject.full_host("catalog.other.svc.cluster.local", "shop") == "catalog.other.svc.cluster.local"
    assert subject.full_host("*", "shop") == "*"
    assert subject.same_host("catalog.shop.svc.cluster.local", "catalog.shop.svc")
    assert not subject.same_host("catalog.shop.svc.cluster.local", "catalog.sho")
    assert not subject.same_host("catalog.example.com", "catalog")
    assert subject.covers("*.example.com", "a.example.com")
    assert subject.covers("*", "*.example.com")
    assert not subject.covers("*.example.com", "example.com")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1m30s", 90), ("0.250s", 0.25), ("250ms", 0.25), ("1h", 3600), ("0s", 0), (None, None), ("", None)],
)
def test_durations_of_rules_and_of_envoy(text, value):
    assert subject.seconds(text) == value


# ---- one form for routes ----


def rule(*http):
    return {"hosts": ["catalog"], "http": list(http)}


def to(host, weight=None, subset=None, port=None):
    destination = {"host": host}
    if subset:
        destination["subset"] = subset
    if port:
        destination["port"] = {"number": port}
    return {"destination": destination, **({} if weight is None else {"weight": weight})}


def wanted(spec, gateways=("mesh",), labels=None, namespace="shop", port=8080):
    return subject.rule_routes(spec, "shop", set(gateways), labels or {}, namespace, port)


def reaches(http, *envoy):
    """Whether what a rule's HTTP route asks for is what these routes of Envoy's are."""
    asked, had = wanted(rule(http)), [subject.route_of(x) for x in envoy]
    return len(asked) == len(had) and all(subject.same_route(x, y) for x, y in zip(asked, had))


SPLIT = {"route": [to("v1", 80), to("v2", 20)]}


@pytest.mark.parametrize(
    ("http", "envoy"),
    [
        (SPLIT, [route(**weighted(v1=80, v2=20))]),
        # A weight of nothing is left out, and one destination alone has no weight.
        ({"route": [to("v1", 100), to("v2", 0)]}, [route(**weighted(v1=100))]),
        ({"route": [to("v1", 100), to("v2", 0)]}, [route(cluster=cluster_name("v1"))]),
        ({"route": [to("v1")]}, [route(cluster=cluster_name("v1"))]),
        # Weights are shares of their sum.
        ({"route": [to("v1", 4), to("v2", 1)]}, [route(**weighted(v1=80, v2=20))]),
        ({"route": [to("v1", subset="a", port=9090)]}, [route(cluster=cluster_name("v1", 9090, "a"))]),
        # Several conditions are routes of their own.
        (
            {"match": [{"uri": {"prefix": "/a"}}, {"uri": {"exact": "/b"}, "ignoreUriCase": True}], **SPLIT},
            [
                route({"prefix": "/a", "case_sensitive": True}, **weighted(v1=80, v2=20)),
                route({"path": "/b", "case_sensitive": False}, **weighted(v1=80, v2=20)),
            ],
        ),
        # Headers as 1.7 writes them, and as 1.27 does.
        (
            {"match": [{"headers": {"end-user": {"exact": "jason"}}}], **SPLIT},
            [
                route(
                    {"prefix": "/", "headers": [{"name": "end-user", "exact_match": "jason"}]}, **weighted(v1=80, v2=20)
                )
            ],
        ),
        (
            {"match": [{"headers": {"End-User": {"prefix": "ja"}}, "method": {"exact": "POST"}}], **SPLIT},
            [
                route(
                    {
                        "prefix": "/",
                        "headers": [
                            {"name": "end-user", "string_match": {"prefix": "ja"}},
                            {"name": ":method", "string_match": {"exact": "POST"}},
                        ],
                    },
                    **weighted(v1=80, v2=20),
                )
            ],
        ),
        (
            {"match": [{"withoutHeaders": {"x-new": {}}, "queryParams": {"page": {"regex": "[0-9]+"}}}], **SPLIT},
            [
                route(
                    {
                        "prefix": "/",
                        "headers": [{"name": "x-new", "present_match": True, "invert_match": True}],
                        "query_parameters": [{"name": "page", "string_match": {"safe_regex": {"regex": "[0-9]+"}}}],
                    },
                    **weighted(v1=80, v2=20),
                )
            ],
        ),
        (
            {"match": [{"uri": {"regex": "/old.*"}}], "redirect": {"uri": "/new", "redirectCode": 302}},
            [
                {
                    "match": {"safe_regex": {"regex": "/old.*"}},
                    "redirect": {"path_redirect": "/new", "response_code": "FOUND"},
                }
            ],
        ),
        ({"directResponse": {"status": 418}}, [{"match": {"prefix": "/"}, "direct_response": {"status": 418}}]),
        (
            {"rewrite": {"uri": "/x"}, "timeout": "500ms", "retries": {"attempts": 3}, **SPLIT},
            [
                route(
                    prefix_rewrite="/x",
                    timeout="0.500s",
                    retry_policy={"num_retries": 3},
                    **weighted(v1=80, v2=20),
                )
            ],
        ),
        (
            {
                "headers": {"request": {"add": {"X-A": "1"}, "remove": ["x-b"]}},
                "rewrite": {"authority": "other"},
                "route": [{**to("v1"), "headers": {"response": {"set": {"x-c": "2"}}}}],
            },
            [
                {
                    **route(cluster=cluster_name("v1"), host_rewrite_literal="other"),
                    "request_headers_to_add": [{"header": {"key": "x-a", "value": "1"}}],
                    "request_headers_to_remove": ["x-b"],
                    "response_headers_to_add": [
                        {"header": {"key": "x-c", "value": "2"}},
                        {"header": {"key": "alt-svc", "value": "h3"}},
                    ],
                }
            ],
        ),
        # What goes with each of several destinations is not known of the route.
        (
            {"route": [{**to("v1", 80), "headers": {"request": {"set": {"x-c": "2"}}}}, to("v2", 20)]},
            [route(**weighted(v1=80, v2=20))],
        ),
        # Some releases make a rewrite of it.
        (
            {"headers": {"request": {"set": {"Host": "other"}}}, "route": [to("v1")]},
            [route(cluster=cluster_name("v1"), host_rewrite_literal="other")],
        ),
        # What the rule does not set is the mesh's own.
        (SPLIT, [route(**{**weighted(v1=80, v2=20), "timeout": "15s", "retry_policy": {"num_retries": 2}})]),
        (
            {"mirror": {"host": "v2"}, "mirrorPercentage": {"value": 10}, "route": [to("v1")]},
            [route(cluster=cluster_name("v1"), request_mirror_policies=[{"cluster": cluster_name("v2")}])],
        ),
        (
            {"mirror": {"host": "v2"}, "mirrorPercentage": {"value": 0}, "route": [to("v1")]},
            [route(cluster=cluster_name("v1"))],
        ),
        (
            {
                "fault": {
                    "delay": {"fixedDelay": "2s", "percentage": {"value": 12.5}},
                    "abort": {"httpStatus": 503, "percentage": {"value": 1}},
                },
                "route": [to("v1")],
            },
            [
                {
                    **route(cluster=cluster_name("v1")),
                    "typed_per_filter_config": {
                        "envoy.filters.http.fault": {
                            "delay": {
                                "fixed_delay": "2s",
                                "percentage": {"numerator": 125000, "denominator": "MILLION"},
                            },
                            "abort": {"http_status": 503, "percentage": {"numerator": 10000, "denominator": "MILLION"}},
                        }
                    },
                }
            ],
        ),
    ],
)
def test_what_a_rule_becomes(http, envoy):
    assert reaches(http, *envoy)


@pytest.mark.parametrize(
    ("http", "envoy"),
    [
        (SPLIT, route(**weighted(v1=50, v2=50))),
        (SPLIT, route(**weighted(v1=20, v2=80))),
        (SPLIT, route(**weighted(v1=80, v3=20))),
        (SPLIT, route(**weighted(v1=80, v2=20, v3=20))),
        (SPLIT, route({"prefix": "/a"}, **weighted(v1=80, v2=20))),
        (SPLIT, route(**weighted(v1=80, v2=20), prefix_rewrite="/x")),
        (SPLIT, route(**weighted(v1=80, v2=20), host_rewrite_literal="other")),
        (SPLIT, {**route(**weighted(v1=80, v2=20)), "request_headers_to_remove": ["x-b"]}),
        ({"headers": {"request": {"set": {"x-a": "1"}}}, **SPLIT}, route(**weighted(v1=80, v2=20))),
        ({"timeout": "1s", **SPLIT}, route(**weighted(v1=80, v2=20))),
        ({"retries": {"attempts": 0}, **SPLIT}, route(**weighted(v1=80, v2=20), retry_policy={"num_retries": 2})),
        ({"route": [to("v1", subset="a")]}, route(cluster=cluster_name("v1"))),
        ({"route": [to("v1", port=9090)]}, route(cluster=cluster_name("v1"))),
        (
            {"route": [to("v1")]},
            route(cluster=cluster_name("v1"), request_mirror_policies=[{"cluster": cluster_name("v2")}]),
        ),
        ({"redirect": {"uri": "/new"}}, {"match": {"prefix": "/"}, "redirect": {"path_redirect": "/old"}}),
        (
            {"fault": {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}, "route": [to("v1")]},
            route(cluster=cluster_name("v1")),
        ),
    ],
)
def test_what_is_not_what_the_rule_asks_for(http, envoy):
    assert not reaches(http, envoy)


def test_what_follows_a_route_for_all_is_not_sent():
    assert len(wanted(rule(SPLIT, {"route": [to("v3")]}))) == 1
    assert len(wanted(rule({"match": [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/"}}], **SPLIT}, SPLIT))) == 2


@pytest.mark.parametrize(
    ("match", "concerns"),
    [
        ({"sourceLabels": {"app": "client"}}, True),
        ({"sourceLabels": {"app": "other"}}, False),
        ({"sourceNamespace": "shop"}, True),
        ({"sourceNamespace": "default"}, False),
        ({"port": 8080}, True),
        ({"port": 80}, False),
        ({"gateways": ["mesh"]}, True),
        ({"gateways": ["front"]}, False),
    ],
)
def test_conditions_that_are_about_the_proxy(match, concerns):
    routes = wanted(rule({"match": [{"uri": {"prefix": "/a"}, **match}], **SPLIT}), labels={"app": "client"})
    assert bool(routes) is concerns


def test_a_gateway_is_named_in_full_or_short():
    http = {"match": [{"uri": {"prefix": "/a"}, "gateways": ["front"]}], **SPLIT}
    assert wanted(rule(http), gateways=["shop/front"])
    assert not wanted(rule(http), gateways=["other/front"])


def test_a_delegate_is_not_known():
    assert wanted(rule({"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "x"}})) == [None]


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=5).filter(lambda x: sum(map(bool, x)) > 1), st.integers(1, 9)
)
def test_weights_are_compared_as_shares(weights, factor):
    http = {"route": [to(f"v{n}", weight) for n, weight in enumerate(weights)]}
    assert reaches(http, route(**weighted(**{f"v{n}": weight * factor for n, weight in enumerate(weights)})))


def test_tcp_and_tls():
    spec = {
        "tcp": [{"match": [{"port": 31400}], "route": [to("v1", 25, port=9000), to("v2", 75, port=9000)]}],
        "tls": [{"match": [{"sniHosts": ["a.example.com"], "gateways": ["front"]}], "route": [to("v1")]}],
    }
    shares = {("v1.shop.svc", 9000, ""): 1, ("v2.shop.svc", 9000, ""): 3}
    assert subject.rule_tcp(spec, "shop", {"mesh"}, {}, "shop") == [(set(), shares)]
    assert subject.rule_tcp(spec, "shop", {"shop/front"}, {}, "shop") == [
        ({"a.example.com"}, {("v1.shop.svc", None, ""): 1}),
        (set(), shares),
    ]


# ---- policies ----

POLICY = {
    "loadBalancer": {"simple": "RANDOM"},
    "connectionPool": {"tcp": {"maxConnections": 7, "connectTimeout": "30ms"}, "http": {"http2MaxRequests": 9}},
    "outlierDetection": {"consecutive5xxErrors": 6, "interval": "5m", "maxEjectionPercent": 50},
    "tls": {"mode": "DISABLE"},
}
CLUSTER = {
    "type": "EDS",
    "lb_policy": "RANDOM",
    "connect_timeout": "0.030s",
    "circuit_breakers": {"thresholds": [{"max_connections": 7, "max_requests": 9, "max_retries": 4294967295}]},
    "outlier_detection": {"consecutive_5xx": 6, "interval": "300s", "max_ejection_percent": 50},
}


def test_a_policy_that_is_there():
    assert subject.policy_differences(POLICY, CLUSTER) == []
    assert subject.policy_differences({}, CLUSTER) == []


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"loadBalancer": {"simple": "ROUND_ROBIN"}}, "load balancing RANDOM instead of ROUND_ROBIN"),
        (
            {"loadBalancer": {"consistentHash": {"useSourceIp": True}}},
            "load balancing RANDOM instead of a consistent hash",
        ),
        ({"connectionPool": {"tcp": {"maxConnections": 8}}}, "maxConnections 7 instead of 8"),
        ({"connectionPool": {"http": {"http1MaxPendingRequests": 1}}}, "http1MaxPendingRequests none instead of 1"),
        ({"connectionPool": {"tcp": {"connectTimeout": "1s"}}}, "connectTimeout 0.03 instead of 1.0"),
        ({"outlierDetection": {"interval": "10s"}}, "interval 300.0 instead of 10.0"),
        ({"tls": {"mode": "ISTIO_MUTUAL"}}, "no TLS instead of ISTIO_MUTUAL"),
    ],
)
def test_a_policy_that_is_not(policy, told):
    assert subject.policy_differences(policy, CLUSTER) == [told]


def test_tls_that_should_not_be():
    assert subject.policy_differences({"tls": {"mode": "DISABLE"}}, {"transport_socket_matches": [{}]}) == [
        "TLS instead of none"
    ]


# ---- for people ----


def test_routes_in_words():
    shown = subject.show_route(
        subject.route_of(
            route(
                {
                    "path": "/a",
                    "case_sensitive": False,
                    "headers": [{"name": "x", "present_match": True, "invert_match": True}],
                },
                **weighted(v1=80, v2=20),
                retry_policy={"num_retries": 2},
            )
        )
    )
    assert shown == "exact /a in any case and no x present -> v1.shop:8080 80 %, v2.shop:8080 20 %, 2 retries"
    changed = {
        "headers": {"request": {"add": {"x-a": "1"}, "remove": ["x-b"]}},
        "rewrite": {"authority": "y"},
        "route": [to("v1")],
    }
    assert subject.show_route(wanted(rule(changed))[0]) == (
        "prefix / -> v1.shop, rewrite host y, headers +request:x-a=1 -request:x-b"
    )
    had = subject.route_of(route(**weighted(v1=80, v2=20), retry_policy={"num_retries": 2}))
    assert subject.show_route(had, wanted(rule(SPLIT))) == "prefix / -> v1.shop:8080 80 %, v2.shop:8080 20 %"
    assert subject.show_route(wanted(rule({"directResponse": {"status": 418}}))[0]) == "prefix / -> answer 418"
    assert subject.show_route(wanted(rule({"redirect": {"uri": "/b"}}))[0]) == "prefix / -> redirect 301 /b"
