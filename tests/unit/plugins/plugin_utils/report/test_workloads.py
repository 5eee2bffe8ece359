# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods, sidecars, and double injection."""

from __future__ import annotations

from report_support import FACTS, LABEL, chapters, checked, made, page, pod, state


def doubled(**changed):
    return {**FACTS, "sidecar_injection_demonstration": {**FACTS["sidecar_injection_demonstration"], **changed}}


def test_what_became_of_double_injection_is_shown():
    document = made()
    shown = dict(FACTS["sidecar_injection_demonstration"])
    assert document["double_injection"] == shown
    text = page(document)
    checked(text)
    assert "would be injected twice" in text
    assert "It runs, with one sidecar (native; the manifest had a container)" in text
    assert '<pre class="log">' not in text


def test_a_pod_that_double_injection_breaks_is_no_failure_of_the_lab():
    message, log = "sleep-1: container istio-proxy: CrashLoopBackOff", ["info", "Error: application port is the same"]
    document = made(doubled(runs=False, message=message, log=log))
    assert document["verdict"] == "pass"
    assert "without the guard the pod does not run" in chapters(document)["injection"]["checks"][-1]["what"]
    text = page(document)
    checked(text)
    assert f"It does not run: {message}" in text
    assert '<pre class="log"><code>info\nError: application port is the same</code></pre>' in text


def test_a_pod_that_is_ready_between_restarts_does_not_run():
    assert "It does not run: its containers restart." in page(made(doubled(runs=False)))


def test_a_guard_that_did_not_refuse_is_a_failure():
    document = made(doubled(refused=""))
    assert chapters(document)["injection"]["verdict"] == "fail"
    assert "It was not refused." in page(document)


def test_double_injection_that_was_not_shown_is_left_out():
    document = made({name: value for name, value in FACTS.items() if name != "sidecar_injection_demonstration"})
    assert document["double_injection"] is None
    assert len(chapters(document)["injection"]["checks"]) == 2
    assert "Injected twice" not in page(document)


def test_why_pods_have_a_sidecar():
    why = {x["name"].partition("-")[0] + x["ready"]: x["reason"] for x in made()["pods"]}
    assert why["details2/2"] == LABEL
    assert why["istiod1/1"] == "the pod template sets sidecar.istio.io/inject=false"
    assert "proxy itself" in why["istio1/1"]
    assert {x["name"].partition("-")[0]: x["sidecar"] for x in made()["pods"] if x["namespace"] == "istio-system"} == {
        "istio": False,
        "istiod": False,
    }
    untold = made({**FACTS, "sidecar_injection_workloads": []})["pods"]
    assert {x["reason"] for x in untold if x["namespace"] == "default"} == {""}


def test_the_longest_name_of_a_workload_is_a_pods_own():
    states = [state("default", x, True, reason=x) for x in ("reviews", "reviews-v1")]
    found = made({**FACTS, "sidecar_injection_workloads": states, "bookinfo_pods": [pod("reviews-v1-7b5-x2")]})
    assert [x["reason"] for x in found["pods"] if x["namespace"] == "default"] == ["reviews-v1"]
