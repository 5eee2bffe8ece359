# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import bisect
import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics

counts = st.integers(1, 600).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
shares = st.floats(0.001, 0.999)
significances = st.sampled_from([0.05, 0.01, 0.001, 1e-6])


def exact_pmf(n, p):
    """The exact probabilities of 0..n as fractions."""
    return [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]


# ---- tails ----


@pytest.mark.parametrize("p", [Fraction(1, 5), Fraction(1, 2), Fraction(1, 1000), Fraction(97, 100)])
@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_tails_equal_exact_arithmetic(n, p):
    pmf = exact_pmf(n, p)
    for k in range(n + 1):
        assert statistics.lower_tail(k, n, float(p)) == pytest.approx(float(sum(pmf[: k + 1])), rel=1e-10)
        assert statistics.upper_tail(k, n, float(p)) == pytest.approx(float(sum(pmf[k:])), rel=1e-10, abs=1e-15)


@given(counts, shares)
def test_tails_complement_each_other(count, p):
    k, n = count
    assert statistics.lower_tail(k, n, p) + statistics.upper_tail(k + 1, n, p) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_shares_have_certain_tails(p):
    sure = 10 if p else 0
    for k in range(11):
        assert statistics.lower_tail(k, 10, p) == (1.0 if k >= sure else 0.0)
        assert statistics.upper_tail(k, 10, p) == (1.0 if k <= sure else 0.0)
    assert statistics.lower_tail(-1, 10, p) == 0.0
    assert statistics.upper_tail(11, 10, p) == 0.0


def test_shares_close_to_0_and_1_are_not_rounded():
    assert statistics.upper_tail(1, 2, 1e-38) == pytest.approx(2e-38)
    assert statistics.lower_tail(1, 2, 1e-38) == 1.0
    assert statistics.lower_tail(1, 2, 1 - 2**-50) == pytest.approx(2**-49, rel=1e-9)


# ---- test of one share ----


@pytest.mark.parametrize(
    ("significance", "n", "expected"),
    [
        (0.01, 100, (10, 31)),
        (0.01, 200, (26, 55)),
        (0.01, 500, (78, 124)),
        (0.01, 1000, (168, 233)),
        (0.001, 100, (8, 34)),
        (0.001, 200, (22, 59)),
        (0.001, 500, (72, 130)),
        (0.001, 1000, (159, 243)),
    ],
)
def test_known_acceptance_of_a_fifth(significance, n, expected):
    low, high = statistics.acceptance(n, 0.2, significance)
    assert (low, high) == expected
    for k in (low, high):
        assert statistics.binomial_p_value(k, n, 0.2) >= significance
    for k in (low - 1, high + 1):
        assert statistics.binomial_p_value(k, n, 0.2) < significance


@pytest.mark.parametrize(
    ("k", "n", "p", "expected"),
    [
        (0, 5, 0.5, 2 / 32),
        (1, 5, 0.5, 12 / 32),
        (2, 5, 0.5, 1.0),
        (3, 3, 0.1, 0.002),
        (10, 10, 1.0, 1.0),
        (9, 10, 1.0, 0.0),
        (0, 10, 0.0, 1.0),
        (1, 10, 0.0, 0.0),
        (0, 0, 0.3, 1.0),
    ],
)
def test_known_p_values(k, n, p, expected):
    assert statistics.binomial_p_value(k, n, p) == pytest.approx(expected)


@given(counts, st.floats(0.0, 1.0))
def test_p_value_is_a_probability_and_symmetric(count, p):
    k, n = count
    value = statistics.binomial_p_value(k, n, p)
    assert 0.0 <= value <= 1.0
    assert statistics.binomial_p_value(n - k, n, 1.0 - p) == pytest.approx(value, rel=1e-6, abs=1e-12)


@given(st.integers(1, 600), shares)
def test_p_value_decreases_away_from_the_mean(n, p):
    values = [statistics.binomial_p_value(k, n, p) for k in range(n + 1)]
    top = values.index(max(values))
    slack = 1e-9
    assert all(a <= b + slack for a, b in zip(values[:top], values[1 : top + 1]))
    assert all(a + slack >= b for a, b in zip(values[top:], values[top + 1 :]))


@given(st.integers(1, 600), shares, significances)
def test_a_correct_share_is_rejected_at_most_at_the_significance(n, p, significance):
    low, high = statistics.acceptance(n, p, significance)
    assert 0 <= low <= high <= n
    assert statistics.outside(n, p, low, high) <= significance * (1 + 1e-9)


# ---- intervals ----


@pytest.mark.parametrize(
    ("k", "n", "significance", "expected"),
    [
        # Closed forms for counts of 0 and n.
        (0, 10, 0.05, (0.0, 1 - 0.025**0.1)),
        (10, 10, 0.05, (0.025**0.1, 1.0)),
        (0, 400, 0.001, (0.0, 1 - 0.0005 ** (1 / 400))),
        # Published tables.
        (1, 10, 0.05, (0.00253, 0.44502)),
        (5, 10, 0.05, (0.18709, 0.81291)),
        (10, 100, 0.05, (0.04900, 0.17622)),
        (0, 0, 0.05, (0.0, 1.0)),
    ],
)
def test_known_intervals(k, n, significance, expected):
    assert statistics.interval(k, n, significance) == pytest.approx(expected, abs=1e-5)


@given(counts, significances)
def test_interval_contains_the_share_and_is_symmetric(count, significance):
    k, n = count
    low, high = statistics.interval(k, n, significance)
    assert 0.0 <= low <= k / n <= high <= 1.0
    assert statistics.interval(n - k, n, significance) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(counts, shares, significances)
def test_interval_and_test_agree(count, p, significance):
    k, n = count
    low, high = statistics.interval(k, n, significance)
    if min(abs(p - low), abs(p - high)) > 1e-9:
        assert (low < p < high) == (statistics.binomial_p_value(k, n, p) >= significance)


# ---- several backends ----


@pytest.mark.parametrize(
    ("expected", "tests"),
    [
        ([1.0], 1),
        ([0.8, 0.2], 1),
        ([1.0, 0.0], 1),
        ([0.8, 0.2, 0.0], 1),
        ([0.8, 0.1, 0.1], 3),
        ([0.25] * 4, 4),
        ([0.4, 0.3, 0.3, 0.0], 3),
    ],
)
def test_family_counts_random_shares(expected, tests):
    assert statistics.family(expected) == tests


def test_two_backends_are_one_test():
    whole, each = statistics.split_p_value([330, 70], [0.8, 0.2])
    assert whole == pytest.approx(statistics.binomial_p_value(70, 400, 0.2))
    assert each[0] == pytest.approx(each[1])


def test_three_backends_are_three_tests():
    whole, each = statistics.split_p_value([300, 60, 40], [0.8, 0.1, 0.1])
    assert whole == pytest.approx(3 * min(each))
    assert statistics.split_p_value([320, 40, 40], [0.8, 0.1, 0.1])[0] == 1.0


def test_p_value_is_0_for_a_response_of_a_backend_with_weight_0():
    assert statistics.split_p_value([399, 1], [1.0, 0.0]) == (0.0, [0.0, 0.0])
    assert statistics.split_p_value([400, 0], [1.0, 0.0]) == (1.0, [1.0, 1.0])
    assert statistics.split_p_value([0, 0], [0.5, 0.5])[0] == 1.0


def simulated(n, expected, runs, seed):
    """Yield random counts of n requests with these shares, drawn from exact conditional binomials."""
    source = random.Random(seed)
    tables = {}

    def draw(m, p):
        if (m, p) not in tables:
            tables[m, p] = [statistics.lower_tail(k, m, p) for k in range(m)]
        return bisect.bisect_left(tables[m, p], source.random())

    for _run in range(runs):
        left, rest, counts = n, 1.0, []
        for share in expected[:-1]:
            counts.append(draw(left, share / rest))
            left, rest = left - counts[-1], rest - share
        yield [*counts, left]


@pytest.mark.parametrize(
    ("expected", "significance", "runs"),
    [
        ([0.8, 0.2], 0.05, 20_000),
        ([0.8, 0.2], 0.001, 20_000),
        ([0.5, 0.3, 0.2], 0.05, 3_000),
        ([0.98, 0.02], 0.01, 20_000),
    ],
)
def test_false_rejection_rate(expected, significance, runs):
    rejected = {}
    wrong = 0
    for counts in simulated(200, expected, runs, seed=20260211):
        key = tuple(counts)
        if key not in rejected:
            rejected[key] = statistics.split_p_value(counts, expected)[0] < significance
        wrong += rejected[key]
    # 1e-6 allows for the random variation of the runs.
    assert statistics.upper_tail(wrong, runs, significance) > 1e-6
    if len(expected) == 2:
        size = statistics.outside(200, expected[1], *statistics.acceptance(200, expected[1], significance))
        assert statistics.binomial_p_value(wrong, runs, size) > 1e-6


@pytest.mark.parametrize("true", [[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]])
def test_wrong_splits_are_rejected_as_often_as_computed(true):
    runs = 4_000
    rejected = sum(statistics.split_p_value(s, [0.8, 0.2])[0] < 0.001 for s in simulated(400, true, runs, seed=7))
    power = statistics.power(400, 0.2, true[1], 0.001)
    if power > 1 - 1e-9:
        assert rejected == runs
    else:
        assert 0 < rejected < runs
        assert statistics.binomial_p_value(rejected, runs, power) > 1e-6


# ---- power of a sample ----


@pytest.mark.parametrize(
    ("n", "true", "expected"),
    [
        (68, 0.5, 0.98),
        (344, 1 / 3, 0.99),
        (568, 0.3, 0.987),
        (2160, 0.25, 0.989),
        (400, 0.25, 0.193),
        (400, 0.2, 0.001),
    ],
)
def test_known_power_against_a_fifth(n, true, expected):
    assert statistics.power(n, 0.2, true, 0.001) == pytest.approx(expected, abs=0.002)


@given(st.integers(1, 2000), shares, significances)
def test_detectable_shares_are_detected(n, p, significance):
    low, high = statistics.acceptance(n, p, significance)
    below, above = statistics.detectable(n, low, high)
    for share, beyond in ((below, -1e-6), (above, 1e-6)):
        if share is not None:
            assert statistics.outside(n, share, low, high) == pytest.approx(0.99, abs=1e-6)
            assert statistics.outside(n, min(1.0, max(0.0, share + beyond)), low, high) >= 0.99 - 1e-9
    assert below is None or below < p
    assert above is None or above > p


@pytest.mark.parametrize(
    ("n", "tolerance", "false_alarms", "accepts_a_quarter"),
    [(100, 0.10, 0.0084, 0.90), (100, 0.05, 0.168, 0.55), (500, 0.05, 0.0043, 0.52), (1000, 0.03, 0.016, 0.076)],
)
def test_known_bands_around_a_fifth(n, tolerance, false_alarms, accepts_a_quarter):
    low, high = statistics.band(n, 0.2, tolerance)
    assert statistics.outside(n, 0.2, low, high) == pytest.approx(false_alarms, rel=0.03)
    assert 1 - statistics.outside(n, 0.25, low, high) == pytest.approx(accepts_a_quarter, abs=0.01)


@given(st.integers(1, 5000), st.integers(1, 99), st.integers(1, 50))
def test_band_equals_integer_arithmetic(n, percent, points):
    low, high = statistics.band(n, percent / 100, points / 100)
    within = [k for k in range(n + 1) if abs(100 * k - percent * n) <= points * n]
    assert list(range(low, high + 1)) == within


@pytest.mark.parametrize(("p", "exact"), [(0.0, 0), (1.0, 400)])
def test_band_of_shares_0_and_1_is_exact(p, exact):
    assert statistics.band(400, p, 0.1) == (exact, exact)


@pytest.mark.parametrize(
    ("split", "tolerance"),
    [
        ([0.8, 0.2], 0.1),
        ([0.8, 0.2], 0.05),
        ([0.5, 0.5], 0.1),
        ([0.9, 0.1], 0.07),
        ([0.98, 0.02], 0.03),
        ([0.6, 0.2, 0.2], 0.1),
    ],
)
def test_requests_for_tolerance_is_the_smallest_sufficient_n(split, tolerance):
    needed = statistics.requests_for_tolerance(split, tolerance, 0.001)
    assert not statistics.resolves(needed - 1, split, tolerance, 0.001)
    assert all(statistics.resolves(n, split, tolerance, 0.001) for n in range(needed, 2 * needed + 200))


def test_requests_for_tolerance_limit_and_trivial_split():
    assert statistics.requests_for_tolerance([0.5, 0.5], 0.001, 0.001) is None
    assert statistics.requests_for_tolerance([1.0, 0.0], 0.001, 0.001) == 1


@settings(max_examples=20)
@given(st.integers(0, 100_000), st.floats(1e-6, 1 - 1e-6))
def test_100000_requests_do_not_overflow(k, p):
    n = 100_000
    value = statistics.binomial_p_value(k, n, p)
    low, high = statistics.interval(k, n, 0.001)
    accepted = statistics.acceptance(n, p, 0.001)
    statistics.detectable(n, *accepted)
    assert 0.0 <= value <= 1.0
    assert 0.0 <= low <= k / n <= high <= 1.0
    assert accepted[0] <= n * p <= accepted[1] + 1
