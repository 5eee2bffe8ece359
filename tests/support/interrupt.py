"""Runs ansible-playbook and kills it, with all that it started, in the middle of a task.

    interrupt.py TASK COMMAND...

TASK is the beginning of the task's name, without its role's. Fails with the output if the command ends before that.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

# The task's process is there by then, and has begun to do something.
UNDER_WAY_SECONDS = 1.5


def descendants(pid):
    """The pids of all that a process started, and of what that started."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = [int(x) for x in children.read_text(encoding="ascii").split()]
        except OSError:  # ended a moment ago
            continue
        for child in pids:
            found += [child, *descendants(child)]
    return found


def main():
    task, *command = sys.argv[1:]
    banner = re.compile(rf"^TASK \[([\w.]+ : )?{re.escape(task)}")
    output = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        for line in run.stdout:
            output.append(line)
            if banner.match(line):
                time.sleep(UNDER_WAY_SECONDS)
                # Ansible's workers are in sessions of their own: a signal to its group would leave them.
                for pid in [run.pid, *descendants(run.pid)]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                print(f"killed in the task {task}")
                return
    sys.exit(f"{''.join(output)}\nended with {run.returncode} before a task {task!r}")


if __name__ == "__main__":
    main()
