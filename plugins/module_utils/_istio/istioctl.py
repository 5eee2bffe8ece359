# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one runner of istioctl: finds it, knows its version, runs it within a time limit, reports failures in full."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.kubeconfig import KubeconfigFile
from ansible_collections.meshlab.istio.plugins.module_utils._termination import defer_signals

# Pairs with doc_fragments/istioctl.py; the environment variable is read by find_istioctl.
ISTIOCTL_ARGS = {"binary_path": {"type": "path"}}

# The link that the role istioctl makes.
CURRENT = "/opt/istio/current/bin/istioctl"


# Replaces the path of a temporary kubeconfig in a command that is shown: the file is gone by then.
TEMPORARY_KUBECONFIG = "KUBECONFIG_FILE"


class IstioctlError(Exception):
    """istioctl could not be found or run, did not end in time, or failed.

    rc is None if it never ended by itself. command can be pasted into a shell; it never holds what was sent to stdin.
    """

    def __init__(
        self, message: str, rc: int | None = None, stdout: str = "", stderr: str = "", command: str = ""
    ) -> None:
        super().__init__(message)
        self.rc = rc
        self.stdout = stdout
        self.stderr = stderr
        self.command = command

    def result(self) -> dict[str, Any]:
        """What a module returns with fail_json, as a dictionary."""
        return {"msg": str(self), "rc": self.rc, "stdout": self.stdout, "stderr": self.stderr, "command": self.command}


@dataclass(frozen=True)
class Output:
    """What istioctl gave: exit code, both streams as text, and the command line as it can be pasted into a shell."""

    rc: int
    stdout: str
    stderr: str
    command: str


def find_istioctl(binary_path: str | None = None) -> str:
    """The path of the istioctl to run: the one named, E(ISTIOCTL_PATH), the first in E(PATH), or the role's link.

    One that is named and is not there is an IstioctlError; nothing else is taken in its stead.
    """
    for origin, named in (("binary_path", binary_path), ("ISTIOCTL_PATH", os.environ.get("ISTIOCTL_PATH"))):
        if named:
            found = shutil.which(os.path.expanduser(named))
            if not found:
                raise IstioctlError(f"{origin} {named}: no executable file is there")
            return os.path.abspath(found)
    found = shutil.which("istioctl") or shutil.which(CURRENT)
    if not found:
        raise IstioctlError(
            f"istioctl is neither in PATH nor at {CURRENT}: set binary_path or the environment variable ISTIOCTL_PATH, "
            "or install it with the role meshlab.istio.istioctl"
        )
    return os.path.abspath(found)


def parse_version(stdout: str) -> str | None:
    """The client's version from what 'istioctl version --remote=false' printed, JSON or plain, or None."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(stdout)["clientVersion"]["version"]) or None
    # Plain text: "client version: 1.27.0" today, a bare "1.7.4" from old releases.
    match = re.search(r"^\s*(?:client version:\s*)?v?([0-9]+\.[0-9]+\S*)\s*$", stdout, re.MULTILINE)
    return match[1] if match else None


class Istioctl:
    """One istioctl and the cluster that it may talk to; without a kubeconfig it talks to none."""

    def __init__(
        self, binary_path: str | None = None, kubeconfig: KubeconfigFile | None = None, timeout: float = 60
    ) -> None:
        """binary_path: see find_istioctl; timeout: seconds for one run. IstioctlError if there is no istioctl."""
        self.path = find_istioctl(binary_path)
        self.kubeconfig = kubeconfig
        self.timeout = timeout
        self._version: str | None = None

    @property
    def version(self) -> str:
        """The client's version such as "1.27.0", asked for once. Raises IstioctlError if it names none."""
        if self._version is None:
            output = self._run([self.path, "version", "--remote=false", "-o", "json"], None, self.timeout)
            self._version = parse_version(output.stdout)
            if self._version is None:
                raise IstioctlError(f"{self.path} names no version", **vars(output))
        return self._version

    def argv(self, *args: str) -> list[str]:
        """The argv of one run, with the cluster's flags."""
        flags = []
        if self.kubeconfig and not self._several_files:
            flags += ["--kubeconfig", self.kubeconfig.path]
        if self.kubeconfig and self.kubeconfig.context:
            flags += ["--context", self.kubeconfig.context]
        return [self.path, *args, *flags]

    @property
    def _several_files(self) -> bool:
        """Whether the kubeconfig is several files, which only the environment variable can name."""
        return self.kubeconfig is not None and os.pathsep in self.kubeconfig.path

    def run(self, *args: str, stdin: str | None = None, timeout: float | None = None, check: bool = True) -> Output:
        """Run istioctl with these arguments and return its Output.

        stdin: text, or nothing to read if None; timeout: seconds, this runner's own if None.
        Raises IstioctlError if it cannot run, does not end in time, or (with check) exits with another code than 0.
        """
        return self._run(self.argv(*args), stdin, timeout or self.timeout, check)

    def _shown(self, argv: list[str]) -> str:
        """The command line as it can be pasted; the path of a temporary kubeconfig is shown as KUBECONFIG_FILE."""
        if not self.kubeconfig:
            return f"KUBECONFIG={os.devnull} {shlex.join(argv)}"
        if self._several_files:
            return f"KUBECONFIG={shlex.quote(self.kubeconfig.path)} {shlex.join(argv)}"
        if self.kubeconfig.temporary:
            argv = [TEMPORARY_KUBECONFIG if x == self.kubeconfig.path else x for x in argv]
        return shlex.join(argv)

    def _run(self, argv: list[str], stdin: str | None, timeout: float, check: bool = True) -> Output:
        command = self._shown(argv)
        # istioctl never takes another cluster from the environment or from ~/.kube/config.
        env = {**os.environ, "KUBECONFIG": self.kubeconfig.path if self.kubeconfig else os.devnull}
        process = None
        try:
            with defer_signals():
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=env,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,  # so that the login helpers of a kubeconfig end with it
                )
            stdout, stderr = process.communicate(stdin, timeout)
        except BaseException as error:
            if process is None:
                if isinstance(error, OSError):
                    raise IstioctlError(f"cannot run {argv[0]}: {error.strerror}", command=command) from error
                raise
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise IstioctlError(
                    f"istioctl {argv[1]} did not end within {timeout} s and was stopped{_because(stderr)}",
                    None, stdout, stderr, command,
                ) from error  # fmt: skip
            raise
        if check and process.returncode != 0:
            raise IstioctlError(
                f"istioctl {argv[1]} failed with exit code {process.returncode}{_because(stderr or stdout)}",
                process.returncode, stdout, stderr, command,
            )  # fmt: skip
        return Output(process.returncode, stdout, stderr, command)


def _because(text: str) -> str:
    """istioctl's own words for a message: what follows its last "Error:", else its last line; empty if it has none."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [index for index, line in enumerate(lines) if line.startswith("Error")]
    start = errors[-1] if errors else len(lines) - 1
    words = lines[start : start + 1]
    for line in lines[start + 1 :]:
        if not line.startswith(("\t", " ")):  # a list of several errors is indented
            break
        words.append(line)
    return ": " + " ".join(" ".join(words).split()) if words else ""
