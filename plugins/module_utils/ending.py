# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends that is asked to end: as after an error, so that what it started or made is taken away."""

from __future__ import annotations

import signal


def end_orderly():
    """From now on SIGTERM raises SystemExit in the main thread: context managers and finally blocks run."""
    signal.signal(signal.SIGTERM, _end)


def _end(_number, _frame):
    raise SystemExit("ended by a signal")
