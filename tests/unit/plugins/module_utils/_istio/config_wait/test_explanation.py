# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from mesh_objects import OLD, Lab, pod, rule, virtual_service

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.explanation import (
    find_reasons,
    findings_about,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output


def istiod(ready):
    return {"status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}}


def test_reasons_most_specific_first():
    lab = Lab(virtual_service(["basket"]), [pod("a")], {"a": [OLD]})
    outcome = lab.wait(timeout=0)
    lab.facts.live = {lab.rule.title: {**virtual_service(["basket"], weights=[1, 1]), "status": {}}}
    assert find_reasons(
        outcome, lab.facts, [istiod(False)], ["shop/a rejected an update"], ["Warning [IST0101] x: y"]
    ) == [
        "no istiod pod is ready (0 of 1), so proxies receive no configuration",
        "shop/a rejected an update",
        "the spec of VirtualService shop/catalog in the API differs from the definition",
        "VirtualService shop/catalog: no Service or ServiceEntry has the host basket.shop.svc",
        "istioctl analyze: Warning [IST0101] x: y",
    ]
    assert (
        find_reasons(outcome, lab.facts, [], [], [])[0] == "no istiod pod exists, so proxies receive no configuration"
    )


FINDINGS = [
    {"code": "IST0101", "level": "Error", "message": "Referenced host not found", "origin": "VirtualService {}"},
    {"code": "IST0102", "level": "Info", "message": "not enabled for injection", "origin": "Namespace shop"},
    {"code": "IST0101", "level": "Error", "message": "Referenced host not found", "origin": "VirtualService shop/x"},
]


@pytest.mark.parametrize("origin", ["shop/catalog", "catalog.shop", "shop/catalog (rules.yml:3)"])
def test_findings_about_other_objects_are_ignored(origin):
    text = "2026-02-01T10:00:00Z\terror\tkube\ttranslation function not found\n" + json.dumps(FINDINGS, indent=1)
    text = text.replace("{}", origin) + "\nError: Analyzers found issues"
    assert findings_about([rule(virtual_service())], Output(79, text, "", "istioctl analyze")) == [
        f"Error [IST0101] VirtualService {origin}: Referenced host not found"
    ]


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (Output(0, "[]", "", ""), []),
        (Output(0, "", "", ""), []),
        (Output(0, "null", "", ""), []),
        (Output(1, "", "Error: no such host", ""), ["exit code 1: Error: no such host"]),
        (Output(64, "[ unfinished", "", ""), ["exit code 64: [ unfinished"]),
    ],
)
def test_no_findings_and_failed_analysis(output, lines):
    assert findings_about([rule(virtual_service())], output) == lines
