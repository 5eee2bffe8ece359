# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User and sandbox of the browser; the integration target bookinfo_browse starts one as root."""

from __future__ import annotations

import os
import pwd
import subprocess

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._browser import sandbox
from ansible_collections.meshlab.istio.plugins.module_utils._browser.errors import BrowserError

NOBODY = pwd.struct_passwd(("nobody", "x", 65534, 65534, "", "/nonexistent", "/usr/sbin/nologin"))
REMOTE = "http://198.18.0.1:30080/productpage"
LOCAL = "http://127.0.0.1:30080/productpage"


@pytest.fixture
def usable(monkeypatch):
    def set_usable(value):
        monkeypatch.setattr(sandbox, "is_usable", lambda _user: value)

    return set_usable


def test_root_runs_the_browser_as_another_user(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", {"nobody": NOBODY}.__getitem__)
    assert sandbox.popen_options(sandbox.browser_user()) == {"user": 65534, "group": 65534, "extra_groups": []}


def test_another_user_runs_the_browser_itself(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert sandbox.browser_user() is None
    assert sandbox.popen_options(None) == {}
    assert sandbox.sandbox_flags(None, REMOTE) == []


def test_missing_user_is_reported(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", {}.__getitem__)
    with pytest.raises(BrowserError, match="user nobody does not exist: run the task as an unprivileged user"):
        sandbox.browser_user()


@pytest.mark.parametrize("url", [REMOTE, LOCAL])
def test_usable_sandbox_is_used_for_every_url(usable, url):
    usable(True)
    assert sandbox.sandbox_flags(NOBODY, url) == []


def test_only_loopback_is_opened_without_a_sandbox(usable):
    usable(False)
    assert sandbox.sandbox_flags(NOBODY, LOCAL) == ["--no-sandbox"]
    assert sandbox.sandbox_flags(NOBODY, "http://bookinfo.example.com/", "127.0.0.1:1") == ["--no-sandbox"]
    for url, address in ((REMOTE, None), (LOCAL, "198.18.0.1:30080"), (LOCAL, "[2001:db8::1]:80")):
        with pytest.raises(BrowserError, match="is not a loopback address"):
            sandbox.sandbox_flags(NOBODY, url, address)


def test_user_namespaces_decide_without_a_setuid_helper(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "HELPERS", (str(tmp_path / "chrome-sandbox"),))
    for command, usable in (("true", True), ("false", False), (str(tmp_path / "missing"), False)):
        monkeypatch.setattr(sandbox, "PROBE", (command,))
        assert sandbox.is_usable(None) is usable


def test_setuid_helper_makes_the_sandbox_usable(monkeypatch, tmp_path):
    helper = tmp_path / "chrome-sandbox"
    helper.touch()
    monkeypatch.setattr(sandbox, "HELPERS", (str(helper),))
    monkeypatch.setattr(sandbox, "PROBE", ("false",))
    assert sandbox.is_usable(None) is False
    helper.chmod(0o4755)
    assert sandbox.is_usable(None) is True


def test_profile_is_reachable_for_its_user(monkeypatch, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    monkeypatch.setattr(sandbox.tempfile, "gettempdir", lambda: str(closed))
    owned = []
    monkeypatch.setattr(os, "chown", lambda *args: owned.append(args))
    path = sandbox.make_profile_dir(NOBODY)
    try:
        assert not path.startswith(str(closed))
        assert owned == [(path, 65534, 65534)]
    finally:
        os.rmdir(path)
    assert sandbox.make_profile_dir(None).startswith(str(closed))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_program_runs_as_the_user_without_the_groups_of_root():
    user = sandbox.browser_user()
    uid = subprocess.run(["id", "-u"], capture_output=True, text=True, check=True, **sandbox.popen_options(user))
    groups = subprocess.run(["id", "-G"], capture_output=True, text=True, check=True, **sandbox.popen_options(user))
    assert uid.stdout.strip() == str(user.pw_uid)
    assert groups.stdout.split() == [str(user.pw_gid)]
