# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The view of a document that the HTML page renders. Every string in it is already escaped for HTML."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.cluster import access, has_standin, key_facts
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.screenshots import figure
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.splits import chart, route_check_row
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.trace import waterfall
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import FAIL, INCONCLUSIVE, MISSING, Document
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.wording import VERDICT_TEXTS, escaped, link, plural
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.workloads import (
    double_injection_view,
    pod_rows,
    workloads_without_pods,
)


def build(document: Document, screenshot_content: dict[str, str] | None = None) -> Document:
    """Build the view: texts and the geometry of charts; screenshot_content: contents in base64, by path."""
    return escaped(
        {
            **_header(document),
            "urls": [{**url, "link": link(url["url"]) if url["browsable"] else ""} for url in document["urls"]],
            "ingress": document["ingress"],
            "access": access(document["cluster"]),
            "chapters": [_with_texts(chapter) for chapter in document["chapters"]],
            "tags": {chapter["name"]: chapter["tags"] for chapter in document["chapters"] if chapter["tags"]},
            "splits": [chart(split) for split in document["splits"]],
            "route_checks": [route_check_row(check) for check in document["route_checks"]],
            "has_baseline": any(split["name"] == "baseline" for split in document["splits"]),
            "trace": waterfall(document["trace"]) if document["trace"] else None,
            "pods": pod_rows(document),
            "workloads": workloads_without_pods(document),
            "double_injection": double_injection_view(document["double_injection"]),
            "screenshots": [
                figure(shot, screenshot_content or {}, number) for number, shot in enumerate(document["screenshots"], 1)
            ],
            "differences": document["differences"],
            "source": document["images"]["source"],
            "has_bookinfo_standins": has_standin(document["images"], "examples-bookinfo-"),
            "has_tomcat_standin": has_standin(document["images"], "tomcat-app"),
            "schema": document["schema"],
        }
    )


def _header(document: Document) -> Document:
    return {
        "title": _title(document),
        "verdict": document["verdict"],
        "verdict_text": VERDICT_TEXTS[document["verdict"]],
        "created": document["created"],
        "created_text": document["created"].replace("T", " ").replace("Z", " UTC"),
        "facts": list(key_facts(document)),
    }


def _with_texts(chapter: Document) -> Document:
    checks = [{**check, "verdict_text": VERDICT_TEXTS[check["verdict"]]} for check in chapter["checks"]]
    return {**chapter, "verdict_text": VERDICT_TEXTS[chapter["verdict"]], "checks": checks}


def _title(document: Document) -> str:
    """The result of the run in a sentence."""
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
