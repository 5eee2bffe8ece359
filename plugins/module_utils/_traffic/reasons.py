# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the most likely reason why a verdict is not pass."""

from __future__ import annotations

import itertools
from collections import Counter
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally, one_line
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import (
    Plan,
    needed_text,
    requests_to_rule_out_even,
    requests_to_see_all,
)

NO_SIDECAR = "the client has no sidecar, which would apply the weights"


def percent(share: float) -> str:
    """A share as text: 79.0%."""
    return f"{100 * share:.1f}%"


def failure_reason(plan: Plan, tally: Tally, sidecar: bool) -> str:
    """The most likely reason for a failed verdict, as a sentence."""
    failing = _failing_backend(plan, tally)
    if failing or tally.errors > plan.max_errors:
        reason = "; ".join(filter(None, [failing, _error_reason(plan, tally, sidecar)]))
        return reason if sidecar else f"{reason}; also, {NO_SIDECAR}"
    if not sidecar:
        return NO_SIDECAR
    return _single_backend(plan, tally) or _other_split(plan, tally) or _stale(plan, tally) or _OTHER_WEIGHTS


_OTHER_WEIGHTS = (
    "the rule in effect has other weights, or there is no rule and the Service distributes requests over all pods "
    "(backends with more pods get more); compare with the VirtualService and the routes of the client's proxy"
)


# A split whose p-value is at least this may explain the counts.
_PLAUSIBLE = 0.01

_NO_RULE = (
    "the counts are consistent with an even split, so there may be no rule in effect: the VirtualService is missing, "
    "has another host, or has not reached the client's proxy yet"
)


def _other_split(plan: Plan, tally: Tally) -> str:
    """The split that explains the counts best: an even one or the weights in another order. Empty if neither does."""
    splits = [] if plan.is_even else [(plan.even_shares, _NO_RULE)]
    for order in itertools.permutations(plan.shares) if len(plan.backends) <= 4 else ():
        if list(order) != plan.shares:
            fitting = ", ".join(f"{backend.name} {percent(share)}" for backend, share in zip(plan.backends, order))
            splits.append((list(order), f"the weights may be assigned to other backends: the counts match {fitting}"))
    found = [(statistics.split_p_value(tally.backends, shares)[0], text) for shares, text in splits]
    p_value, text = max(found, default=(0.0, ""), key=lambda item: item[0])
    return text if p_value >= _PLAUSIBLE else ""


def _single_backend(plan: Plan, tally: Tally) -> str:
    if len(plan.backends) > 1 and max(tally.backends) == tally.answered:
        winner = plan.backends[tally.backends.index(tally.answered)].name
        return (
            f"{winner} got all requests: another rule or match takes precedence, the other backends have no ready "
            "pods, or the DestinationRule keeps a client on one backend (consistent hash)"
        )
    return ""


def _stale(plan: Plan, tally: Tally) -> str:
    counted = zip(plan.backends, plan.shares, tally.backends)
    stray = [backend.name for backend, share, count in counted if share == 0.0 and count]
    if not stray:
        return ""
    return f"{' and '.join(stray)} must get no requests: the client's proxy may still have an older rule"


def doubt_reason(plan: Plan, tally: Tally, sidecar: bool) -> str:
    """The most likely reason for an inconclusive verdict, as a sentence."""
    if not tally.answered and tally.errors:
        reason = _error_reason(plan, tally, sidecar)
    elif tally.sent < plan.requests:
        reason = "the backends respond too slowly for this number of requests"
    elif plan.effective_tolerance is not None:
        reason = f"too many of the {plan.requests} requests failed, so the tolerance cannot be evaluated"
    else:
        reason = _too_few_requests(plan, tally)
    return reason if sidecar else f"{reason}; also, {NO_SIDECAR}"


def unseen_backends(plan: Plan, tally: Tally) -> list[str]:
    """Backends with a weight that got no response."""
    counted = zip(plan.backends, plan.shares, tally.backends)
    return [backend.name for backend, share, count in counted if share and not count]


def _too_few_requests(plan: Plan, tally: Tally) -> str:
    """Which of the doubts requires the most requests."""
    unseen, even = unseen_backends(plan, tally), requests_to_rule_out_even(plan)
    needed = requests_to_see_all(plan)
    if unseen and (plan.is_even or (even and even < needed)):
        return f"too few requests to tell the share of {' and '.join(unseen)} from 0: {needed_text(needed)}"
    return f"too few requests to rule out an even split: {needed_text(even)}"


def _failing_backend(plan: Plan, tally: Tally) -> str:
    """The backend whose responses may be the errors, as a clause: with them it would have its share. Else empty."""
    if not tally.answered or not tally.errors:
        return ""
    found = []
    for number, backend in enumerate(plan.backends):
        counts = [count + tally.errors * (place == number) for place, count in enumerate(tally.backends)]
        if statistics.split_p_value(counts, plan.shares)[0] >= _PLAUSIBLE:
            found.append(backend.name)
    return f"{found[0]} may be failing: with the errors, it would have its share" if len(found) == 1 else ""


def _error_reason(plan: Plan, tally: Tally, sidecar: bool) -> str:
    """The most likely reason for the most frequent kind of error."""
    by_kind = Counter({"unknown": tally.unknown, "ambiguous": tally.ambiguous})
    for (kind, _detail), count in tally.failures.items():
        by_kind[kind] += count
    kind = by_kind.most_common(1)[0][0]
    if kind == "unknown":
        return _unknown_reason(plan, tally)
    if kind == "ambiguous":
        names = " and ".join(plan.backends[number - 1].name for number in tally.overlap)
        return f"the matches overlap: one response matches {names}"
    if kind == "status":
        return _status_reason(tally)
    return _no_response_reason(plan, tally, kind, sidecar)


def _unknown_reason(plan: Plan, tally: Tally) -> str:
    host = urlsplit(plan.url).netloc
    start = one_line(tally.samples.get("unknown", ""), 80)
    sample = f"the first such response starts with: {start}" if start else "the first such response is empty"
    if not tally.answered:
        return f"the responses of {host} match no backend; {sample}"
    return f"some responses of {host} match no backend: another server responds too, or a match is too narrow; {sample}"


def _status_reason(tally: Tally) -> str:
    status = Counter({detail: count for (kind, detail), count in tally.failures.items() if kind == "status"})
    code = status.most_common(1)[0][0]
    return {
        "503": "the proxy responds with status 503 if a route's Service or subset has no ready pods "
        "(the DestinationRule is missing, or no pod has the labels of its subset)",
        "404": "status 404 means that the backends do not have this path, or that the VirtualService has no "
        "route for this request",
    }.get(code, f"the backends or a proxy respond with status {code}")


def _no_response_reason(plan: Plan, tally: Tally, kind: str, sidecar: bool) -> str:
    """The most likely reason for requests without a response."""
    host = urlsplit(plan.url).netloc
    messages = [detail for (each, detail) in tally.failures if each == kind]
    quoted = f" ({one_line(messages[0])})" if messages else ""
    if kind == "connection" and sidecar:  # a working sidecar accepts every connection
        return f"the client's sidecar refuses connections to {host}: it is starting, terminating or bypassed{quoted}"
    return {
        "timeout": f"{host} does not respond within request_timeout ({plan.request_timeout} s)",
        "dns": f"the client cannot resolve {host}: its namespace has no such Service, or the host needs a namespace",
        "connection": f"{host} refuses connections: the port is wrong, or the Service has no ready pods",
        "broken": "connections are closed before the response is complete: a backend or proxy restarts, or does not "
        "use HTTP",
    }.get(kind, "the client program failed") + quoted
