# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a measurement."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import KINDS, Tally, one_line
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.causes import (
    cause_of_doubt,
    cause_of_failure,
    percent,
)
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import Client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, accepted


def judge(plan: Plan, tally: Tally, client: Client) -> dict[str, Any]:
    """The verdict with everything that led to it, as the dictionary that the module returns."""
    overall, each = statistics.split_p_value(tally.backends, plan.shares)
    backends = _backends(plan, tally, each)
    against, doubts = _against(plan, tally, overall), _doubts(plan, tally, overall)
    verdict = "fail" if against else "inconclusive" if doubts else "pass"
    counts = ", ".join(_backend_text(x, tally.answered, plan.significance, verdict != "pass") for x in backends)
    cause = {"fail": cause_of_failure, "inconclusive": cause_of_doubt}.get(verdict, _no_cause)(
        plan, tally, client.sidecar
    )
    if verdict == "pass":
        message = f"the {plan.weights} split holds: {counts}; {_pass_text(plan, tally, overall)}"
    else:
        result = "does not hold" if against else "is inconclusive"
        reasons = "; ".join([*against, *doubts])
        message = f"the {plan.weights} split {result}: {reasons}. Counts: {counts}. Likely cause: {cause}"
    return {
        "verdict": verdict,
        "msg": message,
        "likely_cause": cause,
        "requests": plan.requests,
        "sent": tally.sent,
        "answered": tally.answered,
        "backends": backends,
        "p_value": overall,
        "significance": plan.significance,
        "errors": _errors(tally),
        "samples": tally.samples,
        "elapsed": tally.elapsed,
        "client": {**asdict(client), "method": tally.method},
    }


def _no_cause(_plan: Plan, _tally: Tally, _sidecar: bool) -> str:
    return ""


def _backends(plan: Plan, tally: Tally, p_values: list[float]) -> list[dict[str, Any]]:
    """What each backend got, as the module returns it."""
    n = tally.answered
    return [
        {
            "name": backend.name,
            "weight": backend.weight,
            "expected_share": share,
            "count": count,
            "share": count / n if n else None,
            "interval": list(statistics.interval(count, n, plan.significance)),
            "p_value": p_value,
            "detectable": list(statistics.detectable(n, *accepted(plan, share, n))),
        }
        for backend, share, count, p_value in zip(plan.backends, plan.shares, tally.backends, p_values)
    ]


def _pass_text(plan: Plan, tally: Tally, overall: float) -> str:
    """By which rule the split holds, and the errors that were accepted."""
    text = f"p {_p_text(overall)}, not below significance {plan.significance:g}"
    if plan.tolerance is not None:
        text = f"within {100 * plan.tolerance:g} percentage points"
    return f"{text}; {_errors_text(tally)} within max_errors {plan.max_errors}" if tally.errors else text


def _against(plan: Plan, tally: Tally, overall: float) -> list[str]:
    """What speaks against the split, as a list of clauses; any means fail."""
    against = []
    if tally.errors > plan.max_errors:
        against.append(f"{_errors_text(tally)}, max_errors is {plan.max_errors}")
    n = tally.answered
    if not n:
        return against
    strict = [
        f"{backend.name} has weight 0 and got {count}"
        if share == 0.0
        else f"{backend.name} has all the weight, not all of {n}"
        for backend, share, count in zip(plan.backends, plan.shares, tally.backends)
        if (share == 0.0 and count) or (share == 1.0 and count < n)
    ]
    against += strict
    if plan.tolerance is not None:
        if _resolved(plan, n, overall):
            against += _beyond_tolerance(plan, tally)
    elif overall < plan.significance and not strict:
        against.append(f"p {_p_text(overall)} is below significance {plan.significance:g}")
    return against


def _doubts(plan: Plan, tally: Tally, overall: float) -> list[str]:
    """What keeps a verdict from being reached, as a list of clauses; any means that there is no pass."""
    doubts, n = [], tally.answered
    if tally.sent < plan.requests:
        reason = "then the run was given up" if tally.gave_up else f"as timeout {plan.timeout} s was over"
        doubts.append(f"only {tally.sent} of {plan.requests} requests were sent, {reason}")
    if not n:
        doubts.append("no response came from any backend")
    elif plan.tolerance is not None:
        if not _resolved(plan, n, overall):
            doubts += [f"{clause}, which {n} responses cannot resolve" for clause in _beyond_tolerance(plan, tally)]
    elif overall >= plan.significance and len(set(plan.shares)) > 1:
        even = statistics.split_p_value(tally.backends, [1.0 / len(plan.backends)] * len(plan.backends))[0]
        if even >= plan.significance:
            doubts.append(f"an even split fits these {n} responses too (p {_p_text(even)})")
    return doubts


def _resolved(plan: Plan, n: int, overall: float) -> bool:
    """Whether chance alone does not explain that n responses, which may be fewer than planned, leave the tolerance."""
    return overall < plan.significance or statistics.resolves(n, plan.shares, plan.tolerance or 0.0, plan.significance)


def _beyond_tolerance(plan: Plan, tally: Tally) -> list[str]:
    """A clause for each backend that is further off than the tolerance."""
    clauses, n = [], tally.answered
    for backend, share, count in zip(plan.backends, plan.shares, tally.backends):
        low, high = accepted(plan, share, n)
        if 0.0 < share < 1.0 and not low <= count <= high:
            off = f"{100 * abs(count / n - share):.1f} percentage points off"
            clauses.append(f"{backend.name} is {off}, tolerance is {100 * (plan.tolerance or 0.0):g}")
    return clauses


def _backend_text(backend: dict[str, Any], n: int, significance: float, with_interval: bool) -> str:
    if not n:
        return f"{backend['name']} 0"
    text = f"{backend['name']} {backend['count']} of {n} = {percent(backend['share'])}"
    text += f" (expected {percent(backend['expected_share'])}"
    if with_interval:
        low, high = backend["interval"]
        text += f", {100 * (1 - significance):g}% interval {percent(low)} to {percent(high)}"
    return text + ")"


def _p_text(p_value: float) -> str:
    return f"= {p_value:.2g}" if p_value > 1e-300 else "< 1e-300"


def _errors(tally: Tally) -> dict[str, Any]:
    by_kind: Counter[str] = Counter()
    status, messages = {}, []
    for (kind, detail), count in sorted(tally.failures.items()):
        by_kind[kind] += count
        if kind == "status":
            status[detail] = count
        elif detail != "more":
            messages.append(one_line(detail))
    return {
        "total": tally.errors,
        "unknown": tally.unknown,
        "ambiguous": tally.ambiguous,
        **{kind: by_kind[kind] for kind in KINDS if kind != "status"},
        "status": status,
        "messages": messages,
    }


def _errors_text(tally: Tally) -> str:
    errors = _errors(tally)
    parts = [f"{count} with status {status}" for status, count in errors["status"].items()]
    parts += [f"{errors[kind]} {kind}" for kind in (*KINDS[1:], "unknown", "ambiguous") if errors[kind]]
    return f"{tally.errors} of {tally.sent} requests are errors ({', '.join(parts)})"
