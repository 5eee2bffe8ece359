# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds Go programs from a lock (go.mod and go.sum) and caches them by their inputs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping

# Script in the lock directory that is run in a copy of it before the build, to generate missing source files.
PREPARE = "prepare.sh"


class GoError(Exception):
    """A problem of the Go tool, the lock or the build. The message includes the remedy."""


def required_go(go_mod: str) -> tuple[int, ...]:
    """Return the minimum Go version in the text of a go.mod as a tuple of integers."""
    match = re.search(r"^go (\d+(?:\.\d+)*)", go_mod, re.MULTILINE)
    if not match:
        raise GoError("go.mod has no 'go' line")
    return tuple(int(part) for part in match.group(1).split("."))


def parse_go_version(text: str) -> tuple[int, ...]:
    """Return the version in the output of "go version" as a tuple of integers."""
    match = re.search(r"\bgo(\d+(?:\.\d+)*)", text)
    if not match:
        raise GoError(f"not a Go version: {text.strip()!r}")
    return tuple(int(part) for part in match.group(1).split("."))


def dotted(version: tuple[int, ...]) -> str:
    """Return (1, 26, 8) as "1.26.8"."""
    return ".".join(str(part) for part in version)


def build_key(
    name: str, package: str, ldflags: str, lock: Mapping[str, str], sources: Mapping[str, bytes], go_version: str
) -> str:
    """Return a hexadecimal key of all inputs of the binary.

    lock: {"go.mod": text, "go.sum": text}; sources: {relative path: bytes}, empty for a package of another module.
    """
    digest = hashlib.sha256()
    for part in (name, package, ldflags, go_version, *(x for item in sorted(lock.items()) for x in item)):
        digest.update(part.encode() + b"\0")
    for path, content in sorted(sources.items()):
        digest.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:20]


class GoBuild:
    """A program with its inputs, its build and its path in the cache."""

    def __init__(
        self,
        name: str,
        package: str,
        lock_dir: str,
        cache_dir: str,
        ldflags: str = "",
        go: str = "go",
        target_os: str = "linux",
    ) -> None:
        """name: of the binary; package: its import path; lock_dir: directory of go.mod and go.sum."""
        self.name = name
        self.package = package
        self.lock_dir = lock_dir
        self.ldflags = ldflags
        self.go = go
        self.target_os = target_os
        texts = {}
        for file_name in ("go.mod", "go.sum"):
            path = os.path.join(lock_dir, file_name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as source:
                    texts[file_name] = source.read()
        if "go.mod" not in texts:
            raise GoError(f"no go.mod in {lock_dir}")
        self.go_version = self._go_version()
        needed = required_go(texts["go.mod"])
        if parse_go_version(self.go_version) < needed:
            raise GoError(
                f"{name} requires Go {dotted(needed)} or newer, but {shutil.which(go) or go} is {self.go_version}: "
                f"install a newer Go and put it first in PATH"
            )
        sources = self._sources()
        self.key = build_key(name, package, ldflags, texts, sources, self.go_version)
        self.path = os.path.join(cache_dir, "go", f"{name}-{self.key}", name)
        self.source_dir = lock_dir
        if PREPARE in sources:  # shared by all programs of the lock
            key = build_key("", "", "", texts, sources, self.go_version)
            self.source_dir = os.path.join(cache_dir, "go", f"source-{key}", os.path.basename(lock_dir))

    def _go_version(self):
        try:
            done = subprocess.run([self.go, "version"], capture_output=True, text=True, check=True, cwd="/")
        except FileNotFoundError as error:
            raise GoError(f"Go tool {self.go} not found in PATH: install Go") from error
        except subprocess.CalledProcessError as error:
            raise GoError(f"{self.go} version failed: {error.stderr.strip()}") from error
        return done.stdout.strip()

    def _sources(self):
        """Return the inputs besides the lock: the files of a module that is built in place ("./...") or prepared."""
        if not self.package.startswith(".") and not os.path.exists(os.path.join(self.lock_dir, PREPARE)):
            return {}
        found = {}
        for directory, _dirs, files in os.walk(self.lock_dir):
            for file_name in files:
                # Any file other than tests may be embedded.
                if not file_name.endswith(("_test.go", ".md")):
                    path = os.path.join(directory, file_name)
                    with open(path, "rb") as source:
                        found[os.path.relpath(path, self.lock_dir)] = source.read()
        return found

    def is_built(self) -> bool:
        return os.access(self.path, os.X_OK)

    def build(self) -> float:
        """Build in a temporary directory, rename it, and return the elapsed seconds."""
        started = time.monotonic()
        if not os.path.isdir(self.source_dir):
            with _replacing(os.path.dirname(self.source_dir)) as scratch:
                copy = os.path.join(scratch, os.path.basename(self.source_dir))
                shutil.copytree(self.lock_dir, copy)
                self._run(["bash", PREPARE, self.go], copy, f"preparing the source of {self.package}")
        with _replacing(os.path.dirname(self.path)) as scratch:
            argv = [self.go, "build", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {self.ldflags}".strip()]
            argv += ["-o", os.path.join(scratch, self.name), self.package]
            self._run(argv, self.source_dir, f"building {self.package}")
        return time.monotonic() - started

    def _run(self, argv, directory, action):
        env = dict(os.environ, CGO_ENABLED="0", GOOS=self.target_os, GOFLAGS="", GOWORK="off")
        done = subprocess.run(argv, cwd=directory, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            # The compiler's errors come last, after many lines about downloads.
            lines = [x for x in done.stderr.splitlines() if not x.startswith("go: downloading")]
            raise GoError(f"{action} failed (exit {done.returncode}):\n" + "\n".join(lines[-20:]))


@contextlib.contextmanager
def _replacing(directory):
    """Yield a temporary directory that replaces the directory if the block succeeds and is removed if it fails."""
    parent, name = os.path.split(directory)
    os.makedirs(parent, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix=f".{name.rpartition('-')[0]}-", dir=parent)
    try:
        yield scratch
        os.chmod(scratch, 0o755)
        if os.path.isdir(directory):  # without the program, as it would not be built otherwise
            shutil.rmtree(directory)
        os.rename(scratch, directory)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
