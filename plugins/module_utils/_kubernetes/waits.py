# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Poll a cluster until a condition holds or a deadline passes."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

T = TypeVar("T")

POLL_SECONDS = 1.0

# Too many requests, and an expired continue token of a list. 5xx is handled below.
_TRANSIENT_STATUSES = (410, 429)


# socket.timeout is TimeoutError since Python 3.10 only.
_NO_ANSWER = (ConnectionError, TimeoutError, socket.timeout)


def _causes(error: BaseException | None) -> list[BaseException]:
    """The causes of an error, including those in the attribute reason of urllib3."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
    return found


def is_transient(error: ClusterError) -> bool:
    """Whether a later request may succeed: the API server is overloaded or does not respond."""
    return is_overloaded(error) or is_unreachable(error)


def is_overloaded(error: ClusterError) -> bool:
    """Whether the API server responded that it cannot serve the request now (410, 429, 5xx)."""
    statuses = [error.status, *(getattr(x, "status", None) for x in _causes(error))]
    return any(isinstance(x, int) and (x in _TRANSIENT_STATUSES or 500 <= x < 600) for x in statuses)


def is_unreachable(error: ClusterError) -> bool:
    """Whether the connection was refused, reset or timed out, unlike a wrong certificate or host name."""
    return any(isinstance(x, _NO_ANSWER) for x in _causes(error))


def poll(read: Callable[[], T], done: Callable[[T], bool], deadline: float, interval: float | None = None) -> T:
    """Call read() until done(result) holds or the deadline passes, and return the last result.

    deadline: a time.monotonic() value; if it is in the past, read() is called once. interval: seconds between calls.
    Transient errors are tolerated until the deadline, unless the cluster has never responded.
    Raises ClusterError for all other errors, and for an error that persists until the deadline.
    """
    answered = False
    while True:
        try:
            result = read()
            if done(result) or time.monotonic() >= deadline:
                return result
            answered = True
        except ClusterError as error:
            tolerated = is_transient(error) if answered else is_overloaded(error)
            if not tolerated or time.monotonic() >= deadline:
                raise
        remaining = max(deadline - time.monotonic(), 0)
        time.sleep(min(POLL_SECONDS if interval is None else interval, remaining))
