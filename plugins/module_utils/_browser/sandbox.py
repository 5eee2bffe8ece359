# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user and the sandbox that a browser runs with: never as root, and never unsandboxed on other hosts' pages."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._browser.errors import BrowserError
from ansible_collections.meshlab.istio.plugins.module_utils._urls import is_loopback

UNPRIVILEGED_USER = "nobody"

# Where packages of Chromium and Chrome put the setuid helper of the sandbox.
HELPERS = (
    "/usr/lib/chromium/chrome-sandbox",
    "/usr/lib/chromium-browser/chrome-sandbox",
    "/opt/google/chrome/chrome-sandbox",
)
# What Chromium's sandbox needs of the kernel.
PROBE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--net", "true")
PROBE_SECONDS = 10


def browser_user() -> pwd.struct_passwd | None:
    """The user to run a browser as where this process is root; None where it is not. Raises BrowserError."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(UNPRIVILEGED_USER)
    except KeyError as error:
        raise BrowserError(
            f"the browser cannot run as root, and user {UNPRIVILEGED_USER} does not exist: run the task as an "
            "unprivileged user (become_user)"
        ) from error


def popen_options(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """The options of subprocess.Popen that run a program as this user; none for None."""
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def make_profile_dir(user: pwd.struct_passwd | None) -> str:
    """Create a temporary directory of mode 0700 for this user, and return its path."""
    parents = [tempfile.gettempdir(), "/tmp", "/var/tmp"]
    reachable = [x for x in parents if user is None or _is_reachable(x)]
    path = tempfile.mkdtemp(prefix="meshlab-browser-", dir=next(iter(reachable), None))
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)
    return path


def _is_reachable(directory: str) -> bool:
    """Whether every user may enter a directory."""
    path = Path(directory).resolve()
    return path.is_dir() and all(x.stat().st_mode & stat.S_IXOTH for x in (path, *path.parents))


def is_usable(user: pwd.struct_passwd | None) -> bool:
    """Whether Chromium's sandbox works for this user: by its setuid helper or by user namespaces."""
    if any(os.path.isfile(x) and os.stat(x).st_mode & stat.S_ISUID for x in HELPERS):
        return True
    try:
        probe = subprocess.run(
            PROBE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=PROBE_SECONDS,
            check=False,
            **popen_options(user),
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return probe.returncode == 0


def sandbox_flags(user: pwd.struct_passwd | None, url: str, address: str | None = None) -> list[str]:
    """The flags for a browser that opens this URL. Raises BrowserError if it must not be opened without a sandbox.

    A user other than root decides for itself: Chromium refuses to start without a usable sandbox.
    """
    if user is None or is_usable(user):
        return []
    if is_loopback(f"//{address}" if address else url):
        return ["--no-sandbox"]
    raise BrowserError(
        f"the sandbox of the browser is not usable for user {user.pw_name} (the kernel allows no user namespaces), and "
        f"{address or url} is not a loopback address: run the task as an unprivileged user on a machine with user "
        "namespaces, or forward a loopback port to the gateway and set address"
    )
