# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests without a browser; the integration target bookinfo_browse starts one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser
from ansible_collections.meshlab.istio.plugins.module_utils._browser.browser import BrowserError


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A function that creates programs in a directory that is the only one in PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(*names):
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        return tmp_path

    return put


def test_browser_and_webdriver_are_found(path):
    directory = path("google-chrome", "chromium-browser", "chromedriver")
    assert browser.find() == [f"{directory}/chromium-browser", f"{directory}/chromedriver"]
    assert browser.find(f"{directory}/google-chrome") == [f"{directory}/google-chrome", f"{directory}/chromedriver"]


def test_missing_programs_are_named_with_the_remedy(path):
    with pytest.raises(BrowserError) as error:
        browser.find()
    assert str(error.value).startswith(
        "browser (chromium or chromium-browser or google-chrome or google-chrome-stable in PATH) and WebDriver "
        "(chromedriver in PATH) not found. On Debian: apt-get install chromium chromium-driver fonts-dejavu-core."
    )
    path("chromium", "chromedriver")
    with pytest.raises(BrowserError, match=r"^browser \(/opt/none\) not found\. On Debian"):
        browser.find("/opt/none")


def test_a_snap_is_not_used(path, tmp_path):
    directory = path("chromium-browser", "google-chrome", "chromedriver", "snap")
    (tmp_path / "chromium").symlink_to("snap")
    (tmp_path / "chromium-browser").write_text("#!/bin/sh\nexec /snap/bin/chromium\n")
    assert browser.find() == [f"{directory}/google-chrome", f"{directory}/chromedriver"]
    (tmp_path / "google-chrome").unlink()
    with pytest.raises(BrowserError, match=r"in PATH; a snap cannot be used\) not found"):
        browser.find()


def test_the_problem_of_a_machine_without_a_browser(path, monkeypatch):
    monkeypatch.setattr(browser, "SELENIUM_ERROR", None)
    path("google-chrome-stable")
    assert browser.problem() == "WebDriver (chromedriver in PATH) not found"
    path("chromedriver")
    assert browser.problem() == ""
    monkeypatch.setattr(browser, "SELENIUM_ERROR", "ImportError")
    assert browser.problem() == "the Python package selenium is not installed"


def test_only_the_host_of_the_url_is_resolved():
    assert browser.host_rules("http://127.0.0.1:30080/x") == "MAP * ~NOTFOUND,EXCLUDE 127.0.0.1"
    assert (
        browser.host_rules("http://b.example.com/x", "127.0.0.1:1") == "MAP b.example.com 127.0.0.1:1,MAP * ~NOTFOUND"
    )


def test_offline_environment_has_no_proxy_and_no_other_webdriver():
    environment = {"PATH": "/bin", "https_proxy": "a", "HTTP_PROXY": "b", "NO_PROXY": "c", "SE_CHROMEDRIVER": "d"}
    assert browser.offline_environment(environment) == {"PATH": "/bin", "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}


def test_home_environment():
    environment = {"PATH": "/bin", "HOME": "/root", "XDG_CACHE_HOME": "/c", "TMPDIR": "/t"}
    assert browser.home_environment(environment, "/h") == {"PATH": "/bin", "HOME": "/h", "TMPDIR": "/h"}


def test_first_line_of_a_message():
    assert (
        browser.first_line(Exception("\n unknown error: net::ERR \n  (Session info)\nstack"))
        == "unknown error: net::ERR"
    )
    assert browser.first_line(ValueError()) == "ValueError"


def test_only_processes_of_the_browser_are_killed(tmp_path):
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen([*sleeper, f"{tmp_path}/profile"]) as ours, subprocess.Popen([*sleeper, "/other"]) as other:
        try:
            # A new process has its command line only after exec.
            while str(tmp_path) not in Path(f"/proc/{ours.pid}/cmdline").read_text():
                assert ours.poll() is None
            browser.kill_processes(tmp_path)
            assert ours.wait(10) == -9
            assert other.poll() is None
        finally:
            ours.kill()
            other.kill()
