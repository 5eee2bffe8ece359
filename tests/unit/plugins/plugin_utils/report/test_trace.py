# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces: calls, axis and waterfall."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_support import BOOKINFO, FACTS, build_document, percentages, render_page, traced

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import trace, view


def test_calls_between_services():
    def calls(*spans):
        trace = build_document({"jaeger_trace": traced(spans)}, {})["trace"]
        return [(x["service"].partition(".")[0], x["depth"], x["calls"]) for x in trace["calls"]]

    assert calls(*BOOKINFO) == [
        ("istio-ingressgateway", 0, 1),
        ("productpage", 1, 1),
        ("details", 2, 1),
        ("reviews", 2, 1),
        ("ratings", 3, 1),
    ]
    one, two = ("a.x", "client", None, 0, 9), ("b.x", "server", 0, 1, 2)
    assert calls(one, two, ("b.x", "server", 0, 4, 2), ("a.x", "server", 1, 1, 1)) == [
        ("a", 0, 1),
        ("b", 1, 2),
        ("a", 2, 1),
    ]


@pytest.mark.parametrize(
    ("total", "ticks"),
    [
        (27.451, ["0 ms", "10 ms", "20 ms"]),
        (0.9, ["0.0 ms", "0.2 ms", "0.4 ms", "0.6 ms", "0.8 ms"]),
        (100, ["0 ms", "20 ms", "40 ms", "60 ms", "80 ms", "100 ms"]),
        (4321.0, ["0 ms", "1000 ms", "2000 ms", "3000 ms", "4000 ms"]),
        (0.0, None),
    ],
)
def test_the_axis_of_a_trace(total, ticks):
    spans = [("a.default", "server", None, 0, int(total * 1000))]
    found = view.build(build_document({**FACTS, "jaeger_trace": traced(spans)}))["trace"]["ticks"]
    assert ticks is None or [x["text"] for x in found] == ticks
    assert (found[0]["x"], found[0]["anchor"]) == ("0.000%", "start")


@given(
    st.lists(
        st.tuples(st.floats(0, 1e7, allow_nan=False), st.floats(0, 1e7, allow_nan=False), st.integers(-1, 30)),
        min_size=1,
        max_size=30,
    )
)
def test_spans_are_drawn_within_the_chart(spans):
    spans = [
        ("a.b", "server", None if x < 0 or x >= n else x, int(start), int(took))
        for n, (start, took, x) in enumerate(spans)
    ]
    drawn = view.build(build_document({"jaeger_trace": traced(spans)}, {}))
    assert all(0 <= x <= 100 for x in percentages(drawn))
    assert len(drawn["trace"]["rows"]) == len(spans)
    for row in drawn["trace"]["rows"]:
        assert float(row["x"][:-1]) + float(row["width"][:-1]) <= 100.5


def test_impossible_values_are_drawn_within_the_chart():
    facts = copy.deepcopy(FACTS)
    facts["traffic_shifting_split"]["backends"][0].update(share=7.0, expected_share=-1.0, interval=[-2, 3])
    facts["jaeger_trace"]["tree"][0].update(start_ms=-5.0, duration_ms=1e9)
    assert all(0 <= x <= 100 for x in percentages(view.build(build_document(facts))))


def test_a_long_trace_is_shortened_on_the_page_only():
    spans = [("a.b", "server", None if n == 0 else n - 1, n, 10) for n in range(trace.MAX_SPANS + 5)]
    document = build_document({**FACTS, "jaeger_trace": traced(spans)})
    assert len(document["trace"]["spans"]) == trace.MAX_SPANS + 5
    assert "5 more spans are in the JSON document" in render_page(document)


def test_errors_are_marked():
    document = build_document({**FACTS, "jaeger_trace": traced(failed=[5, 7])})
    assert document["trace"]["errors"] == 2
    text = render_page(document)
    assert text.count('<span class="error">error 503</span>') == 2
    assert text.count(" bad") >= 2
