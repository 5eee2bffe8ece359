"""Run playbooks in parallel. Prints the duration of each, and the output of those that fail.

The playbooks must not affect each other: each uses a namespace or a directory of its own.

usage: plays.py [--at-once N] [-e NAME=VALUE]... PLAYBOOK...
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# A playbook mostly waits, for a process to start or for a cluster.
AT_ONCE = 2 * (os.cpu_count() or 1)


def run(playbook, extra):
    """(playbook, exit code, seconds, output) of one run."""
    started = time.monotonic()
    done = subprocess.run(
        ["ansible-playbook", *(x for item in extra for x in ("--extra-vars", item)), playbook],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return playbook, done.returncode, time.monotonic() - started, done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    parser.add_argument("-e", "--extra-vars", action="append", default=[])
    parser.add_argument("playbooks", nargs="+")
    arguments = parser.parse_args()
    failed = []
    with ThreadPoolExecutor(arguments.at_once) as pool:
        for playbook, code, seconds, output in pool.map(lambda x: run(x, arguments.extra_vars), arguments.playbooks):
            print(f"{'ok' if code == 0 else 'FAILED'}: {Path(playbook).stem} in {seconds:.0f} s", flush=True)
            if code != 0:
                failed.append(playbook)
                print(output)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
