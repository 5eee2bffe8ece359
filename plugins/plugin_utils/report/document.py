# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's document, from the facts that the lab's roles set.

Pure. The document holds named fields of the facts and nothing else, so that nothing else that a fact holds (the body of
an answer, a token) gets into it.
"""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.addresses import ingress, urls
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.chapters import chapters
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.cluster import cluster, differences, images
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.screenshots import screenshots
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.splits import route_checks, splits
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.trace import trace
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import Document, Facts, as_text, worst
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.workloads import double_injection, injection, pods

# Version of the document's format, which docs/report.schema.json describes.
SCHEMA = 1


def build(facts: Facts, made: str, screenshot_content: dict[str, str] | None = None) -> Document:
    """The document of the facts.

    facts: by their names; one that is empty or missing was not set. made: the time, in ISO 8601. screenshot_content: in
    base64, by the paths of the files.
    """
    facts = {name: value for name, value in facts.items() if value}
    document: Document = {
        "schema": SCHEMA,
        "made": str(made),
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
        "differs": differences(facts),
    }
    document["chapters"] = chapters(document, facts)
    document["verdict"] = worst(chapter["verdict"] for chapter in document["chapters"])
    return document
