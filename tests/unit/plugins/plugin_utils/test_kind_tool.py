# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.plugin_utils.kind_tool import choose, download

MIRROR = "https://mirror.example.com/kind"
KNOWN = {"amd64": "a" * 64}
URL = f"{MIRROR}/v0.33.0/kind-linux-amd64"
KEPT = "/cache/kind/kind-v0.33.0-linux-amd64"
BUILT = "/cache/go/kind-1/kind"
NO_ANSWER = {"status": -1, "msg": "Status code was -1 and not [200, 405]: Request failed: timed out"}


def state(**changed):
    """A machine without kind, whose images come from a registry and which can download kind."""
    return {
        "output": {"rc": 2, "msg": "No such file or directory"},
        "path": "",
        "minimum": "0.27.0",
        "download": download("x86_64", MIRROR, "0.33.0", "", KNOWN),
        "kept": {"stat": {"exists": False}},
        "built": "",
        "source": "registry",
        "answer": {"status": 200, "msg": "OK (9 bytes)"},
        **changed,
    }


def prints(version):
    return {"rc": 0, "stdout": f"kind v{version} go1.26.0 linux/amd64"}


def kept(checksum):
    return {"stat": {"exists": True, "path": KEPT, "checksum": checksum}}


# ---- download ----


@pytest.mark.parametrize(
    ("machine", "arch"), [("x86_64", "amd64"), ("amd64", "amd64"), ("aarch64\n", "arm64"), ("arm64", "arm64")]
)
def test_download_for_each_architecture(machine, arch):
    wanted = download(machine, MIRROR + "/", "0.33.0", "", {"amd64": "a" * 64, "arm64": "b" * 64})
    assert wanted["url"] == f"{MIRROR}/v0.33.0/kind-linux-{arch}"
    assert wanted["file_name"] == f"kind-v0.33.0-linux-{arch}"
    assert wanted["checksum"] == "sha256:" + {"amd64": "a", "arm64": "b"}[arch] * 64


@pytest.mark.parametrize(
    ("requested", "expected"),
    [("", "a" * 64), ("B" * 64, "b" * 64), (" sha256:" + "c" * 64, "c" * 64)],
)
def test_requested_checksum_overrides_the_known_one(requested, expected):
    assert download("x86_64", MIRROR, "0.33.0", requested, KNOWN)["checksum"] == f"sha256:{expected}"


def test_without_a_known_checksum_the_file_of_the_release_decides():
    wanted = download("aarch64", MIRROR, "0.33.0", "", KNOWN)
    assert wanted["checksum"] == f"sha256:{MIRROR}/v0.33.0/kind-linux-arm64.sha256sum"


def test_kind_is_not_published_for_every_architecture():
    assert download("s390x", MIRROR, "0.33.0", "", KNOWN)["url"] == ""


# ---- choice ----


@pytest.mark.parametrize("version", ["0.27.0", "0.33.0", "0.100.1", "1.0.0"])
def test_new_enough_tool_in_path_is_used(version):
    for changed in ({}, {"source": "build"}, {"kept": kept("a" * 64), "built": BUILT}):
        chosen = choose(state(output=prints(version), **changed))
        assert chosen == {"method": "path", "path": "kind", "problem": "", "message": ""}


def test_path_is_enough_for_a_choice():
    assert choose({"output": prints("0.27.0"), "path": "", "minimum": "0.27.0"})["method"] == "path"
    assert choose({"output": prints("0.26.0"), "path": "", "minimum": "0.27.0"})["method"] == ""


@pytest.mark.parametrize("output", [prints("0.20.0"), {"rc": 0, "stdout": "my own build"}])
def test_requested_path_is_used_whatever_its_version(output):
    assert choose(state(output=output, path="/opt/kind"))["path"] == "/opt/kind"


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ({"rc": 2, "msg": "No such file or directory"}, "kind is not in PATH"),
        (prints("0.26.9"), "kind 0.26.9 in PATH is too old (0.27.0 or newer is required)"),
    ],
)
def test_download(output, problem):
    chosen = choose(state(output=output))
    assert (chosen["method"], chosen["path"], chosen["problem"]) == ("download", "", problem)
    assert chosen["message"] == f"{problem}, so kind 0.33.0 is downloaded from {URL}"


def test_server_without_head_requests_may_have_the_file():
    assert choose(state(answer={"status": 405, "msg": "OK"}))["method"] == "download"


@pytest.mark.parametrize("source", ["registry", "archive", "build", ""])
def test_downloaded_tool_is_used_again(source):
    chosen = choose(state(kept=kept("a" * 64), source=source, built=BUILT, answer={"skipped": True}))
    assert (chosen["method"], chosen["path"]) == ("kept", KEPT)
    assert chosen["message"] == f"kind is not in PATH, so {KEPT} is used"


def test_downloaded_tool_with_another_checksum_is_downloaded_again():
    assert choose(state(kept=kept("b" * 64)))["method"] == "download"


def test_downloaded_tool_without_a_known_checksum_was_verified_before():
    wanted = download("x86_64", MIRROR, "0.33.0", "", {})
    assert choose(state(download=wanted, kept=kept("b" * 64)))["method"] == "kept"


def test_built_tool_is_used_again():
    chosen = choose(state(built=BUILT, answer={"skipped": True}))
    assert (chosen["method"], chosen["path"]) == ("built", BUILT)


def test_no_request_is_needed_for_what_is_on_the_machine():
    unasked = {name: value for name, value in state().items() if name != "answer"}
    assert choose(unasked) == {"method": "", "path": "", "problem": "kind is not in PATH", "message": ""}
    assert choose({**unasked, "built": BUILT})["method"] == "built"
    assert choose({**unasked, "kept": kept("a" * 64)})["method"] == "kept"
    assert choose({**unasked, "source": "build"})["method"] == "build"


def test_kind_is_built_along_with_the_images():
    chosen = choose(state(source="build", answer={"skipped": True}))
    assert chosen["method"] == "build"
    assert chosen["message"] == "kind is not in PATH, so kind 0.33.0 is built with Go (about 30 s)"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"answer": NO_ANSWER}, f"{URL} cannot be downloaded (Status code was -1 and not [200, 405]: Request failed:"),
        ({"answer": {"status": 404, "msg": "HTTP Error 404"}}, f"{URL} cannot be downloaded (HTTP Error 404)"),
        ({"answer": {"status": 407, "msg": "error 407 for http://me:s3cret@proxy"}}, "proxy authentication failed"),
        (
            {"download": download("s390x", MIRROR, "0.33.0", "", KNOWN), "answer": {"skipped": True}},
            "the kind project publishes no binary for s390x",
        ),
    ],
)
def test_without_a_download_kind_is_built_and_the_reason_is_given(changed, reason):
    chosen = choose(state(**changed))
    assert chosen["method"] == "build"
    assert chosen["problem"].startswith("kind is not in PATH, and ") and reason in chosen["problem"]
    assert chosen["message"] == chosen["problem"] + ", so kind 0.33.0 is built with Go (about 30 s)"
    assert "s3cret" not in chosen["message"]
