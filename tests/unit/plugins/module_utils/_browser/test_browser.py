# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be known of the browser without starting one; tests/integration/bookinfo_browse.yml starts it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser
from ansible_collections.meshlab.istio.plugins.module_utils._browser.browser import BrowserError


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH with nothing in it; a function that puts programs there."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(*names):
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        return tmp_path

    return put


def test_a_browser_and_its_driver_are_found(path):
    folder = path("google-chrome", "chromium-browser", "chromedriver")
    assert browser.find() == [f"{folder}/chromium-browser", f"{folder}/chromedriver"]
    assert browser.find(f"{folder}/google-chrome") == [f"{folder}/google-chrome", f"{folder}/chromedriver"]


def test_what_is_missing_is_named_with_the_way_to_it(path):
    with pytest.raises(BrowserError) as error:
        browser.find()
    assert str(error.value).startswith(
        "there is no browser (chromium or chromium-browser or google-chrome in PATH) and no driver (chromedriver in "
        "PATH). On Debian: apt-get install chromium chromium-driver fonts-dejavu-core."
    )
    path("chromium", "chromedriver")
    with pytest.raises(BrowserError, match=r"^there is no browser \(/opt/none\)\. On Debian"):
        browser.find("/opt/none")


def test_no_host_is_found_but_the_one():
    assert browser.host_rules("http://127.0.0.1:30080/x") == "MAP * ~NOTFOUND,EXCLUDE 127.0.0.1"
    assert (
        browser.host_rules("http://b.example.com/x", "127.0.0.1:1") == "MAP b.example.com 127.0.0.1:1,MAP * ~NOTFOUND"
    )


def test_no_proxy_and_no_other_driver_is_taken_from_the_environment():
    given = {"PATH": "/bin", "https_proxy": "a", "HTTP_PROXY": "b", "NO_PROXY": "c", "SE_CHROMEDRIVER": "d"}
    assert browser.quiet(given) == {"PATH": "/bin", "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}


def test_nothing_is_written_outside_of_its_home():
    given = {"PATH": "/bin", "HOME": "/root", "XDG_CACHE_HOME": "/c", "TMPDIR": "/t"}
    assert browser.at_home(given, "/h") == {"PATH": "/bin", "HOME": "/h", "TMPDIR": "/h"}


def test_a_message_is_its_first_line():
    assert browser.brief(Exception("\n unknown error: net::ERR \n  (Session info)\nstack")) == "unknown error: net::ERR"
    assert browser.brief(ValueError()) == "ValueError"


def test_what_is_left_running_is_ended_and_nothing_else(tmp_path):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen([*sleeper, f"{tmp_path}/profile"]) as ours, subprocess.Popen([*sleeper, "/other"]) as other:
        try:
            # A process has its command line a moment after it is there.
            while str(tmp_path) not in Path(f"/proc/{ours.pid}/cmdline").read_text():
                assert ours.poll() is None
            browser.end_all(tmp_path)
            assert ours.wait(10) == -9
            assert other.poll() is None
        finally:
            ours.kill()
            other.kill()
