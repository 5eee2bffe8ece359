# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find out how often a split similar to the expected one would pass."""

from __future__ import annotations

import functools
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import (
    MAX_REQUESTS,
    Plan,
    accepted,
    round_up,
    shifted_shares,
)

# How much of the largest share the similar split moves to the smallest one, in addition to the tolerance.
SHIFT = 0.05
# The similar split counts as detected if it passes with a lower probability.
MISSED = 0.05


def sensitivity(plan: Plan, n: int) -> dict[str, Any] | None:
    """How often a similar split would pass with n responses, as the module returns it; None without a similar split.

    shares: of the similar split; pass_probability: an upper bound for more than two backends; requests: about how many
    make the similar split pass in less than 5% of runs, None if pass_probability is below that or no number does.
    """
    shares = shifted_shares(plan.shares, SHIFT + (plan.effective_tolerance or 0.0))
    if shares is None or not n:
        return None
    passes = _pass_probability(plan, shares, n)
    needed = None
    if passes >= MISSED and plan.effective_tolerance is None:
        needed = _requests(tuple(plan.shares), tuple(shares), plan.significance)
    return {"shares": [round(share, 6) for share in shares], "pass_probability": passes, "requests": needed}


def _pass_probability(plan: Plan, shares: list[float], n: int) -> float:
    """The probability that n responses of these actual shares pass; an upper bound for more than two backends."""
    if len(shares) != 2:
        intervals = (accepted(plan, share, n) for share in plan.shares)
        return min(1.0 - statistics.outside(n, actual, *interval) for actual, interval in zip(shares, intervals))
    low, high = accepted(plan, plan.shares[0], n)
    if plan.effective_tolerance is not None:
        return _between(n, shares[0], low, high)
    # A pass requires a response of each backend that has a weight, and rules out an even split.
    low, high = max(low, 1 if plan.shares[0] else 0), min(high, n - 1 if plan.shares[1] else n)
    if plan.is_even:
        return _between(n, shares[0], low, high)
    even_low, even_high = statistics.acceptance(n, 0.5, plan.significance)
    return _between(n, shares[0], low, min(high, even_low - 1)) + _between(n, shares[0], max(low, even_high + 1), high)


def _between(n: int, share: float, low: int, high: int) -> float:
    """P(low <= X <= high) for X ~ Binomial(n, share)."""
    return 1.0 - statistics.outside(n, share, low, high) if low <= high else 0.0


@functools.lru_cache
def _requests(expected: tuple[float, ...], true: tuple[float, ...], significance: float) -> int | None:
    needed = statistics.requests_to_tell(expected, true, significance, 1.0 - MISSED, MAX_REQUESTS)
    return round_up(needed) if needed else None


def sensitivity_text(found: dict[str, Any]) -> str:
    """The result of sensitivity as a clause."""
    split = "/".join(f"{round(100 * share, 1):g}" for share in found["shares"])
    text = f"an actual {split} split would pass in {_percent(found['pass_probability'])} of runs"
    return f"{text}, with {found['requests']} requests in less than {MISSED:.0%}" if found["requests"] else text


def _percent(probability: float) -> str:
    return f"{probability:.0%}" if probability >= 0.01 else "less than 1%"
