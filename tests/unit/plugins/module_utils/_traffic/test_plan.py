# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from traffic_support import BACKENDS, URL

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import (
    Backend,
    Plan,
    SplitError,
    plan_from,
    plan_warnings,
    shifted_shares,
)
from ansible_collections.meshlab.istio.plugins.modules import istio_traffic_split


def params(**changes):
    return {
        "url": URL,
        "backends": [
            {"name": "tomcat", "weight": 80, "match": "Apache Tomcat", "header": None},
            {"name": "httpd", "weight": 20, "match": "hello httpd", "header": None},
        ],
        "requests": 400,
        "warmup": 10,
        "headers": {},
        "method": "auto",
        "request_timeout": 5,
        "timeout": 300,
        "max_errors": 0,
        "significance": 0.001,
        "tolerance": None,
        "parallel": 4,
        **changes,
    }


def backend_option(**changes):
    return {"name": "tomcat", "weight": 80, "match": "Apache Tomcat", **changes}


def test_plan_from_parameters():
    result = plan_from(params(tolerance=10, headers={"X-Retry": 1}))
    assert result == Plan(url=URL, backends=BACKENDS, tolerance=0.1, headers=(("X-Retry", "1"),))
    assert result.shares == [0.8, 0.2]
    assert plan_from(params(backends=[backend_option(weight=7)])).shares == [1.0]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"url": "web-svc"}, "must be an http:// URL such as http://web-svc:8080/"),
        ({"url": "https://web-svc/"}, "cannot inspect https"),
        ({"url": "http://"}, "must be an http:// URL"),
        ({"url": "http://web-svc:port/"}, "must be an http:// URL"),
        ({"url": "http://me:secret@web-svc/"}, "without credentials"),
        ({"url": "http://web-svc/a b"}, "percent-encode"),
        ({"url": "http://web-svc/ä"}, "percent-encode"),
        ({"url": "http://web-svc/#top"}, "percent-encode"),
        ({"backends": []}, "must have at least one"),
        ({"backends": [backend_option(name="")]}, r"backends\[1\]: name must not be empty"),
        ({"backends": [backend_option(), backend_option(match="x")]}, "2 backends have the name tomcat"),
        ({"backends": [backend_option(), backend_option(name="b")]}, "tomcat and b have the same match"),
        ({"backends": [backend_option(header="X-V"), backend_option(name="b", header="x-v")]}, "the same match"),
        ({"backends": [backend_option(weight=-1)]}, r"backends\[1\] \(tomcat\): weight must be at least 0, got -1"),
        ({"backends": [backend_option(weight=0)]}, "at least one weight must be above 0"),
        ({"backends": [backend_option(header="x version")]}, "'x version' is not a valid header name"),
        ({"headers": {"bad name": "x"}}, "'bad name' is not a valid header name"),
        ({"headers": {"X-A": "a\nX-B: b"}}, "the value of X-A must not contain a line break"),
        ({"headers": {"X-A": " "}}, "the value of X-A must not be empty"),
        ({"requests": 0}, r"requests must be between 1 and 100000, got 0"),
        ({"requests": 100_001}, "requests must be between"),
        ({"warmup": -1}, "warmup must be"),
        ({"parallel": 0}, r"parallel must be between 1 and 16, got 0"),
        ({"request_timeout": 0}, "request_timeout must be"),
        ({"timeout": 4}, r"timeout must be between 5 and"),
        ({"max_errors": 401}, "max_errors must be"),
        ({"significance": 0.0}, "significance"),
        ({"significance": float("nan")}, "significance"),
        ({"tolerance": 0}, "above 0 and below 100"),
        ({"tolerance": 100}, "above 0 and below 100"),
        (
            {"tolerance": 5},
            "too narrow for 400 requests: a correct 80/20 split .* use at least 708 requests",
        ),
        ({"tolerance": 0.1}, "even 100000 are too few"),
    ],
)
def test_invalid_parameters(changes, problem):
    with pytest.raises(SplitError, match=problem):
        plan_from(params(**changes))


def test_the_suggested_number_of_requests_is_accepted():
    assert plan_from(params(tolerance=5, requests=708)).tolerance == pytest.approx(0.05)


def test_the_documented_examples_are_valid():
    name = "meshlab.istio.istio_traffic_split"
    tasks = [task[name] for task in yaml.safe_load(istio_traffic_split.EXAMPLES) if name in task]
    options = yaml.safe_load(istio_traffic_split.DOCUMENTATION)["options"]
    defaults = {option: described.get("default") for option, described in options.items()}
    for task in tasks:
        assert set(task) <= {*options, "kubeconfig"}
        assert plan_warnings(plan_from({**defaults, **task})) == []
    assert len(tasks) == 7
    assert plan_from({**defaults, **tasks[0]}) == Plan(url=URL, backends=BACKENDS, requests=450)


@pytest.mark.parametrize(
    ("weights", "changes", "expected"),
    [
        ((80, 20), {}, 450),
        ((80, 20), {"significance": 1e-6}, 790),
        ((80, 20), {"tolerance": 5}, 710),
        ((50, 50), {}, 620),
        ((34, 33, 33), {}, 580),
        ((55, 45), {}, 3200),
        ((52, 48), {}, 5000),
        ((100, 0), {}, 100),
        ((100, 0), {"tolerance": 5}, 100),
        ((1,), {}, 100),
        ((99, 1), {}, 530),
        ((99, 1), {"tolerance": 10}, 100),
    ],
)
def test_default_number_of_requests(weights, changes, expected):
    backends = [
        backend_option(name=f"v{number}", weight=weight, match=f"v{number}") for number, weight in enumerate(weights)
    ]
    assert plan_from(params(backends=backends, requests=None, **changes)).requests == expected


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any))
def test_the_default_number_of_requests_detects_a_shift_and_an_even_split(weights):
    backends = [
        backend_option(name=f"v{number}", weight=weight, match=f"v{number}") for number, weight in enumerate(weights)
    ]
    plan = plan_from(params(backends=backends, requests=None))
    shifted = shifted_shares(plan.shares, 0.1)
    if plan.requests < 5000:
        assert plan_warnings(plan) == []
        assert not shifted or statistics.split_power(plan.requests, plan.shares, shifted, 0.001) > 0.93


@pytest.mark.parametrize(
    ("weights", "requests", "warned"),
    [
        ((80, 20), 400, False),
        ((80, 20), 20, True),
        ((50, 50), 20, False),
        ((55, 45), 400, True),
        ((100, 0), 5, True),
        ((100, 0), 20, False),
        ((1,), 1, False),
        ((80, 10, 10), 400, False),
    ],
)
def test_warning_if_the_sample_cannot_rule_out_an_even_split(weights, requests, warned):
    backends = tuple(Backend(f"v{number}", weight, f"v{number}") for number, weight in enumerate(weights))
    assert bool(plan_warnings(Plan(url=URL, backends=backends, requests=requests))) is warned
