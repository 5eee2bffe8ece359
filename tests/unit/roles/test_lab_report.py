# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role lab_report: its facts, template and colors."""

from __future__ import annotations

import copy
import re
from collections import Counter

import pytest
import yaml
from report_support import (
    EVIL,
    FACTS,
    IMAGES,
    LOOKS,
    RAN,
    REPORTED,
    ROOT,
    TEMPLATES,
    build_document,
    hostile,
    parse_page,
    render_page,
)

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import charts


def test_sections_without_a_browser_and_a_trace():
    facts = {x: y for x, y in FACTS.items() if x not in ("bookinfo_looks", "bookinfo_screenshots", "jaeger_trace")}
    document = build_document(facts, {})
    assert document["verdict"] == "pass"
    text = render_page(document)
    parse_page(text)
    assert "This run did not open Bookinfo in a browser" in text
    assert "this run did not read a trace" in text


def test_the_section_of_a_split_without_a_baseline():
    text = render_page(
        build_document({**FACTS, "traffic_shifting_baseline": {}, "traffic_shifting_baseline_without_sidecar": {}})
    )
    parse_page(text)
    assert "was not measured in this run, because the rule already existed" in text


def test_the_chapters_list_exactly_the_facts_that_the_report_reads():
    variables = yaml.safe_load((ROOT / "roles/lab_report/vars/main.yml").read_text(encoding="utf-8"))
    sections = (ROOT / "plugins/plugin_utils/report").glob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in sections)
    prefixes = "lab|kind|istio|istioctl|ingress|bookinfo|jaeger|sidecar_injection|traffic"
    read = set(re.findall(rf'"((?:{prefixes})_[a-z_]+)"', source)) - set(variables["__lab_report_namespaces"])
    facts = {fact for chapter in REPORTED for fact in chapter["facts"]}
    assert facts <= read <= facts | set(RAN.values())


def test_the_role_knows_the_labs_chapters_by_default():
    variables = yaml.safe_load((ROOT / "roles/lab_report/vars/main.yml").read_text(encoding="utf-8"))
    used = ("name", "title", "ran", "facts")
    assert variables["__lab_report_chapters"] == [{key: chapter[key] for key in used} for chapter in REPORTED]


@pytest.mark.parametrize(("role", "name"), [("istio", "istio_namespace"), ("bookinfo", "bookinfo_namespace")])
def test_the_default_namespace_is_that_of_the_role(role, name):
    variables = yaml.safe_load((ROOT / "roles/lab_report/vars/main.yml").read_text(encoding="utf-8"))
    default = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))[name]
    assert variables["__lab_report_namespaces"][name] == f"{{{{ {name} | default('{default}') }}}}"


def test_the_page_of_the_whole_lab():
    text = render_page(build_document())
    found = parse_page(text)
    assert sorted(set(found.links)) == [
        "http://127.0.0.1:30080/productpage",
        "http://127.0.0.1:30686/jaeger/search",
        "http://127.0.0.1:30686/jaeger/trace/4bf92f3577b34da6a3ce929d0e0e4736",
    ]
    assert found.tags["img"] == 3
    assert "did not run" not in text
    assert f"{len(RAN)} chapters ran, and every check passed." in text
    for chart in ("baseline", "baseline_without_sidecar", "weights", "weights_without_sidecar"):
        assert {f"t-{chart}", f"d-{chart}"} <= set(found.ids)


def test_table_headers_have_scopes_and_images_have_texts():
    found = parse_page(render_page(build_document()))
    scoped = [value for tag, name, value in found.attributes if tag == "th" and name == "scope"]
    assert len(scoped) == found.tags["th"]
    texts = [value for tag, name, value in found.attributes if tag == "img" and name == "alt"]
    assert texts == [f"The product page with {x}" for x in LOOKS.values()]


def colors():
    """The colors of each scheme: light, dark and print. The latter two override the light one."""
    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    found = [dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)]
    return [{**found[0], **x} for x in found]


def luminance(color):
    digits = color[1:] if len(color) == 7 else "".join(2 * x for x in color[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", colors(), ids=["light", "dark", "print"])
def test_texts_and_charts_have_the_contrast_that_wcag_requires(scheme):
    grounds = ["paper", "card", "faint"]
    texts = [(x, y) for x in ("ink", "soft", "link", "pass", "fail", "doubt", "none") for y in grounds]
    texts += [(x, f"{x}-bg") for x in ("pass", "fail", "doubt", "none")]
    marks = [(f"c{n}", y) for n in range(charts.COLORS) for y in grounds]
    for pairs, minimum in ((texts, 4.5), (marks, 3.0)):
        assert {x: c for x in pairs if (c := contrast(scheme[x[0]], scheme[x[1]])) < minimum} == {}


def test_hostile_strings_are_shown_as_text():
    facts = hostile(copy.deepcopy(FACTS))
    for fact in ("baseline", "baseline_without_sidecar", "split", "split_without_sidecar"):
        facts[f"traffic_shifting_{fact}"]["verdict"] = "fail"
    images = {path + EVIL: content for path, content in IMAGES.items()}
    document = build_document(facts, images)
    text = render_page(document, images)
    found = parse_page(text)
    assert EVIL not in text and "<script" not in text
    assert "7 * 191" in text and str(7 * 191) not in text
    assert any(EVIL in x for x in found.texts)
    tags, expected = Counter(found.tags), Counter(parse_page(render_page(build_document())).tags)
    assert tags["img"] == expected["img"] == 3
