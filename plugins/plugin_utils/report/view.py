# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report's page shows of a document. Every text in it is already escaped for HTML."""

from __future__ import annotations

import shlex

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.addresses import exports
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.cluster import key_facts
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.screenshots import figure
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.splits import chart, route_check_row
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.trace import waterfall
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import FAIL, INCONCLUSIVE, MISSING, Document
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.wording import WORDS, escaped, link, plural
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.workloads import (
    double_view,
    pod_rows,
    workloads_without_pods,
)


def build(document: Document, screenshot_content: dict[str, str] | None = None) -> Document:
    """The view: texts, and the geometry of charts; screenshot_content: in base64, by the paths of the files."""
    return escaped(
        {
            **_header(document),
            "urls": [{**url, "link": link(url["url"])} for url in document["urls"]],
            "ingress": exports(document["ingress"]),
            "chapters": [_with_words(chapter) for chapter in document["chapters"]],
            "run": {chapter["name"]: chapter["run"] for chapter in document["chapters"] if chapter["run"]},
            "splits": [chart(split) for split in document["splits"]],
            "route_checks": [route_check_row(check) for check in document["route_checks"]],
            "has_baseline": any(split["name"] == "baseline" for split in document["splits"]),
            "trace": waterfall(document["trace"]) if document["trace"] else None,
            "pods": pod_rows(document),
            "others": workloads_without_pods(document),
            "double": double_view(document["double_injection"]),
            "screenshots": [
                figure(shot, screenshot_content or {}, number) for number, shot in enumerate(document["screenshots"], 1)
            ],
            "differs": document["differs"],
            "source": document["images"]["source"],
            "schema": document["schema"],
        }
    )


def _header(document: Document) -> Document:
    kubeconfig = document["cluster"]["kubeconfig"]
    return {
        "title": _title(document),
        "verdict": document["verdict"],
        "verdict_word": WORDS[document["verdict"]],
        "made": document["made"],
        "made_text": document["made"].replace("T", " ").replace("Z", " UTC"),
        "facts": list(key_facts(document)),
        "kubeconfig": shlex.quote(kubeconfig) if kubeconfig else "",
    }


def _with_words(chapter: Document) -> Document:
    checks = [{**check, "word": WORDS[check["verdict"]]} for check in chapter["checks"]]
    return {**chapter, "word": WORDS[chapter["verdict"]], "checks": checks}


def _title(document: Document) -> str:
    """The report in a sentence."""
    ran = [chapter for chapter in document["chapters"] if chapter["verdict"] != MISSING]
    if not ran:
        return "No chapter of the lab ran."
    missing = len(document["chapters"]) - len(ran)
    rest = f" {plural(missing, 'chapter')} did not run." if missing else ""
    return f"{plural(len(ran), 'chapter')} ran{_outcome(document['verdict'], ran)}{rest}"


def _outcome(verdict: str, ran: list[Document]) -> str:
    if verdict == FAIL:
        failed = sum(1 for chapter in ran if chapter["verdict"] == FAIL)
        return f", and {plural(failed, 'chapter')} found a problem."
    if verdict == INCONCLUSIVE:
        return ". No check failed, but some were inconclusive."
    return ", and every check passed."
