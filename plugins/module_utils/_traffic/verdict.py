# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a measurement."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import KINDS, Tally, one_line
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import Client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, accepted
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.reasons import (
    NO_SIDECAR,
    doubt_reason,
    failure_reason,
    percent,
    unseen_backends,
)
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.sensitivity import sensitivity, sensitivity_text


def judge(plan: Plan, tally: Tally, client: Client) -> dict[str, Any]:
    """Return the module's result: the verdict with all numbers that it is based on."""
    overall, each = statistics.split_p_value(tally.backends, plan.shares)
    backends = _backends(plan, tally, each)
    objections, doubts = _objections(plan, tally, overall), _doubts(plan, tally, overall)
    verdict = "fail" if objections else "inconclusive" if doubts else "pass"
    counts = ", ".join(_backend_text(x, tally.answered, plan.significance, verdict != "pass") for x in backends)
    similar, reason = sensitivity(plan, tally.answered), ""
    if verdict == "pass":
        message = f"the {plan.weights} split holds: {counts}; {_pass_text(plan, tally, overall, similar)}"
    else:
        result = "does not hold" if objections else "is inconclusive"
        reason = (failure_reason if objections else doubt_reason)(plan, tally, client.sidecar)
        findings = "; ".join([*objections, *doubts])
        message = f"the {plan.weights} split {result}: {findings}. Counts: {counts}. Likely cause: {reason}"
    return {
        "verdict": verdict,
        "msg": message,
        "reason": reason,
        "findings": [],
        "requests": plan.requests,
        "sent": tally.sent,
        "answered": tally.answered,
        "backends": backends,
        "p_value": overall,
        "sensitivity": similar,
        "significance": plan.significance,
        "errors": _errors(tally),
        "samples": tally.samples,
        "elapsed": tally.elapsed,
        "client": {**asdict(client), "method": tally.method},
    }


def with_findings(result: dict[str, Any], findings: list[str]) -> dict[str, Any]:
    """The result of judge with the findings in the API."""
    message = (
        "; ".join([f"{result['msg']}. In the cluster: {findings[0]}", *findings[1:]]) if findings else result["msg"]
    )
    return {**result, "findings": findings, "msg": message}


def _backends(plan: Plan, tally: Tally, p_values: list[float]) -> list[dict[str, Any]]:
    """The result of each backend, as the module returns it."""
    n = tally.answered
    # Bonferroni, as for the p-value of the split: it is below significance if a share is outside its interval.
    significance = plan.significance / statistics.family(plan.shares)
    return [
        {
            "name": backend.name,
            "weight": backend.weight,
            "expected_share": share,
            "count": count,
            "share": count / n if n else None,
            "interval": list(statistics.interval(count, n, significance)),
            "p_value": p_value,
            "detectable": list(statistics.detectable(n, *accepted(plan, share, n))),
        }
        for backend, share, count, p_value in zip(plan.backends, plan.shares, tally.backends, p_values)
    ]


def _pass_text(plan: Plan, tally: Tally, overall: float, similar: dict[str, Any] | None) -> str:
    """The criterion that the split meets, the accepted errors, and what sensitivity found."""
    text = f"p {_p_text(overall)}, not below significance {plan.significance:g}"
    if plan.effective_tolerance is not None:
        text = f"within {100 * plan.effective_tolerance:g} percentage points"
    if tally.errors:
        text += f"; {_errors_text(tally)} within max_errors {plan.max_errors}"
    if similar:
        text += f"; {sensitivity_text(similar)}"
    if plan.is_even and len(plan.backends) > 1:
        text += "; an even split, as without any rule, would pass too"
    return text


def _objections(plan: Plan, tally: Tally, overall: float) -> list[str]:
    """Clauses about what refutes the split; with any of them the verdict is fail."""
    objections = []
    if tally.errors > plan.max_errors:
        objections.append(f"{_errors_text(tally)}, max_errors is {plan.max_errors}")
    n = tally.answered
    if not n:
        return objections
    strict = [
        f"{backend.name} has weight 0 and got {count}"
        if share == 0.0
        else f"{backend.name} has all the weight and got only {count} of {n}"
        for backend, share, count in zip(plan.backends, plan.shares, tally.backends)
        if (share == 0.0 and count) or (share == 1.0 and count < n)
    ]
    objections += strict
    if plan.effective_tolerance is not None:
        if _resolved(plan, n, overall):
            objections += _beyond_tolerance(plan, tally)
    elif overall < plan.significance and not strict:
        objections.append(f"p {_p_text(overall)} is below significance {plan.significance:g}")
    return objections


def _doubts(plan: Plan, tally: Tally, overall: float) -> list[str]:
    """Clauses about why the sample cannot decide; with any of them the verdict is not pass."""
    doubts, n = [], tally.answered
    if tally.sent < plan.requests:
        reason = "the run was stopped because of errors" if tally.gave_up else f"timeout ({plan.timeout} s) expired"
        doubts.append(f"only {tally.sent} of {plan.requests} requests were sent: {reason}")
    if not n:
        doubts.append("no backend responded")
        return doubts
    tolerated = plan.effective_tolerance is not None
    if tolerated and not _resolved(plan, n, overall):
        doubts += [f"{x}, but {n} responses are too few to decide" for x in _beyond_tolerance(plan, tally)]
    elif not tolerated and overall >= plan.significance:
        unseen = unseen_backends(plan, tally)
        doubts += [f"{name} got none of {n} responses, which is also consistent with weight 0" for name in unseen]
    if not plan.is_even and (plan.has_exact_shares if tolerated else overall >= plan.significance):
        even = statistics.split_p_value(tally.backends, plan.even_shares)[0]
        if even >= plan.significance:
            doubts.append(f"these {n} responses are also consistent with an even split (p {_p_text(even)})")
    return doubts


def warnings(plan: Plan, result: dict[str, Any]) -> list[str]:
    """Warnings about a pass that the rule cannot have caused. result: of judge."""
    if result["verdict"] != "pass" or result["client"]["sidecar"] or plan.is_even:
        return []
    return [
        f"the {plan.weights} split holds although {NO_SIDECAR}; the Service itself may distribute requests like this"
    ]


def _resolved(plan: Plan, n: int, overall: float) -> bool:
    """Whether n responses, possibly fewer than planned, are enough to judge the tolerance."""
    return overall < plan.significance or statistics.resolves(n, plan.shares, plan.tolerance or 0.0, plan.significance)


def _beyond_tolerance(plan: Plan, tally: Tally) -> list[str]:
    """A clause for each backend whose deviation exceeds the tolerance."""
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
