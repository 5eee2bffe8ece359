# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends that is asked to end: as after an error, so that what it started or made is taken away."""

from __future__ import annotations

import contextlib
import signal
import threading

_state = {"held": 0, "asked": False}


class TemporaryPath(str):
    """The path of a file that is gone when the module ends, so that nobody is told to use it."""

    __slots__ = ()


def end_orderly():
    """From now on SIGTERM and SIGHUP raise SystemExit in the main thread: context managers and finally blocks run.

    May be called again. In another thread, where no handler can be set, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, _end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, _end)


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
