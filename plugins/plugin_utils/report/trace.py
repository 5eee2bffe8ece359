# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request's trace: document, checks, and waterfall chart."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.charts import COLORS, position, ticks
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import (
    PASS,
    Check,
    Document,
    Facts,
    as_count,
    as_dict,
    as_dicts,
    as_list,
    as_number,
    as_text,
    verdict_of,
)
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.wording import duration, link, plural

# Maximum number of spans on the page; the document has all of them.
MAX_SPANS = 200


def trace(facts: Facts) -> Document | None:
    """The trace of a request; None if this run did not read one."""
    summary = as_dict(facts.get("jaeger_trace"))
    spans = _spans(summary.get("tree"))
    if not spans:
        return None
    identifier = as_text(summary.get("trace_id"))
    base = jaeger_base(facts) if facts.get("jaeger_ui_available") else ""
    return {
        "trace_id": identifier,
        "url": f"{base}/trace/{quote(identifier, safe='')}" if base else None,
        "services": [as_text(service) for service in as_list(summary.get("services"))],
        "span_count": as_count(summary.get("span_count")) or len(spans),
        "depth": as_count(summary.get("depth")) or max(span["depth"] for span in spans) + 1,
        "start": as_number(summary.get("start")),
        "duration_ms": as_number(summary.get("duration_ms")) or max(map(_end, spans)),
        "errors": sum(1 for span in spans if span["error"]),
        "complete": bool(summary.get("complete")),
        "reasons": [as_text(reason) for reason in as_list(summary.get("reasons"))],
        "calls": _calls(spans),
        "spans": spans,
    }


def jaeger_base(facts: Facts) -> str:
    """The base URL of Jaeger's web UI and query API; empty if Jaeger was not installed."""
    return as_text(facts.get("jaeger_url")).partition("?")[0].rstrip("/").removesuffix("/search")


def _end(span: Document) -> float:
    return span["start_ms"] + span["duration_ms"]


def _spans(tree: object) -> list[Document]:
    """The spans of a tree in the order of a waterfall, each with its depth."""
    # Not recursive, because a tree may be deeper than Python's stack.
    found, rest = [], [(node, 0) for node in reversed(as_dicts(tree))]
    while rest:
        node, depth = rest.pop()
        found.append(_span(node, depth))
        rest += [(child, depth + 1) for child in reversed(as_dicts(node.get("children")))]
    return found


def _span(node: Document, depth: int) -> Document:
    return {
        "service": as_text(node.get("service")),
        "operation": as_text(node.get("operation")),
        "kind": as_text(node.get("kind")),
        "depth": depth,
        "start_ms": max(as_number(node.get("start_ms")) or 0.0, 0.0),
        "duration_ms": max(as_number(node.get("duration_ms")) or 0.0, 0.0),
        "error": bool(node.get("error")),
        "status": as_text(as_dict(node.get("tags")).get("http.status_code")) or None,
    }


def _calls(spans: list[Document]) -> list[Document]:
    """The calls between services, as rows of a tree. Spans within one service are one row, and so are equal calls."""
    root: Document = {"service": None, "calls": 0, "callees": {}}
    path = [(-1, root)]
    for span in spans:
        while path[-1][0] >= span["depth"]:
            path.pop()
        node, service = path[-1][1], span["service"]
        if node["service"] != service:
            node = node["callees"].setdefault(service, {"service": service, "calls": 0, "callees": {}})
            node["calls"] += 1
        path.append((span["depth"], node))
    return list(_call_rows(root))


def _call_rows(root: Document) -> Iterator[Document]:
    rest = [(node, 0) for node in reversed(root["callees"].values())]
    while rest:
        node, depth = rest.pop()
        yield {"service": node["service"], "depth": depth, "calls": node["calls"]}
        rest += [(callee, depth + 1) for callee in reversed(node["callees"].values())]


def checks(document: Document, facts: Facts) -> Iterator[Check]:
    """The checks of the tracing chapter."""
    yield f"Jaeger responds at {as_text(facts['jaeger_url'])}", PASS
    data = document["trace"]
    if not data:
        return
    services = plural(len(data["services"]), "service")
    size = f"{plural(data['span_count'], 'span')} of {services}, {plural(data['depth'], 'level')} deep"
    yield f"one request is one trace of {size}{_incomplete(data)}", verdict_of(data["complete"])
    errors = f"{plural(data['errors'], 'span')} with an error" if data["errors"] else "no span has an error"
    yield errors, verdict_of(not data["errors"])


def _incomplete(data: Document) -> str:
    return "" if data["complete"] else f", which is incomplete: {'; '.join(data['reasons']) or 'reason unknown'}"


# ---- view ----


def waterfall(data: Document) -> Document:
    """A trace as a waterfall chart and as a tree of calls between services."""
    spans = data["spans"][:MAX_SPANS]
    total = max([data["duration_ms"], *map(_end, spans)]) or 1.0
    services = dict.fromkeys(span["service"] for span in data["spans"])
    colors = {service: number % COLORS for number, service in enumerate(services)}
    return {
        **data,
        "link": link(data["url"] or ""),
        "incomplete": _incomplete(data),
        "duration": duration(data["duration_ms"]),
        "services": len(colors),
        "calls": [_call(call, colors) for call in data["calls"][:MAX_SPANS]],
        "rows": [_row(span, total, colors) for span in spans],
        "more": len(data["spans"]) - len(spans),
        "ticks": ticks(total),
    }


def _call(call: Document, colors: dict[str, int]) -> Document:
    return {
        "service": call["service"] or "unnamed",
        "indent": min(call["depth"], 12),
        "color": colors[call["service"]],
        "calls": plural(call["calls"], "call") if call["depth"] else "entry point of the request",
    }


def _row(span: Document, total: float, colors: dict[str, int]) -> Document:
    begin, length = span["start_ms"] / total, duration(span["duration_ms"])
    error = ", with an error" if span["error"] else ""
    name = f"{span['service']}, {span['kind'] or 'span'}"
    return {
        **span,
        "short": span["service"].partition(".")[0] or "unnamed",
        "color": colors[span["service"]],
        "indent": min(span["depth"], 12),
        # A very thin bar would be invisible, so it is drawn wider, and farther left near the end of the axis.
        "width": position(max(span["duration_ms"] / total, 0.004)),
        "x": position(min(begin, 0.996)),
        "duration": length,
        "description": f"{name}: from {duration(span['start_ms'])}, for {length}{error}",
    }
