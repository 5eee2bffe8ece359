"""Run ansible-playbook and kill it, with all its child processes, in the middle of a task.

TASK is the beginning of the task's name, without the name of its role. The processes are killed SECONDS after the
module of the task started. Fails with the output if the command ends before that.

usage: interrupt.py [--after SECONDS] TASK COMMAND...
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

# By then, the module has started to change something and is rarely finished.
AFTER_SECONDS = 0.5
POLL_SECONDS = 0.02
# Limit for reading the last output.
READ_SECONDS = 10

BANNER = re.compile(r"^TASK \[(?:[\w.]+ : )?(.*?)\] \**$")


class NotKilled(Exception):
    """The command ended before it was killed; the message is for the user."""


def children(pid):
    """The PIDs of the direct children of a process."""
    found = []
    with contextlib.suppress(OSError):  # ended a moment ago
        for threads in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(x) for x in threads.read_text(encoding="ascii").split()]
    return found


def descendants(pid):
    """The PIDs of all descendants of a process."""
    return [x for child in children(pid) for x in (child, *descendants(child))]


def tasks(lines):
    """The names of the tasks in an output."""
    return [match[1] for match in map(BANNER.match, lines) if match]


def in_task(task, lines):
    """Whether the name of the last task in an output starts with this text."""
    return any(x.startswith(task) for x in tasks(lines)[-1:])


def kill_in(task, command, after):
    """Run a command and kill it in a task. Returns the name of the task; raises NotKilled with the output."""
    lines = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "true"},  # to print a task's name when it starts
    ) as run:
        reader = threading.Thread(target=lambda: lines.extend(iter(run.stdout.readline, "")), daemon=True)
        reader.start()

        # Ansible starts a worker for each task, and the worker starts the module.
        while not (any(map(children, children(run.pid))) and in_task(task, list(lines))):
            if run.poll() is not None:
                reader.join(READ_SECONDS)
                raise NotKilled(f"{''.join(lines)}\nended with {run.returncode} before a task {task!r} did anything")
            time.sleep(POLL_SECONDS)
        time.sleep(after)
        # A signal to the process group would miss Ansible's workers, which have sessions of their own.
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
