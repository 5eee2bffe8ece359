# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest
from traffic_support import BACKENDS, CLIENT, HTTPD, TOMCAT, URL

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.measurement import measure
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.verdict import judge


class FakeCluster:
    """Runs the command of an exec with a function."""

    def __init__(self, command):
        self.command = command

    def exec(self, namespace, pod, container, argv, timeout, stdin=None):
        self.where, self.stdin = (namespace, pod, container, timeout), stdin
        return self.command(argv)


def test_a_measurement_has_a_verdict(serve):
    server = serve(lambda n: HTTPD if n % 5 == 0 else TOMCAT)

    def command(argv):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, start_new_session=True, check=False)
        return SimpleNamespace(rc=done.returncode, stdout=done.stdout, stderr=done.stderr)

    cluster = FakeCluster(command)
    plan = Plan(url=server.url, backends=BACKENDS, requests=200)
    result = judge(plan, measure(cluster, plan, CLIENT), CLIENT)
    assert (result["verdict"], result["answered"]) == ("pass", 200)
    assert [backend["count"] for backend in result["backends"]] == [160, 40]
    assert cluster.where == ("default", "client-1", "client", 335)
    assert cluster.stdin is None


def test_request_headers_are_sent_on_stdin():
    cluster = FakeCluster(lambda argv: SimpleNamespace(rc=1, stdout="", stderr=""))
    plan = Plan(url=URL, backends=BACKENDS, headers=(("end-user", "jason"),))
    with pytest.raises(SplitError, match="incomplete"):
        measure(cluster, plan, CLIENT)
    assert cluster.stdin == "end-user: jason\n"


def test_an_error_names_the_container():
    cluster = FakeCluster(lambda argv: SimpleNamespace(rc=0, stdout=f"{argv[4]} missing awk\n", stderr=""))
    with pytest.raises(SplitError, match="client default/client-1/client: the client container has no awk"):
        measure(cluster, Plan(url=URL, backends=BACKENDS), CLIENT)
