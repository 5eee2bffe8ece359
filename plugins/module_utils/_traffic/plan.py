# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan of a measurement: the requests to send and the criteria for the counts."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.patterns import HEADER_NAME, regex_problem
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, number_problem

MAX_REQUESTS = 100_000
MAX_WORKERS = 16
SIGNIFICANCE = (1e-9, 0.1)
# The number of requests is in this range if the user does not set it.
DEFAULT_REQUESTS = (100, 5000)
# Shares that differ from an even one by at most one percentage point, such as 34/33/33, are treated as even.
EVEN_WITHIN = 0.01 + 1e-9
# Seconds for starting the probe and reading its output, in addition to the time for the requests.
EXEC_MARGIN = 30


class SplitError(Exception):
    """A split cannot be measured. The message is shown to the user."""


@dataclass(frozen=True)
class Backend:
    """A backend with its weight. match: extended regular expression for a line of the body, or for a header value."""

    name: str
    weight: int
    match: str
    header: str | None = None


@dataclass(frozen=True)
class Plan:
    """Requests to send and criteria for the result. Times in whole seconds; significance and tolerance as fractions."""

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
        """Number of workers that send in parallel, at most one per request."""
        return min(self.parallel, self.requests)

    @property
    def shares(self) -> list[float]:
        """Expected share of each backend, as fractions that sum to 1."""
        total = sum(backend.weight for backend in self.backends)
        return [backend.weight / total for backend in self.backends]

    @property
    def even_shares(self) -> list[float]:
        """Equal shares for the backends, as without any rule."""
        return [1.0 / len(self.backends)] * len(self.backends)

    @property
    def is_even(self) -> bool:
        """Whether the shares are equal up to rounding, so that no useful sample tells them from an even split."""
        return all(abs(share - even) <= EVEN_WITHIN for share, even in zip(self.shares, self.even_shares))

    @property
    def has_exact_shares(self) -> bool:
        """Whether a share is 0 or 1, to which no tolerance applies."""
        return any(share in (0.0, 1.0) for share in self.shares)

    @property
    def effective_tolerance(self) -> float | None:
        """The tolerance; None if it applies to no share."""
        return self.tolerance if any(0.0 < share < 1.0 for share in self.shares) else None

    @property
    def weights(self) -> str:
        """The weights as text, such as 80/20."""
        return "/".join(str(backend.weight) for backend in self.backends)

    @property
    def exec_timeout(self) -> int:
        """Maximum duration of the probe's exec, in seconds."""
        return self.timeout + self.request_timeout + EXEC_MARGIN


def plan_from(params: dict[str, Any]) -> Plan:
    """Return the Plan for a module's parameters. Raises SplitError for invalid ones."""
    backends = tuple(
        Backend(backend["name"], backend["weight"], backend["match"], backend.get("header") or None)
        for backend in params["backends"] or []
    )
    headers = tuple((str(name), str(value)) for name, value in (params.get("headers") or {}).items())
    tolerance = params.get("tolerance")
    plan = Plan(
        url=params["url"],
        backends=backends,
        requests=1 if params["requests"] is None else params["requests"],
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
    _check_range("significance", plan.significance, *SIGNIFICANCE)
    if tolerance is not None and not 0 < tolerance < 100:
        raise SplitError(f"tolerance must be above 0 and below 100 percentage points, got {tolerance:g}")
    if params["requests"] is None:
        plan = replace(plan, requests=default_requests(plan))
    _check_numbers(plan)
    return plan


def default_requests(plan: Plan) -> int:
    """Number of requests that detects a shift of 10 points, an even split and a missing backend.

    It also resolves the tolerance, is rounded up to two digits, and is within DEFAULT_REQUESTS.
    """
    low, high = DEFAULT_REQUESTS
    shifted = shifted_shares(plan.shares, 0.1)
    needed: list[int | None] = [low]
    if shifted:
        needed.append(statistics.requests_to_tell(plan.shares, shifted, plan.significance, 0.95, high))
    if not plan.is_even:
        for expected, true in ((plan.even_shares, plan.shares), (plan.shares, plan.even_shares)):
            needed.append(statistics.requests_to_tell(expected, true, plan.significance, 0.99, high))
    if plan.effective_tolerance is None:
        needed.append(requests_to_see_all(plan))
    else:
        needed.append(statistics.requests_for_tolerance(plan.shares, plan.effective_tolerance, plan.significance, high))
    return min(high, round_up(max(number or high for number in needed)))


def requests_to_see_all(plan: Plan) -> int:
    """Number of requests after which every backend with a weight has responded with a probability of 99%."""
    shares = [share for share in plan.shares if share]
    smallest = min(shares)
    return 1 if smallest == 1.0 else math.ceil(math.log(0.01 / len(shares)) / math.log1p(-smallest))


def shifted_shares(shares: list[float], shift: float) -> list[float] | None:
    """The shares with shift moved from the largest to the smallest one; None if this is not possible."""
    largest = shares.index(max(shares))
    others = [number for number in range(len(shares)) if number != largest]
    if not others or shares[largest] <= shift:
        return None
    smallest = min(others, key=lambda number: shares[number])
    moved = {largest: shares[largest] - shift, smallest: shares[smallest] + shift}
    return [moved.get(number, share) for number, share in enumerate(shares)]


def round_up(number: int) -> int:
    """The number rounded up to two significant digits."""
    step = 10 ** max(0, len(str(number)) - 2)
    return math.ceil(number / step) * step


def _check_range(name: str, value: float, low: float, high: float) -> None:
    problem = number_problem(name, value, low, high)
    if problem:
        raise SplitError(problem)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0 and parts.username is None
    except ValueError:
        valid = False
    if not valid:
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
            raise SplitError(f"{where}: name must not be empty")
        problem = number_problem(f"{where}: weight", backend.weight, 0)
        if problem:
            raise SplitError(problem)
        if backend.header is not None and not HEADER_NAME.fullmatch(backend.header):
            raise SplitError(f"{where}: {backend.header!r} is not a valid header name")
        problem = regex_problem(backend.match)
        if problem:
            raise SplitError(f"{where}: match {backend.match!r} {problem}")
    for name, count in Counter(backend.name for backend in backends).items():
        if count > 1:
            raise SplitError(f"backends: {count} backends have the name {name}")
    names: dict[tuple[str, str], str] = {}
    for backend in backends:
        criterion = ((backend.header or "").lower(), backend.match)
        if criterion in names:
            raise SplitError(
                f"backends: {names[criterion]} and {backend.name} have the same match and cannot be told apart"
            )
        names[criterion] = backend.name
    if not any(backend.weight for backend in backends):
        raise SplitError("backends: at least one weight must be above 0")


def _check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    for name, value in headers:
        if not HEADER_NAME.fullmatch(name):
            raise SplitError(f"headers: {name!r} is not a valid header name")
        if not value.strip():
            raise SplitError(f"headers: the value of {name} must not be empty (curl does not send such a header)")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise SplitError(f"headers: the value of {name} must not contain a line break or another control character")


def _check_numbers(plan: Plan) -> None:
    limits = {
        "requests": (1, MAX_REQUESTS),
        "warmup": (0, MAX_REQUESTS),
        "request_timeout": (1, 3600),
        "timeout": (plan.request_timeout, DAY),
        "parallel": (1, MAX_WORKERS),
        "max_errors": (0, plan.requests),
    }
    for name, (low, high) in limits.items():
        _check_range(name, getattr(plan, name), low, high)
    if plan.tolerance is None:
        return
    if not statistics.resolves(plan.requests, plan.shares, plan.tolerance, plan.significance):
        needed = statistics.requests_for_tolerance(plan.shares, plan.tolerance, plan.significance, MAX_REQUESTS)
        remedy = (
            f"use at least {needed} requests" if needed else f"even {MAX_REQUESTS} are too few: widen the tolerance"
        )
        raise SplitError(
            f"tolerance {100 * plan.tolerance:g} is too narrow for {plan.requests} requests: a correct {plan.weights} "
            f"split would exceed it by chance more often than significance {plan.significance:g} allows; {remedy}"
        )


def plan_warnings(plan: Plan) -> list[str]:
    """Warnings about a sample that is too small to tell the plan's split from an even one."""
    equal = 1.0 / len(plan.backends)
    if plan.is_even:
        return []
    # accepted() is a single count for a share of 0 or 1, so the first wrong response is detected.
    detected = max(statistics.outside(plan.requests, equal, *accepted(plan, share)) for share in plan.shares)
    if detected >= 0.98:
        return []
    return [
        f"{plan.requests} requests would detect an even split, as without any rule, with a probability of only "
        f"{100 * detected:.0f}%: {needed_text(requests_to_rule_out_even(plan))}"
    ]


def requests_to_rule_out_even(plan: Plan) -> int | None:
    """Number of requests that tell the plan's split from an even one; None if that is above MAX_REQUESTS."""
    return statistics.requests_to_tell(plan.even_shares, plan.shares, plan.significance, max_n=MAX_REQUESTS)


def needed_text(needed: int | None) -> str:
    """A number of requests as a clause."""
    return f"about {needed} are needed" if needed and needed <= MAX_REQUESTS else f"not even {MAX_REQUESTS} are enough"


def accepted(plan: Plan, share: float, n: int | None = None) -> tuple[int, int]:
    """Counts (lowest, highest) of n responses that are accepted for this share. n defaults to the plan's requests."""
    n = plan.requests if n is None else n
    if plan.effective_tolerance is not None:
        return statistics.band(n, share, plan.effective_tolerance)
    return statistics.acceptance(n, share, plan.significance / statistics.family(plan.shares))
