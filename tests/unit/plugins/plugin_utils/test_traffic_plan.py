# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.filter import route_check_results, traffic_plan
from ansible_collections.meshlab.istio.plugins.plugin_utils import traffic_plan as subject

PAIR = {"tomcat": {"match": "Apache Tomcat", "image": "tomcat:1"}, "httpd": {"match": "hello httpd"}}
THREE = {**PAIR, "canary": {"match": "hello canary"}}
WEIGHTS = {"tomcat": 80, "httpd": 20}
TESTER = {"name": "tester", "match": {"headers": {"x-user": {"exact": "tester"}}}, "backend": "httpd"}
MANAGER = {"name": "manager", "match": {"uri": {"prefix": "/manager"}}, "rewrite": "/", "backend": "tomcat"}
CHECKS = [
    {"name": "tester", "headers": {"x-user": "tester"}, "backend": "httpd"},
    {"name": "manager", "path": "/manager", "backend": "tomcat"},
    {"name": "first rule", "path": "/manager", "headers": {"x-user": "tester"}, "backend": "httpd"},
]


def rule(name="rule", backend="httpd", **options):
    return {"name": name, "backend": backend, "match": {"uri": {"exact": "/a"}}, **options}


def problems_of(backends=None, weights=None, match_rules=(), route_checks=(), version=None, reserved_names=()):
    backends = PAIR if backends is None else backends
    weights = WEIGHTS if weights is None else weights
    with pytest.raises(subject.PlanError) as caught:
        subject.plan(backends, weights, match_rules, route_checks, version, reserved_names)
    return str(caught.value)


# ---- weights ----


def test_the_plan_of_two_backends_without_rules():
    assert subject.plan(PAIR, {"httpd": 20, "tomcat": 80}) == {
        "weights": {"httpd": 20, "tomcat": 80},
        "backends": [
            {"name": "tomcat", "weight": 80, "match": "Apache Tomcat"},
            {"name": "httpd", "weight": 20, "match": "hello httpd"},
        ],
        "even_backends": [
            {"name": "tomcat", "weight": 50, "match": "Apache Tomcat"},
            {"name": "httpd", "weight": 50, "match": "hello httpd"},
        ],
        "route_checks": [],
        "requests_without_sidecar": 200,
        "pages": ["/index.html"],
    }


@pytest.mark.parametrize(
    ("weights", "applied"),
    [
        ({"tomcat": 80, "httpd": 20}, {"tomcat": 80, "httpd": 20}),
        ({"tomcat": "80", "httpd": " 20"}, {"tomcat": 80, "httpd": 20}),
        ({"tomcat": 9, "httpd": 1}, {"tomcat": 90, "httpd": 10}),
        ({"tomcat": 500, "httpd": 300, "canary": 200}, {"tomcat": 50, "httpd": 30, "canary": 20}),
        ({"canary": 7}, {"canary": 100}),
        ({"tomcat": 0, "httpd": 3}, {"tomcat": 0, "httpd": 100}),
        ({"tomcat": 1, "httpd": 1, "canary": 1}, {"tomcat": 1, "httpd": 1, "canary": 1}),
        ({"tomcat": 999, "httpd": 1}, {"tomcat": 999, "httpd": 1}),
    ],
)
def test_weights_become_percentages_if_these_are_whole(weights, applied):
    assert subject.plan(THREE, weights)["weights"] == applied
    assert subject.plan(THREE, weights, istio_version="1.15.0")["weights"] == applied


def test_a_backend_without_a_weight_gets_weight_0():
    assert [x["weight"] for x in subject.plan(THREE, {"tomcat": 80, "httpd": 20})["backends"]] == [80, 20, 0]


def test_istio_before_1_15_requires_a_sum_of_100():
    message = problems_of(THREE, {"tomcat": 1, "httpd": 1, "canary": 1}, version="1.7.4")
    assert message == (
        "weights: Istio 1.7.4 requires a sum of 100, got 3 (tomcat 1, httpd 1, canary 1); "
        "the nearest weights are tomcat 34, httpd 33, canary 33"
    )
    assert subject.plan(THREE, {"tomcat": 3, "httpd": 1}, istio_version="1.7.4")["weights"] == {
        "tomcat": 75,
        "httpd": 25,
    }
    assert "Istio 1.14.6" in problems_of(weights={"tomcat": 1, "httpd": 2}, version="1.14.6")


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        ({}, "weights must be a dictionary of backends (tomcat, httpd) and whole numbers"),
        ([80, 20], "weights must be a dictionary"),
        ({"apache": 80, "httpd": 20}, "weights: backend 'apache' does not exist; the backends are tomcat, httpd"),
        ({"tomcat": 0, "httpd": 0}, "the sum must be at least 1, got 0 (tomcat 0, httpd 0)"),
        ({"tomcat": -1, "httpd": 101}, "the weight of tomcat must be a whole number of at least 0, got -1"),
        ({"tomcat": 0.5, "httpd": 0.5}, "whole number of at least 0, got 0.5"),
        ({"tomcat": True, "httpd": 99}, "got True"),
        ({"tomcat": "all", "httpd": 0}, "got 'all'"),
    ],
)
def test_invalid_weights_are_rejected(weights, problem):
    assert problem in problems_of(weights=weights)


NUMBERS = st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any)


@given(NUMBERS)
def test_nearest_weights_sum_to_100_and_differ_by_less_than_1(numbers):
    weights = {f"b{place}": number for place, number in enumerate(numbers)}
    found, total = subject.nearest(weights), sum(numbers)
    assert sum(found.values()) == 100
    assert all(abs(found[x] - 100 * weights[x] / total) < 1 for x in weights)


@given(NUMBERS)
def test_scaling_keeps_every_share(numbers):
    weights = {f"b{place}": number for place, number in enumerate(numbers)}
    found = subject.scaled(weights)
    total, whole = sum(numbers), sum(found.values())
    assert all(found[x] * total == weights[x] * whole for x in weights)


# ---- backends ----


@pytest.mark.parametrize(
    ("backends", "problem"),
    [
        ({"tomcat": {"match": "a"}}, "at least two"),
        (["tomcat", "httpd"], "at least two"),
        ({**PAIR, "Web_1": {"match": "x"}}, "'Web_1' is not a valid name"),
        ({**PAIR, "client": {"match": "x"}}, "the name client is reserved; reserved are client, web"),
        ({**PAIR, "x": {}}, "x must have match"),
        ({**PAIR, "x": "hello"}, "x must have match"),
        ({**PAIR, "x": {"match": "hello httpd"}}, "httpd and x have the same match"),
    ],
)
def test_invalid_backends_are_rejected(backends, problem):
    assert problem in problems_of(backends, reserved_names=["client", "web"])


# ---- match rules and route checks ----


def test_each_route_check_expects_all_requests_at_its_backend():
    plan = subject.plan(PAIR, WEIGHTS, [TESTER, MANAGER], CHECKS)
    assert [(x["name"], x["request"], x["backend"]) for x in plan["route_checks"]] == [
        ("tester", "/ with x-user: tester", "httpd"),
        ("manager", "/manager", "tomcat"),
        ("first rule", "/manager with x-user: tester", "httpd"),
    ]
    assert [(x["path"], x["headers"]) for x in plan["route_checks"][:2]] == [
        ("/", {"x-user": "tester"}),
        ("/manager", {}),
    ]
    assert [[y["weight"] for y in x["backends"]] for x in plan["route_checks"]] == [[0, 100], [100, 0], [0, 100]]
    assert plan["pages"] == ["/index.html", "/manager"]


def test_the_defaults_of_the_role_are_valid_and_cover_both_experiments(request):
    variables = yaml.safe_load((request.config.rootpath / "roles/traffic_shifting/vars/main.yml").read_text())
    rules = variables["__traffic_shifting_default_match_rules"]
    plan = subject.plan(PAIR, WEIGHTS, rules, variables["__traffic_shifting_default_route_checks"])
    assert {x["name"] for x in plan["route_checks"]} >= {x["name"] for x in rules}
    assert plan["route_checks"][-1]["backend"] == rules[0]["backend"]


@pytest.mark.parametrize(
    ("match_rules", "problem"),
    [
        ({"a": 1}, "match_rules must be a list, got {'a': 1}"),
        ([{"backend": "httpd"}], "match_rules[1] must be a dictionary with a name"),
        (["tester"], "match_rules[1] must be a dictionary with a name, got 'tester'"),
        ([rule("a"), rule("a")], "match_rules[2] (a): the name is not unique"),
        ([rule(weight=3)], "(rule): unsupported keys weight; supported are name, match, backend, rewrite"),
        ([rule(backend="nginx")], "(rule): backend 'nginx' does not exist; the backends are tomcat, httpd"),
        ([rule(rewrite="x")], "rewrite must start with /, got 'x'"),
        ([rule(match={})], "match must be an HTTPMatchRequest"),
        ([rule(match={"headers": ["a"]})], "match.headers must be a dictionary"),
        ([rule(match={"uri": "/a"})], "match.uri must have one of exact, prefix, regex, got '/a'"),
        ([rule(match={"uri": {"suffix": "a"}})], "match.uri must have one of"),
        ([rule(match={"headers": {"a": {"exact": "1", "prefix": "2"}}})], "match.headers.a must have one of"),
    ],
)
def test_invalid_match_rules_are_rejected(match_rules, problem):
    assert problem in problems_of(match_rules=match_rules)


@pytest.mark.parametrize(
    "match",
    [{"method": {"exact": "GET"}}, {"headers": {"x-user": {}}}, {"uri": {"regex": "/a[0-9]+"}}, {"port": 8080}],
)
def test_every_condition_of_istio_can_be_used(match):
    assert subject.plan(PAIR, WEIGHTS, [rule(match=match)])["weights"] == WEIGHTS


@pytest.mark.parametrize(
    ("route_checks", "problem"),
    [
        ({"a": 1}, "route_checks must be a list"),
        ([{"backend": "httpd"}], "route_checks[1] must be a dictionary with a name"),
        ([{"name": "a"}], "route_checks[1] (a): backend None does not exist"),
        ([{"name": "a", "backend": "nginx"}], "(a): backend 'nginx' does not exist; the backends are tomcat, httpd"),
        ([{"name": "a", "backend": "httpd"}] * 2, "route_checks[2] (a): the name is not unique"),
        ([{"name": "a", "backend": "httpd", "path": "a"}], "path must start with /, got 'a'"),
        ([{"name": "a", "backend": "httpd", "headers": ["x"]}], "headers must be a dictionary, got ['x']"),
        ([{"name": "a", "backend": "httpd", "url": "/"}], "unsupported keys url"),
    ],
)
def test_invalid_route_checks_are_rejected(route_checks, problem):
    assert problem in problems_of(route_checks=route_checks)


def test_all_problems_are_listed_at_once():
    message = problems_of(
        {**PAIR, "Web_1": {"match": "x"}},
        {"apache": 1},
        [rule(backend="nginx"), rule("b", match={})],
        [{"name": "a", "backend": "iis", "path": "x"}],
    )
    places = ["Web_1", "weights: ", "match_rules[1]", "match_rules[2]", "route_checks[1] (a): backend", "path must"]
    assert [x for x in places if x not in message] == []
    assert len(message.split("; ")) >= len(places)


@pytest.mark.parametrize(
    ("path", "file"), [("/", "/index.html"), ("/a", "/a"), ("/a/", "/a/index.html"), ("/a?b=/", "/a")]
)
def test_the_file_of_a_path(path, file):
    assert subject.page_file(path) == file


@pytest.mark.parametrize(
    ("weights", "max_requests", "number"),
    [
        ({"tomcat": 80, "httpd": 20}, 1000, 200),
        ({"tomcat": 80, "httpd": 20}, 150, 150),
        ({"tomcat": 60, "httpd": 40}, 1000, 786),
        ({"tomcat": 51, "httpd": 49}, 1000, 1000),
        ({"tomcat": 1, "httpd": 1}, 1000, 200),
        ({"httpd": 1}, 1000, 200),
    ],
)
def test_the_client_without_a_sidecar_sends_enough_requests(weights, max_requests, number):
    assert subject.plan(PAIR, weights, max_requests=max_requests)["requests_without_sidecar"] == number


# ---- results ----


def test_results_name_the_request_its_backend_and_the_measurement():
    check = subject.plan(PAIR, WEIGHTS, route_checks=CHECKS)["route_checks"][0]
    measured = {"verdict": "pass", "sent": 100, "item": check, "invocation": {"x": 1}, "ansible_loop_var": "item"}
    results = route_check_results.FilterModule().filters()["route_check_results"]
    assert results([measured], {"verdict": "fail", "sent": 2000}) == [
        {
            "name": "tester",
            "request": "/ with x-user: tester",
            "backend": "httpd",
            "measurement": {"verdict": "pass", "sent": 100},
        },
        {"name": "others", "request": "/", "backend": "", "measurement": {"verdict": "fail", "sent": 2000}},
    ]


# ---- the filter ----


def test_the_filter_fails_with_the_problems():
    plan = traffic_plan.FilterModule().filters()["traffic_plan"]
    assert plan(PAIR, {"tomcat": 4, "httpd": 1})["weights"] == {"tomcat": 80, "httpd": 20}
    with pytest.raises(AnsibleFilterError, match="the sum must be at least 1, got 0"):
        plan(PAIR, {"tomcat": 0})
    with pytest.raises(AnsibleFilterError, match="'latest' is not a version"):
        plan(PAIR, {"tomcat": 1, "httpd": 2}, istio_version="latest")
