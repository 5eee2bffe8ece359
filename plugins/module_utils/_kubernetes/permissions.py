# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for which a user may lack permission."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

T = TypeVar("T")


def unless_forbidden(read: Callable[[], T], default: T | None = None, refused: list | None = None) -> T | None:
    """Return what read() returns, or default if the API server answers 403.

    refused: a list to which such a ClusterError is appended. Raises every other ClusterError.
    """
    try:
        return read()
    except ClusterError as error:
        if error.status != 403:
            raise
        if refused is not None:
            refused.append(error)
        return default
