# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of a cluster, with messages for the user."""

from __future__ import annotations


class ClusterError(Exception):
    """A failed connection or request. The message is for the user and never contains a secret.

    status: the HTTP status of the response to a GET, such as 403; None for every other failure.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Refusal(ClusterError):
    """A change that the API server rejected; reason is the message of the server."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def root_cause(error: BaseException) -> str:
    """Return the root cause in a chain of exceptions, in one line.

    urllib3 wraps "connection refused" several times.
    """
    while True:
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
        if inner is None:
            return str(error).splitlines()[0] if str(error) else type(error).__name__
        error = inner
