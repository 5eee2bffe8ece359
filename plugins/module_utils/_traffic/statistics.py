# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact statistics of counts: binomial tails, tests, intervals, and the power of a sample of n.

Pure Python, no dependency. Shares, tolerances and significances are fractions (0.2, not 20).
The two-sided test doubles the smaller tail, as the Clopper-Pearson interval does: at the same significance, it rejects
an expected share exactly if that share is outside the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

# Relative cut-off for negligible terms.
_NEGLIGIBLE = 1e-18
# Compensates for rounding, so that 0.15 * 400 is 60; far below 1/n, the distance between two shares.
_ROUNDING = 1e-9


def _log(share: float, rest: float) -> float:
    """log(share) for share + rest = 1, accurate also for a share close to 1."""
    return math.log(share) if share < 0.5 else math.log1p(-rest)


def _sum_down(k: int, n: int, p: float, q: float) -> float:
    """P(X <= k) summed from k downwards: fast and accurate for k up to the mean. Requires 0 < p, q."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = total = math.exp(ways + k * _log(p, q) + (n - k) * _log(q, p))
    odds = q / p
    while k > 0 and term > total * _NEGLIGIBLE:
        term *= k * odds / (n - k + 1)
        total += term
        k -= 1
    return total


def _lower(k: int, n: int, p: float, q: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p). q: 1 - p, passed separately to avoid rounding errors."""
    if k < 0:
        return 0.0
    if k >= n or p <= 0.0:
        return 1.0
    if q <= 0.0:
        return 0.0
    if k <= n * p:
        return min(1.0, _sum_down(k, n, p, q))
    # The upper tail of X is the lower tail of n - X ~ Binomial(n, q).
    return max(0.0, 1.0 - _sum_down(n - k - 1, n, q, p))


def lower_tail(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p)."""
    return _lower(k, n, p, 1.0 - p)


def upper_tail(k: int, n: int, p: float) -> float:
    """P(X >= k) for X ~ Binomial(n, p)."""
    return _lower(n - k, n, 1.0 - p, p)


def binomial_p_value(k: int, n: int, p: float) -> float:
    """Exact two-sided p-value of k out of n for an expected share p: twice the smaller tail, at most 1."""
    return min(1.0, 2.0 * min(lower_tail(k, n, p), upper_tail(k, n, p)))


def acceptance(n: int, p: float, significance: float) -> tuple[int, int]:
    """Counts (lowest, highest) that the exact two-sided test of share p accepts in n trials."""
    half = significance / 2.0
    lowest = _first(0, n, lambda k: lower_tail(k, n, p) >= half)
    highest = n - _first(0, n, lambda k: upper_tail(n - k, n, p) >= half)
    return lowest, highest


def interval(k: int, n: int, significance: float) -> tuple[float, float]:
    """Clopper-Pearson interval (low, high) of the true share for k out of n, at confidence 1 - significance.

    (0.0, 1.0) if n is 0.
    """
    half = significance / 2.0
    low = 0.0 if k == 0 else _root(0.0, k / n, lambda p: upper_tail(k, n, p) >= half)[0]
    high = 1.0 if k == n else _root(k / n, 1.0, lambda p: lower_tail(k, n, p) < half)[1]
    return low, high


def family(shares: Sequence[float]) -> int:
    """Number of two-sided tests for a split of these shares, by which the significance is divided (Bonferroni).

    Shares of 0 and 1 are not random. Two backends need one test, because each count determines the other.
    """
    uncertain = sum(1 for share in shares if 0.0 < share < 1.0)
    return 1 if uncertain == 2 else max(1, uncertain)


def split_p_value(counts: Sequence[int], shares: Sequence[float]) -> tuple[float, list[float]]:
    """(p-value of the whole split, p-values per backend) for counts and expected shares, which sum to 1.

    The p-value per backend is that of the exact binomial test. The p-value of the whole split is the smallest of them
    times the number of tests.
    """
    n = sum(counts)
    each = [binomial_p_value(count, n, share) for count, share in zip(counts, shares)]
    return min(1.0, family(shares) * min(each)), each


def band(n: int, p: float, tolerance: float) -> tuple[int, int]:
    """Counts (lowest, highest) of n trials whose share is within tolerance of p; exact for p of 0 or 1."""
    if p <= 0.0 or p >= 1.0:
        exact = round(n * p)
        return exact, exact
    return max(0, math.ceil(n * (p - tolerance) - _ROUNDING)), min(n, math.floor(n * (p + tolerance) + _ROUNDING))


def outside(n: int, p: float, lowest: int, highest: int) -> float:
    """P(X < lowest or X > highest) for X ~ Binomial(n, p): how often a test that accepts lowest..highest rejects."""
    return min(1.0, lower_tail(lowest - 1, n, p) + upper_tail(highest + 1, n, p))


def power(n: int, expected: float, true: float, significance: float) -> float:
    """Probability that the exact test of the expected share rejects, given the true share."""
    return outside(n, true, *acceptance(n, expected, significance))


def detectable(n: int, lowest: int, highest: int, certainty: float = 0.99) -> tuple[float | None, float | None]:
    """Largest and smallest true share (below, above) that a test accepting lowest..highest of n rejects with certainty.

    Shares further out are rejected even more often. None if no share on that side is.
    """
    below = above = None
    if lowest > 0:
        below = _root(0.0, lowest / n, lambda p: upper_tail(lowest, n, p) > 1.0 - certainty)[0]
    if highest < n:
        above = _root(highest / n, 1.0, lambda p: lower_tail(highest, n, p) <= 1.0 - certainty)[1]
    return below, above


def resolves(n: int, shares: Sequence[float], tolerance: float, significance: float) -> bool:
    """Whether a correct split exceeds the tolerance in n trials with a probability of at most significance."""
    allowed = significance / family(shares)
    return all(outside(n, p, *band(n, p, tolerance)) <= allowed for p in shares if 0.0 < p < 1.0)


def requests_for_tolerance(
    shares: Sequence[float], tolerance: float, significance: float, max_n: int = 100_000
) -> int | None:
    """Smallest n from which on every n resolves the tolerance (see resolves); None if that is above max_n.

    Counts are integers, so a slightly larger n may resolve less than a smaller one. Therefore a range of 2/tolerance
    values of n, longer than such a ripple, must resolve it.
    """
    ripple = math.ceil(2.0 / tolerance)

    def resolved_from(n: int) -> bool:
        return all(resolves(m, shares, tolerance, significance) for m in range(n, n + ripple))

    high = 1
    while not resolved_from(high):
        if high >= max_n:
            return None
        high = min(2 * high, max_n)
    return _first(max(1, high // 2), high, resolved_from)


def split_power(n: int, expected: Sequence[float], true: Sequence[float], significance: float) -> float:
    """Lower bound of the probability that split_p_value rejects the expected shares, given the true shares.

    It is the probability for the backend whose test rejects most often.
    """
    each = significance / family(expected)
    return max(power(n, share, other, each) for share, other in zip(expected, true))


def requests_to_tell(
    expected: Sequence[float], true: Sequence[float], significance: float, certainty: float = 0.99, max_n: int = 100_000
) -> int | None:
    """Approximate smallest n at which split_power reaches certainty; None if that is above max_n.

    Approximate, because a slightly larger n may have less power than a smaller one.
    """
    high = 1
    while split_power(high, expected, true, significance) < certainty:
        if high >= max_n:
            return None
        high = min(2 * high, max_n)
    return _first(
        max(1, high // 2), high, lambda n: n == high or split_power(n, expected, true, significance) >= certainty
    )


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """First integer in low..high for which holds; holds must be False, then True, and True at high."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _root(low: float, high: float, holds: Callable[[float], bool]) -> tuple[float, float]:
    """The pair of adjacent floats in low..high between which holds changes from False to True."""
    while True:
        middle = (low + high) / 2.0
        if not low < middle < high:
            return low, high
        if holds(middle):
            high = middle
        else:
            low = middle
