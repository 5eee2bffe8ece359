# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document: its schema, and its content."""

from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_support import FACTS, IMAGES, RAN, SCHEMA, build_document, chapters_by_name, parse_page, render_page

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import document, view


def test_every_property_in_the_schema_has_a_description():
    def undescribed(part, path):
        for name, child in part.get("properties", {}).items():
            if "description" not in child:
                yield f"{path}.{name}"
            yield from undescribed(child, f"{path}.{name}")
        for child in [x for x in (part.get("items"), *part.get("oneOf", [])) if x]:
            yield from undescribed(child, path)

    assert list(undescribed(SCHEMA, "")) == []
    assert SCHEMA["properties"]["schema"]["const"] == document.SCHEMA


def test_the_document_of_a_whole_lab():
    document = build_document()
    assert [x["name"] for x in document["chapters"]] == list(RAN)
    assert {x["verdict"] for x in document["chapters"]} == {document["verdict"]} == {"pass"}
    assert document["cluster"]["type"] == "kind"
    assert [x["name"] for x in document["urls"]] == ["Ingress gateway", "Bookinfo", "Bookinfo over HTTPS", "Jaeger"]
    assert [x["name"] for x in document["splits"]] == [
        "baseline",
        "baseline_without_sidecar",
        "weights",
        "weights_without_sidecar",
    ]
    assert [x["sidecar"] for x in document["splits"]] == [True, False, True, False]
    assert document["trace"]["url"] == "http://127.0.0.1:30686/jaeger/trace/4bf92f3577b34da6a3ce929d0e0e4736"
    assert [x["depth"] for x in document["trace"]["spans"]] == [0, 1, 2, 3, 2, 3, 4, 5]
    assert len(document["differences"]) == 3
    assert "examples-bookinfo-reviews-v1 and tomcat-app. They" in document["differences"][1]["reason"]


def test_only_named_fields_get_into_the_document():
    facts = copy.deepcopy(FACTS)
    facts["token"] = facts["traffic_shifting_split"]["samples"] = facts["bookinfo_response"]["body"] = "SECRET"
    facts["lab_kubeconfig_content"] = {"users": [{"token": "SECRET"}]}
    assert "SECRET" not in json.dumps(build_document(facts))
    assert "SECRET" not in render_page(build_document(facts))


@pytest.mark.parametrize("chapter", sorted(set(RAN) - {"cluster"}))
def test_a_chapter_that_did_not_run_is_missing_and_does_not_affect_the_others(chapter):
    document = build_document({name: value for name, value in FACTS.items() if name != RAN[chapter]})
    verdicts = {name: x["verdict"] for name, x in chapters_by_name(document).items()}
    assert verdicts.pop(chapter) == "missing"
    assert set(verdicts.values()) == {"pass"}
    assert chapters_by_name(document)[chapter]["checks"] == []
    parse_page(render_page(document))


def test_no_chapter_ran():
    document = build_document({}, {})
    assert {x["verdict"] for x in document["chapters"]} == {"missing"} == {document["verdict"]}
    assert document["trace"] is None
    text = render_page(document, {})
    parse_page(text)
    assert "No chapter of the lab ran." in text
    assert text.count("This chapter did not run. To run it, run the lab with") == 2


@pytest.mark.parametrize("empty", ["", None, [], {}])
def test_an_empty_fact_was_not_set(empty):
    assert build_document(dict.fromkeys(FACTS, empty), {}) == build_document({}, {})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "backends",
                        "name",
                        "tree",
                        "children",
                        "interval",
                        "verdict",
                        "duration_ms",
                        "path",
                        "measurement",
                        "x",
                    ]
                ),
                x,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(sorted(FACTS)),
)
def test_any_value_of_a_fact_gives_a_valid_document(value, name):
    document = build_document({**FACTS, name: value})
    view.build(document, IMAGES)
