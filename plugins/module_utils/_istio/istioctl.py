# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find istioctl, read its version and run it with a timeout."""

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

# Must match doc_fragments/istioctl.py. find_istioctl() reads the environment variable.
ISTIOCTL_ARGS = {"binary_path": {"type": "path"}}

# The link that the role istioctl creates.
CURRENT = "/opt/istio/current/bin/istioctl"


# Replaces the path of a temporary kubeconfig in commands that are shown, because the file is removed by then.
TEMPORARY_KUBECONFIG = "KUBECONFIG_FILE"


class IstioctlError(Exception):
    """istioctl was not found, could not be run, timed out, or failed.

    rc: None if istioctl was terminated. command: can be pasted into a shell, without the standard input.
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
        """The arguments for fail_json of a module."""
        return {"msg": str(self), "rc": self.rc, "stdout": self.stdout, "stderr": self.stderr, "command": self.command}


@dataclass(frozen=True)
class Output:
    """The result of istioctl: exit code, output streams, and the command line, which can be pasted into a shell."""

    rc: int
    stdout: str
    stderr: str
    command: str


def find_istioctl(binary_path: str | None = None) -> str:
    """The path of istioctl: binary_path, else ISTIOCTL_PATH, else the first in PATH, else the link of the role.

    Raises IstioctlError if none is found, or if binary_path or ISTIOCTL_PATH is set but not executable.
    """
    for origin, path in (("binary_path", binary_path), ("ISTIOCTL_PATH", os.environ.get("ISTIOCTL_PATH"))):
        if path:
            found = shutil.which(os.path.expanduser(path))
            if not found:
                raise IstioctlError(f"{origin}: {path} is not an executable file")
            return os.path.abspath(found)
    found = shutil.which("istioctl") or shutil.which(CURRENT)
    if not found:
        raise IstioctlError(
            f"istioctl is neither in PATH nor at {CURRENT}: set binary_path or the environment variable ISTIOCTL_PATH, "
            "or install it with the role meshlab.istio.istioctl"
        )
    return os.path.abspath(found)


def parse_version(stdout: str) -> str | None:
    """The client version in the output of 'istioctl version --remote=false', JSON or plain text; or None."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(json.loads(stdout)["clientVersion"]["version"]) or None
    # Plain text: "client version: 1.27.0", or only "1.7.4" in old releases.
    match = re.search(r"^\s*(?:client version:\s*)?v?([0-9]+\.[0-9]+\S*)\s*$", stdout, re.MULTILINE)
    return match[1] if match else None


class Istioctl:
    """An istioctl and its cluster; without a kubeconfig, it connects to no cluster."""

    def __init__(
        self, binary_path: str | None = None, kubeconfig: KubeconfigFile | None = None, timeout: float = 60
    ) -> None:
        """binary_path: see find_istioctl(), whose errors it raises; timeout: seconds for one run."""
        self.path = find_istioctl(binary_path)
        self.kubeconfig = kubeconfig
        self.timeout = timeout
        self._version: str | None = None

    @property
    def version(self) -> str:
        """The client version such as "1.27.0", read once. Raises IstioctlError if istioctl does not report it."""
        if self._version is None:
            output = self._run([self.path, "version", "--remote=false", "-o", "json"], None, self.timeout)
            self._version = parse_version(output.stdout)
            if self._version is None:
                raise IstioctlError(f"{self.path} does not report its version", **vars(output))
        return self._version

    def argv(self, *args: str) -> list[str]:
        """The argv of one run, with the flags for the cluster."""
        flags = []
        if self.kubeconfig and not self._several_files:
            flags += ["--kubeconfig", self.kubeconfig.path]
        if self.kubeconfig and self.kubeconfig.context:
            flags += ["--context", self.kubeconfig.context]
        return [self.path, *args, *flags]

    @property
    def _several_files(self) -> bool:
        """Whether the kubeconfig consists of several files, which only the environment variable supports."""
        return self.kubeconfig is not None and os.pathsep in self.kubeconfig.path

    def run(self, *args: str, stdin: str | None = None, timeout: float | None = None, check: bool = True) -> Output:
        """Run istioctl with these arguments and return its Output.

        stdin: text, or None for an empty input; timeout: seconds, by default that of this object.
        Raises IstioctlError if it cannot be run, times out, or (with check) fails.
        """
        return self._run(self.argv(*args), stdin, timeout or self.timeout, check)

    def _shown(self, argv: list[str]) -> str:
        """The command line for a shell, with KUBECONFIG_FILE for the path of a temporary kubeconfig."""
        if not self.kubeconfig:
            return f"KUBECONFIG={os.devnull} {shlex.join(argv)}"
        if self._several_files:
            return f"KUBECONFIG={shlex.quote(self.kubeconfig.path)} {shlex.join(argv)}"
        if self.kubeconfig.temporary:
            argv = [TEMPORARY_KUBECONFIG if x == self.kubeconfig.path else x for x in argv]
        return shlex.join(argv)

    def _run(self, argv: list[str], stdin: str | None, timeout: float, check: bool = True) -> Output:
        command = self._shown(argv)
        # istioctl must never use a cluster of the environment or of ~/.kube/config.
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
                    start_new_session=True,  # so that exec commands of a kubeconfig are terminated with it
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
                    f"istioctl {argv[1]} did not finish within {timeout} s and was terminated{_because(stderr)}",
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
    """The error in the output of istioctl, after a colon: from its last "Error:", else its last line. Empty if none."""
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [index for index, line in enumerate(lines) if line.startswith("Error")]
    start = errors[-1] if errors else len(lines) - 1
    message = lines[start : start + 1]
    for line in lines[start + 1 :]:
        if not line.startswith(("\t", " ")):  # lists of errors are indented
            break
        message.append(line)
    return ": " + " ".join(" ".join(message).split()) if message else ""
