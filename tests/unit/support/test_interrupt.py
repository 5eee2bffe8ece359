from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "support" / "interrupt.py"
spec = importlib.util.spec_from_file_location("support_interrupt", SOURCE)
interrupt = importlib.util.module_from_spec(spec)
spec.loader.exec_module(interrupt)

# Like ansible-playbook: a banner for each task, a worker for it, and what the worker starts.
PLAYBOOK = """
import os, subprocess, sys, time
def task(name, seconds):
    print(f"\\nTASK [role : {name}] ****", flush=True)
    if seconds:
        worker = "import subprocess; subprocess.run(['sleep', '%s'])" % seconds
        subprocess.run([sys.executable, "-c", worker])
for name, seconds in [x.split("=") for x in sys.argv[1:]]:
    task(name, float(seconds))
"""


def command(*tasks):
    return [sys.executable, "-c", PLAYBOOK, *tasks]


def test_the_playbook_is_killed_in_the_task_with_its_child_processes():
    started = time.monotonic()
    assert interrupt.kill_in("Long", command("Short=0", "Long one=4217", "Last=0"), 0.1) == "Long one"
    assert time.monotonic() - started < 30
    sleeps = [x.read_bytes() for x in Path("/proc").glob("[0-9]*/cmdline") if os.access(x, os.R_OK)]
    assert not [x for x in sleeps if b"4217.0" in x]


def test_a_task_that_was_over_is_named():
    assert interrupt.kill_in("Short", command("Short=0.2", "Long=60"), 1.5) == "Long"


@pytest.mark.parametrize(
    ("tasks", "after", "says"),
    [
        (["Short=0"], 0, "ended with 0 before a task 'Long' did anything"),
        (["Long=0.2"], 3, "ended with 0 before the kill, 3 s into 'Long'"),
    ],
)
def test_a_run_that_was_over_was_not_killed(tasks, after, says):
    with pytest.raises(interrupt.NotKilled, match=says) as error:
        interrupt.kill_in("Long", command(*tasks), after)
    assert f"TASK [role : {tasks[0].split('=')[0]}]" in str(error.value)


def test_the_names_of_tasks():
    lines = [
        "TASK [Make it] ****\n",
        "ok: [localhost]\n",
        "TASK [meshlab.istio.istio : Say [x] ] ***\n",
        "PLAY [x] **\n",
    ]
    assert interrupt.tasks(lines) == ["Make it", "Say [x] "]
