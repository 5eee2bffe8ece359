# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace

import pytest
from traffic_support import BACKENDS, URL

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally, read_answer
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError

COMPLETE = """N method wget
N backend 1 320
N backend 2 80
N sent 400 0 0
N awk 0
N time 100.25 101.75
"""


def read(text, rc=0, stderr="", **options):
    answer = SimpleNamespace(rc=rc, stdout=text, stderr=stderr)
    return read_answer(answer, "N", Plan(url=URL, backends=BACKENDS, **{"parallel": 1, **options}))


def test_a_complete_output():
    tally = read("noise\n" + COMPLETE + "N2 backend 1 7\n")
    assert tally == Tally(method="wget", elapsed=1.5, sent=400, backends=[320, 80])
    assert (tally.answered, tally.errors) == (400, 0)


def test_counts_of_several_workers_are_added():
    both = COMPLETE.replace(
        "N awk", "N backend 1 5\nN backend 2 1\nN failed 2 http 503\nN failed 1 exit 143\nN sent 9 0 0\nN awk"
    )
    tally = read(both, parallel=2)
    assert (tally.backends, tally.sent, tally.errors) == ([325, 81], 409, 3)
    assert tally.failures[("status", "503")] == 2
    assert sum(count for (kind, _detail), count in tally.failures.items() if kind == "timeout") == 1


@pytest.mark.parametrize("missing", ["N backend 2 80\n", "N sent 400 0 0\n", "N time 100.25 101.75\n"])
def test_an_incomplete_output_is_rejected(missing):
    with pytest.raises(SplitError, match=r"incomplete \(exit status 137\).*Killed"):
        read(COMPLETE.replace(missing, ""), rc=137, stderr="Killed\n")


def test_an_empty_output_is_rejected():
    with pytest.raises(SplitError, match="the container printed: nothing"):
        read("", rc=1)


@pytest.mark.parametrize(
    ("method", "key", "kind"),
    [
        ("curl", "exit 6", "dns"),
        ("curl", "exit 7", "connection"),
        ("curl", "exit 28", "timeout"),
        ("curl", "exit 18", "broken"),
        ("curl", "exit 52", "broken"),
        ("curl", "exit 23", "other"),
        ("curl", "cut 28", "timeout"),
        ("curl", "cut 16", "broken"),
        ("wget", "cut 4", "broken"),
        ("wget", "exit 4", "connection"),
        ("wget", "exit 143", "timeout"),
        ("wget", "text wget: download timed out", "timeout"),
        ("wget", "text wget: bad address 'web-svc:8080'", "dns"),
        ("wget", "text wget: unable to resolve host address 'web-svc'", "dns"),
        ("wget", "text wget: can't connect to remote host (10.96.0.7): Connection refused", "connection"),
        ("wget", "text wget: can't connect to remote host (10.96.0.7): Connection timed out", "timeout"),
        ("wget", "text wget: error getting response: Connection reset by peer", "broken"),
        ("wget", "text more", "other"),
        ("curl", "http 503", "status"),
    ],
)
def test_kinds_of_failures(method, key, kind):
    text = COMPLETE.replace("wget", method).replace("N sent 400", f"N failed 3 {key}\nN sent 403")
    assert [(found, count) for (found, _detail), count in read(text).failures.items()] == [(kind, 3)]


def test_messages_of_curl_are_kept():
    text = COMPLETE.replace(
        "N backend 1", "N message 28 curl: (28) Connection timed out\nN failed 3 exit 28\nN backend 1"
    )
    text = text.replace("wget", "curl").replace("N sent 400", "N sent 403")
    assert read(text).failures == {("timeout", "curl: (28) Connection timed out"): 3}


def test_a_resolver_timeout_is_a_dns_error():
    text = COMPLETE.replace(
        "N backend 1", "N message 28 curl: (28) Resolving timed out\nN failed 3 exit 28\nN backend 1"
    )
    text = text.replace("wget", "curl").replace("N sent 400", "N sent 403")
    assert read(text).failures == {("dns", "curl: (28) Resolving timed out"): 3}


def test_the_message_for_a_terminated_wget():
    text = COMPLETE.replace("N sent 400", "N failed 3 exit 143\nN sent 403")
    ((kind, message),) = read(text).failures
    assert kind == "timeout"
    assert message == "wget was terminated, while it resolved the name or waited for the response"
