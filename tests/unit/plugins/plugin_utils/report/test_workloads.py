# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods, sidecars, and double injection."""

from __future__ import annotations

from report_support import FACTS, LABEL, build_document, chapters_by_name, parse_page, pod, render_page, workload


def doubled(**changed):
    return {**FACTS, "sidecar_injection_demonstration": {**FACTS["sidecar_injection_demonstration"], **changed}}


def test_the_demonstration_of_double_injection():
    document = build_document()
    given = FACTS["sidecar_injection_demonstration"]
    assert document["double_injection"] == {
        "refusal": given["refused"],
        "runs": True,
        "message": "",
        "log": [],
        "manifest_sidecar": "container",
        "pod_sidecar": "native",
        "reason": given["reason"],
    }
    text = render_page(document)
    parse_page(text)
    assert "would be injected twice" in text
    assert "The pod runs with one sidecar (type native; the one in the manifest has type container)" in text
    assert '<pre class="log">' not in text


def test_a_pod_broken_by_double_injection_does_not_fail_the_lab():
    message, log = "sleep-1: container istio-proxy: CrashLoopBackOff", ["info", "Error: application port is the same"]
    document = build_document(doubled(runs=False, message=message, log=log))
    assert document["verdict"] == "pass"
    check = chapters_by_name(document)["injection"]["checks"][-1]
    assert "without the guard the pod does not run" in check["description"]
    text = render_page(document)
    parse_page(text)
    assert f"The pod does not run: {message}" in text
    assert '<pre class="log"><code>info\nError: application port is the same</code></pre>' in text


def test_a_restarting_pod_without_a_message():
    assert "The pod does not run: its containers restart." in render_page(build_document(doubled(runs=False)))


def test_a_guard_that_did_not_refuse_fails_the_chapter():
    document = build_document(doubled(refused=""))
    assert chapters_by_name(document)["injection"]["verdict"] == "fail"
    assert "It was not refused." in render_page(document)


def test_double_injection_is_left_out_if_it_was_not_demonstrated():
    document = build_document({**FACTS, "sidecar_injection_demonstration": None})
    assert document["double_injection"] is None
    assert len(chapters_by_name(document)["injection"]["checks"]) == 2
    assert "Double injection" not in render_page(document)


def test_the_reason_for_a_pods_sidecar():
    reasons = {x["name"].partition("-")[0] + x["ready"]: x["reason"] for x in build_document()["pods"]}
    assert reasons["details2/2"] == LABEL
    assert reasons["istiod1/1"] == "the pod template sets sidecar.istio.io/inject=false"
    assert "proxy itself" in reasons["istio1/1"]
    assert not any(x["sidecar"] for x in build_document()["pods"] if x["namespace"] == "istio-system")
    unknown = build_document({**FACTS, "sidecar_injection_workloads": []})["pods"]
    assert {x["reason"] for x in unknown if x["namespace"] == "default"} == {""}


def test_a_pod_belongs_to_the_workload_with_the_longest_matching_name():
    workloads = [workload("default", x, True, reason=x) for x in ("reviews", "reviews-v1")]
    pods = [pod("reviews-v1-7b5-x2")]
    document = build_document({**FACTS, "sidecar_injection_workloads": workloads, "bookinfo_pods": pods})
    assert [x["reason"] for x in document["pods"] if x["namespace"] == "default"] == ["reviews-v1"]
