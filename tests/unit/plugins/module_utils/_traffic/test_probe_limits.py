# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import threading
import time

import pytest
from traffic_support import BACKENDS, HTTPD, every_client, plan_for

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError


def slow(seconds, after=0):
    """A backend that is slow after a number of requests."""

    def respond(n):
        if n >= after:
            time.sleep(seconds)
        return HTTPD

    return respond


@every_client
def test_warmup_is_not_counted_even_if_it_fails(serve, run, box, method):
    server = serve(lambda n: (503, {}, b"not yet") if n < 5 else HTTPD)
    tally = run(plan_for(server, warmup=5, method=method), box)
    assert (tally.backends, tally.errors, len(server.seen)) == ([0, 20], 0, 25)


@every_client
def test_warmup_ends_early_without_responses(serve, run, box, method):
    server = serve(slow(1.5))
    tally = run(plan_for(server, warmup=10, requests=2, method=method, request_timeout=1), box)
    assert tally.sent == 2
    assert 2 < len(server.seen) < 12
    assert {kind for kind, _detail in tally.failures} == {"timeout"}


@every_client
def test_refused_connections(run, box, method):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        tally = run(
            Plan(url=url, backends=BACKENDS, requests=50, warmup=2, method=method, max_errors=2, timeout=30), box
        )
    assert tally.gave_up
    assert tally.sent == 4 * 5  # each of the four workers stops after its part of the ten errors beyond the limit
    assert [kind for kind, _detail in tally.failures] == ["connection"]


@pytest.mark.parametrize(("parallel", "sent"), [(1, 13), (4, 4 * 6)])
@every_client
def test_stops_when_there_are_too_many_errors(serve, run, box, method, parallel, sent):
    server = serve(lambda n: (503, {}, b"no healthy upstream"))
    plan = plan_for(server, requests=5000, method=method, max_errors=3, parallel=parallel)
    tally = run(plan, box, restore_signals=False)
    assert tally.gave_up
    assert tally.sent == sent
    assert tally.failures == {("status", "503"): sent}
    assert len(server.seen) < 600


@every_client
def test_max_errors_applies_to_all_workers_together(serve, run, box, method):
    server = serve(lambda n: (503, {}, b"") if n % 2 else HTTPD)
    tally = run(plan_for(server, requests=60, method=method, max_errors=30), box)
    assert (tally.sent, tally.gave_up, tally.errors, tally.backends) == (60, False, 30, [0, 30])


@every_client
def test_workers_send_in_parallel(serve, run, box, method):
    barrier = threading.Barrier(4, timeout=10)

    def respond(n):
        barrier.wait()  # each response waits for three more requests
        return HTTPD

    server = serve(respond)
    assert run(plan_for(server, requests=16, method=method), box).backends == [0, 16]
    barrier = threading.Barrier(1)
    assert run(plan_for(serve(respond), requests=3, method=method, parallel=16), box).backends == [0, 3]


@every_client
def test_an_outage_costs_few_timeouts(serve, run, box, method):
    server = serve(slow(3, after=40))
    tally = run(plan_for(server, requests=1000, method=method, request_timeout=2, timeout=5), box)
    assert tally.backends == [0, 40]
    assert 40 < tally.sent < 60
    assert {kind for kind, _detail in tally.failures} == {"timeout"}


@every_client
def test_the_timeout_ends_a_run_with_slow_backends(serve, run, box, method):
    server = serve(slow(0.3))
    tally = run(plan_for(server, requests=1000, method=method, request_timeout=1, timeout=2), box)
    assert not tally.errors
    assert not tally.gave_up
    assert 4 <= tally.sent <= 4 * 7
    assert tally.backends == [0, tally.sent]


@every_client
def test_endless_bodies_are_rejected(serve, run, box, method):
    server = serve(lambda n: (b"x" * 65535 + b"\n") * 300)
    with pytest.raises(SplitError, match="longer than 16 MiB"):
        run(plan_for(server, requests=3, method=method), box)
