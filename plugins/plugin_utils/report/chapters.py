# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chapters of the lab in the report, with their checks and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import cluster, splits, trace, workloads
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import (
    MISSING,
    PASS,
    Check,
    Document,
    Facts,
    worst,
)

# The checks by the names of the chapters. Of a chapter that is not listed, the report shows only that it ran.
CHECKS: dict[str, Callable[[Document, Facts], Iterator[Check]]] = {
    "cluster": cluster.checks,
    "install": workloads.install_checks,
    "bookinfo": workloads.bookinfo_checks,
    "tracing": trace.checks,
    "traffic": splits.checks,
    "injection": workloads.injection_checks,
}


def reported(chapters: list[Document], document: Document, facts: Facts) -> list[Document]:
    """The chapters with their checks, without those that the report does not show; document: its other sections."""
    return [_chapter(chapter, document, facts) for chapter in chapters if "ran" in chapter]


def _chapter(chapter: Document, document: Document, facts: Facts) -> Document:
    name, title = chapter["name"], chapter["title"]
    if chapter["ran"] not in facts:
        return {"name": name, "title": title, "verdict": MISSING, "checks": [], "tags": f"{name},report"}
    found = CHECKS.get(name, _ran)(document, facts)
    checks = [{"description": description, "verdict": verdict} for description, verdict in found]
    verdict = worst(check["verdict"] for check in checks)
    return {"name": name, "title": title, "verdict": verdict, "checks": checks, "tags": None}


def _ran(_document: Document, _facts: Facts) -> Iterator[Check]:
    yield "it ran without an error", PASS
