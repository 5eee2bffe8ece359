"""Runs ansible-playbook and kills it, with all that it started, in the middle of a task.

    interrupt.py [--after SECONDS] TASK COMMAND...

TASK is the beginning of the task's name, without its role's. The kill comes so many seconds after the task's module was
started. Fails with the output if the command ends before it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

# The module has begun to do something by then, and is seldom done with it.
AFTER_SECONDS = 0.5
POLL_SECONDS = 0.02
# How long what was printed last may take to be read.
READ_SECONDS = 10

BANNER = re.compile(r"^TASK \[(?:[\w.]+ : )?(.*?)\] \**$")


class NotKilled(Exception):
    """The command ended by itself, in words for the user."""


def children(pid):
    """The pids of what a process started itself."""
    found = []
    with contextlib.suppress(OSError):  # ended a moment ago
        for threads in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(x) for x in threads.read_text(encoding="ascii").split()]
    return found


def descendants(pid):
    """The pids of all that a process started, and of what that started."""
    return [x for child in children(pid) for x in (child, *descendants(child))]


def tasks(lines):
    """The names of the tasks that an output tells of."""
    return [match[1] for match in map(BANNER.match, lines) if match]


def in_task(task, lines):
    """Whether the last task of an output is the one with this beginning of a name."""
    return any(x.startswith(task) for x in tasks(lines)[-1:])


def kill_in(task, command, after):
    """Run a command and kill it in a task; returns the task that it was in. Raises NotKilled with what it printed."""
    lines = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true"},  # else a task is named when it has a result
    ) as run:
        reader = threading.Thread(target=lambda: lines.extend(iter(run.stdout.readline, "")), daemon=True)
        reader.start()

        # Ansible starts a worker for each task, and that the module.
        while not (any(map(children, children(run.pid))) and in_task(task, list(lines))):
            if run.poll() is not None:
                reader.join(READ_SECONDS)
                raise NotKilled(f"{''.join(lines)}\nended with {run.returncode} before a task {task!r} did anything")
            time.sleep(POLL_SECONDS)
        time.sleep(after)
        # Ansible's workers are in sessions of their own: a signal to its group would leave them.
        for pid in [run.pid, *descendants(run.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.wait()
        reader.join(READ_SECONDS)
    if run.returncode != -signal.SIGKILL:
        raise NotKilled(f"{''.join(lines)}\nended with {run.returncode} before the kill, {after} s into {task!r}")
    return tasks(lines)[-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--after", type=float, default=AFTER_SECONDS)
    parser.add_argument("task")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    try:
        last = kill_in(arguments.task, arguments.command, arguments.after)
    except NotKilled as error:
        sys.exit(str(error))
    print(
        f"killed in the task {last}" if last.startswith(arguments.task) else f"killed in {last}, after {arguments.task}"
    )


if __name__ == "__main__":
    main()
