# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This runs on the controller, with the Python that runs Ansible there.
"""Bring an Istio release archive into a folder of the controller, once, whoever else wants it at the same time.

Stdin: JSON with "url", "target" (the archive's path in the folder), "sum" (the SHA-256 sum that it must have; the one
that TARGET.sha256, or the file beside the URL, names if empty), "username", "password", and "pretend" (in check mode:
nothing is written, and an archive that is not there yet is only asked for).

Stdout: JSON. "sum", and "here" (the archive is in its place) and "new" (it came now), if all is well. Else "fault"
(what is wrong: "sum", "archive", "differs" or "folder") and "why", in words for the user; "got" for a sum that differs,
and "page" for what a file begins with that is not what it should be. The password is in none of it.

One process at a time works on an archive: the others wait at a lock file, and find the archive, or why it did not come.
A file gets its name by one rename, verified; a process that is killed leaves a lock and a part that nobody heeds, and
that the next one takes away.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import pathlib
import re
import sys
import tempfile
import time
import urllib.error

from ansible.module_utils.urls import open_url

CHUNK = 1 << 20
TRIES = 3
PAUSE = 2
TIMEOUT = 60
# Answers that another try does not change. 3xx: what is left of a loop of redirects.
FINAL = {300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 407, 410}


# The error's own text could hold a password.
MALFORMED = "the URL, or that of a proxy, is malformed"


class Fault(Exception):
    """What is wrong, and why, in words for the user."""

    def __init__(self, what, why, **more):
        super().__init__(why)
        self.told = {"fault": what, "why": why, **more}


class Passing(Exception):
    """Why a try failed that may be repeated."""


def safe(text):
    """A text as one line, without what may be a name and a password before an @."""
    return re.sub(r"\S*:\S*@", "***@", " ".join(text.split()))


def tried(what, work):
    """What work() gives, tried again while it may help."""
    for left in reversed(range(TRIES)):
        try:
            return work()
        except urllib.error.HTTPError as error:
            why, final = str(error), error.code in FINAL
        except urllib.error.URLError as error:
            # A name or a certificate that is wrong stays wrong; a server may just be starting.
            why, final = str(error), "certificate" in str(error).lower()
            if "unknown url type" in why:
                why, final = MALFORMED, True
        except (Passing, OSError) as error:
            why, final = str(error), False
        except (http.client.InvalidURL, ValueError):
            why, final = MALFORMED, True
        except http.client.HTTPException as error:
            why, final = f"no proper answer: {error!r}", False
        if final or not left:
            raise Fault(what, safe(why))
        time.sleep(PAUSE)
    return None


class Source:
    """Where an archive is, and how to ask for it."""

    def __init__(self, request):
        self.url = request["url"]
        self.access = {}
        if request["username"]:
            self.access = {
                "url_username": request["username"],
                "url_password": request["password"],
                "force_basic_auth": True,
                "unredirected_headers": ["Authorization"],  # a redirect may lead to somebody else
            }

    def sum_url(self):
        """Where the file beside the archive is: beside its path, not behind its query."""
        path, query = re.fullmatch(r"([^?#]*)(.*)", self.url, re.DOTALL).groups()
        return f"{path}.sha256{query}"

    def open(self, url, method="GET"):
        return open_url(url, method=method, timeout=TIMEOUT, decompress=False, **self.access)

    def read_sum(self):
        """The sum that the file beside the archive names."""

        def read():
            with self.open(self.sum_url()) as answer:
                return answer.read(CHUNK).decode("utf-8", "replace")

        text = tried("sum", read)
        named = first_sum(text)
        if not named:
            raise Fault("sum", "it does not begin with a SHA-256 sum", page=shown(text))
        return named

    def ask(self):
        """Raise Fault unless the archive is there."""
        tried("archive", lambda: self.open(self.url, "HEAD").close())

    def fetch(self, folder, name):
        """The path of a new file beside the archive's place that holds all of it, and its sum."""

        handle, part = tempfile.mkstemp(dir=folder, prefix=name)
        os.close(handle)

        def read():
            with open(part, "wb") as sink, self.open(self.url) as answer:
                return copy(answer, sink)

        return part, tried("archive", read)


def copy(answer, sink):
    """Write an answer's body to a file, and return its sum."""
    digest, came = hashlib.sha256(), 0
    while True:
        data = answer.read(CHUNK)
        if not data:
            break
        try:
            sink.write(data)
        except OSError as error:
            raise Fault("folder", str(error)) from error
        digest.update(data)
        came += len(data)
    promised = answer.headers.get("Content-Length")
    if promised is not None and promised.strip() != str(came):
        raise Passing(f"the connection was cut: {came} of {promised} bytes came")
    try:
        sink.flush()
        os.fsync(sink.fileno())
    except OSError as error:
        raise Fault("folder", str(error)) from error
    return digest.hexdigest()


def first_sum(text):
    """The sum that a checksum file begins with; "" if it begins with something else."""
    match = re.match(r"\s*([0-9A-Fa-f]{64})(\s|$)", text)
    return match[1].lower() if match else ""


def shown(text):
    """The beginning of a text as one short line of printable characters."""
    return re.sub(r"[^ -~]+", " ", text[:80]).strip()


def page(path):
    """What a file begins with that is no gzip; "" if it is gzip."""
    with open(path, "rb") as source:
        data = source.read(80)
    return "" if data.startswith(b"\x1f\x8b") else shown(data.decode("utf-8", "replace"))


def sum_of(path):
    """The sum of a file; "" if there is none."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as source:
            for data in iter(lambda: source.read(CHUNK), b""):
                digest.update(data)
    except FileNotFoundError:
        return ""
    return digest.hexdigest()


def named_beside(path):
    """The sum that the checksum file beside an archive in the folder names; "" if none."""
    try:
        return first_sum(pathlib.Path(f"{path}.sha256").read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return ""


def kept(path, wanted):
    """The sum of the archive in the folder if it is the one wanted (the one that its file names if that is empty)."""
    wanted = wanted or named_beside(path)
    return wanted if wanted and sum_of(path) == wanted else ""


def put(part, path):
    """Give a finished file its name."""
    os.chmod(part, 0o644)
    os.replace(part, path)


def lock(path):
    """Hold the archive's lock. What went wrong for the one that was waited for went wrong for all that waited."""
    while True:
        held = open(path, "a+", encoding="utf-8")  # noqa: SIM115 (closed by the end of the process, which frees it)
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            if os.stat(path).st_ino == os.fstat(held.fileno()).st_ino:
                held.truncate(0)  # what a process left that was killed
                return held
        except FileNotFoundError:
            pass
        held.seek(0)
        told = noted(held.read())
        if told:
            raise Fault(told.pop("fault"), told.pop("why"), **told)
        held.close()


def noted(text):
    """What a lock file says that went wrong; {} if nothing, or if it came to be written only in part."""
    try:
        told = json.loads(text)
        return told if {"fault", "why"} <= set(told) else {}
    except (ValueError, TypeError):
        return {}


def note(held, told):
    """Write down what went wrong for those who wait at the lock. On a full disk they find out for themselves."""
    with contextlib.suppress(OSError):
        os.write(held.fileno(), json.dumps(told).encode())


def sweep(folder, part_name):
    """Remove parts, of this process or of one that was killed."""
    for left in folder.glob(f"{part_name}*"):
        left.unlink()


def bring(source, target, wanted):
    """Bring the archive to its place; return its sum and whether it came now."""
    folder, part_name = target.parent, f".{target.name}.part-"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock_path = folder / f".{target.name}.lock"
        held = lock(lock_path)
    except OSError as error:
        raise Fault("folder", str(error)) from error
    try:
        already = kept(target, wanted)
        if already:
            return already, False
        wanted = wanted or source.read_sum()
        part, got = source.fetch(folder, part_name)
        if got != wanted:
            raise Fault("differs", "the sum differs", expected=wanted, got=got, page=page(part))
        handle, beside = tempfile.mkstemp(dir=folder, prefix=part_name)
        with os.fdopen(handle, "w", encoding="utf-8") as sink:
            sink.write(f"{wanted}  {target.name}\n")
        put(beside, f"{target}.sha256")
        put(part, target)
    except Fault as fault:
        sweep(folder, part_name)  # the note needs the room that a part may have taken
        note(held, fault.told)
        raise
    except OSError as error:
        raise Fault("folder", str(error)) from error
    else:
        return wanted, True
    finally:
        sweep(folder, part_name)
        lock_path.unlink(missing_ok=True)


def main():
    request = json.load(sys.stdin)
    source, target = Source(request), pathlib.Path(request["target"]).expanduser()
    told = {"target": str(target)}
    try:
        already = kept(target, request["sum"])
        if already:
            told.update(sum=already, here=True, new=False)
        elif request["pretend"]:
            told.update(sum=request["sum"] or source.read_sum(), here=False, new=True)
            source.ask()
        else:
            came, new = bring(source, target, request["sum"])
            told.update(sum=came, here=True, new=new)
    except Fault as fault:
        told = fault.told
    except OSError as error:
        told = {"fault": "folder", "why": str(error)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
