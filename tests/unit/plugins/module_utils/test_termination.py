# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils import _termination as subject

# A background job may ignore these.
IGNORABLE = (signal.SIGHUP, signal.SIGINT)

# As a module does: it writes a secret for its istioctl, runs it, and takes the file away whatever happens.
MODULE = """
import sys, tempfile
from ansible_collections.meshlab.istio.plugins.module_utils._termination import exit_on_signals
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Istioctl
exit_on_signals()
with tempfile.NamedTemporaryFile(dir=sys.argv[1], prefix="secret"):
    Istioctl(sys.argv[2]).run("install")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signal_stops_istioctl_and_removes_temporary_files(tmp_path, number):
    program, started = tmp_path / "istioctl", tmp_path / "started"
    os.mkfifo(started)
    program.write_text(f"#!/bin/sh\necho $$ >{started}\nsleep 60 & wait\n")
    program.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    module = subprocess.Popen(
        [sys.executable, "-c", MODULE, tmp_path, program],
        env=env,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=lambda: [signal.signal(x, signal.SIG_DFL) for x in IGNORABLE],
    )
    pid = int(started.read_text())  # blocks until istioctl has started
    assert list(tmp_path.glob("secret*"))
    module.send_signal(number)
    stderr = module.communicate(timeout=30)[1]
    assert (module.returncode, stderr) == (1, "terminated by a signal\n")
    assert not list(tmp_path.glob("secret*"))
    assert not os.path.exists(f"/proc/{pid}")


def test_no_handler_in_another_thread_or_for_an_ignored_signal():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, *IGNORABLE)}
    try:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        failed = []
        thread = threading.Thread(target=lambda: failed.append(subject.exit_on_signals()))
        thread.start()
        thread.join()
        assert (failed, signal.getsignal(signal.SIGTERM)) == ([None], signal.SIG_IGN)
        for _attempt in range(2):
            subject.exit_on_signals()
            assert signal.getsignal(signal.SIGTERM) not in (signal.SIG_IGN, signal.SIG_DFL)
            assert {signal.getsignal(x) for x in IGNORABLE} == {signal.SIG_IGN}
        for number in IGNORABLE:
            signal.signal(number, signal.SIG_DFL)
        subject.exit_on_signals()
        assert {signal.getsignal(x) for x in IGNORABLE} == {signal.getsignal(signal.SIGTERM)}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
