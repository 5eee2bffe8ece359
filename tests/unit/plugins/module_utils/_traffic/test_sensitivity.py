# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math

import pytest
from traffic_support import BACKENDS, CANARY, CLIENT, THREE, URL

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend, Plan, accepted
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.sensitivity import (
    sensitivity,
    sensitivity_text,
)
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.verdict import judge

EVEN = (Backend("a", 1, "a"), Backend("b", 1, "b"))
MANY = tuple(Backend(f"v{number}", 1, f"v{number}") for number in range(20))


def plan(backends=BACKENDS, **options):
    return Plan(url=URL, backends=backends, **options)


@pytest.mark.parametrize(
    ("backends", "tolerance", "expected"),
    [
        (BACKENDS, None, [0.75, 0.25]),
        (BACKENDS, 0.05, [0.7, 0.3]),
        (CANARY, None, [0.95, 0.05]),
        (CANARY, 0.05, [0.95, 0.05]),
        (EVEN, None, [0.45, 0.55]),
        (THREE, None, [0.75, 0.15, 0.1]),
        (MANY, None, None),
        (BACKENDS[:1], None, None),
    ],
)
def test_similar_shares(backends, tolerance, expected):
    found = sensitivity(plan(backends, tolerance=tolerance), 400)
    assert (found and found["shares"]) == (expected and pytest.approx(expected))


@pytest.mark.parametrize(
    ("weights", "n"), [((80, 20), 200), ((1, 1), 200), ((60, 40), 200), ((55, 45), 200), ((99, 1), 20), ((1, 99), 200)]
)
def test_pass_probability_is_that_of_the_verdict(weights, n):
    chosen = plan(tuple(Backend(name, weight, name) for name, weight in zip("ab", weights)), requests=n)
    found = sensitivity(chosen, n)
    share = found["shares"][0]
    expected = 0.0
    for count in range(n + 1):
        tally = Tally(method="curl", sent=n, backends=[count, n - count])
        if judge(chosen, tally, CLIENT)["verdict"] == "pass":
            expected += math.comb(n, count) * share**count * (1 - share) ** (n - count)
    assert found["pass_probability"] == pytest.approx(expected, abs=1e-6)


def test_the_given_number_of_requests_detects_the_similar_split():
    needed = sensitivity(plan(), 400)["requests"]
    low, high = accepted(plan(), 0.2, needed)
    assert 1.0 - statistics.outside(needed, 0.25, low, high) < 0.05
    assert sensitivity(plan(), needed)["requests"] is None


def test_no_number_of_requests_with_a_tolerance():
    found = sensitivity(plan(tolerance=0.1, requests=400), 200)
    assert (found["requests"], found["shares"]) == (None, pytest.approx([0.65, 0.35]))


def test_nothing_without_responses():
    assert sensitivity(plan(), 0) is None


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            {"shares": [0.75, 0.25], "pass_probability": 0.81, "requests": 1600},
            "an actual 75/25 split would pass in 81% of runs, with 1600 requests in less than 5%",
        ),
        (
            {"shares": [0.95, 0.05], "pass_probability": 1e-9, "requests": None},
            "an actual 95/5 split would pass in less than 1% of runs",
        ),
        (
            {"shares": [0.2833333, 0.3833333, 0.333333], "pass_probability": 0.5, "requests": None},
            "an actual 28.3/38.3/33.3 split would pass in 50% of runs",
        ),
    ],
)
def test_text(found, text):
    assert sensitivity_text(found) == text
