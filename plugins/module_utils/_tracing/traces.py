# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces as Jaeger's query API gives them: what each holds, whether it is complete, and if not, why.

Pure but for wait(), whose callables ask Jaeger. Jaeger counts in microseconds; what goes out of here is in milliseconds
and seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

POLL_SECONDS = 1.0

# How far a call may lie outside of the span that made it: proxies note both times, and round them.
SLACK_MICROSECONDS = 1000

# What Jaeger reports about itself.
OWN_SERVICES = ("jaeger", "jaeger-all-in-one", "jaeger-query", "jaeger-collector")

# How many services are searched for pieces of a broken trace.
MOST_SERVICES = 40

KIND = "span.kind"
_CALLS = ("client", "producer")
_SERVES = ("server", "consumer")


@dataclass(frozen=True)
class Wanted:
    """What makes a trace complete, besides being one tree without gaps; services: names as answers_to takes them."""

    services: tuple = ()
    min_services: int = 0
    min_spans: int = 0

    def __bool__(self):
        return bool(self.services or self.min_services or self.min_spans)

    def missing(self, trace: dict) -> list[str]:
        """What a summary lacks, in words, a list."""
        told = []
        absent = [x for x in self.services if not any(answers_to(y, x) for y in trace["services"])]
        if absent:
            told.append(f"no span of {', '.join(absent)}")
        if len(trace["services"]) < self.min_services:
            told.append(f"{len(trace['services'])} of at least {self.min_services} services")
        if trace["span_count"] < self.min_spans:
            told.append(f"{trace['span_count']} of at least {self.min_spans} spans")
        return told


def answers_to(service: str, name: str) -> bool:
    """Whether a service of Jaeger's has a name: its own, or without the namespace that Istio appends to it."""
    return service == name or ("." not in name and service.startswith(f"{name}."))


# --- one trace ---------------------------------------------------------------------------------------------------


def _tags(span):
    return {tag["key"]: tag.get("value") for tag in span.get("tags") or ()}


def _parent(span):
    """The ID of a span's parent, None for a root."""
    references = [x for x in span.get("references") or () if x.get("traceID") == span.get("traceID")]
    references.sort(key=lambda x: x.get("refType") != "CHILD_OF")
    parent = references[0]["spanID"] if references else span.get("parentSpanID")
    return parent if parent and parent.strip("0") else None


def _service(span, trace):
    return ((trace.get("processes") or {}).get(span.get("processID")) or {}).get("serviceName", "")


def _is_error(tags):
    return str(tags.get("error", "")).lower() == "true"


def summarize(trace: dict, span_tags: Sequence[str] = ()) -> dict:
    """What a module returns of one trace of Jaeger's. span_tags: the tags to show of each span."""
    spans = sorted(trace.get("spans") or (), key=lambda x: (x["startTime"], x["spanID"]))
    start = min((x["startTime"] for x in spans), default=0)
    end = max((x["startTime"] + x["duration"] for x in spans), default=0)
    nodes, parents = {}, {}
    for span in spans:
        tags = _tags(span)
        nodes[span["spanID"]] = {
            "span_id": span["spanID"],
            "service": _service(span, trace),
            "operation": span.get("operationName", ""),
            "kind": tags.get(KIND, ""),
            "start_ms": _milliseconds(span["startTime"] - start),
            "duration_ms": _milliseconds(span["duration"]),
            "error": _is_error(tags),
            "tags": {key: tags[key] for key in span_tags if key in tags},
            "children": [],
        }
        parents[span["spanID"]] = _parent(span)
    tree, missing = [], []
    for identifier, node in nodes.items():
        parent = parents[identifier]
        if parent in nodes and not _is_its_own_ancestor(identifier, parents):
            nodes[parent]["children"].append(node)
            continue
        tree.append(node)
        if parent is not None and parent not in nodes:
            missing.append({"span_id": identifier, "parent_id": parent, "service": node["service"]})
    return {
        "trace_id": trace["traceID"],
        "services": sorted({x["service"] for x in nodes.values()}),
        "span_count": len(spans),
        "depth": _depth(tree),
        "start": round(start / 1e6, 6),
        "duration_ms": _milliseconds(end - start),
        "errors": sum(1 for x in nodes.values() if x["error"]),
        "missing_parents": missing,
        "tree": tree,
    }


def waterfall(trace: dict, width: int) -> list[str]:
    """A summary as lines of text, one for each span; width: that of the whole trace's bar, in characters."""
    if width < 1:
        raise ValueError(f"a bar of {width} characters")
    rows, waiting = [], [(0, x) for x in reversed(trace["tree"])]
    while waiting:
        level, span = waiting.pop()
        rows.append(("  " * level + span["service"], span))
        waiting += [(level + 1, x) for x in reversed(span["children"])]
    names = max((len(name) for name, _span in rows), default=0)
    kinds = max((len(span["kind"]) for _name, span in rows), default=0)
    whole = trace["duration_ms"] or 1
    lines = []
    for name, span in rows:
        begin = min(int(span["start_ms"] / whole * width), width - 1)
        length = min(max(round(span["duration_ms"] / whole * width), 1), width - begin)
        drawn = (" " * begin + "=" * length).ljust(width)
        failed = "  error" if span["error"] else ""
        lines.append(f"{name:{names}}  {span['kind']:{kinds}} {span['duration_ms']:8.1f} ms  |{drawn}|{failed}")
    return lines


def _milliseconds(microseconds):
    return round(microseconds / 1000, 3)


def _is_its_own_ancestor(identifier, parents):
    seen, parent = {identifier}, parents.get(identifier)
    while parent in parents:
        if parent in seen:
            return parent == identifier
        seen.add(parent)
        parent = parents[parent]
    return False


def _depth(tree):
    depth, level = 0, tree
    while level:
        depth, level = depth + 1, [child for node in level for child in node["children"]]
    return depth


def lacking(trace: dict, wanted: Wanted) -> list[str]:
    """What keeps a summary from being complete, in words, a list; empty if it is complete."""
    told = wanted.missing(trace)
    if trace["missing_parents"]:
        gaps = ", ".join(sorted({x["service"] for x in trace["missing_parents"]}))
        told.append(f"the parents of {len(trace['missing_parents'])} spans are missing, in {gaps}")
    elif len(trace["tree"]) > 1:
        told.append(f"it has {len(trace['tree'])} roots")
    return told


def pieces(traces: Iterable[dict]) -> list[dict]:
    """Where one request fell apart into several traces, as a list of {service, trace_id, piece}.

    That is where a service was called in a trace and called nobody in it, while in that time another trace begins with
    a call by the same service: it did not pass on the headers that it got.
    traces: of all services, as Jaeger gives them.
    """
    served, began = [], []
    for trace in traces:
        spans = trace.get("spans") or ()
        calling = {_parent(x) for x in spans if _tags(x).get(KIND) not in _SERVES}
        known = {x["spanID"] for x in spans}
        for span in spans:
            kind, end = _tags(span).get(KIND), span["startTime"] + span["duration"]
            if kind in _SERVES and span["spanID"] not in calling:
                served.append((_service(span, trace), span["startTime"], end, trace["traceID"]))
            if kind in _CALLS and _parent(span) not in known:
                began.append((_service(span, trace), span["startTime"], trace["traceID"]))
    found = []
    for service, start, end, trace_id in served:
        for caller, moment, piece in began:
            inside = start - SLACK_MICROSECONDS <= moment <= end + SLACK_MICROSECONDS
            if caller == service and piece != trace_id and inside:
                found.append({"service": service, "trace_id": trace_id, "piece": piece})
    return found


# --- verdict -----------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """The verdict on what Jaeger had, with its reason in a sentence; traces: summaries, newest first."""

    verdict: str = "none"
    reason: str = ""
    service: str = ""
    services: list = field(default_factory=list)
    traces: list = field(default_factory=list)
    pieces: list = field(default_factory=list)
    elapsed: float = 0.0


def find_service(name: str, services: list[str]) -> str:
    """The service of Jaeger's that a name means; the name itself if that is none, or several."""
    found = [x for x in services if answers_to(x, name)]
    return found[0] if name not in services and len(found) == 1 else name


def wait(
    list_services: Callable[[], list[str]],
    find: Callable[[str], list[dict]],
    service: str,
    wanted: Wanted,
    settle: float = 15,
    timeout: float = 0,
    span_tags: Sequence[str] = (),
    clock: Callable[[], float] = time.time,
) -> Outcome:
    """Look for a complete trace of a service, until there is one, or none can come of what is there, or time is over.

    list_services: returns the names of Jaeger's services; find: called with one, returns its traces as Jaeger gives
    them; settle: a trace that has not changed for so many seconds, or ended as long ago, is all there. Returns an
    Outcome.
    """
    started, outcome = time.monotonic(), Outcome()
    changed: dict[str, tuple[int, float]] = {}
    while True:
        over = time.monotonic() - started >= timeout
        services = sorted(list_services())
        name = find_service(service, services)
        found = find(name)
        summaries = sorted((summarize(x, span_tags) for x in found), key=lambda x: x["start"], reverse=True)
        outcome = Outcome(service=name, services=services, traces=summaries)
        for trace in summaries:
            key = trace["trace_id"]
            if key not in changed or changed[key][0] != trace["span_count"]:
                changed[key] = (trace["span_count"], time.monotonic())
            age = clock() - trace["start"] - trace["duration_ms"] / 1000
            trace["settled"] = age >= settle or time.monotonic() - changed[key][1] >= settle
            trace["lacks"] = lacking(trace, wanted)
            # Where nothing is asked for, only time can tell that nothing more will come.
            trace["complete"] = not trace["lacks"] and (bool(wanted) or trace["settled"])
        whole = [x for x in summaries if x["complete"]]
        if summaries and not (whole and wanted.services) and (whole or over or all(x["settled"] for x in summaries)):
            # A piece may look whole, unless it was said which services belong together.
            others = [x for x in services if x not in OWN_SERVICES and x != name][:MOST_SERVICES]
            everything = {x["traceID"]: x for x in found}
            everything.update({x["traceID"]: x for other in others for x in find(other)})
            whole = _take_pieces(outcome, pieces(everything.values()))
        if whole:
            outcome.verdict, outcome.reason = "complete", _tell_complete(summaries)
        elif summaries and (over or all(x["settled"] for x in summaries)):
            _judge(outcome, settle)
        elif over:
            outcome.reason = _tell_none(outcome)
        if over or outcome.verdict in ("complete", "broken"):
            outcome.elapsed = round(time.monotonic() - started, 1)
            return outcome
        time.sleep(POLL_SECONDS)


def _tell_complete(summaries):
    count = sum(1 for x in summaries if x["complete"])
    newest = next(x for x in summaries if x["complete"])
    return (
        f"{count} of {len(summaries)} traces {'is' if count == 1 else 'are'} complete; the newest of them, "
        f"{newest['trace_id']}, has {newest['span_count']} spans of {len(newest['services'])} services"
    )


def _take_pieces(outcome, found):
    """Note in an Outcome which of its traces are pieces of one request, and return those that are complete."""
    ours = {x["trace_id"] for x in outcome.traces}
    outcome.pieces = [x for x in found if x["trace_id"] in ours or x["piece"] in ours]
    for trace in outcome.traces:
        broken = [x for x in outcome.pieces if trace["trace_id"] in (x["trace_id"], x["piece"])]
        if broken:
            trace["complete"] = False
            trace["lacks"].append(f"it is a piece, broken off in {', '.join(sorted({x['service'] for x in broken}))}")
    return [x for x in outcome.traces if x["complete"]]


def _judge(outcome, settle):
    """The verdict where there are traces, none of them complete."""
    newest = outcome.traces[0]
    told = f"trace {newest['trace_id']}: {', '.join(newest['lacks']) or 'whole as far as it came'}"
    growing = [x for x in outcome.traces if not x["settled"]]
    if growing:
        outcome.verdict = "late"
        outcome.reason = (
            f"{len(growing)} of {len(outcome.traces)} traces changed within the last {settle} s, so that more of them "
            f"may come: {told}"
        )
    elif outcome.pieces:
        outcome.verdict = "broken"
        culprits = ", ".join(sorted({x["service"] for x in outcome.pieces}))
        count = len({x["piece"] for x in outcome.pieces})
        outcome.reason = (
            f"{culprits} does not pass on the tracing headers that it gets (x-request-id, x-b3-*, traceparent): "
            f"{count} {'trace begins' if count == 1 else 'traces begin'} in the middle of a request; {told}"
        )
    elif any(x["missing_parents"] for x in outcome.traces):
        outcome.verdict = "broken"
        gaps = [x for trace in outcome.traces for x in trace["missing_parents"]]
        services = ", ".join(sorted({x["service"] for x in gaps}))
        outcome.reason = (
            f"spans of {services} name parents that never came: their caller does not report its spans here, "
            f"or made up the headers; {told}"
        )
    else:
        outcome.verdict = "incomplete"
        outcome.reason = (
            f"nothing more came for {settle} s, and nothing shows that it fell apart: {told}. "
            "Perhaps the request did not take that way, or what it called has no sidecar"
        )


def _tell_none(outcome):
    if not [x for x in outcome.services if x not in OWN_SERVICES]:
        return (
            "Jaeger has no spans at all: is tracing on in the mesh (since Istio 1.22 that takes a tracer in the mesh "
            "configuration, or a Telemetry object with a provider), is the sampling above 0, and was there any traffic?"
        )
    if outcome.service not in outcome.services:
        return f"Jaeger knows no service {outcome.service}; it has {', '.join(outcome.services)}"
    return (
        f"Jaeger knows {outcome.service}, but has no trace of it in this time that fits: was there any traffic, is the "
        "sampling high enough, and are operation and tags right?"
    )
