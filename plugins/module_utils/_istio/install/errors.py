# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of istio_install."""

from __future__ import annotations


class InstallError(Exception):
    """Istio cannot be installed or removed. result: returned by the module in addition to the message."""

    def __init__(self, message: str, result: dict | None = None):
        super().__init__(message)
        self.result = result or {}
