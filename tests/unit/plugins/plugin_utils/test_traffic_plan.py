# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.filter.traffic_plan import FilterModule
from ansible_collections.meshlab.istio.plugins.plugin_utils import traffic_plan as subject

PAIR = {"tomcat": {"match": "Apache Tomcat", "image": "tomcat:1"}, "httpd": {"match": "hello httpd"}}
THREE = {**PAIR, "canary": {"match": "hello canary"}}
TESTER = {"name": "tester", "match": {"headers": {"x-user": {"exact": "tester"}}}, "to": "httpd"}
MANAGER = {"name": "manager", "match": {"uri": {"prefix": "/manager"}}, "rewrite": "/", "to": "tomcat"}


def rule(name="rule", to="httpd", **its):
    return {"name": name, "to": to, "match": {"uri": {"exact": "/a"}}, **its}


def refused(backends=None, weights=None, rules=(), version=None, taken=()):
    backends = PAIR if backends is None else backends
    weights = {"tomcat": 80, "httpd": 20} if weights is None else weights
    with pytest.raises(subject.PlanError) as told:
        subject.plan(backends, weights, list(rules), version, taken)
    return str(told.value)


# ---- weights ----


def test_the_plan_of_two_backends_without_rules():
    assert subject.plan(PAIR, {"httpd": 20, "tomcat": 80}, []) == {
        "weights": {"httpd": 20, "tomcat": 80},
        "backends": [
            {"name": "tomcat", "weight": 80, "match": "Apache Tomcat"},
            {"name": "httpd", "weight": 20, "match": "hello httpd"},
        ],
        "even": [
            {"name": "tomcat", "weight": 50, "match": "Apache Tomcat"},
            {"name": "httpd", "weight": 50, "match": "hello httpd"},
        ],
        "requests": [],
        "enough": 200,
        "pages": ["/index.html"],
    }


@pytest.mark.parametrize(
    ("weights", "taken_as"),
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
def test_weights_are_per_cent_where_that_is_exact(weights, taken_as):
    assert subject.plan(THREE, weights)["weights"] == taken_as
    assert subject.plan(THREE, weights, istio_version="1.15.0")["weights"] == taken_as


def test_a_backend_without_a_weight_must_get_nothing():
    assert [x["weight"] for x in subject.plan(THREE, {"tomcat": 80, "httpd": 20})["backends"]] == [80, 20, 0]


def test_an_old_release_takes_weights_of_100_alone():
    said = refused(THREE, {"tomcat": 1, "httpd": 1, "canary": 1}, version="1.7.4")
    assert "they add up to 3 (tomcat 1, httpd 1, canary 1), and Istio 1.7.4 wants weights that add up to 100" in said
    assert said.endswith("nearest are tomcat 34, httpd 33, canary 33")
    assert subject.plan(THREE, {"tomcat": 3, "httpd": 1}, istio_version="1.7.4")["weights"] == {
        "tomcat": 75,
        "httpd": 25,
    }
    assert "Istio 1.14.6" in refused(weights={"tomcat": 1, "httpd": 2}, version="1.14.6")


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({}, "weights: none is given; they are a dictionary of backends (tomcat, httpd) and numbers"),
        ([80, 20], "weights: none is given"),
        ({"apache": 80, "nginx": 20}, "there is no backend apache and no nginx; there are tomcat, httpd"),
        ({"tomcat": 0, "httpd": 0}, "they add up to 0 (tomcat 0, httpd 0)"),
        ({"tomcat": -1, "httpd": 101}, "that of tomcat is -1, and has to be a whole number, 0 or more"),
        ({"tomcat": 0.5, "httpd": 0.5}, "that of tomcat is 0.5"),
        ({"tomcat": True, "httpd": 99}, "that of tomcat is True"),
        ({"tomcat": "all", "httpd": 0}, "that of tomcat is 'all'"),
    ],
)
def test_what_no_istio_takes_is_refused(weights, said):
    assert said in refused(weights=weights)


WEIGHTS = st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any)


@given(WEIGHTS)
def test_the_nearest_weights_add_up_to_100_and_are_less_than_one_off(numbers):
    weights = {f"b{place}": number for place, number in enumerate(numbers)}
    found, total = subject.nearest(weights), sum(numbers)
    assert sum(found.values()) == 100
    assert all(abs(found[x] - 100 * weights[x] / total) < 1 for x in weights)


@given(WEIGHTS)
def test_scaling_keeps_every_share(numbers):
    weights = {f"b{place}": number for place, number in enumerate(numbers)}
    found = subject.scaled(weights)
    total, whole = sum(numbers), sum(found.values())
    assert all(found[x] * total == weights[x] * whole for x in weights)


# ---- backends ----


@pytest.mark.parametrize(
    ("backends", "said"),
    [
        ({"tomcat": {"match": "a"}}, "at least two"),
        (["tomcat", "httpd"], "at least two"),
        ({**PAIR, "Web_1": {"match": "x"}}, "'Web_1' is no name"),
        ({**PAIR, "client": {"match": "x"}}, "the name client is taken; so are web"),
        ({**PAIR, "x": {}}, "x has no match"),
        ({**PAIR, "x": "hello"}, "x has no match"),
        ({**PAIR, "x": {"match": "hello httpd"}}, "httpd and x have the same match"),
    ],
)
def test_backends_that_cannot_be_are_refused(backends, said):
    assert said in refused(backends, taken=["client", "web"])


# ---- rules ----


def test_each_rule_and_the_first_of_two_is_shown():
    made = subject.plan(PAIR, {"tomcat": 80, "httpd": 20}, [TESTER, MANAGER])
    assert [(x["name"], x["request"], x["to"], x["why"]) for x in made["requests"]] == [
        ("tester", "/ with x-user: tester", "httpd", "meets tester"),
        ("manager", "/manager", "tomcat", "meets manager"),
        (
            "tester and manager",
            "/manager with x-user: tester",
            "httpd",
            "meets tester and manager, and tester comes first",
        ),
    ]
    assert [[y["weight"] for y in x["backends"]] for x in made["requests"]] == [[0, 100], [100, 0], [0, 100]]
    assert made["pages"] == ["/index.html", "/manager"]


def test_in_the_other_order_the_other_one_wins():
    made = subject.requests([MANAGER, TESTER])
    assert (made[2]["to"], made[2]["why"]) == ("tomcat", "meets manager and tester, and manager comes first")


def test_a_rule_that_an_earlier_one_covers_is_told():
    wide, narrow = (
        rule("wide", match={"uri": {"prefix": "/a"}}),
        rule("narrow", "tomcat", match={"uri": {"exact": "/a"}}),
    )
    assert [(x["name"], x["to"], x["why"]) for x in subject.requests([wide, narrow])] == [
        ("wide", "httpd", "meets wide and narrow, and wide comes first"),
        ("narrow", "httpd", "meets wide and narrow, and wide comes first"),
    ]


def test_rules_that_no_request_meets_together_have_no_request_of_both():
    rules = [rule("a"), rule("b", match={"uri": {"exact": "/b"}})]
    assert [x["name"] for x in subject.requests(rules)] == ["a", "b"]


@pytest.mark.parametrize(
    ("match", "path", "headers", "met"),
    [
        ({"uri": {"exact": "/a"}}, "/a?b=c", {}, True),
        ({"uri": {"exact": "/a"}}, "/a/", {}, False),
        ({"uri": {"prefix": "/a"}}, "/abc", {}, True),
        ({"uri": {"regex": "/a[0-9]+"}}, "/a12", {}, True),
        ({"uri": {"regex": "/a[0-9]+"}}, "/a12b", {}, False),
        ({"headers": {"x-user": {"exact": "tester"}}}, "/", {"X-User": "tester"}, True),
        ({"headers": {"x-user": {"exact": "tester"}}}, "/", {"x-user": "Tester"}, False),
        ({"headers": {"x-user": {"prefix": "te"}}}, "/", {"x-user": "tester"}, True),
        ({"headers": {"x-user": {}}}, "/", {"x-user": ""}, True),
        ({"headers": {"x-user": {}}}, "/", {}, False),
        ({"headers": {"a": {"exact": "1"}, "b": {"exact": "2"}}}, "/", {"a": "1"}, False),
        ({"headers": {"a": {"exact": "1"}}, "uri": {"prefix": "/x"}}, "/y", {"a": "1"}, False),
        ({"headers": {"a": {"exact": 1}}, "uri": {"prefix": "/x"}}, "/x/y", {"a": "1"}, True),
    ],
)
def test_a_request_meets_a_rule_by_all_that_it_says(match, path, headers, met):
    assert subject.meets({"match": match}, path, headers) is met


def test_a_regex_is_shown_by_the_request_that_is_given():
    mobile = rule("mobile", match={"headers": {"user-agent": {"regex": ".*Mobile.*"}}, "uri": {"prefix": "/m"}})
    assert "is a regex: give a request" in refused(rules=[mobile])
    mobile["request"] = {"headers": {"user-agent": "Mobile 1"}}
    assert subject.requests([mobile])[0]["request"] == "/m with user-agent: Mobile 1"
    mobile["request"] = {"headers": {"user-agent": "Desktop"}}
    assert "(/m with user-agent: Desktop) does not meet its own match" in refused(rules=[mobile])


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"a": 1}, "they are a list"),
        ([{"to": "httpd"}], "matches[1]: it has no name"),
        (["tester"], "matches[1]: it has no name"),
        ([rule("a"), rule("a")], "matches[2] (a): another one has the same name"),
        ([rule(weight=3)], "weight is none of match, name, request, rewrite, to"),
        ([rule(to="nginx")], "to is 'nginx', and the backends are tomcat, httpd"),
        ([rule(rewrite="x")], "rewrite x does not start with /"),
        ([rule(match={})], "match has uri, headers, or both"),
        ([rule(match={"method": {"exact": "GET"}})], "match has uri, headers, or both"),
        ([rule(match={"headers": ["a"]})], "match.headers is a dictionary"),
        ([rule(match={"uri": "/a"})], "uri has one of exact, prefix, regex, and has '/a'"),
        ([rule(match={"uri": {"suffix": "a"}})], "uri has one of"),
        ([rule(match={"headers": {"a": {"exact": "1", "prefix": "2"}}})], "header a has one of"),
        ([rule(match={"uri": {"regex": "("}}, request={"path": "/"})], "uri: "),
        ([rule(match={"uri": {"prefix": "/"}})], "every request meets it, a plain one for / too"),
    ],
)
def test_rules_that_cannot_be_applied_or_shown_are_refused(rules, said):
    with pytest.raises(subject.PlanError, match="matches") as told:
        subject.check_rules(rules, PAIR)
    assert said in str(told.value)


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "uri": st.sampled_from([{"prefix": "/a"}, {"exact": "/a"}, {"prefix": "/a/b"}, {"exact": "/c"}]),
        "headers": st.dictionaries(
            st.sampled_from("xyz"), st.sampled_from([{}, {"exact": "1"}, {"prefix": "1"}, {"exact": "2"}]), min_size=1
        ),
    },
).filter(bool)


@given(st.lists(st.tuples(CONDITIONS, st.sampled_from(["tomcat", "httpd"])), min_size=1, max_size=4))
def test_every_request_goes_where_the_first_rule_that_it_meets_says(drawn):
    rules = [{"name": f"r{place}", "match": match, "to": to} for place, (match, to) in enumerate(drawn)]
    made = subject.plan(PAIR, {"tomcat": 1}, rules)["requests"]
    assert len(rules) <= len(made) <= len(rules) + 1
    for shown in made:
        first = next(x for x in rules if subject.meets(x, shown["path"], shown["headers"]))
        assert (shown["to"], [x["weight"] for x in shown["backends"] if x["name"] == first["to"]]) == (
            first["to"],
            [100],
        )


@pytest.mark.parametrize(
    ("path", "file"), [("/", "/index.html"), ("/a", "/a"), ("/a/", "/a/index.html"), ("/a?b=/", "/a")]
)
def test_the_file_of_a_path(path, file):
    assert subject.page(path) == file


@pytest.mark.parametrize(
    ("weights", "most", "number"),
    [
        ({"tomcat": 80, "httpd": 20}, 1000, 200),
        ({"tomcat": 80, "httpd": 20}, 150, 150),
        ({"tomcat": 60, "httpd": 40}, 1000, 786),
        ({"tomcat": 51, "httpd": 49}, 1000, 1000),
        ({"tomcat": 1, "httpd": 1}, 1000, 200),
        ({"httpd": 1}, 1000, 200),
    ],
)
def test_as_many_requests_as_show_that_weights_do_not_act(weights, most, number):
    assert subject.plan(PAIR, weights, most=most)["enough"] == number


# ---- the filter ----


def test_the_filter_says_what_is_wrong_in_plain_words():
    from ansible.errors import AnsibleFilterError

    made = FilterModule().filters()["traffic_plan"]
    assert made(PAIR, {"tomcat": 4, "httpd": 1})["weights"] == {"tomcat": 80, "httpd": 20}
    with pytest.raises(AnsibleFilterError, match="they add up to 0"):
        made(PAIR, {"tomcat": 0})
    with pytest.raises(AnsibleFilterError, match="'latest' is not a version"):
        made(PAIR, {"tomcat": 1, "httpd": 2}, [], "latest")
