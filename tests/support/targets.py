"""Run integration targets and playbooks, several at once.

Prints the duration of each, and at the end the output of those that failed. A name is that of a target (a directory in
tests/integration/targets), of a group (a line of the file "aliases" of its targets), or the path of a playbook. Those
that run at once must not affect each other: each uses a namespace or a directory of its own.

usage: targets.py [--at-once N] [-e NAME=VALUE]... NAME...
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

INTEGRATION = Path(__file__).parent.parent / "integration"
TARGETS = INTEGRATION / "targets"
# A target mostly waits, for a process to start or for a cluster.
AT_ONCE = 2 * (os.cpu_count() or 1)


def groups() -> dict[str, list[str]]:
    """The names of the targets by group."""
    members: dict[str, list[str]] = {}
    for path in sorted(TARGETS.glob("*/aliases")):
        for alias in path.read_text(encoding="utf-8").split():
            members.setdefault(alias, []).append(path.parent.name)
    return members


def commands(names: list[str]) -> dict[str, list[str]]:
    """The arguments of ansible-playbook by target or playbook; SystemExit if a name is unknown."""
    wanted: dict[str, list[str]] = {}
    for name in names:
        if name.endswith(".yml"):
            wanted[Path(name).stem] = [name]
            continue
        members = groups().get(name) or [name]
        for target in members:
            if not (TARGETS / target / "tasks" / "main.yml").exists():
                sys.exit(f"{name} is neither an integration target nor a group of targets; see {TARGETS}")
            wanted[target] = ["--extra-vars", f"target={target}", str(INTEGRATION / "target.yml")]
    return wanted


def run(label: str, arguments: list[str]) -> tuple[str, int, str]:
    """(label, exit code, output) of one run."""
    started = time.monotonic()
    done = subprocess.run(
        ["ansible-playbook", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(f"{'ok' if done.returncode == 0 else 'FAILED'}: {label} in {time.monotonic() - started:.0f} s", flush=True)
    return label, done.returncode, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    parser.add_argument("-e", "--extra-vars", action="append", default=[])
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    extra = [x for item in options.extra_vars for x in ("--extra-vars", item)]
    wanted = commands(options.names)
    with ThreadPoolExecutor(options.at_once) as pool:
        results = list(pool.map(lambda label: run(label, extra + wanted[label]), wanted))
    failed = [(label, output) for label, code, output in results if code != 0]
    for label, output in failed:
        print(f"\n== output of {label}\n{output}")
    if failed:
        sys.exit(f"failed: {', '.join(label for label, _output in failed)}")


if __name__ == "__main__":
    main()
