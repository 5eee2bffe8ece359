# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the role istioctl that unpacks a release: what it refuses, and that nothing is written then."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "roles" / "istioctl" / "files" / "unpack_release.py"
TOP = "istio-1.27.0"
FILE, FOLDER, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
PIPE, DEVICE = tarfile.FIFOTYPE, tarfile.CHRTYPE

# A release in small, with links that stay inside: (name, type, link target, mode).
GOOD = (
    (TOP, FOLDER, "", 0o750),
    (TOP + "/bin/istioctl", FILE, "", 0o750),
    (TOP + "/samples/sleep.yaml", FILE, "", 0o640),
    (TOP + "/sleep", LINK, "samples", 0o777),
    (TOP + "/samples/up", LINK, "../bin/istioctl", 0o777),
    (TOP + "/samples/hard", HARD, TOP + "/samples/sleep.yaml", 0o644),
)
# What is added to it, and what is said of it.
BAD = {
    "absolute": ([("/tmp/istioctl", FILE, "", 0o644)], "'/tmp/istioctl' has an absolute path"),
    "dotdot": ([(TOP + "/../istioctl", FILE, "", 0o644)], f"'{TOP}/../istioctl' has '..' in its path"),
    "outside": ([("istioctl", FILE, "", 0o644)], f"'istioctl' lies outside of the folder {TOP}"),
    "beside": ([(TOP + "-x/a", FILE, "", 0o644)], f"'{TOP}-x/a' lies outside of the folder {TOP}"),
    "link-absolute": ([(TOP + "/x", LINK, "/etc/passwd", 0o777)], "is a link to '/etc/passwd', an absolute path"),
    "link-out": ([(TOP + "/samples/x", LINK, "../../../x", 0o777)], f"'../../../x', which leads out of {TOP}"),
    "link-empty": ([(TOP + "/x", LINK, "", 0o777)], "is a link to '', which is no path"),
    # Each part looks harmless: only what 'down' leads to makes '..' leave the folder.
    "link-chain": (
        [(TOP + "/down", LINK, ".", 0o777), (TOP + "/a/up", LINK, "../down/../x", 0o777)],
        f"is a link to '../down/../x', which leads out of {TOP}",
    ),
    "below-link": (
        [(TOP + "/inside", LINK, "samples", 0o777), (TOP + "/inside/file", FILE, "", 0o644)],
        f"lies below '{TOP}/inside', which is not a folder",
    ),
    "below-file": ([(TOP + "/bin/istioctl/x", FILE, "", 0o644)], f"lies below '{TOP}/bin/istioctl', which is not"),
    "hard-link-out": ([(TOP + "/hard", HARD, "/etc/passwd", 0o644)], "hard link to '/etc/passwd', which is no file"),
    "device": ([(TOP + "/null", DEVICE, "", 0o666)], f"'{TOP}/null' is a device, a pipe or of another special kind"),
    "pipe": ([(TOP + "/pipe", PIPE, "", 0o644)], f"'{TOP}/pipe' is a device, a pipe or of another special kind"),
    "setuid": ([(TOP + "/bin/helper", FILE, "", 0o4755)], f"'{TOP}/bin/helper' is setuid or setgid"),
    "setgid": ([(TOP + "/bin", FOLDER, "", 0o2755)], f"'{TOP}/bin' is setuid or setgid"),
    "twice": ([(TOP + "/bin/istioctl", FILE, "", 0o755)], f"'{TOP}/bin/istioctl' appears twice"),
}


def archive(members):
    """The bytes of a .tar.gz; a file's data is its own name."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as tar:
        for name, kind, target, mode in members:
            member = tarfile.TarInfo(name)
            data = name.encode() if kind == FILE else b""
            member.type, member.linkname, member.mode, member.size = kind, target, mode, len(data)
            member.uid = member.gid = 12345
            tar.addfile(member, io.BytesIO(data))
    return sink.getvalue()


@pytest.fixture
def unpack(tmp_path):
    """Unpacks the bytes of an archive: (exit code, stderr, what was written by its path)."""
    folder = tmp_path / "new"
    folder.mkdir()

    def run(data):
        (tmp_path / "archive.tar.gz").write_bytes(data)
        done = subprocess.run(
            [sys.executable, str(PROGRAM), str(tmp_path / "archive.tar.gz"), str(folder), TOP],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stderr, {str(x.relative_to(folder)): x for x in sorted(folder.rglob("*"))}

    return run


def test_good(unpack):
    code, said, written = unpack(archive(GOOD))
    assert (code, said) == (0, "")
    assert set(written) == {x[0] for x in GOOD} | {TOP + "/bin", TOP + "/samples"}
    assert written[TOP + "/bin/istioctl"].read_text() == TOP + "/bin/istioctl"
    assert os.readlink(written[TOP + "/samples/up"]) == "../bin/istioctl"
    assert written[TOP + "/samples/hard"].samefile(written[TOP + "/samples/sleep.yaml"])
    modes = {name: path.lstat().st_mode & 0o7777 for name, path in written.items() if not path.is_symlink()}
    assert {name for name, mode in modes.items() if mode != 0o755} == {
        TOP + "/samples/sleep.yaml",
        TOP + "/samples/hard",
    }
    assert {path.lstat().st_uid for path in written.values()} == {os.getuid()}


@pytest.mark.parametrize("fault", BAD)
def test_bad_member(unpack, fault):
    added, says = BAD[fault]
    code, said, written = unpack(archive([*GOOD, *added]))
    assert code == 1 and said.startswith("member '") and says in said and said.count("\n") == 1
    assert written == {}


def flipped(data):
    """With one byte in the middle of the compressed stream turned: the length is right, and the sum within is not."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (archive(GOOD)[:-9], "it is cut short: the end of the gzip stream is missing"),
        (archive(GOOD)[:99], "it is cut short: the end of the gzip stream is missing"),
        (flipped(archive(GOOD)), "it is damaged, or no .tar.gz file"),
        (b"", "it is empty"),
        (b"<html>Sign in to download</html>\n", "it is damaged, or no .tar.gz file"),
        (gzip.compress(b"<html>Sign in to download</html>\n" * 99), "it is damaged, or no .tar.gz file"),
        (archive(GOOD[:1]), f"it has no file {TOP}/bin/istioctl"),
        (
            archive([(x[0].replace("1.27", "1.0"), *x[1:]) for x in GOOD]),
            f"'istio-1.0.0' lies outside of the folder {TOP}",
        ),
        (archive([(TOP, FILE, "", 0o755), *GOOD[1:]]), f"'{TOP}' is not a folder"),
    ],
    ids=["cut", "cut-early", "flipped", "empty", "no-gzip", "no-tar", "no-istioctl", "other-top", "top-is-a-file"],
)
def test_bad_archive(unpack, data, says):
    code, said, written = unpack(data)
    assert code == 1 and says in said and said.count("\n") == 1
    assert written == {}
