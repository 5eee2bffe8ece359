# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic splits and match rules: document, checks, and bar charts."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.charts import COLORS, anchor, position
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import (
    FAIL,
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
    known_verdict,
    worst,
)
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.wording import (
    VERDICT_TEXTS,
    frequency,
    lower_first,
    percent,
    plural,
    probability,
)

# Fact, name in the document, title and description.
SPLITS = (
    (
        "traffic_shifting_baseline",
        "baseline",
        "Before the rule",
        "Without a rule, the Service spreads the requests evenly over its pods.",
    ),
    (
        "traffic_shifting_baseline_without_sidecar",
        "baseline_without_sidecar",
        "Before the rule, from a client without a sidecar",
        "The same Service, requested by a client outside the mesh. Without a rule, the result is the same.",
    ),
    (
        "traffic_shifting_split",
        "weights",
        "With the weights",
        "A VirtualService sets the weights. For each request, the client's sidecar chooses a backend by these weights.",
    ),
    (
        "traffic_shifting_split_without_sidecar",
        "weights_without_sidecar",
        "The same rule, from a client without a sidecar",
        "Weights are applied by the client's sidecar. This client has none, so the rule has no effect.",
    ),
)
# Bar charts, in pixels: height of a backend's row, offset of the bar in it, height of the bar.
ROW, BAR_OFFSET, BAR = 62, 28, 20

_RESULTS = {
    PASS: "The result is consistent with the expected shares.",
    FAIL: "The result does not match the expected shares.",
}


def splits(facts: Facts) -> list[Document]:
    """The measured splits, in the order of SPLITS."""
    found = [_split(as_dict(facts.get(fact)), *texts) for fact, *texts in SPLITS]
    return [split for split in found if split["backends"]]


def _split(result: Document, name: str, title: str, description: str) -> Document:
    split = {
        "name": name,
        "title": title,
        "description": description,
        "verdict": known_verdict(result.get("verdict")),
        "requests": as_count(result.get("requests")),
        "answered": as_count(result.get("answered")),
        "errors": as_count(as_dict(result.get("errors")).get("total")),
        "p_value": as_number(result.get("p_value")),
        "significance": as_number(result.get("significance")),
        "elapsed": as_number(result.get("elapsed")),
        "sidecar": bool(as_dict(result.get("client")).get("sidecar")),
        "sensitivity": _sensitivity(as_dict(result.get("sensitivity"))),
        "backends": [_backend(backend) for backend in as_dicts(result.get("backends"))],
    }
    return {**split, "summary": summary(split, as_text(result.get("reason")))}


def _backend(backend: Document) -> Document:
    interval = [as_number(end) for end in as_list(backend.get("interval"))]
    return {
        "name": as_text(backend.get("name")),
        "weight": as_count(backend.get("weight")),
        "expected_share": as_number(backend.get("expected_share")),
        "count": as_count(backend.get("count")),
        "share": as_number(backend.get("share")),
        "interval": interval if len(interval) == 2 and None not in interval else None,
        "p_value": as_number(backend.get("p_value")),
    }


def _sensitivity(found: Document) -> Document | None:
    shares = [as_number(share) for share in as_list(found.get("shares"))]
    passes = as_number(found.get("pass_probability"))
    if not shares or None in shares or passes is None:
        return None
    return {"shares": shares, "pass_probability": passes, "requests": as_count(found.get("requests")) or None}


def summary(split: Document, reason: str) -> str:
    """A measurement in words, for a reader who does not know statistics."""
    counts = join_and(f"{backend['count']} went to {backend['name']}" for backend in split["backends"])
    sentences = [f"Of {split['answered']} answered requests, {counts}."]
    if split["errors"]:
        sentences.append(f"{plural(split['errors'], 'request')} failed or matched no backend.")
    if split["p_value"] is not None:
        sentences.append(
            "If the true shares are the expected ones, chance alone causes a deviation at least this large in "
            f"{frequency(split['p_value'])} (p {probability(split['p_value'])})."
        )
    sentences.append(_RESULTS.get(split["verdict"], "The result is inconclusive."))
    if split["sensitivity"] and split["verdict"] == PASS:
        sentences.append(_sensitivity_sentence(split["sensitivity"]))
    if reason and split["verdict"] != PASS:
        sentences.append(f"Likely cause: {reason}.")
    return " ".join(sentences)


def _sensitivity_sentence(found: Document) -> str:
    shares = "/".join(f"{100 * share:g}" for share in found["shares"])
    passes = found["pass_probability"]
    often = percent(passes) if passes >= 0.001 else "less than 0.1%"
    return f"With this many requests, a true split of {shares} would pass in {often} of runs."


def route_checks(facts: Facts) -> list[Document]:
    """The measurements of requests that match a rule, and of the others, which the weights distribute."""
    results = as_dicts(facts.get("traffic_shifting_route_check_results"))
    return [_route_check(result, as_dict(result.get("measurement"))) for result in results]


def _route_check(result: Document, measured: Document) -> Document:
    backends = [_backend(backend) for backend in as_dicts(measured.get("backends"))]
    return {
        "name": as_text(result.get("name")),
        "request": as_text(result.get("request")),
        "backend": as_text(result.get("backend")) or None,
        "answered": as_count(measured.get("answered")),
        "errors": as_count(as_dict(measured.get("errors")).get("total")),
        "observed": [{key: backend[key] for key in ("name", "count", "share")} for backend in backends],
        "verdict": known_verdict(measured.get("verdict")),
    }


def checks(document: Document, _facts: Facts) -> Iterator[Check]:
    """The checks of the traffic chapter."""
    for split in document["splits"]:
        shares = ", ".join(f"{backend['name']} {percent(backend['share'])}" for backend in split["backends"])
        yield f"{lower_first(split['title'])}, {_weights(split)}: {shares} of {split['answered']}", split["verdict"]
    found = [check for check in document["route_checks"] if check["backend"]]
    if found:
        passed = sum(1 for check in found if check["verdict"] == PASS)
        yield f"{passed} of {plural(len(found), 'route check')} passed", worst(check["verdict"] for check in found)


def _weights(split: Document) -> str:
    return "/".join(str(backend["weight"]) for backend in split["backends"])


# ---- view ----


def chart(split: Document) -> Document:
    """A split as a bar chart, with a description of the chart."""
    height, significance = len(split["backends"]) * ROW, split["significance"]
    return {
        **split,
        "verdict_text": VERDICT_TEXTS[split["verdict"]],
        "weights": _weights(split),
        "p": probability(split["p_value"]),
        "confidence": f", {100 * (1 - significance):g}% confidence" if significance else "",
        "backends": [_bar(number, backend) for number, backend in enumerate(split["backends"])],
        "bar": BAR,
        "height": height + 26,
        "axis": height + 4,
        "y_ticks": height + 20,
        "ticks": [{"x": f"{x}%", "text": f"{x}%", "anchor": anchor(x)} for x in (0, 25, 50, 75, 100)],
        "chart_description": "; ".join(map(_bar_description, split["backends"])),
    }


def _bar(number: int, backend: Document) -> Document:
    low, high = backend["interval"] or (None, None)
    top, expected = number * ROW + BAR_OFFSET, backend["expected_share"]
    return {
        **backend,
        "share": percent(backend["share"]),
        "expected": percent(expected),
        "interval": f"{percent(low)} to {percent(high)}" if low is not None else "unknown",
        "p": probability(backend["p_value"]).removeprefix("= "),
        "color": number % COLORS,
        "y_text": number * ROW + 20,
        "y": top,
        "y_middle": top + BAR // 2,
        "y_top": top - 5,
        "y_end": top + BAR + 5,
        "width": position(backend["share"] or 0.0),
        "x_low": position(low) if low is not None else None,
        "x_high": position(high) if high is not None else None,
        "x_expected": position(expected) if expected is not None else None,
    }


def _bar_description(backend: Document) -> str:
    text = f"{backend['name']}: {percent(backend['share'])} observed, {percent(backend['expected_share'])} expected"
    low, high = backend["interval"] or (None, None)
    return text if low is None else f"{text}, interval {percent(low)} to {percent(high)}"


def route_check_row(check: Document) -> Document:
    """A route check as a row of the page's table."""
    counts = ", ".join(f"{backend['name']} {backend['count']}" for backend in check["observed"])
    return {
        **check,
        "verdict_text": VERDICT_TEXTS[check["verdict"]],
        "observed": counts,
        "target": check["backend"] or "by weight",
    }
