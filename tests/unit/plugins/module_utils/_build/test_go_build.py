# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._build import go_build as subject
from ansible_collections.meshlab.istio.plugins.module_utils._build.go_build import GoBuild, GoError

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")

GO_MOD = "module example.com/hello\n\ngo 1.20\n"
MAIN = 'package main\n\nvar word = "hello"\n\nfunc main() { println(word) }\n'


@pytest.fixture
def module(tmp_path):
    """A directory with a module of a small program without imports, which builds quickly."""
    directory = tmp_path / "module"
    directory.mkdir()
    (directory / "go.mod").write_text(GO_MOD)
    (directory / "main.go").write_text(MAIN)
    return directory


@pytest.fixture
def stub(tmp_path):
    """A function that creates a fake Go tool with a version and a shell script as its build."""

    def make(version="go1.26.8", build="exit 0"):
        path = tmp_path / "go"
        path.write_text(
            f"#!/bin/sh\ncase $1 in\nversion) echo go version {version} linux/amd64 ;;\nbuild)\n"
            # The path after -o is the destination.
            f'while [ "$1" != -o ]; do shift; done\nout=$2\n{build}\n;;\nesac\n'
        )
        path.chmod(0o755)
        return str(path)

    return make


def program(module, tmp_path, package="./", **rest):
    return GoBuild("hello", package, str(module), str(tmp_path / "cache"), **rest)


def cached(tmp_path):
    """Every path in the cache, including temporary directories."""
    return sorted(str(x.relative_to(tmp_path / "cache")) for x in (tmp_path / "cache").rglob("*"))


# ---- versions ----


@pytest.mark.parametrize(
    ("text", "version"),
    [("go 1.22\n", (1, 22)), ("module x\n\ngo 1.26.2\n\ntoolchain go1.27.0\n", (1, 26, 2)), ("// go 1\ngo 2\n", (2,))],
)
def test_required_go(text, version):
    assert subject.required_go(text) == version


def test_required_go_without_a_go_line():
    with pytest.raises(GoError, match=r"go.mod has no 'go' line"):
        subject.required_go("module x\n// go 1.22\n")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64\n", (1, 26, 8)),
        ("go version go1.27rc1 linux/amd64", (1, 27)),
        ("go version devel go1.28-abc123 Mon linux/arm64", (1, 28)),
    ],
)
def test_parse_go_version(text, version):
    assert subject.parse_go_version(text) == version


def test_parse_go_version_of_another_tool():
    with pytest.raises(GoError, match="not a Go version: 'gccgo'"):
        subject.parse_go_version("gccgo\n")


@given(st.lists(st.integers(0, 999), min_size=1, max_size=4).map(tuple))
def test_versions_are_read_back_unchanged(version):
    assert subject.parse_go_version(f"go version go{subject.dotted(version)} x") == version
    assert subject.required_go(f"go {subject.dotted(version)}\n") == version


# ---- keys ----


@given(
    st.tuples(*[st.text(max_size=4)] * 4),
    st.dictionaries(st.text(max_size=4), st.binary(max_size=4), max_size=3),
    st.tuples(*[st.text(max_size=4)] * 4),
    st.dictionaries(st.text(max_size=4), st.binary(max_size=4), max_size=3),
)
def test_keys_are_equal_only_for_equal_inputs(one, one_sources, other, other_sources):
    def key(parts, sources):
        return subject.build_key(*parts[:3], {"go.mod": parts[3]}, sources, "go version go1.26.8")

    equal = (one, one_sources) == (other, other_sources)
    # Inputs are separated by a zero byte, which no path, flag or version contains.
    if not any("\0" in x for x in (*one, *other, *one_sources, *other_sources)):
        assert (key(one, one_sources) == key(other, other_sources)) is equal


def test_key_depends_on_every_input(module, tmp_path, stub):
    go = stub()
    keys = [program(module, tmp_path, go=go).key]

    def add(**rest):
        keys.append(program(module, tmp_path, **{"go": go, **rest}).key)

    add(ldflags="-X main.word=bye")
    add(package="./cmd")
    (module / "main.go").write_text(MAIN.replace("hello", "bye"))
    add()
    (module / "page.html").write_text("<p>embedded")
    add()
    (module / "page.html").write_text("<p>other")
    add()
    (module / "go.sum").write_text("example.com/x v1.0.0 h1:abc=\n")
    add()
    (module / "go.mod").write_text(GO_MOD + "\nrequire example.com/x v1.0.0\n")
    add()
    stub("go1.26.9")
    add()
    assert len(set(keys)) == len(keys)
    assert all(len(x) == 20 and int(x, 16) >= 0 for x in keys)


def test_key_does_not_depend_on_tests_documentation_times_and_location(module, tmp_path, stub):
    go = stub()
    before = program(module, tmp_path, go=go)
    (module / "main_test.go").write_text("package main\n")
    (module / "README.md").write_text("words\n")
    os.utime(module / "main.go", (0, 0))
    shutil.copytree(module, tmp_path / "copy")
    after = program(tmp_path / "copy", tmp_path, go=go)
    assert (after.key, after.path) == (before.key, before.path)
    assert before.path == str(tmp_path / "cache" / "go" / f"hello-{before.key}" / "hello")


def test_key_does_not_depend_on_files_next_to_the_lock_of_another_module(module, tmp_path, stub):
    go = stub()
    before = program(module, tmp_path, package="example.com/x/cmd", go=go).key
    (module / "main.go").write_text("package other\n")
    assert program(module, tmp_path, package="example.com/x/cmd", go=go).key == before


# ---- errors before the build ----


def test_go_that_is_too_old(module, tmp_path, stub):
    (module / "go.mod").write_text(GO_MOD.replace("1.20", "1.26.2"))
    go = stub("go1.26.1")
    with pytest.raises(GoError) as caught:
        program(module, tmp_path, go=go)
    assert str(caught.value) == (
        f"hello requires Go 1.26.2 or newer, but {go} is go version go1.26.1 linux/amd64: "
        "install a newer Go and put it first in PATH"
    )
    program(module, tmp_path, go=stub("go1.26.2"))


def test_missing_go(module, tmp_path):
    with pytest.raises(GoError, match="Go tool no-such-go not found in PATH: install Go"):
        program(module, tmp_path, go="no-such-go")


def test_failing_go_is_quoted(module, tmp_path):
    broken = tmp_path / "go"
    broken.write_text("#!/bin/sh\necho cannot find GOROOT >&2\nexit 2\n")
    broken.chmod(0o755)
    with pytest.raises(GoError, match=r"go version failed: cannot find GOROOT$"):
        program(module, tmp_path, go=str(broken))


def test_directory_without_a_lock_is_named(tmp_path, stub):
    with pytest.raises(GoError, match=f"no go.mod in {tmp_path}"):
        GoBuild("hello", "./", str(tmp_path), str(tmp_path / "cache"), go=stub())


# ---- build ----


@needs_go
def test_real_program_is_built_once_and_cached_by_its_inputs(module, tmp_path):
    hello = program(module, tmp_path)
    assert not hello.is_built()
    assert hello.build() > 0
    assert hello.is_built()
    assert cached(tmp_path) == ["go", f"go/hello-{hello.key}", f"go/hello-{hello.key}/hello"]
    assert subprocess.run([hello.path], capture_output=True, text=True, check=True).stderr == "hello\n"
    assert program(module, tmp_path).is_built()

    flagged = program(module, tmp_path, ldflags="-X main.word=flagged")
    assert not flagged.is_built()
    flagged.build()
    assert subprocess.run([flagged.path], capture_output=True, text=True, check=True).stderr == "flagged\n"


@needs_go
def test_compiler_errors_are_shown_and_nothing_is_cached(module, tmp_path):
    (module / "main.go").write_text("package main\n\nfunc main() { nope() }\n")
    hello = program(module, tmp_path)
    with pytest.raises(GoError, match=r"(?s)^building \./ failed \(exit 1\):\n.*main.go:3:15: undefined: nope"):
        hello.build()
    assert cached(tmp_path) == ["go"]
    assert not hello.is_built()


def test_failed_build_shows_the_last_lines_without_downloads(module, tmp_path, stub):
    go = stub(
        build="echo half > $out; i=0; while [ $i -lt 30 ]; do echo line $i >&2; i=$((i + 1)); done\n"
        "echo go: downloading example.com/x v1 >&2; exit 3"
    )
    hello = program(module, tmp_path, go=go)
    with pytest.raises(GoError) as caught:
        hello.build()
    assert str(caught.value) == "building ./ failed (exit 3):\n" + "\n".join(f"line {i}" for i in range(10, 30))
    assert cached(tmp_path) == ["go"]


def test_go_settings_of_the_user_are_ignored(module, tmp_path, stub, monkeypatch):
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("CGO_ENABLED", "1")
    monkeypatch.setenv("GOWORK", "/somewhere/go.work")
    monkeypatch.setenv("GOPROXY", "https://proxy.example.com")
    go = stub(build='echo "$CGO_ENABLED|$GOOS|$GOFLAGS|$GOWORK|$GOPROXY|$PWD" > $out; chmod +x $out')
    hello = program(module, tmp_path, go=go)
    hello.build()
    with open(hello.path) as source:
        assert source.read() == f"0|linux||off|https://proxy.example.com|{module}\n"


def test_directory_without_its_program_is_built_again(module, tmp_path, stub):
    hello = program(module, tmp_path, go=stub(build="echo x > $out; chmod +x $out"))
    hello.build()
    os.unlink(hello.path)
    assert not hello.is_built()
    hello.build()
    assert hello.is_built()
    assert len(cached(tmp_path)) == 3


@needs_go
def test_source_is_prepared_once_for_all_programs(module, tmp_path):
    (module / "main.go").write_text("package main\n\nfunc main() { println(word) }\n")
    (module / "prepare.sh").write_text(
        f'echo once >> {tmp_path}/prepared\n"$1" version > version.txt\n'
        "printf 'package main\\n\\nvar word = \"made\"\\n' > zz_made.go\n"
    )
    hello = program(module, tmp_path)
    hello.build()
    assert subprocess.run([hello.path], capture_output=True, text=True, check=True).stderr == "made\n"
    other = program(module, tmp_path, package="example.com/hello")
    other.build()
    assert (other.source_dir, other.path != hello.path) == (hello.source_dir, True)
    assert (tmp_path / "prepared").read_text() == "once\n"
    assert not (module / "zz_made.go").exists()  # the lock directory is not modified

    (module / "prepare.sh").write_text("echo no generator >&2; exit 4\n")
    changed = program(module, tmp_path, package="example.com/hello")
    assert changed.key != other.key
    with pytest.raises(GoError, match=r"preparing the source of example.com/hello failed \(exit 4\):\nno generator$"):
        changed.build()
    assert [x for x in cached(tmp_path) if x.startswith(("go/.", os.path.dirname(changed.source_dir)))] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_build_leaves_no_program_and_the_next_one_succeeds(module, tmp_path, stub, number):
    go = stub(build="echo half > $out; chmod +x $out; exec sleep 60")
    arguments = ("hello", "./", str(module), str(tmp_path / "cache"), "", go)
    code = f"from {subject.__name__} import GoBuild; GoBuild(*{arguments!r}).build()"
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        start_new_session=True,  # the signal also reaches the Go tool, as with Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in background jobs
    )
    try:
        deadline = time.monotonic() + 20
        while not list((tmp_path / "cache").glob("go/.hello-*/hello")):
            assert time.monotonic() < deadline and child.poll() is None, child.stderr.read()
            time.sleep(0.02)
    finally:
        os.killpg(child.pid, number)
        child.communicate()
    assert child.returncode == -number

    hello = program(module, tmp_path, go=go)
    assert not hello.is_built()
    assert number == signal.SIGKILL or cached(tmp_path) == ["go"]
    stub(build="echo whole > $out; chmod +x $out")
    hello.build()
    with open(hello.path) as source:
        assert source.read() == "whole\n"
