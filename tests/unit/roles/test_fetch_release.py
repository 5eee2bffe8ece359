# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the role istioctl that fills the cache: which URLs it asks, what it tells, and what it leaves."""

from __future__ import annotations

import http.client
import importlib.util
import json
import urllib.error
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "roles" / "istioctl" / "files" / "fetch_release.py"
SECRET = "s3cret"


@pytest.fixture
def fetch(monkeypatch):
    """The program as a module, which does not wait between tries."""
    spec = importlib.util.spec_from_file_location("fetch_release", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAUSE", 0)
    return module


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://m/a.tar.gz", "https://m/a.tar.gz.sha256"),
        ("https://m/a.tar.gz?X-Amz-Signature=1&b=2", "https://m/a.tar.gz.sha256?X-Amz-Signature=1&b=2"),
        ("https://m/a.tar.gz#sha", "https://m/a.tar.gz.sha256#sha"),
    ],
)
def test_sum_url(fetch, url, asked):
    assert fetch.Source({"url": url, "username": "", "password": ""}).sum_url() == asked


@pytest.mark.parametrize(
    ("error", "says", "tries"),
    [
        (ValueError(f"proxy URL with no authority: 'http:/reader:{SECRET}@proxy:3128'"), "malformed", 1),
        (http.client.InvalidURL(f"nonnumeric port: '{SECRET}'"), "malformed", 1),
        (urllib.error.URLError(f"unknown url type: {SECRET}"), "malformed", 1),
        (OSError(f"Tunnel to http://reader:{SECRET}/x@proxy:3128 failed"), "Tunnel to ***@proxy:3128 failed", 3),
        (OSError("No route to host"), "No route to host", 3),
    ],
)
def test_no_password_is_told(fetch, error, says, tries):
    tried = []

    def work():
        tried.append(1)
        raise error

    with pytest.raises(fetch.Fault) as caught:
        fetch.tried("archive", work)
    told = json.dumps(caught.value.told)
    assert says in told and SECRET not in told
    assert len(tried) == tries


def test_parts_go_before_the_note(fetch, tmp_path, monkeypatch):
    """On a full disk the note has room only then, and who waits at the lock reads it."""
    target, seen = tmp_path / "cache" / "a.tar.gz", []
    note = fetch.note

    class Full:
        def fetch(self, folder, name):
            (folder / (name + "1")).write_text("half")
            seen.append(sorted(x.name for x in folder.iterdir()))
            raise fetch.Fault("folder", "No space left on device")

    def noted(held, told):
        seen.append(sorted(x.name for x in target.parent.iterdir()))
        note(held, told)
        seen.append((target.parent / ".a.tar.gz.lock").read_text())

    monkeypatch.setattr(fetch, "note", noted)
    with pytest.raises(fetch.Fault, match="No space left"):
        fetch.bring(Full(), target, "0" * 64)
    assert seen[0] == [".a.tar.gz.lock", ".a.tar.gz.part-1"]
    assert seen[1] == [".a.tar.gz.lock"]
    assert fetch.noted(seen[2]) == {"fault": "folder", "why": "No space left on device"}
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("text", ["", "half", '{"fault": "folder", "wh', "[1]", "3", '{"why": "x"}'])
def test_a_bad_note_is_none(fetch, text):
    assert fetch.noted(text) == {}


def test_a_note_that_cannot_be_written(fetch):
    with open("/dev/full", "w") as held:
        fetch.note(held, {"fault": "folder", "why": "full"})
