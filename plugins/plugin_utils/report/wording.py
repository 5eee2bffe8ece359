# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers and verdicts in words, for the report's page."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import FAIL, INCONCLUSIVE, MISSING, PASS

VERDICT_TEXTS = {PASS: "passed", FAIL: "failed", INCONCLUSIVE: "inconclusive", MISSING: "did not run"}


def plural(count: int, noun: str) -> str:
    """1 pod, 2 pods."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def percent(share: float | None) -> str:
    """0.79 as 79.0%."""
    return "none" if share is None else f"{100 * share:.1f}%"


def probability(p_value: float | None) -> str:
    """A p-value with its relation: = 0.65, < 0.0001."""
    if p_value is None:
        return "unknown"
    if p_value < 0.0001:
        return "< 0.0001"
    return f"= {p_value:.2f}" if p_value >= 0.1 else f"= {p_value:.2g}"


def frequency(p_value: float) -> str:
    """A p-value as a number of runs: 65 of 100 runs."""
    if p_value >= 0.995:
        return "practically every run"
    if p_value >= 0.01:
        return f"{round(100 * p_value)} of 100 runs"
    if p_value >= 0.0001:
        return f"1 of {round(1 / p_value):,} runs"
    return "fewer than 1 of 10,000 runs"


def duration(milliseconds: float | None) -> str:
    """27.5 ms, or 1.23 s."""
    if milliseconds is None:
        return "unknown"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.1f} ms" if milliseconds >= 1 else f"{milliseconds:.2f} ms"


def lower_first(text: str) -> str:
    """The text with a lower-case first letter, for use within a sentence."""
    return text[:1].lower() + text[1:]


def link(url: str) -> str:
    """The URL if it is safe to link to, else an empty text."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    safe = parts.scheme in ("http", "https") and parts.hostname and not any(x <= " " or x in "\"'<>\\" for x in url)
    return url if safe else ""


def escaped(value: Any) -> Any:
    """The value with every string in it escaped for HTML."""
    if isinstance(value, dict):
        return {key: escaped(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [escaped(item) for item in value]
    if isinstance(value, str):
        return html.escape("".join(x if x.isprintable() or x in "\n\t" else "\N{REPLACEMENT CHARACTER}" for x in value))
    return value
