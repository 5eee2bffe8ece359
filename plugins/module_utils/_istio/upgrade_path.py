# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which Istio and Kubernetes are upgraded, so that each pair on the way is a supported one."""

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
    istio: str, kubernetes: str, wanted: str | None = None, wanted_kubernetes: str | None = None
) -> list[dict[str, Any]]:
    """Plan the upgrade from one pair of Istio and Kubernetes to a newer Istio.

    wanted: the newest of the table if None; wanted_kubernetes: the oldest that the wanted Istio supports if None, but
    never older than the current one. Returns steps of one minor each, as dictionaries with "what" (Istio or
    Kubernetes), "from" and "to"; a step of Istio also has "version" (whole) and "changes" (sentences). It alternates
    between the two as seldom as possible. Raises ReleaseError if there is no such way.
    """
    wanted = show(max(RELEASES)) if wanted is None else wanted
    start, goal = {ISTIO: minor_of(istio), KUBERNETES: minor_of(kubernetes)}, release(wanted)
    if goal.minor < start[ISTIO]:
        raise ReleaseError(f"Istio {show(goal.minor)} is older than the installed {istio}; this is not an upgrade")
    if not supported(istio, kubernetes):
        raise ReleaseError(f"the starting combination is not supported: {suggestions(istio, kubernetes)}")
    if wanted_kubernetes and not supported(wanted, wanted_kubernetes):
        raise ReleaseError(suggestions(wanted, wanted_kubernetes))
    last = minor_of(wanted_kubernetes) if wanted_kubernetes else max(start[KUBERNETES], goal.oldest)
    ways = [_alternate(start, {ISTIO: goal.minor, KUBERNETES: last}, first) for first in (ISTIO, KUBERNETES)]
    found = [way for way in ways if way is not None]
    if not found:
        raise ReleaseError(
            f"the table has no way from Istio {istio} on Kubernetes {kubernetes} "
            f"to Istio {show(goal.minor)} on Kubernetes {show(last)}"
        )
    return [_step(*step) for step in min(found, key=_turns)]


def _alternate(start: dict[str, Minor], goal: dict[str, Minor], what: str) -> list[Any] | None:
    """Upgrade one of the two as far as the other allows, then the other, and so on; None if both are stuck."""
    here, steps, stuck = dict(start), [], False
    while here != goal:
        there = {**here, what: (here[what][0], here[what][1] + 1)}
        if here[what] < goal[what] and _fits(there):
            steps.append((what, here[what], there[what]))
            here, stuck = there, False
        elif stuck:
            return None
        else:
            what, stuck = (KUBERNETES if what == ISTIO else ISTIO), True
    return steps


def _fits(pair: dict[str, Minor]) -> bool:
    return pair[ISTIO] in RELEASES and supported(show(pair[ISTIO]), show(pair[KUBERNETES]))


def _turns(steps: list[Any]) -> int:
    """Return how often a way changes between Istio and Kubernetes."""
    return sum(before[0] != after[0] for before, after in zip(steps, steps[1:]))


def _step(what: str, before: Minor, after: Minor) -> dict[str, Any]:
    more = {"version": RELEASES[after].version, "changes": changes_in(after)} if what == ISTIO else {}
    return {"what": what, "from": show(before), "to": show(after), **more}
