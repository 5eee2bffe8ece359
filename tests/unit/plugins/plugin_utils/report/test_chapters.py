# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chapters: their order, checks and verdicts."""

from __future__ import annotations

import copy

import pytest
import yaml
from report_support import FACTS, ROOT, checked, made, measured, page, pod, route_check, state, traced
from report_support import chapters as by_name

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import chapters


def without(name, key, value):
    facts = copy.deepcopy(FACTS)
    facts[name][key] = value
    return facts


@pytest.mark.parametrize(
    ("facts", "chapter", "told"),
    [
        (without("bookinfo_pods", 2, pod("ratings-v1-1", "1/2")), "bookinfo", "5 of 6 pods ready"),
        (without("bookinfo_pods", 2, pod("ratings-v1-1", phase="Pending")), "bookinfo", "5 of 6 pods ready"),
        (
            without("bookinfo_pods", 2, pod("ratings-v1-1", "1/1", sidecar=False)),
            "bookinfo",
            "5 of 6 pods with a sidecar",
        ),
        (without("bookinfo_answer", "status", "404"), "bookinfo", "answers 404"),
        (without("bookinfo_answer", "server", "nginx"), "bookinfo", "from nginx"),
        (without("istio_pods", 0, pod("istiod-1", "0/1", sidecar=False)), "install", "2 of 3 pods ready"),
        ({**FACTS, "jaeger_trace": traced(failed=[7])}, "tracing", "incomplete: no span of ratings"),
        (
            {**FACTS, "traffic_shifting_split": measured({"tomcat": 80, "httpd": 20}, [500, 500])},
            "traffic",
            "tomcat 50.0%",
        ),
        (
            without("traffic_shifting_route_check_results", 0, route_check("t", "/", "httpd", [9, 91])),
            "traffic",
            "1 of 2 route checks passed",
        ),
        (
            without("sidecar_injection_workloads", 0, state("a", "b", False, reason="")),
            "injection",
            "unknown for 1",
        ),
    ],
)
def test_what_does_not_hold_is_said(facts, chapter, told):
    document = made(facts)
    assert document["verdict"] == by_name(document)[chapter]["verdict"] == "fail"
    [_line] = [x["what"] for x in by_name(document)[chapter]["checks"] if told in x["what"]]
    text = page(document)
    checked(text)
    assert "1 chapter found a problem" in text


def test_the_report_has_the_chapters_of_the_list_in_their_order():
    listed = yaml.safe_load((ROOT / "playbooks/vars/chapters.yml").read_text(encoding="utf-8"))["chapters"]
    reported = [(x["name"], x["title"]) for x in listed if "ran" in x]
    assert [(x["name"], x["title"]) for x in made()["chapters"]] == reported
    assert set(chapters.CHECKS) <= {name for name, _title in reported}


def test_a_new_chapter_needs_no_checks_of_its_own(monkeypatch):
    listed = [
        *chapters.reported(),
        {"name": "new_chapter", "title": "New chapter", "ran": "new_chapter_url", "facts": []},
    ]
    monkeypatch.setattr(chapters, "reported", lambda: listed)
    assert made()["chapters"][-1]["verdict"] == "missing"
    assert made({**FACTS, "new_chapter_url": "http://x"})["chapters"][-1] == {
        "name": "new_chapter",
        "title": "New chapter",
        "verdict": "pass",
        "checks": [{"what": "it ran without an error", "verdict": "pass"}],
        "run": None,
    }
