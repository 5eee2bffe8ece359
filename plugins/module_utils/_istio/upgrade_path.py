# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan upgrades of Istio and Kubernetes so that every intermediate pair is supported."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.releases import (
    RELEASES,
    Minor,
    ReleaseError,
    changes_in,
    minor_of,
    release,
    show,
    suggestions,
    supported,
)

ISTIO, KUBERNETES = "Istio", "Kubernetes"


def upgrade_path(
    istio: str, kubernetes: str, target: str | None = None, target_kubernetes: str | None = None
) -> list[dict[str, Any]]:
    """Plan the upgrade from one pair of Istio and Kubernetes to a newer Istio.

    target: by default the newest release of the table; target_kubernetes: by default the oldest that the target Istio
    supports, but never older than the current one. Returns steps of one minor each, as dictionaries with "product"
    (Istio or Kubernetes), "from" and "to"; a step of Istio also has "version" (full) and "changes" (sentences). The
    plan alternates between the two as seldom as possible. Raises ReleaseError if there is no such plan.
    """
    target = show(max(RELEASES)) if target is None else target
    start, goal = {ISTIO: minor_of(istio), KUBERNETES: minor_of(kubernetes)}, release(target)
    if goal.minor < start[ISTIO]:
        raise ReleaseError(f"Istio {show(goal.minor)} is older than the installed {istio}; this is not an upgrade")
    if not supported(istio, kubernetes):
        raise ReleaseError(f"the starting combination is not supported: {suggestions(istio, kubernetes)}")
    if target_kubernetes and not supported(target, target_kubernetes):
        raise ReleaseError(suggestions(target, target_kubernetes))
    last = minor_of(target_kubernetes) if target_kubernetes else max(start[KUBERNETES], goal.oldest)
    plans = [_alternate(start, {ISTIO: goal.minor, KUBERNETES: last}, first) for first in (ISTIO, KUBERNETES)]
    possible = [plan for plan in plans if plan is not None]
    if not possible:
        raise ReleaseError(
            f"the table has no supported path from Istio {istio} on Kubernetes {kubernetes} "
            f"to Istio {show(goal.minor)} on Kubernetes {show(last)}"
        )
    return [_step(*step) for step in min(possible, key=_turns)]


def _alternate(start: dict[str, Minor], goal: dict[str, Minor], product: str) -> list[Any] | None:
    """Upgrade one of the two as far as the other allows, then the other, and so on; None if both are stuck."""
    current, steps, stuck = dict(start), [], False
    while current != goal:
        upgraded = {**current, product: (current[product][0], current[product][1] + 1)}
        if current[product] < goal[product] and _is_supported(upgraded):
            steps.append((product, current[product], upgraded[product]))
            current, stuck = upgraded, False
        elif stuck:
            return None
        else:
            product, stuck = (KUBERNETES if product == ISTIO else ISTIO), True
    return steps


def _is_supported(pair: dict[str, Minor]) -> bool:
    return pair[ISTIO] in RELEASES and supported(show(pair[ISTIO]), show(pair[KUBERNETES]))


def _turns(steps: list[Any]) -> int:
    """Return how often a plan alternates between Istio and Kubernetes."""
    return sum(before[0] != after[0] for before, after in zip(steps, steps[1:]))


def _step(product: str, before: Minor, after: Minor) -> dict[str, Any]:
    more = {"version": RELEASES[after].version, "changes": changes_in(after)} if product == ISTIO else {}
    return {"product": product, "from": show(before), "to": show(after), **more}
