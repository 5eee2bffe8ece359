# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import collections

import pytest
from traffic_support import BACKENDS, CANARY, THREE, judged


@pytest.mark.parametrize(
    ("counts", "backends", "reason"),
    [
        ((203, 197), BACKENDS, "consistent with an even split, so there may be no rule in effect"),
        ((130, 140, 130), THREE, "consistent with an even split, so there may be no rule in effect"),
        ((201, 199), CANARY, "consistent with an even split, so there may be no rule in effect"),
        ((84, 316), BACKENDS, "weights may be assigned to other backends: the counts match tomcat 20.0%, httpd 80.0%"),
        ((400, 0), BACKENDS, "tomcat got all requests"),
        ((0, 400), CANARY, "v2 got all requests"),
        ((390, 10), CANARY, "v2 must get no requests: the client's proxy may still have an older rule"),
        ((17, 3), CANARY, "v2 must get no requests"),
        ((17, 3), tuple(reversed(BACKENDS)), "the counts match httpd 80.0%, tomcat 20.0%"),
        ((280, 120), BACKENDS, "the rule in effect has other weights"),
    ],
)
def test_reason_for_wrong_shares(counts, backends, reason):
    result = judged(counts, backends)
    assert result["verdict"] == "fail"
    assert reason in result["reason"]
    assert result["msg"].endswith(result["reason"])
    without = judged(counts, backends, sidecar=False)
    assert without["reason"] == "the client has no sidecar, which would apply the weights"
    assert without["client"]["sidecar"] is False


@pytest.mark.parametrize(
    ("tally", "reason"),
    [
        ({"unknown": 1, "samples": {"unknown": "<h1>Who?</h1>"}}, "starts with: <h1>Who?</h1>"),
        ({"unknown": 1, "samples": {}}, "the first such response is empty"),
        ({"ambiguous": 1, "overlap": (1, 2)}, "one response matches tomcat and httpd"),
        ({"failures": {("status", "503"): 1}}, "the proxy responds with status 503 if"),
        ({"failures": {("status", "404"): 1}}, "status 404 means that the backends do not have this path"),
        ({"failures": {("status", "500"): 1}}, "respond with status 500"),
        ({"failures": {("timeout", "wget: download timed out"): 1}}, "within request_timeout (5 s) (wget: download"),
        ({"failures": {("dns", "bad address"): 1}}, "cannot resolve web-svc:8080"),
        ({"failures": {("connection", "refused"): 1}}, "the client's sidecar refuses connections to web-svc:8080"),
        ({"failures": {("broken", "reset"): 1}}, "connections are closed before"),
        ({"failures": {("other", "strange"): 1}}, "the client program failed (strange)"),
    ],
)
def test_reason_for_a_single_error(tally, reason):
    tally = {**tally, "failures": collections.Counter(tally.get("failures", {}))}
    result = judged([320, 79], **tally)
    assert result["verdict"] == "fail"
    assert result["errors"]["total"] == 1
    assert "1 of 400 requests are errors" in result["msg"]
    assert reason in result["reason"]
    assert "also, the client has no sidecar" in judged([320, 79], sidecar=False, **tally)["reason"]
    allowed = judged([320, 79], max_errors=1, **tally)
    assert allowed["verdict"] == "pass"
    assert "within max_errors 1" in allowed["msg"]
    assert allowed["answered"] == 399


@pytest.mark.parametrize("max_errors", [0, 100])
def test_the_backend_whose_share_is_missing_may_be_failing(max_errors):
    failures = collections.Counter({("status", "500"): 79})
    result = judged([320, 1], failures=failures, max_errors=max_errors)
    assert result["verdict"] == "fail"
    assert result["reason"].startswith("httpd may be failing: with the errors, it would have its share; ")
    assert "respond with status 500" in result["reason"]
    assert "failing" not in judged([200, 121], failures=failures)["reason"]


def test_refused_connections_without_a_sidecar_come_from_the_backends():
    tally = {"failures": collections.Counter({("connection", "refused"): 1})}
    reason = judged([320, 79], sidecar=False, **tally)["reason"]
    assert "web-svc:8080 refuses connections" in reason
