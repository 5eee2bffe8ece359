# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The likely cause of a verdict that is not pass."""

from __future__ import annotations

import itertools
from collections import Counter
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally, one_line
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, needed_requests

NO_SIDECAR = "the client has no sidecar: weights act in the client's proxy"


def percent(share: float) -> str:
    """A share as text: 79.0%."""
    return f"{100 * share:.1f}%"


def cause_of_failure(plan: Plan, tally: Tally, sidecar: bool) -> str:
    """The likely cause of a failed verdict, in a sentence."""
    if tally.errors > plan.max_errors:
        cause = _error_cause(plan, tally, sidecar)
        return cause if sidecar else f"{cause}; besides, {NO_SIDECAR}"
    if not sidecar:
        return NO_SIDECAR
    causes = (_even_split(plan, tally), _one_takes_all(plan, tally), _swapped_weights(plan, tally), _stale(plan, tally))
    return next(filter(None, causes), _OTHER_WEIGHTS)


_OTHER_WEIGHTS = (
    "the weights in force are not those expected here, or there are none and the Service spreads over pods "
    "(backends with more pods get more): compare with the VirtualService, and with the routes of the client's proxy"
)


def _fits(plan: Plan, tally: Tally, shares: list[float]) -> bool:
    return statistics.split_p_value(tally.backends, shares)[0] >= plan.significance


def _even_split(plan: Plan, tally: Tally) -> str:
    n = len(plan.backends)
    if len(set(plan.shares)) > 1 and _fits(plan, tally, [1.0 / n] * n):
        return (
            "the rule is not in force, as all backends got about the same: the VirtualService is missing, "
            "names another host, or has not yet reached the client's proxy"
        )
    return ""


def _one_takes_all(plan: Plan, tally: Tally) -> str:
    if len(plan.backends) > 1 and max(tally.backends) == tally.answered:
        winner = plan.backends[tally.backends.index(tally.answered)].name
        return (
            f"{winner} takes everything: another rule or match comes first, the other backends have no ready pods, "
            "or the DestinationRule keeps a client on one backend (consistent hash)"
        )
    return ""


def _swapped_weights(plan: Plan, tally: Tally) -> str:
    if len(plan.backends) > 4:
        return ""
    for order in itertools.permutations(plan.shares):
        if list(order) != plan.shares and _fits(plan, tally, list(order)):
            fitting = ", ".join(f"{backend.name} {percent(share)}" for backend, share in zip(plan.backends, order))
            return f"the weights belong to other backends: the counts fit {fitting}"
    return ""


def _stale(plan: Plan, tally: Tally) -> str:
    counted = zip(plan.backends, plan.shares, tally.backends)
    stray = [backend.name for backend, share, count in counted if share == 0.0 and count]
    if not stray:
        return ""
    return f"a stale rule: {' and '.join(stray)} should get nothing, so the client's proxy still has an older one"


def cause_of_doubt(plan: Plan, tally: Tally, sidecar: bool) -> str:
    """The likely cause of an inconclusive verdict, in a sentence."""
    if not tally.answered and tally.errors:
        cause = _error_cause(plan, tally, sidecar)
    elif tally.sent < plan.requests:
        cause = "the backends answer too slowly for this many requests"
    elif plan.tolerance is not None:
        cause = f"too many of the {plan.requests} requests are errors to resolve the tolerance"
    else:
        cause = f"too few requests: {needed_requests(plan)}"
    return cause if sidecar else f"{cause}; besides, {NO_SIDECAR}"


def _error_cause(plan: Plan, tally: Tally, sidecar: bool) -> str:
    """The likely cause of errors: of the most frequent kind."""
    by_kind = Counter({"unknown": tally.unknown, "ambiguous": tally.ambiguous})
    for (kind, _detail), count in tally.failures.items():
        by_kind[kind] += count
    kind = by_kind.most_common(1)[0][0]
    if kind == "unknown":
        return _unknown_cause(plan, tally)
    if kind == "ambiguous":
        names = " and ".join(plan.backends[number - 1].name for number in tally.overlap)
        return f"the matches overlap: one response matches {names}"
    if kind == "status":
        return _status_cause(tally)
    return _failure_cause(plan, tally, kind, sidecar)


def _unknown_cause(plan: Plan, tally: Tally) -> str:
    host = urlsplit(plan.url).netloc
    start = one_line(tally.samples.get("unknown", ""), 80)
    sample = f"the first such body starts with: {start}" if start else "the first such body is empty"
    if not tally.answered:
        return f"the match of no backend fits the responses of {host}; {sample}"
    return f"a server behind {host} is none of the backends, or a match misses some of its responses; {sample}"


def _status_cause(tally: Tally) -> str:
    status = Counter({detail: count for (kind, detail), count in tally.failures.items() if kind == "status"})
    code = status.most_common(1)[0][0]
    return {
        "503": "status 503 is the proxy's own where a route names a Service or subset without ready pods "
        "(DestinationRule missing, or its labels on no pod)",
        "404": "status 404 comes from a path that the backends do not have, or from a VirtualService without a "
        "route for this request",
    }.get(code, f"the backends, or a proxy, answer {code} for this path")


def _failure_cause(plan: Plan, tally: Tally, kind: str, sidecar: bool) -> str:
    """The likely cause of requests without a response."""
    host = urlsplit(plan.url).netloc
    messages = [detail for (each, detail) in tally.failures if each == kind]
    quoted = f" ({one_line(messages[0])})" if messages else ""
    if kind == "connection" and sidecar:  # a proxy takes every connection, and answers 503 where there is no backend
        return f"the client's sidecar refuses connections to {host}: it is starting, terminating or bypassed{quoted}"
    return {
        "timeout": f"{host} does not answer within request_timeout {plan.request_timeout} s",
        "dns": f"the client cannot resolve {host}: its namespace has no such Service, or the name lacks a namespace",
        "connection": f"nothing accepts connections at {host}: wrong port, or a Service without ready pods",
        "broken": "connections break off before the response is complete: a backend or proxy restarts, or it is not "
        "HTTP",
    }.get(kind, "the client program failed") + quoted
