# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import ssl
import time

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import waits
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

FOREVER = float("inf")


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(waits, "POLL_SECONDS", 0)


def raised(cause, status=None):
    """A ClusterError with this cause, as Cluster raises it."""
    try:
        raise ClusterError("cannot reach https://198.18.0.1: refused", status) from cause
    except ClusterError as error:
        return error


def refused():
    """A ClusterError with the error of urllib3 for a refused connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        urllib3.PoolManager().request("GET", f"http://127.0.0.1:{port}", retries=False)
    except urllib3.exceptions.HTTPError as error:
        return raised(error)


class Steps:
    """A read() that returns or raises one step after the other, and counts its calls."""

    def __init__(self, *steps):
        self.steps, self.reads = list(steps), 0

    def __call__(self):
        self.reads += 1
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        return step


@given(st.integers(0, 5))
def test_poll_reads_until_the_condition_holds(misses):
    read = Steps(*[False] * misses, True)
    assert waits.poll(read, bool, FOREVER) is True
    assert read.reads == misses + 1


def test_after_the_deadline_it_returns_the_last_result():
    read = Steps("not yet")
    assert waits.poll(read, lambda _result: False, time.monotonic() - 1) == "not yet"
    assert read.reads == 1


def test_poll_does_not_sleep_past_the_deadline():
    started = time.monotonic()
    assert waits.poll(Steps(False), bool, started + 0.2, interval=60) is False
    assert 0.2 <= time.monotonic() - started < 10


@pytest.mark.parametrize("status", [410, 429, 500, 503])
def test_an_overloaded_api_server_is_polled_again(status):
    assert waits.poll(Steps(ClusterError("no", status), ClusterError("no", status), True), bool, FOREVER) is True


def test_a_broken_connection_is_tolerated_after_a_response():
    assert waits.poll(Steps(False, refused(), raised(socket.timeout()), True), bool, FOREVER) is True


def test_a_cluster_that_never_responded_is_reported_at_once():
    read = Steps(refused(), True)
    with pytest.raises(ClusterError, match="cannot reach"):
        waits.poll(read, bool, FOREVER)
    assert read.reads == 1


@pytest.mark.parametrize(
    "error", [ClusterError("no", 403), ClusterError("no", 401), raised(ssl.SSLCertVerificationError("self-signed"))]
)
def test_a_permanent_error_ends_the_wait(error):
    with pytest.raises(ClusterError):
        waits.poll(Steps(False, error, True), bool, FOREVER)


def test_an_error_that_lasts_until_the_deadline_is_raised():
    with pytest.raises(ClusterError):
        waits.poll(Steps(ClusterError("no", 503)), bool, time.monotonic() + 0.1)


def test_an_error_of_the_condition_itself_is_not_hidden():
    with pytest.raises(KeyError):
        waits.poll(Steps({}), lambda result: result["missing"], FOREVER)
