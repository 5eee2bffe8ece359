# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a measurement: what to send, and how to judge the counts."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.patterns import HEADER_NAME, regex_problem
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, number_problem

MOST_REQUESTS = 100_000
MOST_WORKERS = 16
# Seconds that starting the probe and reading its answer may take on top of what the plan allows for requests.
EXEC_MARGIN = 30


class SplitError(Exception):
    """Why a split cannot be measured, in words for the user."""


@dataclass(frozen=True)
class Backend:
    """One backend: its weight, and the extended regular expression that a line of its body, or a header, matches."""

    name: str
    weight: int
    match: str
    header: str | None = None


@dataclass(frozen=True)
class Plan:
    """What to send and how to judge it. Times in whole seconds; significance and tolerance as fractions."""

    url: str
    backends: tuple[Backend, ...]
    requests: int = 400
    warmup: int = 10
    method: str = "auto"
    request_timeout: int = 5
    timeout: int = 300
    max_errors: int = 0
    significance: float = 0.001
    tolerance: float | None = None
    headers: tuple[tuple[str, str], ...] = ()
    parallel: int = 4

    @property
    def workers(self) -> int:
        """How many workers send side by side: no more than there are requests."""
        return min(self.parallel, self.requests)

    @property
    def shares(self) -> list[float]:
        """The expected share of each backend, as fractions that sum to 1."""
        total = sum(backend.weight for backend in self.backends)
        return [backend.weight / total for backend in self.backends]

    @property
    def weights(self) -> str:
        """The weights as people write them: 80/20."""
        return "/".join(str(backend.weight) for backend in self.backends)

    @property
    def exec_timeout(self) -> int:
        """How many seconds the exec of the probe may take."""
        return self.timeout + self.request_timeout + EXEC_MARGIN


def plan_from(params: dict[str, Any]) -> Plan:
    """The Plan of a module's parameters. Raises SplitError for what can be known wrong without a cluster."""
    backends = tuple(
        Backend(backend["name"], backend["weight"], backend["match"], backend.get("header") or None)
        for backend in params["backends"] or []
    )
    headers = tuple((str(name), str(value)) for name, value in (params.get("headers") or {}).items())
    tolerance = params.get("tolerance")
    plan = Plan(
        url=params["url"],
        backends=backends,
        requests=params["requests"],
        warmup=params["warmup"],
        method=params["method"],
        request_timeout=params["request_timeout"],
        timeout=params["timeout"],
        max_errors=params["max_errors"],
        significance=params["significance"],
        tolerance=None if tolerance is None else tolerance / 100.0,
        headers=headers,
        parallel=params["parallel"],
    )
    _check_url(plan.url)
    _check_backends(backends)
    _check_headers(headers)
    _check_numbers(plan)
    return plan


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        good = False
    if not good:
        raise SplitError(
            f"url must be an http:// URL such as http://web-svc:8080/ without credentials, got {url!r} "
            "(the client's proxy cannot inspect https)"
        )
    if re.search(r"[^\x21-\x7e]|#", url):
        raise SplitError(f"url {url!r}: spaces, '#' and non-ASCII characters must be percent-encoded")


def _check_backends(backends: tuple[Backend, ...]) -> None:
    if not backends:
        raise SplitError("backends must have at least one entry")
    for number, backend in enumerate(backends, 1):
        where = f"backends[{number}] ({backend.name})" if backend.name else f"backends[{number}]"
        if not backend.name:
            raise SplitError(f"{where}: the name is empty")
        told = number_problem(f"{where}: weight", backend.weight, 0)
        if told:
            raise SplitError(told)
        if backend.header is not None and not HEADER_NAME.fullmatch(backend.header):
            raise SplitError(f"{where}: {backend.header!r} is not a valid header name")
        problem = regex_problem(backend.match)
        if problem:
            raise SplitError(f"{where}: match {backend.match}: {problem}")
    for name, count in Counter(backend.name for backend in backends).items():
        if count > 1:
            raise SplitError(f"backends: {count} of them have the name {name}")
    looks: dict[tuple[str, str], str] = {}
    for backend in backends:
        look = ((backend.header or "").lower(), backend.match)
        if look in looks:
            raise SplitError(
                f"backends: {looks[look]} and {backend.name} have the same match, so nothing tells them apart"
            )
        looks[look] = backend.name
    if not any(backend.weight for backend in backends):
        raise SplitError("backends: every weight is 0")


def _check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    for name, value in headers:
        if not HEADER_NAME.fullmatch(name):
            raise SplitError(f"headers: {name!r} is not a valid header name")
        if not value.strip():
            raise SplitError(f"headers: the value of {name} is empty, and curl would not send it")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise SplitError(f"headers: the value of {name} has a line break or another control character")


def _check_numbers(plan: Plan) -> None:
    limits = {
        "requests": (1, MOST_REQUESTS),
        "warmup": (0, MOST_REQUESTS),
        "request_timeout": (1, 3600),
        "timeout": (plan.request_timeout, DAY),
        "parallel": (1, MOST_WORKERS),
        "max_errors": (0, plan.requests),
        "significance": (1e-9, 0.1),
    }
    for name, (low, high) in limits.items():
        told = number_problem(name, getattr(plan, name), low, high)
        if told:
            raise SplitError(told)
    if plan.tolerance is None:
        return
    if not 0.0 < plan.tolerance < 1.0:
        raise SplitError(f"tolerance must be above 0 and below 100 percentage points, got {100 * plan.tolerance:g}")
    if not statistics.resolves(plan.requests, plan.shares, plan.tolerance, plan.significance):
        needed = statistics.requests_for_tolerance(plan.shares, plan.tolerance, plan.significance, MOST_REQUESTS)
        remedy = (
            f"use at least {needed} requests" if needed else f"even {MOST_REQUESTS} are too few: widen the tolerance"
        )
        raise SplitError(
            f"tolerance {100 * plan.tolerance:g} is too narrow for {plan.requests} requests: a correct {plan.weights} "
            f"split would exceed it by chance more often than significance {plan.significance:g} allows; {remedy}"
        )


def plan_warnings(plan: Plan) -> list[str]:
    """Sentences about a sample that is too small to tell the plan's split from an even one."""
    equal = 1.0 / len(plan.backends)
    if len(set(plan.shares)) == 1:
        return []
    # A backend of weight 0 or 100% is caught by its first wrong response: accepted() is one count then.
    caught = max(statistics.outside(plan.requests, equal, *accepted(plan, share)) for share in plan.shares)
    if caught >= 0.99:
        return []
    return [
        f"{plan.requests} requests would catch an even split, as without any rule, with a probability of only "
        f"{100 * caught:.0f}%: {needed_requests(plan)}"
    ]


def needed_requests(plan: Plan) -> str:
    """How many requests tell the plan's split from an even one, as a clause."""
    even = [1.0 / len(plan.backends)] * len(plan.backends)
    needed = statistics.requests_to_tell(even, plan.shares, plan.significance, most=MOST_REQUESTS)
    return f"about {needed} tell the two apart" if needed else f"not even {MOST_REQUESTS} tell the two apart"


def accepted(plan: Plan, share: float, n: int | None = None) -> tuple[int, int]:
    """The counts (lowest, highest) of n responses (the plan's requests if not given) that pass for this share."""
    n = plan.requests if n is None else n
    if plan.tolerance is not None:
        return statistics.band(n, share, plan.tolerance)
    return statistics.acceptance(n, share, plan.significance / statistics.family(plan.shares))
