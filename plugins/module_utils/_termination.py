# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clean exit of a module on SIGTERM, SIGHUP and SIGINT, so that it removes everything that it created."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_state = {"deferred": 0, "pending": False}


def exit_on_signals() -> None:
    """Make SIGTERM, SIGHUP and SIGINT raise SystemExit, so that context managers and finally blocks run.

    Idempotent. Does nothing outside of the main thread, where Python cannot set signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, _exit)
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and background jobs ignore them
            signal.signal(number, _exit)


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """Defer the exit until the block ends, so that the caller knows what the block started."""
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
        raise SystemExit("terminated by a signal")
