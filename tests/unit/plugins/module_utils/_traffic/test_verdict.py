# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import collections
import itertools
import math
import random
from fractions import Fraction

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from traffic_support import BACKENDS, CANARY, CLIENT, THREE, URL, judged

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics, verdict
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend, Plan
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.verdict import judge
from ansible_collections.meshlab.istio.plugins.modules import istio_traffic_split


def test_pass_matches_the_documented_sample():
    result = judged([316, 84])
    assert (result["verdict"], result["reason"]) == ("pass", "")
    sample = yaml.safe_load(istio_traffic_split.RETURN)
    assert result["msg"] == sample["msg"]["sample"]
    assert result["p_value"] == pytest.approx(sample["p_value"]["sample"], abs=0.01)
    for name, described in sample["backends"]["contains"].items():
        assert result["backends"][0][name] == pytest.approx(
            described["sample"], abs=0.001 if name != "p_value" else 0.01
        )
    assert set(result) == set(sample)
    for name in ("errors", "client"):
        assert set(result[name]) == set(sample[name]["contains"])


@given(st.integers(1, 100), st.integers(0, 400))
def test_the_verdict_is_the_exact_test(percent, count):
    backends = (Backend("a", percent, "a"), Backend("b", 100 - percent, "b"))
    result = judged([count, 400 - count], backends)
    accepted = statistics.binomial_p_value(count, 400, percent / 100) >= 0.001
    even = statistics.binomial_p_value(count, 400, 0.5) >= 0.001 and abs(percent - 50) > 1
    unseen = percent < 100 and count in (0, 400)
    decided = "inconclusive" if even or unseen else "pass"
    assert result["verdict"] == (decided if accepted else "fail")
    assert bool(result["reason"]) == (result["verdict"] != "pass")


def simulated(n, true, runs, seed):
    """Yield the counts of runs of n independent requests, as Envoy routes them. true: the weights in effect."""
    source = random.Random(seed)

    def drawn(m, share):
        """Return a function that draws from Binomial(m, share)."""
        share = Fraction(share)
        probabilities = [float(math.comb(m, k) * share**k * (1 - share) ** (m - k)) for k in range(m + 1)]
        cumulated = list(itertools.accumulate(probabilities))
        return lambda: source.choices(range(m + 1), cum_weights=cumulated)[0]

    draws = {}
    for _run in range(runs):
        left, rest, counts = n, sum(true), []
        for weight in true[:-1]:
            key = left, Fraction(weight, rest)
            if key not in draws:
                draws[key] = drawn(*key)
            counts.append(draws[key]())
            left, rest = left - counts[-1], rest - weight
        yield (*counts, left)


def rates(n, true, runs, backends=BACKENDS, **options):
    """Number of simulated runs per verdict."""
    runs = collections.Counter(simulated(n, true, runs, seed=20260211))
    verdicts = collections.Counter()
    for counts, times in runs.items():
        verdicts[judged(counts, backends, **options)["verdict"]] += times
    return verdicts


@pytest.mark.parametrize(
    ("n", "backends", "true", "significance"),
    [
        (400, BACKENDS, (80, 20), 0.001),
        (400, BACKENDS, (80, 20), 0.05),
        (150, THREE, (80, 10, 10), 0.01),
        (400, CANARY, (100, 0), 0.001),
    ],
)
def test_correct_splits_fail_at_most_as_often_as_the_significance(n, backends, true, significance):
    runs = 10_000
    verdicts = rates(n, true, runs, backends, significance=significance)
    assert verdicts["inconclusive"] == 0
    assert verdicts["pass"] + verdicts["fail"] == runs
    # 1e-6 allows for the random variation of the runs.
    assert statistics.upper_tail(verdicts["fail"], runs, significance) > 1e-6
    if significance == 0.05 and len(true) == 2:  # and not much less often: a test that never fails would be useless
        assert verdicts["fail"] > 0.6 * significance * runs


@pytest.mark.parametrize(
    ("n", "true", "power"),
    [(568, (70, 30), 0.987), (400, (70, 30), 0.915), (2160, (75, 25), 0.989), (400, (75, 25), 0.193)],
)
def test_wrong_splits_fail_as_often_as_computed(n, true, power):
    assert statistics.power(n, 0.2, true[1] / 100, 0.001) == pytest.approx(power, abs=0.002)
    runs = 2_000
    failed = rates(n, true, runs)["fail"]
    assert statistics.binomial_p_value(failed, runs, statistics.power(n, 0.2, true[1] / 100, 0.001)) > 1e-6


@pytest.mark.parametrize("n", [5, 20, 40, 68, 150])
def test_an_even_split_rarely_passes_for_any_sample_size(n):
    runs = 5_000
    verdicts = rates(n, (50, 50), runs)
    assert statistics.upper_tail(verdicts["pass"], runs, 0.001) > 1e-6
    assert verdicts["fail"] + verdicts["inconclusive"] > 0.99 * runs


@pytest.mark.parametrize(
    ("counts", "backends", "verdict"),
    [
        ((16, 4), BACKENDS, "inconclusive"),
        ((40, 10), BACKENDS, "pass"),
        ((5, 0), CANARY, "inconclusive"),
        ((20, 0), CANARY, "pass"),
        ((4, 1), CANARY, "fail"),
        ((220, 180), (Backend("a", 55, "a"), Backend("b", 45, "b")), "inconclusive"),
        ((10, 10), (Backend("a", 1, "a"), Backend("b", 1, "b")), "pass"),
        ((204, 196), (Backend("a", 51, "a"), Backend("b", 49, "b")), "pass"),
        ((136, 132, 132), (Backend("a", 34, "a"), Backend("b", 33, "b"), Backend("c", 33, "c")), "pass"),
        ((3,), (Backend("a", 1, "a"),), "pass"),
        ((8, 1, 1), THREE, "inconclusive"),
        ((100, 0), (Backend("v1", 99, "v1"), Backend("v2", 1, "v2")), "inconclusive"),
        ((99, 1), (Backend("v1", 99, "v1"), Backend("v2", 1, "v2")), "pass"),
        ((1000, 0), (Backend("v1", 99, "v1"), Backend("v2", 1, "v2")), "fail"),
    ],
)
def test_a_sample_consistent_with_an_even_split_is_inconclusive(counts, backends, verdict):
    assert judged(counts, backends)["verdict"] == verdict


def test_34_33_33_passes_as_often_as_any_correct_split():
    backends = (Backend("a", 34, "a"), Backend("b", 33, "b"), Backend("c", 33, "c"))
    assert rates(150, (34, 33, 33), 500, backends)["pass"] > 490
    assert judged([240, 80, 80], backends)["verdict"] == "fail"


def test_a_pass_reports_what_it_cannot_rule_out():
    message = judged([200, 200], (Backend("a", 1, "a"), Backend("b", 1, "b")))["msg"]
    assert "an actual 45/55 split would pass in 91% of runs, with" in message
    assert message.endswith("; an even split, as without any rule, would pass too")
    assert "even split" not in judged([320, 80])["msg"]
    assert judged([400], BACKENDS[:1])["sensitivity"] is None


def test_warning_for_a_pass_without_a_sidecar():
    def warned(counts, weights, sidecar=False):
        backends = tuple(Backend(f"v{number}", weight, f"v{number}") for number, weight in enumerate(weights))
        result = judged(counts, backends, sidecar=sidecar)
        plan = Plan(url=URL, backends=backends)
        return result["verdict"], verdict.warnings(plan, result)

    assert warned([318, 82], [80, 20]) == (
        "pass",
        [
            "the 80/20 split holds although the client has no sidecar, which would apply the weights; "
            "the Service itself may distribute requests like this"
        ],
    )
    assert warned([318, 82], [80, 20], sidecar=True) == ("pass", [])
    assert warned([200, 200], [50, 50]) == ("pass", [])
    assert warned([200, 200], [80, 20]) == ("fail", [])


@given(st.lists(st.integers(0, 9), min_size=2, max_size=5).filter(any), st.data())
def test_a_split_fails_if_a_share_is_outside_its_interval(weights, data):
    counts = data.draw(st.lists(st.integers(0, 80), min_size=len(weights), max_size=len(weights)).filter(any))
    backends = tuple(Backend(f"v{number}", weight, f"v{number}") for number, weight in enumerate(weights))
    result = judged(counts, backends)
    outside = [not x["interval"][0] <= x["expected_share"] <= x["interval"][1] for x in result["backends"]]
    assert (result["verdict"] == "fail") is any(outside)


def test_an_inconclusive_message_has_the_sufficient_number_of_requests():
    result = judged([16, 4])
    assert "the 80/20 split is inconclusive" in result["msg"]
    assert "these 20 responses are also consistent with an even split (p = 0.012)" in result["msg"]
    assert result["reason"] == "too few requests to rule out an even split: about 81 are needed"
    assert "also, the client has no sidecar" in judged([16, 4], sidecar=False)["reason"]
    close = judged([205, 195], (Backend("a", 511, "a"), Backend("b", 489, "b")), significance=1e-9)
    assert close["reason"] == "too few requests to rule out an even split: not even 100000 are enough"


def test_findings_are_part_of_the_message():
    result = judged([203, 197])
    assert verdict.with_findings(result, []) == result
    found = verdict.with_findings(result, ["one", "two"])
    assert found["findings"] == ["one", "two"]
    assert found["msg"] == f"{result['msg']}. In the cluster: one; two"


def test_a_small_share_without_a_response_is_inconclusive():
    result = judged([100, 0], (Backend("v1", 99, "v1"), Backend("v2", 1, "v2")))
    assert "v2 got none of 100 responses, which is also consistent with weight 0" in result["msg"]
    assert result["reason"] == "too few requests to tell the share of v2 from 0: about 528 are needed"
    small = judged([5, 0])
    assert small["reason"] == "too few requests to rule out an even split: about 81 are needed"


def test_accepted_errors_can_leave_too_few_responses_for_the_tolerance():
    tally = {"failures": collections.Counter({("status", "503"): 360}), "tolerance": 0.1, "max_errors": 360}
    result = judged([27, 13], **tally)
    assert result["verdict"] == "inconclusive"
    assert (
        "tomcat is 12.5 percentage points off, tolerance is 10, but 40 responses are too few to decide" in result["msg"]
    )
    assert "too many of the 400 requests failed" in result["reason"]
    assert judged([32, 8], **tally)["verdict"] == "pass"
    assert judged([10, 30], **tally)["verdict"] == "fail"


@pytest.mark.parametrize(("counts", "verdict"), [((400, 0), "pass"), ((399, 1), "fail"), ((0, 400), "fail")])
@pytest.mark.parametrize("tolerance", [None, 0.1])
def test_shares_of_0_and_1_have_no_tolerance(counts, verdict, tolerance):
    result = judged(counts, CANARY, tolerance=tolerance)
    assert result["verdict"] == verdict


@pytest.mark.parametrize(
    ("counts", "backends", "tolerance", "verdict"),
    [
        ((1, 0), CANARY, 0.05, "inconclusive"),
        ((20, 0), CANARY, 0.05, "pass"),
        ((6, 5, 0), (*BACKENDS[:1], Backend("b", 80, "b"), Backend("c", 0, "c")), 0.49, "inconclusive"),
        ((30, 30, 0), (*BACKENDS[:1], Backend("b", 80, "b"), Backend("c", 0, "c")), 0.49, "pass"),
    ],
)
def test_a_tolerance_does_not_replace_the_test_of_shares_0_and_1(counts, backends, tolerance, verdict):
    assert judged(counts, backends, tolerance=tolerance)["verdict"] == verdict


def test_tolerance_replaces_the_exact_test():
    assert judged([770, 230])["verdict"] == "pass"
    assert judged([7700, 2300])["verdict"] == "fail"
    assert judged([7700, 2300], tolerance=0.03)["verdict"] == "pass"
    result = judged([7600, 2400], tolerance=0.03)
    assert result["verdict"] == "fail"
    assert "tomcat is 4.0 percentage points off, tolerance is 3" in result["msg"]


def test_a_failing_message_has_counts_and_intervals():
    message = judged([203, 197])["msg"]
    assert message.startswith("the 80/20 split does not hold: p = ")
    assert "tomcat 203 of 400 = 50.7% (expected 80.0%, 99.9% interval 42.4% to 59.0%)" in message
    assert "p < 1e-300" in judged([20_000, 80_000])["msg"]


def test_errors_by_kind():
    failures = {
        ("status", "503"): 2,
        ("status", "404"): 1,
        ("timeout", "a"): 3,
        ("timeout", "b"): 1,
        ("other", "more"): 1,
    }
    result = judged([300, 70], failures=collections.Counter(failures), unknown=4)
    assert result["errors"] == {
        "total": 12,
        "unknown": 4,
        "ambiguous": 0,
        "timeout": 4,
        "dns": 0,
        "connection": 0,
        "broken": 0,
        "other": 1,
        "status": {"404": 1, "503": 2},
        "messages": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("gave_up", "reason"), [(True, "the run was stopped because of errors"), (False, "timeout (300 s) expired")]
)
def test_an_incomplete_run_is_inconclusive(gave_up, reason):
    tally = Tally(method="wget", backends=[80, 20], sent=100, gave_up=gave_up)
    result = judge(Plan(url=URL, backends=BACKENDS), tally, CLIENT)
    assert result["verdict"] == "inconclusive"
    assert f"only 100 of 400 requests were sent: {reason}" in result["msg"]
    assert (result["requests"], result["sent"]) == (400, 100)
    assert result["reason"] == "the backends respond too slowly for this number of requests"


def test_an_incomplete_run_can_fail():
    tally = Tally(method="wget", backends=[50, 50], sent=100)
    result = judge(Plan(url=URL, backends=BACKENDS), tally, CLIENT)
    assert result["verdict"] == "fail"
    assert "only 100 of 400 requests were sent" in result["msg"]
    assert result["reason"].startswith("the counts are consistent with an even split")


def test_no_response_is_inconclusive():
    failures = collections.Counter({("timeout", ""): 10})
    result = judged([0, 0], failures=failures, max_errors=10)
    assert result["verdict"] == "inconclusive"
    assert "web-svc:8080 does not respond" in result["reason"]
    assert judged([0, 0], failures=failures)["verdict"] == "fail"
    assert "no backend responded" in result["msg"]
    assert result["backends"][0]["share"] is None
    assert result["backends"][0]["interval"] == [0.0, 1.0]
