# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals that end a module: it ends as after an error, so that it stops what it started and removes what it made."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_state = {"deferred": 0, "pending": False}


def exit_on_signals() -> None:
    """Make SIGTERM, SIGHUP and SIGINT raise SystemExit in the main thread: context managers and finally blocks run.

    It may be called again. In another thread, where no handler can be set, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, _exit)
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and background jobs ignore one
            signal.signal(number, _exit)


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """Defer such an exit until the block ends: its caller then knows what the block started."""
    _state["deferred"] += 1
    try:
        yield
    finally:
        _state["deferred"] -= 1
        if _state["pending"] and not _state["deferred"]:
            _exit(None, None)


def _exit(_number: int | None, _frame: object) -> None:
    if _state["deferred"]:
        _state["pending"] = True
    else:
        raise SystemExit("ended by a signal")
