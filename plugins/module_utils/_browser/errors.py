# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the browser, with messages for the user."""

from __future__ import annotations


class BrowserError(Exception):
    """The browser cannot be used, or one of its actions failed."""
