# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The set-up of the checkout: the choice of a Python, and its messages."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def script(directory, name, text):
    """Write an executable shell script, and return its path."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def python(tmp_path):
    """Return a function that writes a script which answers like a Python of a version."""

    def write(version, venv=True):
        answers = f'case "$2" in *ensurepip*) exit {int(not venv)} ;; *) echo {version} ;; esac'
        return script(tmp_path / version, "python3", answers)

    return write


def find(*candidates, **environment):
    done = subprocess.run(
        [str(ROOT / "tools/find_python.sh"), *candidates],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    return done.stdout.strip() if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_first_tested_python_is_chosen(python, version):
    expected = python(version)
    others = [python("3.9"), python("3.14"), python("3.10")]
    assert find(*others, "/nowhere/python3", expected, python("3.11.9")) == expected


def test_a_newer_python_is_chosen_if_there_is_no_tested_one(python):
    expected = python("3.14")
    assert find(python("3.10"), expected, python("3.15")) == expected


def test_the_default_candidates_include_one_that_runs_these_tests():
    assert os.access(find(), os.X_OK)


@pytest.mark.parametrize(
    ("tool", "hint"), [("apt-get", "apt-get install python3.11"), ("dnf", "dnf install python3.12")]
)
def test_the_message_lists_what_was_looked_at(python, tmp_path, tool, hint):
    old, broken = python("3.9"), script(tmp_path / "broken", "python3", "exit 127")
    script(tmp_path / "bin", tool, "")
    for name in ("bash", "env"):
        os.symlink(f"/bin/{name}" if os.path.exists(f"/bin/{name}") else f"/usr/bin/{name}", tmp_path / "bin" / name)
    message = find("/nowhere/python3", old, broken, PATH=str(tmp_path / "bin"))
    assert "/nowhere/python3: not found" in message
    assert f"{old}: Python 3.9 is too old" in message
    assert f"{broken}: does not run" in message
    assert hint in message


def test_the_message_names_the_package_of_a_missing_module(python, tmp_path):
    path = python("3.12", venv=False)
    script(tmp_path / "bin", "apt-get", "")
    message = find(path, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert f"{path}: Python 3.12 lacks the module venv or ensurepip" in message
    assert "apt-get install python3.12-venv" in message


def test_other_systems_are_named_with_an_alternative(tmp_path):
    script(tmp_path / "bin", "uname", "echo Darwin")
    done = subprocess.run(
        [str(ROOT / "tools/setup.sh"), "lab"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "Linux only, this is Darwin" in done.stderr and "Lima" in done.stderr
    assert not (tmp_path / ".cache").exists()


def test_every_python_gets_exactly_one_ansible():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for name in ("ansible", "ansible-core"):
        markers = sorted(line.partition("; ")[2] for line in lines if line.startswith(f"{name}=="))
        assert markers == ['python_version < "3.14"', 'python_version >= "3.14"'], name
