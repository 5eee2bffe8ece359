# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chapters: their order, checks and verdicts."""

from __future__ import annotations

import copy

import pytest
from report_support import (
    CHAPTERS,
    FACTS,
    REPORTED,
    build_document,
    chapters_by_name,
    measured,
    parse_page,
    pod,
    render_page,
    route_check,
    traced,
    workload,
)

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import chapters


def changed(name, key, value):
    facts = copy.deepcopy(FACTS)
    facts[name][key] = value
    return facts


@pytest.mark.parametrize(
    ("facts", "chapter", "expected"),
    [
        (changed("bookinfo_pods", 2, pod("ratings-v1-1", "1/2")), "bookinfo", "5 of 6 pods ready"),
        (changed("bookinfo_pods", 2, pod("ratings-v1-1", phase="Pending")), "bookinfo", "5 of 6 pods ready"),
        (
            changed("bookinfo_pods", 2, pod("ratings-v1-1", "1/1", sidecar=False)),
            "bookinfo",
            "5 of 6 pods with a sidecar",
        ),
        (changed("bookinfo_response", "status", "404"), "bookinfo", "status 404"),
        (changed("bookinfo_response", "server", "nginx"), "bookinfo", "from nginx"),
        (changed("istio_pods", 0, pod("istiod-1", "0/1", sidecar=False)), "install", "2 of 3 pods ready"),
        ({**FACTS, "jaeger_trace": traced(failed=[7])}, "tracing", "incomplete: no span of ratings"),
        (
            {**FACTS, "traffic_shifting_split": measured({"tomcat": 80, "httpd": 20}, [500, 500])},
            "traffic",
            "tomcat 50.0%",
        ),
        (
            changed("traffic_shifting_route_check_results", 0, route_check("t", "/", "httpd", [9, 91])),
            "traffic",
            "1 of 2 route checks passed",
        ),
        (
            changed("sidecar_injection_workloads", 0, workload("a", "b", False, reason="")),
            "injection",
            "unknown for 1",
        ),
    ],
)
def test_a_failed_check_fails_its_chapter_and_the_lab(facts, chapter, expected):
    document = build_document(facts)
    found = chapters_by_name(document)[chapter]
    assert document["verdict"] == found["verdict"] == "fail"
    assert len([check for check in found["checks"] if expected in check["description"]]) == 1
    text = render_page(document)
    parse_page(text)
    assert "1 chapter found a problem" in text


def test_the_report_has_the_chapters_in_their_order():
    expected = [(chapter["name"], chapter["title"]) for chapter in REPORTED]
    assert [(chapter["name"], chapter["title"]) for chapter in build_document()["chapters"]] == expected
    assert set(chapters.CHECKS) <= {name for name, _title in expected}


def test_a_new_chapter_needs_no_checks_of_its_own():
    listed = [*CHAPTERS, {"name": "new_chapter", "title": "New chapter", "ran": "new_chapter_url", "facts": []}]
    chapter = build_document(chapters=listed)["chapters"][-1]
    assert (chapter["verdict"], chapter["tags"]) == ("missing", "new_chapter,report")
    assert build_document({**FACTS, "new_chapter_url": "http://x"}, chapters=listed)["chapters"][-1] == {
        "name": "new_chapter",
        "title": "New chapter",
        "verdict": "pass",
        "checks": [{"description": "it ran without an error", "verdict": "pass"}],
        "tags": None,
    }


def test_a_report_of_a_single_chapter_has_a_page():
    text = render_page(
        build_document({"my_fact": "set"}, {}, [{"name": "own", "title": "My chapter", "ran": "my_fact"}])
    )
    parse_page(text)
    assert "1 chapter ran, and every check passed." in text
    assert text.count("This chapter did not run.") == 2
