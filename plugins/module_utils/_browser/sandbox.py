# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user and the sandbox of the browser: never root, and without a sandbox only for loopback addresses."""

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

# Paths of the sandbox's setuid helper in packages of Chromium and Chrome.
HELPERS = (
    "/usr/lib/chromium/chrome-sandbox",
    "/usr/lib/chromium-browser/chrome-sandbox",
    "/opt/google/chrome/chrome-sandbox",
)
# Tests for the user namespaces that Chromium's sandbox requires.
PROBE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--net", "true")
PROBE_SECONDS = 10


def browser_user() -> pwd.struct_passwd | None:
    """Return the user to run the browser as if this process is root, else None. Raises BrowserError."""
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
    """Return the options of subprocess.Popen to run a program as this user; empty for None."""
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
    """Whether every user can enter a directory."""
    path = Path(directory).resolve()
    return path.is_dir() and all(x.stat().st_mode & stat.S_IXOTH for x in (path, *path.parents))


def is_usable(user: pwd.struct_passwd | None) -> bool:
    """Whether Chromium's sandbox works for this user, by its setuid helper or user namespaces."""
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
    """Return the browser's sandbox flags for this URL. Raises BrowserError if it may not be opened without a sandbox.

    Without root (user is None), Chromium itself refuses to start without a sandbox.
    """
    if user is None or is_usable(user):
        return []
    if is_loopback(f"//{address}" if address else url):
        return ["--no-sandbox"]
    raise BrowserError(
        f"the browser's sandbox does not work for user {user.pw_name} (no user namespaces), and "
        f"{address or url} is not a loopback address: run the task as an unprivileged user on a machine with user "
        "namespaces, or forward a loopback port to the gateway and set address"
    )
