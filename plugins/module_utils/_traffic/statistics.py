# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact statistics of counts: binomial tails, tests, intervals, and what a sample of n can tell.

Pure Python, no dependency. Shares, tolerances and significances are fractions (0.2, not 20).
The two-sided test doubles the smaller tail, so that it and the Clopper-Pearson interval always agree:
an expected share is rejected exactly when it lies outside the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

# Relative cut-off for negligible terms.
_NEGLIGIBLE = 1e-18
# Makes 0.15 * 400 the whole number that it stands for; far below the 1/n by which shares differ.
_ROUNDING = 1e-9


def _log(share: float, rest: float) -> float:
    """log(share) of share + rest = 1, without loss where share is next to 1."""
    return math.log(share) if share < 0.5 else math.log1p(-rest)


def _sum_down(k: int, n: int, p: float, q: float) -> float:
    """P(X <= k) summed from k downwards: quick and accurate where k is not above the mean. Needs 0 < p, q."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = total = math.exp(ways + k * _log(p, q) + (n - k) * _log(q, p))
    odds = q / p
    while k > 0 and term > total * _NEGLIGIBLE:
        term *= k * odds / (n - k + 1)
        total += term
        k -= 1
    return total


def _lower(k: int, n: int, p: float, q: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p) and q = 1 - p, which are both given as neither may be rounded away."""
    if k < 0:
        return 0.0
    if k >= n or p <= 0.0:
        return 1.0
    if q <= 0.0:
        return 0.0
    if k <= n * p:
        return min(1.0, _sum_down(k, n, p, q))
    # Of n - X ~ Binomial(n, q), the part above k is the lower tail.
    return max(0.0, 1.0 - _sum_down(n - k - 1, n, q, p))


def lower_tail(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p)."""
    return _lower(k, n, p, 1.0 - p)


def upper_tail(k: int, n: int, p: float) -> float:
    """P(X >= k) for X ~ Binomial(n, p)."""
    return _lower(n - k, n, 1.0 - p, p)


def binomial_p_value(k: int, n: int, p: float) -> float:
    """The exact two-sided p-value of seeing k of n where a share p is expected: twice the smaller tail, at most 1."""
    return min(1.0, 2.0 * min(lower_tail(k, n, p), upper_tail(k, n, p)))


def acceptance(n: int, p: float, significance: float) -> tuple[int, int]:
    """The counts (lowest, highest) that the exact two-sided test of share p accepts in n trials."""
    half = significance / 2.0
    lowest = _first(0, n, lambda k: lower_tail(k, n, p) >= half)
    highest = n - _first(0, n, lambda k: upper_tail(n - k, n, p) >= half)
    return lowest, highest


def interval(k: int, n: int, significance: float) -> tuple[float, float]:
    """The Clopper-Pearson interval (low, high) of the true share after k of n, at confidence 1 - significance.

    No trial tells nothing: (0.0, 1.0).
    """
    half = significance / 2.0
    low = 0.0 if k == 0 else _root(0.0, k / n, lambda p: upper_tail(k, n, p) >= half)[0]
    high = 1.0 if k == n else _root(k / n, 1.0, lambda p: lower_tail(k, n, p) < half)[1]
    return low, high


def family(shares: Sequence[float]) -> int:
    """How many separate two-sided tests a split of these shares is: what a significance is divided by (Bonferroni).

    Shares of 0 and 1 need no chance. Two backends are one test: what one gets, the other lacks.
    """
    uncertain = sum(1 for share in shares if 0.0 < share < 1.0)
    return 1 if uncertain == 2 else max(1, uncertain)


def split_p_value(counts: Sequence[int], shares: Sequence[float]) -> tuple[float, list[float]]:
    """(p-value of the whole split, list of p-values per backend) of counts where shares, which sum to 1, are expected.

    Per backend the exact binomial; the whole is the smallest of them times the number of separate tests.
    """
    n = sum(counts)
    each = [binomial_p_value(count, n, share) for count, share in zip(counts, shares)]
    return min(1.0, family(shares) * min(each)), each


def band(n: int, p: float, tolerance: float) -> tuple[int, int]:
    """The counts (lowest, highest) of n trials whose share is within tolerance of p; p of 0 or 1 knows no tolerance."""
    if p <= 0.0 or p >= 1.0:
        exact = round(n * p)
        return exact, exact
    return max(0, math.ceil(n * (p - tolerance) - _ROUNDING)), min(n, math.floor(n * (p + tolerance) + _ROUNDING))


def outside(n: int, p: float, lowest: int, highest: int) -> float:
    """P(X < lowest or X > highest) for X ~ Binomial(n, p): how often a test that accepts lowest..highest rejects."""
    return min(1.0, lower_tail(lowest - 1, n, p) + upper_tail(highest + 1, n, p))


def power(n: int, expected: float, true: float, significance: float) -> float:
    """The probability that the exact test of the expected share rejects when the true share is another."""
    return outside(n, true, *acceptance(n, expected, significance))


def detectable(n: int, lowest: int, highest: int, certainty: float = 0.99) -> tuple[float | None, float | None]:
    """The true shares (below, above) that a test which accepts lowest..highest of n rejects with this certainty.

    Every share further out is rejected more often still. None in place of one that no share reaches.
    """
    below = above = None
    if lowest > 0:
        below = _root(0.0, lowest / n, lambda p: upper_tail(lowest, n, p) > 1.0 - certainty)[0]
    if highest < n:
        above = _root(highest / n, 1.0, lambda p: lower_tail(highest, n, p) <= 1.0 - certainty)[1]
    return below, above


def resolves(n: int, shares: Sequence[float], tolerance: float, significance: float) -> bool:
    """True if a split that is exactly these shares leaves the tolerance in n trials with at most this probability."""
    allowed = significance / family(shares)
    return all(outside(n, p, *band(n, p, tolerance)) <= allowed for p in shares if 0.0 < p < 1.0)


def requests_for_tolerance(
    shares: Sequence[float], tolerance: float, significance: float, most: int = 100_000
) -> int | None:
    """The smallest n from which on every n resolves the tolerance (see resolves); None if that is above most.

    Counts are whole, so a slightly larger n can resolve less than a smaller one: a stretch of 2/tolerance values
    of n, longer than such a ripple, has to resolve it.
    """
    stretch = math.ceil(2.0 / tolerance)

    def settled(n: int) -> bool:
        return all(resolves(m, shares, tolerance, significance) for m in range(n, n + stretch))

    high = 1
    while not settled(high):
        if high >= most:
            return None
        high = min(2 * high, most)
    return _first(max(1, high // 2), high, settled)


def split_power(n: int, expected: Sequence[float], true: Sequence[float], significance: float) -> float:
    """A probability at which split_p_value of n rejects the expected shares when others are true: at least that of the
    backend that shows it best."""
    each = significance / family(expected)
    return max(power(n, share, other, each) for share, other in zip(expected, true))


def requests_to_tell(
    expected: Sequence[float], true: Sequence[float], significance: float, certainty: float = 0.99, most: int = 100_000
) -> int | None:
    """About the smallest n at which split_power reaches the certainty; None if that is above most.

    Only about, as a slightly larger n can tell less than a smaller one.
    """
    high = 1
    while split_power(high, expected, true, significance) < certainty:
        if high >= most:
            return None
        high = min(2 * high, most)
    return _first(
        max(1, high // 2), high, lambda n: n == high or split_power(n, expected, true, significance) >= certainty
    )


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first whole number in low..high for which holds(number); holds is False, then True, and True at high."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _root(low: float, high: float, holds: Callable[[float], bool]) -> tuple[float, float]:
    """The pair of neighbouring floats between which holds(p) turns from False to True in low..high."""
    while True:
        middle = (low + high) / 2.0
        if not low < middle < high:
            return low, high
        if holds(middle):
            high = middle
        else:
            low = middle
