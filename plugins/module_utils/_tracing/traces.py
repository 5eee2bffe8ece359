# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Summarize traces of Jaeger's query API, and judge whether they are complete.

Input times are in microseconds, as in Jaeger; results are in milliseconds (keys that end in _ms) and seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

POLL_SECONDS = 1.0

# Tolerance for a call outside the span that caused it, because proxies round both times.
TOLERANCE_MICROSECONDS = 1000

# Services of Jaeger itself.
JAEGER_SERVICES = ("jaeger", "jaeger-all-in-one", "jaeger-query", "jaeger-collector")

# Maximum number of services that are searched for fragments of a broken trace.
MAX_SERVICES = 40

KIND = "span.kind"
_CALLS = ("client", "producer")
_SERVES = ("server", "consumer")


@dataclass(frozen=True)
class Criteria:
    """Criteria for a complete trace, in addition to being one tree without gaps. services: names for matches_name."""

    services: tuple = ()
    min_services: int = 0
    min_spans: int = 0

    def __bool__(self):
        return bool(self.services or self.min_services or self.min_spans)

    def unmet(self, trace: dict) -> list[str]:
        """Phrases about the criteria that a summary does not meet."""
        phrases = []
        absent = [x for x in self.services if not any(matches_name(y, x) for y in trace["services"])]
        if absent:
            phrases.append(f"no span of {', '.join(absent)}")
        if len(trace["services"]) < self.min_services:
            phrases.append(f"expected at least {self.min_services} services, got {len(trace['services'])}")
        if trace["span_count"] < self.min_spans:
            phrases.append(f"expected at least {self.min_spans} spans, got {trace['span_count']}")
        return phrases


def matches_name(service: str, name: str) -> bool:
    """Whether a service in Jaeger has this name, with or without the namespace that Istio appends."""
    return service == name or ("." not in name and service.startswith(f"{name}."))


# --- one trace ---------------------------------------------------------------------------------------------------


def _tags(span):
    return {tag["key"]: tag.get("value") for tag in span.get("tags") or ()}


def _parent(span):
    """The ID of a span's parent, None for a root span."""
    references = [x for x in span.get("references") or () if x.get("traceID") == span.get("traceID")]
    references.sort(key=lambda x: x.get("refType") != "CHILD_OF")
    parent = references[0]["spanID"] if references else span.get("parentSpanID")
    return parent if parent and parent.strip("0") else None


def _service(span, trace):
    return ((trace.get("processes") or {}).get(span.get("processID")) or {}).get("serviceName", "")


def _is_error(tags):
    return str(tags.get("error", "")).lower() == "true"


def summarize(trace: dict, span_tags: Sequence[str] = ()) -> dict:
    """Summarize a trace of Jaeger, as the module returns it. span_tags: the tags to keep of each span."""
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
    """Draw a summary as one line of text per span. width: of the longest bar, in characters."""
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}")
    rows, pending = [], [(0, x) for x in reversed(trace["tree"])]
    while pending:
        level, span = pending.pop()
        rows.append(("  " * level + span["service"], span))
        pending += [(level + 1, x) for x in reversed(span["children"])]
    names = max((len(name) for name, _span in rows), default=0)
    kinds = max((len(span["kind"]) for _name, span in rows), default=0)
    total = trace["duration_ms"] or 1
    lines = []
    for name, span in rows:
        begin = min(int(span["start_ms"] / total * width), width - 1)
        length = min(max(round(span["duration_ms"] / total * width), 1), width - begin)
        timeline = (" " * begin + "=" * length).ljust(width)
        error = "  error" if span["error"] else ""
        lines.append(f"{name:{names}}  {span['kind']:{kinds}} {span['duration_ms']:8.1f} ms  |{timeline}|{error}")
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


def incomplete_reasons(trace: dict, criteria: Criteria) -> list[str]:
    """Phrases about why a summary is not complete; empty if it is."""
    phrases = criteria.unmet(trace)
    if trace["missing_parents"]:
        services = ", ".join(sorted({x["service"] for x in trace["missing_parents"]}))
        phrases.append(f"missing parent spans: {len(trace['missing_parents'])} (of {services})")
    elif len(trace["tree"]) > 1:
        phrases.append(f"expected 1 root span, got {len(trace['tree'])}")
    return phrases


def find_fragments(traces: Iterable[dict]) -> list[dict]:
    """Find requests that are split into several traces, as a list of {service, trace_id, fragment_id}.

    A service that was called in one trace and made no call in it, while another trace starts with a call by the same
    service at that time, did not forward the tracing headers.
    traces: of all services, as returned by Jaeger.
    """
    served, started = [], []
    for trace in traces:
        spans = trace.get("spans") or ()
        calling = {_parent(x) for x in spans if _tags(x).get(KIND) not in _SERVES}
        known = {x["spanID"] for x in spans}
        for span in spans:
            kind, end = _tags(span).get(KIND), span["startTime"] + span["duration"]
            if kind in _SERVES and span["spanID"] not in calling:
                served.append((_service(span, trace), span["startTime"], end, trace["traceID"]))
            if kind in _CALLS and _parent(span) not in known:
                started.append((_service(span, trace), span["startTime"], trace["traceID"]))
    found = []
    for service, start, end, trace_id in served:
        for caller, call_start, fragment_id in started:
            during = start - TOLERANCE_MICROSECONDS <= call_start <= end + TOLERANCE_MICROSECONDS
            if caller == service and fragment_id != trace_id and during:
                found.append({"service": service, "trace_id": trace_id, "fragment_id": fragment_id})
    return found


# --- verdict -----------------------------------------------------------------------------------------------------


@dataclass
class SearchResult:
    """The verdict on the traces with its reason. traces: summaries, newest first."""

    verdict: str = "none"
    reason: str = ""
    service: str = ""
    services: list = field(default_factory=list)
    traces: list = field(default_factory=list)
    fragments: list = field(default_factory=list)
    elapsed: float = 0.0


def find_service(name: str, services: list[str]) -> str:
    """The service in Jaeger that has this name; the name itself if no service or several have it."""
    found = [x for x in services if matches_name(x, name)]
    return found[0] if name not in services and len(found) == 1 else name


def wait(
    list_services: Callable[[], list[str]],
    find: Callable[[str], list[dict]],
    service: str,
    criteria: Criteria,
    settle: float = 15,
    timeout: float = 0,
    span_tags: Sequence[str] = (),
    clock: Callable[[], float] = time.time,
) -> SearchResult:
    """Wait for a complete trace of a service, until there is one, the traces are broken, or the timeout expires.

    list_services: returns the names of Jaeger's services; find: returns the traces of a service; settle: seconds
    since its end or its last change after which a trace is final.
    """
    started, outcome = time.monotonic(), SearchResult()
    changed: dict[str, tuple[int, float]] = {}
    while True:
        expired = time.monotonic() - started >= timeout
        services = sorted(list_services())
        name = find_service(service, services)
        found = find(name)
        summaries = sorted((summarize(x, span_tags) for x in found), key=lambda x: x["start"], reverse=True)
        outcome = SearchResult(service=name, services=services, traces=summaries)
        for trace in summaries:
            key = trace["trace_id"]
            if key not in changed or changed[key][0] != trace["span_count"]:
                changed[key] = (trace["span_count"], time.monotonic())
            age = clock() - trace["start"] - trace["duration_ms"] / 1000
            trace["settled"] = age >= settle or time.monotonic() - changed[key][1] >= settle
            trace["reasons"] = incomplete_reasons(trace, criteria)
            # Without criteria, a trace is complete only when no more spans are expected.
            trace["complete"] = not trace["reasons"] and (bool(criteria) or trace["settled"])
        complete = [x for x in summaries if x["complete"]]
        final = expired or all(x["settled"] for x in summaries)
        if summaries and not (complete and criteria.services) and (complete or final):
            # A fragment may look complete if the services of the trace are not given.
            others = [x for x in services if x not in JAEGER_SERVICES and x != name][:MAX_SERVICES]
            all_traces = {x["traceID"]: x for x in found}
            all_traces.update({x["traceID"]: x for other in others for x in find(other)})
            complete = _mark_fragments(outcome, find_fragments(all_traces.values()))
        if complete:
            outcome.verdict, outcome.reason = "complete", _complete_reason(summaries)
        elif summaries and final:
            _judge_incomplete(outcome, settle)
        elif expired:
            outcome.reason = _none_reason(outcome)
        if expired or outcome.verdict in ("complete", "broken"):
            outcome.elapsed = round(time.monotonic() - started, 1)
            return outcome
        time.sleep(POLL_SECONDS)


def _complete_reason(summaries):
    count = sum(1 for x in summaries if x["complete"])
    newest = next(x for x in summaries if x["complete"])
    return (
        f"{count} of {len(summaries)} traces {'is' if count == 1 else 'are'} complete; the newest one, "
        f"{newest['trace_id']}, has {newest['span_count']} spans of {len(newest['services'])} services"
    )


def _mark_fragments(outcome, found):
    """Mark the fragments among the traces of a SearchResult, and return the traces that are complete."""
    own = {x["trace_id"] for x in outcome.traces}
    outcome.fragments = [x for x in found if x["trace_id"] in own or x["fragment_id"] in own]
    for trace in outcome.traces:
        broken = [x for x in outcome.fragments if trace["trace_id"] in (x["trace_id"], x["fragment_id"])]
        if broken:
            services = ", ".join(sorted({x["service"] for x in broken}))
            trace["complete"] = False
            trace["reasons"].append(f"it is a fragment of a request, split in {services}")
    return [x for x in outcome.traces if x["complete"]]


def _judge_incomplete(outcome, settle):
    """Set the verdict for traces none of which is complete."""
    newest = outcome.traces[0]
    detail = f"trace {newest['trace_id']}: {', '.join(newest['reasons']) or 'complete so far'}"
    growing = [x for x in outcome.traces if not x["settled"]]
    if growing:
        outcome.verdict = "late"
        outcome.reason = (
            f"{len(growing)} of {len(outcome.traces)} traces changed within the last {settle} s, so more spans may "
            f"arrive; {detail}"
        )
    elif outcome.fragments:
        outcome.verdict = "broken"
        services = ", ".join(sorted({x["service"] for x in outcome.fragments}))
        count = len({x["fragment_id"] for x in outcome.fragments})
        outcome.reason = (
            f"{services} does not forward the tracing headers that it receives (x-request-id, x-b3-*, traceparent): "
            f"{count} {'trace starts' if count == 1 else 'traces start'} in the middle of a request; {detail}"
        )
    elif any(x["missing_parents"] for x in outcome.traces):
        outcome.verdict = "broken"
        gaps = [x for trace in outcome.traces for x in trace["missing_parents"]]
        services = ", ".join(sorted({x["service"] for x in gaps}))
        outcome.reason = (
            f"spans of {services} reference parents that Jaeger does not have: their caller does not report its spans "
            f"to this Jaeger, or sent invalid headers; {detail}"
        )
    else:
        outcome.verdict = "incomplete"
        outcome.reason = (
            f"no span arrived for {settle} s, and the traces are not broken; {detail}. "
            "The request may have taken another path, or a service that it called has no sidecar"
        )


def _none_reason(outcome):
    if not [x for x in outcome.services if x not in JAEGER_SERVICES]:
        return (
            "Jaeger has no spans; check that tracing is enabled in the mesh (since Istio 1.22, this requires a tracer "
            "in the mesh configuration or a Telemetry object with a provider), that the sampling is above 0, and that "
            "there was traffic"
        )
    if outcome.service not in outcome.services:
        return f"Jaeger has no service {outcome.service}; its services are {', '.join(outcome.services)}"
    return (
        f"Jaeger has no matching trace of {outcome.service} in this period; check that there was traffic, that the "
        "sampling is high enough, and that operation and tags are correct"
    )
