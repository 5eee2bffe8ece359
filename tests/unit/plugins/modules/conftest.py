# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as Ansible does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

# Runs a module as Ansible does on the host, but logs to standard error.
RUN = """
import json, runpy, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.load(sys.stdin)}).encode()
basic._ANSIBLE_PROFILE = "legacy"
basic.has_journal = False
basic.AnsibleModule._log_to_syslog = lambda self, text: print("logged:", text, file=sys.stderr)
runpy.run_module(f"ansible_collections.meshlab.istio.plugins.modules.{sys.argv[1]}", run_name="__main__")
"""

# A fake istioctl with a version. It appends the arguments of each call to PATH.calls.
ISTIOCTL = """#!/bin/sh
echo "$@" >>"$0.calls"
case $1 in
version) echo '{"clientVersion": {"version": "1.27.0"}}' ;;
*) [ -e "$0.fails" ] && { echo "Error: bad" >&2; exit 1; }; cat "$0.answer" ;;
esac
"""


@pytest.fixture
def istioctl(tmp_path):
    """A fake istioctl that prints the file PATH.answer, or fails if PATH.fails exists."""
    program = tmp_path / "istioctl"
    program.write_text(ISTIOCTL)
    program.chmod(0o755)
    return program


@pytest.fixture
def start(istioctl, tmp_path):
    """A function that starts a module with arguments and environment variables, and returns the process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_AUTH_", "KUBE"))}
    found = {"ISTIOCTL_PATH": str(istioctl), "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}

    def start(module, arguments, variables=None, **options):
        child = subprocess.Popen(
            [sys.executable, "-c", RUN, module],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**environment, **found, **(variables or {})}, encoding="utf-8", **options,
        )  # fmt: skip
        sent = {"_ansible_no_log": False, "_ansible_verbosity": 4, "_ansible_remote_tmp": str(tmp_path)}
        child.stdin.write(json.dumps({**sent, **arguments}))
        child.stdin.close()
        child.stdin = None
        return child

    return start


@pytest.fixture
def run(start):
    """A function that runs a module, and returns its result and its whole output."""

    def run(module, variables=None, **arguments):
        child = start(module, arguments, variables)
        try:
            stdout, stderr = child.communicate(timeout=120)
        finally:
            child.kill()
        assert stdout, stderr
        return json.loads(stdout), stdout + stderr

    return run
