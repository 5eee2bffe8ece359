# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import collections
import dataclasses

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import Client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend, Plan
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.verdict import judge

BACKENDS = (Backend("tomcat", 80, "Apache Tomcat"), Backend("httpd", 20, "hello httpd"))
THREE = (Backend("v1", 80, "v1"), Backend("v2", 10, "v2"), Backend("v3", 10, "v3"))
CANARY = (Backend("v1", 100, "v1"), Backend("v2", 0, "v2"))
URL = "http://web-svc:8080/"
CLIENT = Client("default", "client-1", "client", True)


def judged(counts, backends=BACKENDS, sidecar=True, **options):
    plan_options = {key: options.pop(key) for key in ("tolerance", "max_errors", "significance") if key in options}
    tally = Tally(method="wget", backends=list(counts), **options)
    tally.sent = tally.sent or tally.answered + tally.errors
    plan_options["requests"] = options.get("wanted", tally.sent)
    return judge(Plan(url=URL, backends=backends, **plan_options), tally, dataclasses.replace(CLIENT, sidecar=sidecar))


@pytest.mark.parametrize(
    ("counts", "backends", "cause"),
    [
        ((203, 197), BACKENDS, "rule is not in force"),
        ((130, 140, 130), THREE, "rule is not in force"),
        ((201, 199), CANARY, "rule is not in force"),
        ((84, 316), BACKENDS, "weights belong to other backends: the counts fit tomcat 20.0%, httpd 80.0%"),
        ((400, 0), BACKENDS, "tomcat takes everything"),
        ((0, 400), CANARY, "v2 takes everything"),
        ((390, 10), CANARY, "stale rule: v2 should get nothing"),
        ((280, 120), BACKENDS, "the weights in force are not those expected"),
    ],
)
def test_likely_causes_of_wrong_shares(counts, backends, cause):
    result = judged(counts, backends)
    assert result["verdict"] == "fail"
    assert cause in result["likely_cause"]
    assert result["msg"].endswith(result["likely_cause"])
    without = judged(counts, backends, sidecar=False)
    assert without["likely_cause"] == "the client has no sidecar: weights act in the client's proxy"
    assert without["client"]["sidecar"] is False


@pytest.mark.parametrize(
    ("tally", "cause"),
    [
        ({"unknown": 1, "samples": {"unknown": "<h1>Who?</h1>"}}, "starts with: <h1>Who?</h1>"),
        ({"unknown": 1, "samples": {}}, "the first such body is empty"),
        ({"ambiguous": 1, "overlap": (1, 2)}, "one response matches tomcat and httpd"),
        ({"failures": {("status", "503"): 1}}, "status 503 is the proxy's own"),
        ({"failures": {("status", "404"): 1}}, "status 404 comes from a path"),
        ({"failures": {("status", "500"): 1}}, "answer 500 for this path"),
        ({"failures": {("timeout", "wget: download timed out"): 1}}, "within request_timeout 5 s (wget: download"),
        ({"failures": {("dns", "bad address"): 1}}, "cannot resolve web-svc:8080"),
        ({"failures": {("connection", "refused"): 1}}, "the client's sidecar refuses connections to web-svc:8080"),
        ({"failures": {("broken", "reset"): 1}}, "connections break off"),
        ({"failures": {("other", "strange"): 1}}, "the client program failed (strange)"),
    ],
)
def test_one_error_is_one_too_many_by_default(tally, cause):
    tally = {**tally, "failures": collections.Counter(tally.get("failures", {}))}
    result = judged([320, 79], **tally)
    assert result["verdict"] == "fail"
    assert result["errors"]["total"] == 1
    assert "1 of 400 requests are errors" in result["msg"]
    assert cause in result["likely_cause"]
    assert "besides, the client has no sidecar" in judged([320, 79], sidecar=False, **tally)["likely_cause"]
    allowed = judged([320, 79], max_errors=1, **tally)
    assert allowed["verdict"] == "pass"
    assert "within max_errors 1" in allowed["msg"]
    assert allowed["answered"] == 399


def test_refused_connections_are_the_backends_where_no_proxy_is_in_between():
    tally = {"failures": collections.Counter({("connection", "refused"): 1})}
    cause = judged([320, 79], sidecar=False, **tally)["likely_cause"]
    assert "nothing accepts connections at web-svc:8080" in cause
