# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mesh_objects import SPLIT, cluster_name, raw_route, rule_of, to, wanted, weighted

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_routes import envoy_route
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_form import same_route
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rule_routes import rule_tcp


def matches(http, *envoy):
    """Whether these routes of Envoy match an HTTP route of a rule."""
    expected, had = wanted(rule_of(http)), [envoy_route(x) for x in envoy]
    return len(expected) == len(had) and all(same_route(x, y) for x, y in zip(expected, had))


@pytest.mark.parametrize(
    ("http", "envoy"),
    [
        (SPLIT, [raw_route(**weighted(v1=80, v2=20))]),
        # A weight of 0 is omitted, and a single destination has no weight.
        ({"route": [to("v1", 100), to("v2", 0)]}, [raw_route(**weighted(v1=100))]),
        ({"route": [to("v1", 100), to("v2", 0)]}, [raw_route(cluster=cluster_name("v1"))]),
        ({"route": [to("v1")]}, [raw_route(cluster=cluster_name("v1"))]),
        # Weights are relative to their sum.
        ({"route": [to("v1", 4), to("v2", 1)]}, [raw_route(**weighted(v1=80, v2=20))]),
        ({"route": [to("v1", subset="a", port=9090)]}, [raw_route(cluster=cluster_name("v1", 9090, "a"))]),
        # Each condition becomes a route.
        (
            {"match": [{"uri": {"prefix": "/a"}}, {"uri": {"exact": "/b"}, "ignoreUriCase": True}], **SPLIT},
            [
                raw_route({"prefix": "/a", "case_sensitive": True}, **weighted(v1=80, v2=20)),
                raw_route({"path": "/b", "case_sensitive": False}, **weighted(v1=80, v2=20)),
            ],
        ),
        # Headers of Istio 1.7 and of 1.27.
        (
            {"match": [{"headers": {"end-user": {"exact": "jason"}}}], **SPLIT},
            [
                raw_route(
                    {"prefix": "/", "headers": [{"name": "end-user", "exact_match": "jason"}]}, **weighted(v1=80, v2=20)
                )
            ],
        ),
        (
            {"match": [{"headers": {"End-User": {"prefix": "ja"}}, "method": {"exact": "POST"}}], **SPLIT},
            [
                raw_route(
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
                raw_route(
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
                raw_route(
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
                    **raw_route(cluster=cluster_name("v1"), host_rewrite_literal="other"),
                    "request_headers_to_add": [{"header": {"key": "x-a", "value": "1"}}],
                    "request_headers_to_remove": ["x-b"],
                    "response_headers_to_add": [
                        {"header": {"key": "x-c", "value": "2"}},
                        {"header": {"key": "alt-svc", "value": "h3"}},
                    ],
                }
            ],
        ),
        # Headers of one of several destinations are not compared.
        (
            {"route": [{**to("v1", 80), "headers": {"request": {"set": {"x-c": "2"}}}}, to("v2", 20)]},
            [raw_route(**weighted(v1=80, v2=20))],
        ),
        # A rewrite in some releases.
        (
            {"headers": {"request": {"set": {"Host": "other"}}}, "route": [to("v1")]},
            [raw_route(cluster=cluster_name("v1"), host_rewrite_literal="other")],
        ),
        # Settings that the rule does not have are defaults.
        (SPLIT, [raw_route(**{**weighted(v1=80, v2=20), "timeout": "15s", "retry_policy": {"num_retries": 2}})]),
        (
            {"mirror": {"host": "v2"}, "mirrorPercentage": {"value": 10}, "route": [to("v1")]},
            [raw_route(cluster=cluster_name("v1"), request_mirror_policies=[{"cluster": cluster_name("v2")}])],
        ),
        (
            {"mirror": {"host": "v2"}, "mirrorPercentage": {"value": 0}, "route": [to("v1")]},
            [raw_route(cluster=cluster_name("v1"))],
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
                    **raw_route(cluster=cluster_name("v1")),
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
def test_matching_routes(http, envoy):
    assert matches(http, *envoy)


@pytest.mark.parametrize(
    ("http", "envoy"),
    [
        (SPLIT, raw_route(**weighted(v1=50, v2=50))),
        (SPLIT, raw_route(**weighted(v1=20, v2=80))),
        (SPLIT, raw_route(**weighted(v1=80, v3=20))),
        (SPLIT, raw_route(**weighted(v1=80, v2=20, v3=20))),
        (SPLIT, raw_route({"prefix": "/a"}, **weighted(v1=80, v2=20))),
        (SPLIT, raw_route(**weighted(v1=80, v2=20), prefix_rewrite="/x")),
        (SPLIT, raw_route(**weighted(v1=80, v2=20), host_rewrite_literal="other")),
        (SPLIT, {**raw_route(**weighted(v1=80, v2=20)), "request_headers_to_remove": ["x-b"]}),
        ({"headers": {"request": {"set": {"x-a": "1"}}}, **SPLIT}, raw_route(**weighted(v1=80, v2=20))),
        ({"timeout": "1s", **SPLIT}, raw_route(**weighted(v1=80, v2=20))),
        (
            {"retries": {"attempts": 0}, **SPLIT},
            raw_route(**weighted(v1=80, v2=20), retry_policy={"num_retries": 2}),
        ),
        ({"route": [to("v1", subset="a")]}, raw_route(cluster=cluster_name("v1"))),
        ({"route": [to("v1", port=9090)]}, raw_route(cluster=cluster_name("v1"))),
        (
            {"route": [to("v1")]},
            raw_route(cluster=cluster_name("v1"), request_mirror_policies=[{"cluster": cluster_name("v2")}]),
        ),
        ({"redirect": {"uri": "/new"}}, {"match": {"prefix": "/"}, "redirect": {"path_redirect": "/old"}}),
        (
            {"fault": {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}, "route": [to("v1")]},
            raw_route(cluster=cluster_name("v1")),
        ),
    ],
)
def test_different_routes(http, envoy):
    assert not matches(http, envoy)


def test_routes_after_a_catch_all_are_dropped():
    assert len(wanted(rule_of(SPLIT, {"route": [to("v3")]}))) == 1
    assert len(wanted(rule_of({"match": [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/"}}], **SPLIT}, SPLIT))) == 2


@pytest.mark.parametrize(
    ("match", "applies"),
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
def test_conditions_on_the_proxy(match, applies):
    routes = wanted(rule_of({"match": [{"uri": {"prefix": "/a"}, **match}], **SPLIT}), labels={"app": "client"})
    assert bool(routes) is applies


def test_gateway_names_with_and_without_namespace():
    http = {"match": [{"uri": {"prefix": "/a"}, "gateways": ["front"]}], **SPLIT}
    assert wanted(rule_of(http), gateways=["shop/front"])
    assert not wanted(rule_of(http), gateways=["other/front"])


def test_a_delegate_has_no_routes():
    assert wanted(rule_of({"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "x"}})) == [None]


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=5).filter(lambda x: sum(map(bool, x)) > 1), st.integers(1, 9)
)
def test_weights_are_compared_as_shares(weights, factor):
    http = {"route": [to(f"v{n}", weight) for n, weight in enumerate(weights)]}
    assert matches(http, raw_route(**weighted(**{f"v{n}": weight * factor for n, weight in enumerate(weights)})))


def test_tcp_and_tls():
    spec = {
        "tcp": [{"match": [{"port": 31400}], "route": [to("v1", 25, port=9000), to("v2", 75, port=9000)]}],
        "tls": [{"match": [{"sniHosts": ["a.example.com"], "gateways": ["front"]}], "route": [to("v1")]}],
    }
    shares = {("v1.shop.svc", 9000, ""): 1, ("v2.shop.svc", 9000, ""): 3}
    assert rule_tcp(spec, "shop", {"mesh"}, {}, "shop") == [(set(), shares)]
    assert rule_tcp(spec, "shop", {"shop/front"}, {}, "shop") == [
        ({"a.example.com"}, {("v1.shop.svc", None, ""): 1}),
        (set(), shares),
    ]
