# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role istioctl explains failed downloads, and which release archives it refuses to unpack."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cause:
    """A known cause of a failure: a pattern of the error text, what it means, and how to fix it."""

    pattern: str
    reason: str
    remedy: str
    is_final: bool = True  # another attempt does not help
    is_secret: bool = False  # the error text may contain parts of a password


CAUSES = (
    Cause(
        "no authority|nonnumeric port|unknown url type|control characters|malformed",
        "the URL or the proxy URL is malformed",
        "Correct istioctl_archive or istioctl_mirror, or http_proxy and https_proxy in the environment: "
        "http://HOST:PORT or http://USER:PASSWORD@HOST:PORT; percent-encode special characters in the password.",
        is_secret=True,
    ),
    Cause(
        "infinite loop",
        "the server redirects in a loop",
        "Open the URL by hand, and set the URL that the redirects should lead to.",
    ),
    Cause(
        "certificate",
        "the server's certificate is not trusted",
        "Add its certificate authority to the trust store of the machine that downloads, or set "
        "environment: {SSL_CERT_FILE: /path/on/that/machine/ca.pem} for this play.",
    ),
    Cause(
        "(error|failed:) 407",
        "proxy authentication failed",
        'Set environment: {https_proxy: "http://USER:PASSWORD@HOST:PORT"} (and http_proxy) for this play, '
        "with the password from a vault.",
    ),
    Cause(
        "error 40[13]",
        "authentication failed (401/403)",
        "Set or correct istioctl_username and istioctl_password.",
    ),
    Cause(
        "incomplete ?read",
        "the download was incomplete in every attempt",
        "Run again. A proxy or the server may limit the size or the duration of a download.",
        is_final=False,
    ),
    Cause(r"no space left|wrote only \d+ of \d+ bytes|quota exceeded", "the disk is full", "Free some disk space."),
)
# HTTP statuses that another attempt does not change; 3xx remain of a redirect loop.
FINAL_STATUSES = frozenset({300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 407, 410})


def failure(result: str | Mapping[str, Any]) -> dict[str, Any]:
    """The reason and remedy of a failure, and whether it is final; the reason is empty if there was no failure.

    result is an error text, or the registered result of get_url or uri.
    """
    if isinstance(result, str):
        return _explained(result, False)
    text = "" if result.get("skipped") else _download_error(result)
    status = result.get("status_code", result.get("status"))
    return _explained(text, not text or status in FINAL_STATUSES)


def _download_error(result: Mapping[str, Any]) -> str:
    message = str(result.get("msg") or "no answer")
    if not message.startswith("OK"):
        return f"{message}, {result['response']}" if result.get("response") else message
    # get_url of ansible-core 2.16 does not compare the size with what the server announced in "OK (SIZE bytes)".
    announced = re.match(r"OK \((\d+) bytes", message)
    size = result.get("size")
    if announced and size is not None and int(announced[1]) != int(size):
        return f"Incomplete read: {size} of {announced[1]} bytes"
    return ""


def _explained(text: str, is_final: bool) -> dict[str, Any]:
    for cause in CAUSES:
        # The first line that matches: tar reports every file that did not fit on the disk.
        line = next((x for x in text.splitlines() if re.search(cause.pattern, x, re.IGNORECASE)), None)
        if line is not None:
            reason = cause.reason if cause.is_secret else f"{cause.reason}: {_without_passwords(line)}"
            return {"reason": reason, "remedy": cause.remedy, "is_final": is_final or cause.is_final}
    return {"reason": _without_passwords(text), "remedy": "", "is_final": is_final}


def _without_passwords(text: str) -> str:
    """The text on one line, without anything that may be USER:PASSWORD@."""
    return re.sub(r"\S*:\S*@", "***@", " ".join(text.split()))


def text_start(dump: str) -> str:
    """The printable start of a file from the hexadecimal dump of od; empty if the file is a gzip archive."""
    data = bytes.fromhex("".join(dump.split()))
    if data.startswith(b"\x1f\x8b"):
        return ""
    return re.sub(r"[^ -~]+", " ", data.decode("utf-8", "replace")).strip()


# A line of "tar --list --verbose --numeric-owner": type and mode, owner, size, date, time, name.
_MEMBER = re.compile(r"(?P<type>.)(?P<mode>.{9})\S* +\S+ +\S+ +\S+ +\S+ (?P<name>.+)")
_LINK_SEPARATORS = {"l": " -> ", "h": " link to "}


@dataclass(frozen=True)
class Member:
    """A member of an archive: type is -, d, l (symbolic link), h (hard link) or another letter for special files."""

    type: str
    mode: str
    name: str
    target: str = ""

    @classmethod
    def from_line(cls, line: str) -> Member | None:
        """The member that a line of the listing describes; None if the line is not understood."""
        match = _MEMBER.fullmatch(line)
        if not match:
            return None
        name, *targets = match["name"].split(_LINK_SEPARATORS.get(match["type"], "\n"))
        if len(targets) > 1:
            return None  # the name or the target contains the separator, so either could be meant
        target = targets[0] if targets else ""
        return cls(match["type"], match["mode"], name, target)

    @property
    def path(self) -> str:
        return posixpath.normpath(self.name)


def archive_problem(listing: str, top: str) -> str:
    """Why a release archive must not be unpacked; empty if it is safe.

    listing is the output of "tar --list --verbose --numeric-owner". All members must be in the directory top, without
    special files, setuid programs, and links that leave it.
    """
    paths: dict[str, str] = {}
    for line in listing.splitlines():
        member = Member.from_line(line)
        if member is None:
            return f"its listing contains the unexpected line '{line}'"
        if member.path == "." and member.type == "d":
            continue
        problem = _member_problem(member, top, paths)
        if problem:
            return f"member '{member.name}' {problem}"
        paths[member.path] = member.type
    for path in paths:
        for parent in _parents(path):
            if paths.get(parent, "d") != "d":
                return f"member '{path}' is below '{parent}', which is not a directory"
    binary = f"{top}/bin/istioctl"
    if paths.get(binary) not in ("-", "h"):
        return f"it contains no file {binary} (the name of a release archive begins with istio-, not istioctl-)"
    return ""


def _member_problem(member: Member, top: str, paths: Mapping[str, str]) -> str:
    path = member.path
    checks = (
        (posixpath.isabs(member.name), "has an absolute path"),
        (".." in member.name.split("/"), "has '..' in its path"),
        (not _is_inside(path, top), f"is outside of the directory {top}"),
        (member.type not in "-dlh", "is a device, a pipe or another special file"),
        (bool(set("sS") & set(member.mode)), "is setuid or setgid"),
        (path in paths and not paths[path] == member.type == "d", "appears twice"),
        (path == top and member.type != "d", "is not a directory"),
        (
            member.type == "h" and paths.get(posixpath.normpath(member.target)) not in ("-", "h"),
            f"is a hard link to '{member.target}', which is not a file before it",
        ),
        (
            member.type == "l" and _leaves(path, member.target, top),
            f"is a link to '{member.target}', which is not inside of {top}",
        ),
    )
    return next((problem for is_bad, problem in checks if is_bad), "")


def _parents(path: str) -> list[str]:
    steps = path.split("/")
    return ["/".join(steps[:n]) for n in range(1, len(steps))]


def _is_inside(path: str, top: str) -> bool:
    return path == top or path.startswith(top + "/")


def _leaves(path: str, target: str, top: str) -> bool:
    """Whether a symbolic link may lead out of top, whatever other links its target passes through."""
    steps = target.split("/")
    while steps and steps[0] == "..":
        del steps[0]
    # '..' after a name starts from wherever a link of that name leads.
    reached = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return not target or ".." in steps or not _is_inside(reached, top)
