# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends that is asked to end: as after an error, so that what it started or made is taken away."""

from __future__ import annotations

import contextlib
import signal

_state = {"held": 0, "asked": False}


def end_orderly():
    """From now on SIGTERM raises SystemExit in the main thread: context managers and finally blocks run."""
    signal.signal(signal.SIGTERM, _end)


@contextlib.contextmanager
def held_back():
    """Puts such an end off until the block is over: what is started in it is known to its caller before it comes."""
    _state["held"] += 1
    try:
        yield
    finally:
        _state["held"] -= 1
        if _state["asked"] and not _state["held"]:
            _end(None, None)


def _end(_number, _frame):
    if _state["held"]:
        _state["asked"] = True
    else:
        raise SystemExit("ended by a signal")
