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
from report_support import EVIL, FACTS, IMAGES, LOOKS, RAN, ROOT, TEMPLATES, checked, hostile, made, page

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import (
    charts,
)
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.chapters import reported


def test_no_browser_and_no_trace_are_said():
    facts = {x: y for x, y in FACTS.items() if x not in ("bookinfo_looks", "bookinfo_screenshots", "jaeger_trace")}
    document = made(facts, {})
    assert document["verdict"] == "pass"
    text = page(document)
    checked(text)
    assert "Bookinfo was not opened in a browser in this run" in text
    assert "no trace was read back in this run" in text


def test_a_second_run_has_no_baseline():
    text = page(made({**FACTS, "traffic_shifting_baseline": {}, "traffic_shifting_baseline_without_sidecar": {}}))
    checked(text)
    assert "not measured in this run, because the rule already existed" in text


def test_the_list_of_chapters_has_exactly_the_facts_that_the_report_reads():
    variables = yaml.safe_load((ROOT / "roles/lab_report/vars/main.yml").read_text(encoding="utf-8"))
    sections = (ROOT / "plugins/plugin_utils/report").glob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in sections)
    prefixes = "lab|kind|istio|ingress|bookinfo|jaeger|sidecar_injection|traffic"
    read = set(re.findall(rf'"((?:{prefixes})_[a-z_]+)"', source)) - set(variables["lab_report_places"])
    facts = {fact for chapter in reported() for fact in chapter["facts"]}
    assert facts <= read <= facts | set(RAN.values())


@pytest.mark.parametrize(("role", "name"), [("istio", "istio_namespace"), ("bookinfo", "bookinfo_namespace")])
def test_a_namespace_that_was_not_set_is_the_default_of_its_role(role, name):
    variables = yaml.safe_load((ROOT / "roles/lab_report/vars/main.yml").read_text(encoding="utf-8"))
    default = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))[name]
    assert variables["lab_report_places"][name] == f"{{{{ {name} | default('{default}') }}}}"


def test_the_page_of_the_whole_lab():
    text = page(made())
    found = checked(text)
    assert sorted(set(found.links)) == [
        "http://127.0.0.1:30080",
        "http://127.0.0.1:30080/productpage",
        "http://127.0.0.1:30686/jaeger",
        "http://127.0.0.1:30686/jaeger/trace/4bf92f3577b34da6a3ce929d0e0e4736",
        "https://bookinfo.example.com:30443/productpage",
    ]
    assert found.tags["img"] == 3
    assert "did not run" not in text
    assert f"{len(RAN)} chapters ran, and every check passed." in text
    for chart in ("baseline", "baseline_without_sidecar", "weights", "weights_without_sidecar"):
        assert {f"t-{chart}", f"d-{chart}"} <= set(found.ids)


def test_tables_have_headers_and_pictures_have_texts():
    found = checked(page(made()))
    scoped = [value for tag, name, value in found.attributes if tag == "th" and name == "scope"]
    assert len(scoped) == found.tags["th"]
    texts = [value for tag, name, value in found.attributes if tag == "img" and name == "alt"]
    assert texts == [f"The product page with {x}" for x in LOOKS.values()]


def colors():
    """The colors of each scheme: light, dark and print, the later ones over the light one."""
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
def test_texts_and_charts_have_the_contrast_that_wcag_asks_for(scheme):
    grounds = ["paper", "card", "faint"]
    texts = [(x, y) for x in ("ink", "soft", "link", "pass", "fail", "doubt", "none") for y in grounds]
    texts += [(x, f"{x}-bg") for x in ("pass", "fail", "doubt", "none")]
    marks = [(f"c{n}", y) for n in range(charts.COLORS) for y in grounds]
    for pairs, least in ((texts, 4.5), (marks, 3.0)):
        assert {x: c for x in pairs if (c := contrast(scheme[x[0]], scheme[x[1]])) < least} == {}


def test_hostile_strings_stay_texts():
    facts = hostile(copy.deepcopy(FACTS))
    for fact in ("baseline", "baseline_without_sidecar", "split", "split_without_sidecar"):
        facts[f"traffic_shifting_{fact}"]["verdict"] = "fail"
    images = {path + EVIL: content for path, content in IMAGES.items()}
    document = made(facts, images)
    text = page(document, images)
    found = checked(text)
    assert EVIL not in text and "<script" not in text
    assert "7 * 191" in text and str(7 * 191) not in text
    assert any(EVIL in x for x in found.texts)  # shown, as a text
    tags, ours = Counter(found.tags), Counter(checked(page(made())).tags)
    assert tags["img"] == ours["img"] == 3
