# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go programs built from a lock (go.mod and go.sum), kept by what went into them."""

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

# In a lock's folder: run in a copy of it before anything is built there, for a module that lacks generated files.
PREPARE = "prepare.sh"


class GoError(Exception):
    """What is wrong with the Go tool, the lock or the build, and what to do."""


def required_go(go_mod: str) -> tuple[int, ...]:
    """The least Go version (a tuple of ints) that the text of a go.mod asks for."""
    match = re.search(r"^go (\d+(?:\.\d+)*)", go_mod, re.MULTILINE)
    if not match:
        raise GoError("go.mod has no 'go' line")
    return tuple(int(part) for part in match.group(1).split("."))


def parse_go_version(text: str) -> tuple[int, ...]:
    """The version in `go version` output ("go version go1.26.8 linux/amd64") as a tuple of ints."""
    match = re.search(r"\bgo(\d+(?:\.\d+)*)", text)
    if not match:
        raise GoError(f"not a Go version: {text.strip()!r}")
    return tuple(int(part) for part in match.group(1).split("."))


def dotted(version: tuple[int, ...]) -> str:
    """(1, 26, 8) as "1.26.8"."""
    return ".".join(str(part) for part in version)


def build_key(
    name: str, package: str, ldflags: str, lock: Mapping[str, str], sources: Mapping[str, bytes], go_version: str
) -> str:
    """A hex key of everything that decides the binary's content.

    lock: {"go.mod": text, "go.sum": text}; sources: {relative path: bytes} of a module built in place, else {}.
    """
    digest = hashlib.sha256()
    for part in (name, package, ldflags, go_version, *(x for item in sorted(lock.items()) for x in item)):
        digest.update(part.encode() + b"\0")
    for path, content in sorted(sources.items()):
        digest.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:20]


class GoBuild:
    """One program: what it is built from, where it will be kept, and the building."""

    def __init__(
        self,
        name: str,
        package: str,
        lock: str,
        cache: str,
        ldflags: str = "",
        go: str = "go",
        target_os: str = "linux",
    ) -> None:
        """name: the binary's name; package: its import path; lock: folder of go.mod and go.sum; cache: folder."""
        self.name = name
        self.package = package
        self.lock = lock
        self.ldflags = ldflags
        self.go = go
        self.target_os = target_os
        texts = {}
        for file_name in ("go.mod", "go.sum"):
            path = os.path.join(lock, file_name)
            if os.path.exists(path):
                with open(path, encoding="utf-8") as source:
                    texts[file_name] = source.read()
        if "go.mod" not in texts:
            raise GoError(f"no go.mod in {lock}")
        self.go_version = self._go_version()
        needed = required_go(texts["go.mod"])
        if parse_go_version(self.go_version) < needed:
            raise GoError(
                f"{name} needs Go {dotted(needed)} or newer, and {shutil.which(go) or go} is {self.go_version}: "
                f"install a newer Go and put it first in PATH"
            )
        sources = self._sources()
        self.key = build_key(name, package, ldflags, texts, sources, self.go_version)
        self.path = os.path.join(cache, "go", f"{name}-{self.key}", name)
        self.source = lock
        if PREPARE in sources:  # one for all programs of the lock
            self.source = os.path.join(
                cache, "go", f"source-{build_key('', '', '', texts, sources, self.go_version)}", os.path.basename(lock)
            )

    def _go_version(self):
        try:
            done = subprocess.run([self.go, "version"], capture_output=True, text=True, check=True, cwd="/")
        except FileNotFoundError as error:
            raise GoError(f"no Go tool: {self.go} is not in PATH; install Go") from error
        except subprocess.CalledProcessError as error:
            raise GoError(f"{self.go} version failed: {error.stderr.strip()}") from error
        return done.stdout.strip()

    def _sources(self):
        """The files of a module built in place (package "./...") or prepared: they decide the binary as a lock does."""
        if not self.package.startswith(".") and not os.path.exists(os.path.join(self.lock, PREPARE)):
            return {}
        found = {}
        for folder, _dirs, files in os.walk(self.lock):
            for file_name in files:
                # Everything but the tests may be embedded, so it counts.
                if not file_name.endswith(("_test.go", ".md")):
                    path = os.path.join(folder, file_name)
                    with open(path, "rb") as source:
                        found[os.path.relpath(path, self.lock)] = source.read()
        return found

    def is_built(self) -> bool:
        return os.access(self.path, os.X_OK)

    def build(self) -> float:
        """Build into a temporary folder and move it in place whole; seconds taken. An interrupted build leaves
        the Go tool's own cache, so that the next one goes on where this one ended."""
        started = time.monotonic()
        if not os.path.isdir(self.source):
            with _whole(os.path.dirname(self.source)) as scratch:
                copy = os.path.join(scratch, os.path.basename(self.source))
                shutil.copytree(self.lock, copy)
                self._run(["bash", PREPARE, self.go], copy, f"preparing the source of {self.package}")
        with _whole(os.path.dirname(self.path)) as scratch:
            argv = [self.go, "build", "-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {self.ldflags}".strip()]
            argv += ["-o", os.path.join(scratch, self.name), self.package]
            self._run(argv, self.source, f"building {self.package}")
        return time.monotonic() - started

    def _run(self, argv, folder, doing):
        env = dict(os.environ, CGO_ENABLED="0", GOOS=self.target_os, GOFLAGS="", GOWORK="off")
        done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            # The compiler's word is at the end; downloads before it would bury it.
            lines = [x for x in done.stderr.splitlines() if not x.startswith("go: downloading")]
            raise GoError(f"{doing} failed (exit {done.returncode}):\n" + "\n".join(lines[-20:]))


@contextlib.contextmanager
def _whole(folder):
    """A scratch folder beside folder, which becomes it when the block ends well, and is removed when it does not."""
    parent, name = os.path.split(folder)
    os.makedirs(parent, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix=f".{name.rpartition('-')[0]}-", dir=parent)
    try:
        yield scratch
        os.chmod(scratch, 0o755)
        if os.path.isdir(folder):  # a folder without what belongs in it: somebody emptied it
            shutil.rmtree(folder)
        os.rename(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
