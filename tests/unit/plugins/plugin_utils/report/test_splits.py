# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Splits: words, verdicts and bar charts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_support import FACTS, build_document, measured, percentages, render_page

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import splits, view


def test_too_few_requests_are_inconclusive():
    document = build_document({**FACTS, "traffic_shifting_split": measured({"tomcat": 80, "httpd": 20}, [16, 4])})
    assert document["verdict"] == "inconclusive"
    [split] = [x for x in document["splits"] if x["name"] == "weights"]
    assert "too few requests" in split["summary"]
    assert "some were inconclusive" in render_page(document)


def test_a_pass_states_what_it_cannot_rule_out():
    document = build_document({**FACTS, "traffic_shifting_split": measured({"tomcat": 80, "httpd": 20}, [160, 40])})
    [split] = [x for x in document["splits"] if x["name"] == "weights"]
    assert split["sensitivity"]["shares"] == [0.75, 0.25]
    share = f"{100 * split['sensitivity']['pass_probability']:.1f}%"
    assert f"With this many requests, a true split of 75/25 would pass in {share} of runs." in split["summary"]
    assert "would pass in" in render_page(document)


@pytest.mark.parametrize(
    ("p_value", "expected"),
    [
        (1.0, "practically every run"),
        (0.654, "65 of 100 runs"),
        (0.0123, "1 of 100 runs"),
        (0.00123, "1 of 813 runs"),
        (1e-9, "fewer than 1 of 10,000 runs"),
    ],
)
def test_p_values_in_words(p_value, expected):
    split = {**build_document()["splits"][1], "p_value": p_value}
    assert expected in splits.summary(split, "")


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 100))
def test_bars_and_marks_are_at_the_measured_and_expected_shares(tomcat, httpd, weight):
    result = measured({"tomcat": weight, "httpd": 100 - weight}, [tomcat, httpd])
    [chart] = view.build(build_document({"lab_kubeconfig": "/x", "traffic_shifting_split": result}, {}))["splits"]
    assert all(0 <= x <= 100 for x in percentages(chart))
    for backend, measurement in zip(chart["backends"], result["backends"]):
        assert backend["x_expected"] == f"{100 * measurement['expected_share']:.3f}%"
        low, high = (float(backend[x][:-1]) for x in ("x_low", "x_high"))
        assert low - 0.001 <= float(backend["width"][:-1]) <= high + 0.001 or tomcat + httpd == 0
