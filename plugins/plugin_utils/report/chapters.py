# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chapters of the lab in the report: what each checked, and its verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import cluster, splits, trace, workloads
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import (
    MISSING,
    PASS,
    Check,
    Document,
    Facts,
    worst,
)

# The one list of chapters: playbooks/vars/chapters.yml describes its fields.
LIST = Path(__file__).resolve().parents[3] / "playbooks/vars/chapters.yml"

# What a chapter checked, by its name. A chapter without a function here is reported by the fact that it ran.
CHECKS: dict[str, Callable[[Document, Facts], Iterator[Check]]] = {
    "cluster": cluster.checks,
    "install": workloads.install_checks,
    "bookinfo": workloads.bookinfo_checks,
    "tracing": trace.checks,
    "traffic": splits.checks,
    "injection": workloads.injection_checks,
}


def reported() -> list[Document]:
    """The chapters that are in the report, in their order."""
    listed = yaml.safe_load(LIST.read_text(encoding="utf-8"))["chapters"]
    return [chapter for chapter in listed if "ran" in chapter]


def chapters(document: Document, facts: Facts) -> list[Document]:
    """Every chapter with its checks; document: the sections of the report."""
    return [_chapter(chapter["name"], chapter, document, facts) for chapter in reported()]


def _chapter(name: str, chapter: Document, document: Document, facts: Facts) -> Document:
    found = {"name": name, "title": chapter["title"], "verdict": MISSING, "checks": [], "run": f"--tags {name},report"}
    if chapter["ran"] not in facts:
        return found
    checks = [{"what": what, "verdict": verdict} for what, verdict in CHECKS.get(name, _ran)(document, facts)]
    return {**found, "verdict": worst(check["verdict"] for check in checks), "checks": checks, "run": None}


def _ran(_document: Document, _facts: Facts) -> Iterator[Check]:
    yield "it ran without an error", PASS
