# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import shlex
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._istio import istioctl
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import (
    Istioctl,
    IstioctlError,
    parse_version,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.kubeconfig import KubeconfigFile

# As the releases print them, shortened.
VERSION_1_7 = json.dumps(
    {"clientVersion": {"version": "1.7.4", "revision": "9686754643d0939c1f4dd0ee20443c51183f3589", "status": "Clean"}}
)
VERSION_1_27 = json.dumps({"clientVersion": {"version": "1.27.0", "revision": "unknown", "tag": "1.27.0"}}, indent=2)


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch, tmp_path):
    """No test finds an istioctl that this machine happens to have."""
    monkeypatch.delenv("ISTIOCTL_PATH", raising=False)
    monkeypatch.setattr(istioctl, "CURRENT", str(tmp_path / "no" / "istioctl"))


@pytest.fixture
def fake(tmp_path):
    """Make an executable istioctl of a shell script's text; returns its path."""

    def make(script, directory="bin"):
        path = tmp_path / directory / "istioctl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_order_of_option_variable_path_and_link(fake, monkeypatch):
    named, variable, in_path, link = (fake("", directory) for directory in ("named", "variable", "in_path", "link"))
    monkeypatch.setattr(istioctl, "CURRENT", link)
    monkeypatch.setenv("PATH", "/nowhere")
    assert istioctl.find_istioctl() == link
    monkeypatch.setenv("PATH", os.path.dirname(in_path))
    assert istioctl.find_istioctl() == in_path
    monkeypatch.setenv("ISTIOCTL_PATH", variable)
    assert istioctl.find_istioctl() == variable
    assert istioctl.find_istioctl(named) == named


def test_a_missing_file_in_the_option_or_variable_is_an_error(fake, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", os.path.dirname(fake("")))
    with pytest.raises(IstioctlError, match=r"binary_path: .*/missing is not an executable file"):
        Istioctl(str(tmp_path / "missing"))
    monkeypatch.setenv("ISTIOCTL_PATH", str(tmp_path))
    with pytest.raises(IstioctlError, match=r"ISTIOCTL_PATH: .* is not an executable file"):
        Istioctl()


def test_a_missing_istioctl_is_an_error_with_the_remedy(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(IstioctlError, match=r"set binary_path .* role meshlab\.istio\.istioctl"):
        Istioctl()


@pytest.mark.parametrize(
    ("stdout", "version"),
    [
        (VERSION_1_7, "1.7.4"),
        (VERSION_1_27, "1.27.0"),
        ("1.7.4\n", "1.7.4"),
        ("client version: 1.27.0\n", "1.27.0"),
        ("a warning\nclient version: 1.28-alpha.2f1c\n", "1.28-alpha.2f1c"),
        ('{"clientVersion": {}}', None),
        ('{"clientVersion": null}', None),
        ("[]", None),
        ("", None),
        ("no version here", None),
    ],
)
def test_parse_version(stdout, version):
    assert parse_version(stdout) == version


@given(st.text())
def test_parse_version_accepts_any_text(text):
    version = parse_version(text)
    assert version is None or (isinstance(version, str) and version)


def test_the_version_is_read_once(fake, tmp_path):
    log = tmp_path / "calls"
    runner = Istioctl(fake(f"echo \"$@\" >>{shlex.quote(str(log))}\ncat <<'END'\n{VERSION_1_27}\nEND"))
    assert [runner.version, runner.version] == ["1.27.0", "1.27.0"]
    assert log.read_text() == "version --remote=false -o json\n"


def test_a_binary_without_a_version_is_reported_with_its_output(fake):
    with pytest.raises(IstioctlError, match="does not report its version") as caught:
        print(Istioctl(fake("echo hello")).version)
    assert caught.value.result() == {
        "msg": str(caught.value),
        "rc": 0,
        "stdout": "hello\n",
        "stderr": "",
        "command": caught.value.command,
    }


def test_arguments_are_passed_unchanged_with_the_flags_for_the_cluster(fake):
    runner = Istioctl(
        fake('for word in "$@"; do echo "<$word>"; done'), kubeconfig=KubeconfigFile("/a b/config", "kind $x")
    )
    output = runner.run("analyze", "; rm -rf x", "it's")
    assert output.stdout.splitlines() == [
        "<analyze>",
        "<; rm -rf x>",
        "<it's>",
        "<--kubeconfig>",
        "</a b/config>",
        "<--context>",
        "<kind $x>",
    ]
    assert shlex.split(output.command) == runner.argv("analyze", "; rm -rf x", "it's")


def test_a_pasted_command_uses_no_other_cluster(fake, monkeypatch):
    runner = Istioctl(fake('echo "$KUBECONFIG"'))
    monkeypatch.setenv("KUBECONFIG", "/home/somebody/.kube/config")
    pasted = subprocess.run(["sh", "-c", runner.run("x").command], capture_output=True, text=True, check=True)
    assert pasted.stdout == runner.run("x").stdout == "/dev/null\n"


def test_the_path_of_a_temporary_kubeconfig_is_not_shown(fake):
    file = KubeconfigFile("/tmp/gone", "lab", temporary=True)
    output = Istioctl(fake('echo "$@"'), kubeconfig=file).run("x")
    assert output.stdout == "x --kubeconfig /tmp/gone --context lab\n"
    assert output.command.endswith("/istioctl x --kubeconfig KUBECONFIG_FILE --context lab")


def test_several_kubeconfig_files_are_passed_in_the_environment(fake, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/another")
    runner = Istioctl(fake('echo "$KUBECONFIG $@"'), kubeconfig=KubeconfigFile("/a b:/c", "lab"))
    output = runner.run("x")
    assert output.stdout == "/a b:/c x --context lab\n"
    pasted = subprocess.run(["sh", "-c", output.command], capture_output=True, text=True, check=True)
    assert pasted.stdout == output.stdout


def test_one_kubeconfig_file_is_also_in_the_environment(fake, monkeypatch):
    # istioctl falls back to its defaults where the file of its flag is gone.
    monkeypatch.setenv("KUBECONFIG", "/another")
    assert Istioctl(fake('echo "$KUBECONFIG"'), kubeconfig=KubeconfigFile("/a")).run("x").stdout == "/a\n"


def test_without_a_kubeconfig_no_cluster_of_the_environment_is_used(fake, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/home/somebody/.kube/config")
    assert Istioctl(fake('echo "$KUBECONFIG $#"')).run("x").stdout == "/dev/null 1\n"


def test_stdin_is_passed_and_never_shown(fake):
    output = Istioctl(fake("cat; echo gone >&2")).run("kube-inject", stdin="héllo: secret\n")
    assert (output.rc, output.stdout, output.stderr) == (0, "héllo: secret\n", "gone\n")
    assert "secret" not in output.command


def test_a_binary_may_ignore_its_stdin(fake):
    assert Istioctl(fake("exit 0")).run("kube-inject", stdin="x" * 1_000_000).rc == 0


def test_a_failure_has_exit_code_streams_and_command(fake):
    runner = Istioctl(fake("echo out; echo 'Error: no such file' >&2; echo usage >&2; exit 3"))
    with pytest.raises(
        IstioctlError, match=r"istioctl kube-inject failed with exit code 3: Error: no such file$"
    ) as caught:
        runner.run("kube-inject", "-f", "-")
    error = caught.value
    assert (error.rc, error.stdout, error.stderr) == (3, "out\n", "Error: no such file\nusage\n")
    assert error.command == f"KUBECONFIG=/dev/null {shlex.quote(runner.path)} kube-inject -f -"
    assert runner.run("kube-inject", check=False).rc == 3


def test_a_list_of_errors_is_reported_in_one_line(fake):
    runner = Istioctl(fake("printf 'log\\nError: 2 errors occurred:\\n\\t* one\\n\\t* two\\n\\n' >&2; exit 1"))
    with pytest.raises(IstioctlError, match=r"exit code 1: Error: 2 errors occurred: \* one \* two$"):
        runner.run("kube-inject")


def test_a_failure_without_output_has_no_trailing_colon(fake):
    with pytest.raises(IstioctlError, match=r"failed with exit code 1$"):
        Istioctl(fake("exit 1")).run("analyze")


def test_a_timeout_terminates_istioctl_and_its_children(fake):
    # The child keeps the pipes open: ending istioctl alone would wait for it.
    runner = Istioctl(fake("echo started >&2; sleep 30 & wait"), timeout=0.5)
    started = time.monotonic()
    with pytest.raises(
        IstioctlError, match=r"istioctl analyze did not finish within 0\.5 s and was terminated: started"
    ) as caught:
        runner.run("analyze")
    assert time.monotonic() - started < 10
    assert caught.value.rc is None


def test_a_file_that_cannot_be_run_is_reported(fake):
    path = fake("")
    with open(path, "wb") as target:
        target.write(b"\x00\x01not a program")
    with pytest.raises(IstioctlError, match=f"cannot run {path}: Exec format error"):
        print(Istioctl(path).version)
