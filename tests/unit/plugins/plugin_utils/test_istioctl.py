# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role istioctl explains failures, and which archives it refuses."""

from __future__ import annotations

import importlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from ansible_collections.meshlab.istio.plugins.plugin_utils import istioctl

FILTERS = Path(__file__).resolve().parents[4] / "plugins" / "filter"
SECRET = "s3cret"

TOP = "istio-1.27.0"
FILE, DIRECTORY, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
PIPE, DEVICE = tarfile.FIFOTYPE, tarfile.CHRTYPE

# A small release with links that stay inside: (name, type, link target, mode).
GOOD = (
    (TOP, DIRECTORY, "", 0o750),
    (TOP + "/bin/istioctl", FILE, "", 0o750),
    (TOP + "/samples/sleep.yaml", FILE, "", 0o640),
    (TOP + "/samples/two words -> x\nthree", FILE, "", 0o640),
    (TOP + "/sleep", LINK, "samples", 0o777),
    (TOP + "/samples/up", LINK, "../bin/istioctl", 0o777),
    (TOP + "/samples/hard", HARD, TOP + "/samples/sleep.yaml", 0o644),
)
# Members added to it, and the expected problem.
BAD = {
    "absolute": ([("/tmp/istioctl", FILE, "", 0o644)], "'/tmp/istioctl' has an absolute path"),
    "dotdot": ([(TOP + "/../istioctl", FILE, "", 0o644)], f"'{TOP}/../istioctl' has '..' in its path"),
    "outside": ([("istioctl", FILE, "", 0o644)], f"'istioctl' is outside of the directory {TOP}"),
    "beside": ([(TOP + "-x/a", FILE, "", 0o644)], f"'{TOP}-x/a' is outside of the directory {TOP}"),
    "link-absolute": ([(TOP + "/x", LINK, "/etc/passwd", 0o777)], "is a link to '/etc/passwd', which is not inside"),
    "link-out": ([(TOP + "/samples/x", LINK, "../../../x", 0o777)], f"'../../../x', which is not inside of {TOP}"),
    "link-empty": ([(TOP + "/x", LINK, "", 0o777)], "is a link to '', which is not inside"),
    # tar prints both as "x -> a -> /etc".
    "link-separator": ([(TOP + "/x -> a", LINK, "/etc", 0o777)], "its listing contains the unexpected line"),
    # Each part looks harmless; '..' leaves the directory only because of the target of 'down'.
    "link-chain": (
        [(TOP + "/down", LINK, ".", 0o777), (TOP + "/a/up", LINK, "../down/../x", 0o777)],
        f"is a link to '../down/../x', which is not inside of {TOP}",
    ),
    "below-link": (
        [(TOP + "/inside", LINK, "samples", 0o777), (TOP + "/inside/deep/file", FILE, "", 0o644)],
        f"'{TOP}/inside/deep/file' is below '{TOP}/inside', which is not a directory",
    ),
    "below-file": ([(TOP + "/bin/istioctl/x", FILE, "", 0o644)], f"is below '{TOP}/bin/istioctl', which is not"),
    "hard-link-out": ([(TOP + "/hard", HARD, "/etc/passwd", 0o644)], "hard link to 'etc/passwd', which is not a file"),
    "device": ([(TOP + "/null", DEVICE, "", 0o666)], f"'{TOP}/null' is a device, a pipe or another special file"),
    "pipe": ([(TOP + "/pipe", PIPE, "", 0o644)], f"'{TOP}/pipe' is a device, a pipe or another special file"),
    "setuid": ([(TOP + "/bin/helper", FILE, "", 0o4755)], f"'{TOP}/bin/helper' is setuid or setgid"),
    "setgid": ([(TOP + "/bin", DIRECTORY, "", 0o2755)], f"'{TOP}/bin/' is setuid or setgid"),
    "twice": ([(TOP + "/bin/istioctl", FILE, "", 0o755)], f"'{TOP}/bin/istioctl' appears twice"),
    "file-for-a-directory": (
        [(TOP + "/tools", FILE, "", 0o755), (TOP + "/tools", DIRECTORY, "", 0o755)],
        "'istio-1.27.0/tools/' appears twice",
    ),
}


def listing(tmp_path, members):
    """What tar lists for an archive with these members."""
    path = tmp_path / "archive.tar.gz"
    with tarfile.open(path, mode="w:gz") as tar:
        for name, kind, target, mode in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, target, mode
            member.uid = member.gid = 12345
            tar.addfile(member, io.BytesIO())
    done = subprocess.run(
        ["tar", "--list", "--verbose", "--numeric-owner", "--gzip", "--file", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    return done.stdout


def test_a_release_can_be_unpacked(tmp_path):
    assert istioctl.archive_problem(listing(tmp_path, GOOD), TOP) == ""


def test_a_release_packed_with_its_current_directory_can_be_unpacked(tmp_path):
    members = [(".", DIRECTORY, "", 0o755), *(("./" + name, *rest) for name, *rest in GOOD[:-1])]
    assert istioctl.archive_problem(listing(tmp_path, members), TOP) == ""


@pytest.mark.parametrize("name", BAD)
def test_an_unsafe_member_is_refused(tmp_path, name):
    added, problem = BAD[name]
    found = istioctl.archive_problem(listing(tmp_path, [*GOOD, *added]), TOP)
    assert found.startswith(("member '", "its listing")) and problem in found


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (GOOD[:1], f"it contains no file {TOP}/bin/istioctl"),
        ([(TOP + "/bin/istioctl", DIRECTORY, "", 0o755)], f"it contains no file {TOP}/bin/istioctl"),
        (
            [(name.replace("1.27", "1.0"), *rest) for name, *rest in GOOD],
            f"'istio-1.0.0/' is outside of the directory {TOP}",
        ),
        ([(TOP, FILE, "", 0o755), *GOOD[1:]], f"'{TOP}' is not a directory"),
    ],
    ids=["no-istioctl", "istioctl-is-a-directory", "another-version", "top-is-a-file"],
)
def test_an_archive_that_is_not_the_release_is_refused(tmp_path, members, problem):
    assert problem in istioctl.archive_problem(listing(tmp_path, members), TOP)


def test_a_listing_in_another_format_is_refused():
    assert "unexpected line 'istio-1.27.0/'" in istioctl.archive_problem("istio-1.27.0/\n", TOP)


@pytest.mark.parametrize(
    ("text", "reason", "remedy", "is_final"),
    [
        (
            f"proxy URL with no authority: 'http:/reader:{SECRET}@p:3128'",
            "the URL or the proxy URL is malf",
            "http_p",
            True,
        ),
        (f"nonnumeric port: '{SECRET}'", "the URL or the proxy URL is malformed", "percent-encode", True),
        (f"unknown url type: {SECRET}", "the URL or the proxy URL is malformed", "istioctl_mirror", True),
        (f"Tunnel to http://reader:{SECRET}/x@proxy:3128 failed", "Tunnel to ***@proxy:3128 failed", "", False),
        ("Tunnel connection failed: 407 Proxy Auth", "proxy authentication failed: Tunnel", "https_proxy", True),
        ("[SSL] certificate verify failed", "the server's certificate is not trusted: [SSL]", "SSL_CERT_FILE", True),
        ("would lead to an infinite loop.", "the server redirects in a loop: would", "redirects", True),
        ("[Errno 28] No space left on device", "the disk is full: [Errno 28]", "Free some disk space", True),
        (
            "tar: a: Wrote only 1 byte\ntar: b: No space left\ntar: c",
            "the disk is full: tar: b: No space left",
            "F",
            True,
        ),
        ("tar: b: Wrote only 5120 of 10240 bytes\ntar: Exiting", "the disk is full: tar: b: Wrote only", "Free", True),
        ("No route\n to host", "No route to host", "", False),
    ],
)
def test_an_error_text_is_explained_without_passwords(text, reason, remedy, is_final):
    failure = istioctl.failure(text)
    assert failure["reason"].startswith(reason) and remedy in failure["remedy"]
    assert failure["is_final"] is is_final and bool(failure["remedy"]) is bool(remedy)
    assert SECRET not in str(failure)


@pytest.mark.parametrize(
    ("result", "reason", "is_final"),
    [
        (
            {"msg": "Request failed", "response": "HTTP Error 404: Not Found", "status_code": 404},
            "Request failed, H",
            True,
        ),
        ({"msg": "Request failed", "response": "HTTP Error 503: Busy", "status_code": 503}, "Request failed, H", False),
        ({"msg": "Status code was 404 and not [200]", "status": 404}, "Status code was 404", True),
        ({"msg": "HTTP Error 401: No", "status": 401}, "authentication failed (401/403): HTTP Error 401", True),
        ({"msg": "Incomplete read, failed to read remaining 9 bytes"}, "the download was incomplete", False),
        ({"msg": "OK (20 bytes)", "size": 10}, "the download was incomplete in every attempt: Inc", False),
        ({"rc": 1}, "no answer", False),
    ],
)
def test_a_failed_download_is_explained(result, reason, is_final):
    failure = istioctl.failure(result)
    assert failure["reason"].startswith(reason) and failure["is_final"] is is_final


@pytest.mark.parametrize(
    "result",
    [
        {"msg": "OK (20 bytes)", "size": 20},
        {"msg": "OK (unknown bytes)", "size": 20},
        {"msg": "OK (20 bytes)"},
        {"skipped": True},
    ],
)
def test_a_download_that_succeeded_or_was_skipped_is_not_a_failure(result):
    assert istioctl.failure(result) == {"reason": "", "remedy": "", "is_final": True}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1f\x8b\x08\x00", ""),
        (b"<!doctype html>\n<title>Sign in</title>\n", "<!doctype html> <title>Sign in</title>"),
        ("Größe\0".encode(), "Gr e"),
        (b"", ""),
    ],
)
def test_the_start_of_a_file_is_shown_unless_it_is_gzip(data, text):
    dump = "\n".join(" " + data[at : at + 16].hex(" ") for at in range(0, len(data), 16))
    assert istioctl.text_start(dump) == text


@pytest.mark.parametrize("name", sorted(x.stem for x in FILTERS.glob("istioctl_*.py")))
def test_a_filter_has_the_name_of_its_file(name):
    plugin = importlib.import_module(f"ansible_collections.meshlab.istio.plugins.filter.{name}")
    assert plugin.FilterModule().filters() == {name: getattr(istioctl, name.removeprefix("istioctl_"))}
