# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's document, built from the facts that the lab's roles set.

The document holds only named fields of the facts, so that other content (response bodies, tokens) does not get into it.
"""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.addresses import ingress, urls
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.chapters import reported
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.cluster import cluster, differences, images
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.screenshots import screenshots
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.splits import route_checks, splits
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.trace import trace
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import Document, Facts, as_text, worst
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.workloads import double_injection, injection, pods

# Version of the document's format, which docs/report.schema.json describes.
SCHEMA = 1


def build(
    facts: Facts, created: str, chapters: list[Document], screenshot_content: dict[str, str] | None = None
) -> Document:
    """Build the document.

    facts: values by the names of the facts; an empty value means that the fact was not set. created: time in ISO 8601.
    chapters: entries of playbooks/vars/chapters.yml. screenshot_content: content in base64, by the paths of the files.
    """
    facts = {name: value for name, value in facts.items() if value or value is False}
    document: Document = {
        "schema": SCHEMA,
        "created": str(created),
        "cluster": cluster(facts),
        "istio": {"version": as_text(facts.get("istio_version")) or None},
        "images": images(facts),
        "ingress": ingress(facts),
        "urls": urls(facts),
        "pods": pods(facts),
        "injection": injection(facts),
        "double_injection": double_injection(facts),
        "splits": splits(facts),
        "route_checks": route_checks(facts),
        "trace": trace(facts),
        "screenshots": screenshots(facts, screenshot_content or {}),
        "differences": differences(facts),
    }
    document["chapters"] = reported(chapters, document, facts)
    document["verdict"] = worst(chapter["verdict"] for chapter in document["chapters"])
    return document
