# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._tracing import jaeger
from ansible_collections.meshlab.istio.plugins.module_utils._tracing import traces as subject

GATEWAY = "istio-ingressgateway.istio-system"
SERVICES = ("istio-ingressgateway", "productpage", "details", "reviews", "ratings")
START = 1_793_000_000_000_000  # in microseconds, as in Jaeger
BOOKINFO_CRITERIA = subject.Criteria(SERVICES, 5, 8)

# ---- a request to Bookinfo, as Jaeger returns it: service, kind, parent, start and duration in microseconds ----

BOOKINFO = {
    "a1": (GATEWAY, "client", None, 0, 27_451),
    "a2": ("productpage.default", "server", "a1", 900, 26_000),
    "a3": ("productpage.default", "client", "a2", 3_000, 5_000),
    "a4": ("details.default", "server", "a3", 4_000, 3_000),
    "a5": ("productpage.default", "client", "a2", 10_000, 13_000),
    "a6": ("reviews.default", "server", "a5", 11_000, 11_000),
    "a7": ("reviews.default", "client", "a6", 13_000, 6_000),
    "a8": ("ratings.default", "server", "a7", 14_000, 4_000),
}


def tag(key, value):
    return {"key": key, "type": "string", "value": value}


def trace(spans=None, trace_id="4bf92f3577b34da6", start=START, **tags):
    """A trace, by default of BOOKINFO. tags: additional tags of every span."""
    spans = BOOKINFO if spans is None else spans
    services = sorted({x[0] for x in spans.values()})
    return {
        "traceID": trace_id,
        "spans": [
            {
                "traceID": trace_id,
                "spanID": identifier,
                "operationName": f"{service}:9080/*",
                "references": [{"refType": "CHILD_OF", "traceID": trace_id, "spanID": parent}] if parent else [],
                "startTime": start + offset,
                "duration": duration,
                "tags": [tag("span.kind", kind), tag("http.status_code", "200"), *(tag(*x) for x in tags.items())],
                "logs": [],
                "processID": f"p{services.index(service)}",
                "warnings": None,
            }
            for identifier, (service, kind, parent, offset, duration) in spans.items()
        ],
        "processes": {f"p{n}": {"serviceName": service, "tags": []} for n, service in enumerate(services)},
        "warnings": None,
    }


def only(*identifiers, cut=()):
    """Some spans of BOOKINFO. cut: those without their parent."""
    return {x: (*BOOKINFO[x][:2], None if x in cut else BOOKINFO[x][2], *BOOKINFO[x][3:]) for x in identifiers}


# The traces if productpage does not forward the headers.
FRAGMENTS = [
    trace(only("a1", "a2"), "1" * 16),
    trace(only("a3", "a4", cut=["a3"]), "2" * 16),
    trace(only("a5", "a6", "a7", "a8", cut=["a5"]), "3" * 16),
]


def judged(found, criteria=BOOKINFO_CRITERIA, service="istio-ingressgateway", age=1000, **options):
    """The SearchResult of wait for these traces. age: seconds since their start."""
    services = sorted({y["serviceName"] for x in found for y in x["processes"].values()})
    return subject.wait(
        lambda: services,
        lambda name: [x for x in found if name in {y["serviceName"] for y in x["processes"].values()}],
        service,
        criteria,
        clock=lambda: START / 1e6 + age,
        **options,
    )


# ---- one trace ----


def test_summary_of_a_complete_trace():
    found = subject.summarize(trace(error="false"), ["http.status_code", "nowhere"])
    assert {key: found[key] for key in found if key not in ("tree", "services")} == {
        "trace_id": "4bf92f3577b34da6",
        "span_count": 8,
        "depth": 6,
        "start": START / 1e6,
        "duration_ms": 27.451,
        "errors": 0,
        "missing_parents": [],
    }
    assert found["services"] == [
        "details.default",
        GATEWAY,
        "productpage.default",
        "ratings.default",
        "reviews.default",
    ]
    [root] = found["tree"]
    page = root["children"][0]
    assert (root["service"], root["kind"], root["start_ms"], root["duration_ms"]) == (GATEWAY, "client", 0.0, 27.451)
    assert page["tags"] == {"http.status_code": "200"}
    assert [x["start_ms"] for x in page["children"]] == [3.0, 10.0]
    assert page["children"][1]["children"][0]["children"][0]["children"][0]["service"] == "ratings.default"


def test_waterfall():
    lines = subject.waterfall(subject.summarize(trace()), 40)
    assert lines == [
        "istio-ingressgateway.istio-system  client     27.5 ms  |========================================|",
        "  productpage.default              server     26.0 ms  | ====================================== |",
        "    productpage.default            client      5.0 ms  |    =======                             |",
        "      details.default              server      3.0 ms  |     ====                               |",
        "    productpage.default            client     13.0 ms  |              ===================       |",
        "      reviews.default              server     11.0 ms  |                ================        |",
        "        reviews.default            client      6.0 ms  |                  =========             |",
        "          ratings.default          server      4.0 ms  |                    ======              |",
    ]
    failed = subject.waterfall(subject.summarize(trace(only("a1"), error="true")), 10)
    assert failed == ["istio-ingressgateway.istio-system  client     27.5 ms  |==========|  error"]
    assert subject.waterfall(subject.summarize({"traceID": "1", "spans": []}), 10) == []


@given(
    st.lists(st.tuples(st.none() | st.integers(0, 9), st.integers(0, 50_000), st.integers(0, 90_000)), max_size=12),
    st.integers(1, 60),
)
def test_waterfall_has_a_line_per_span_and_bars_within_the_width(generated, width):
    spans = {
        f"b{n}": ("web", "client", None if parent is None else f"b{parent}", start, duration)
        for n, (parent, start, duration) in enumerate(generated)
    }
    lines = subject.waterfall(subject.summarize(trace(spans)), width)
    bars = [line.split("|")[1] for line in lines]
    assert len(bars) == len(spans)
    assert all(len(x) == width and x.strip(" ").strip("=") == "" and "=" in x for x in bars)


def test_spans_with_an_error_are_counted():
    assert subject.summarize(trace(error="true"))["errors"] == 8
    mixed = trace()
    mixed["spans"][3]["tags"].append({"key": "error", "type": "bool", "value": True})
    assert subject.summarize(mixed)["errors"] == 1


def test_missing_parent():
    found = subject.summarize(trace(only("a2", "a3", "a4")))
    assert found["missing_parents"] == [{"span_id": "a2", "parent_id": "a1", "service": "productpage.default"}]
    assert found["depth"] == 3
    assert subject.incomplete_reasons(found, subject.Criteria()) == ["missing parent spans: 1 (of productpage.default)"]


def test_parent_span_id_of_old_releases():
    old = trace()
    for span in old["spans"]:
        references = span.pop("references")
        span["parentSpanID"] = references[0]["spanID"] if references else "0"
    assert subject.summarize(old) == subject.summarize(trace())


def test_references_to_other_traces_are_ignored():
    linked = trace(only("a1"))
    linked["spans"][0]["references"] = [{"refType": "FOLLOWS_FROM", "traceID": "9" * 16, "spanID": "f1"}]
    assert subject.summarize(linked)["missing_parents"] == []


def test_two_root_spans():
    found = subject.summarize(trace(only("a1", "a2", "a5", "a6", cut=["a5"])))
    assert subject.incomplete_reasons(found, subject.Criteria()) == ["expected 1 root span, got 2"]


def test_unmet_criteria():
    found = subject.summarize(trace(only("a1", "a2", "a3", "a4")))
    assert subject.incomplete_reasons(found, BOOKINFO_CRITERIA) == [
        "no span of reviews, ratings",
        "expected at least 5 services, got 3",
        "expected at least 8 spans, got 4",
    ]


def names(tree):
    return [x for node in tree for x in (node["span_id"], *names(node["children"]))]


@given(st.lists(st.integers(-1, 12), min_size=1, max_size=12))
def test_every_span_is_in_the_tree_once_for_any_parents(parents):
    spans = {f"s{n}": ("a", "server", f"s{x}" if x >= 0 else None, n, 1) for n, x in enumerate(parents)}
    found = subject.summarize(trace(spans))
    assert sorted(names(found["tree"])) == sorted(spans)
    assert found["span_count"] == len(spans)
    assert 1 <= found["depth"] <= len(spans)


@pytest.mark.parametrize(
    ("service", "name", "expected"),
    [
        ("reviews.default", "reviews", True),
        ("reviews.default", "reviews.default", True),
        ("reviews.default", "reviews.other", False),
        ("reviews-v2.default", "reviews", False),
        ("istio-ingressgateway", "istio-ingressgateway", True),
    ],
)
def test_names_with_and_without_a_namespace(service, name, expected):
    assert subject.matches_name(service, name) is expected


def test_find_service_by_unique_short_name():
    assert subject.find_service("web", ["web.a", "other.a"]) == "web.a"
    assert subject.find_service("web", ["web.a", "web.b"]) == "web"
    assert subject.find_service("web", ["web", "web.b"]) == "web"


# ---- fragments ----


def test_fragments_have_the_service_that_split_the_request():
    found = subject.find_fragments(FRAGMENTS)
    assert found == [
        {"service": "productpage.default", "trace_id": "1" * 16, "fragment_id": "2" * 16},
        {"service": "productpage.default", "trace_id": "1" * 16, "fragment_id": "3" * 16},
    ]


def test_a_complete_trace_and_an_independent_caller_are_not_fragments():
    job = trace({"b1": ("productpage.default", "client", None, 500_000, 1_000)}, "b" * 16)
    client = trace({"c1": ("client.default", "client", None, 5_000, 1_000)}, "c" * 16)
    assert subject.find_fragments([trace(), job, client]) == []


# ---- verdicts ----


def test_complete():
    outcome = judged([trace()])
    assert outcome.verdict == "complete"
    assert outcome.service == GATEWAY
    assert outcome.traces[0]["complete"] is True
    assert outcome.traces[0]["reasons"] == []
    assert outcome.reason == ("1 of 1 traces is complete; the newest one, 4bf92f3577b34da6, has 8 spans of 5 services")


def test_one_complete_trace_is_enough():
    short = trace(only("a1", "a2"), "5" * 16, START + 1_000_000)
    outcome = judged([trace(), short])
    assert outcome.verdict == "complete"
    assert [x["complete"] for x in outcome.traces] == [False, True]


def test_without_criteria_only_a_settled_trace_is_complete():
    assert judged([trace()], subject.Criteria(), age=1).verdict == "late"
    assert judged([trace()], subject.Criteria(), age=100).verdict == "complete"


def test_late():
    outcome = judged([trace(only("a1", "a2", "a3"))], age=2)
    assert outcome.verdict == "late"
    assert outcome.reason.startswith("1 of 1 traces changed within the last 15 s")
    assert outcome.traces[0]["settled"] is False


def test_broken_by_an_application():
    outcome = judged(FRAGMENTS)
    assert outcome.verdict == "broken"
    assert outcome.reason.startswith("productpage.default does not forward the tracing headers")
    assert "2 traces start in the middle of a request" in outcome.reason
    assert [x["fragment_id"] for x in outcome.fragments] == ["2" * 16, "3" * 16]


@pytest.mark.parametrize("criteria", [subject.Criteria(), subject.Criteria(min_spans=2)])
def test_fragments_are_not_complete(criteria):
    outcome = judged(FRAGMENTS, criteria)
    assert outcome.verdict == "broken"
    assert outcome.traces[0]["reasons"] == ["it is a fragment of a request, split in productpage.default"]


def test_broken_by_a_missing_parent():
    outcome = judged([trace({x: BOOKINFO[x] for x in BOOKINFO if x != "a5"})])
    assert outcome.verdict == "broken"
    assert outcome.reason.startswith("spans of reviews.default reference parents that Jaeger does not have")


def test_incomplete():
    outcome = judged([trace({x: BOOKINFO[x] for x in BOOKINFO if x not in ("a7", "a8")})])
    assert outcome.verdict == "incomplete"
    assert "no span of ratings" in outcome.reason


@pytest.mark.parametrize(
    ("found", "service", "reason"),
    [
        ([], "web", "Jaeger has no spans; check that tracing is enabled"),
        (
            [trace()],
            "web",
            "Jaeger has no service web; its services are details.default, istio-ingressgateway.istio-system",
        ),
    ],
)
def test_none(found, service, reason):
    outcome = judged(found, service=service)
    assert outcome.verdict == "none"
    assert outcome.reason.startswith(reason)


def test_none_of_an_existing_service():
    outcome = subject.wait(lambda: ["web.default", "jaeger-all-in-one"], lambda _name: [], "web", BOOKINFO_CRITERIA)
    assert outcome.verdict == "none"
    assert outcome.reason.startswith("Jaeger has no matching trace of web.default in this period")


def test_waits_for_missing_spans(monkeypatch):
    monkeypatch.setattr(subject, "POLL_SECONDS", 0.01)
    responses = iter([[], [trace(only("a1", "a2"))], [trace()]])
    outcome = subject.wait(
        lambda: [GATEWAY],
        lambda _name: next(responses),
        GATEWAY,
        BOOKINFO_CRITERIA,
        timeout=10,
        clock=lambda: START / 1e6,
    )
    assert outcome.verdict == "complete"


def test_does_not_wait_for_broken_traces():
    outcome = judged(FRAGMENTS, timeout=60)
    assert outcome.verdict == "broken"
    assert outcome.elapsed < 5


def test_input_is_not_modified():
    found = copy.deepcopy(FRAGMENTS)
    judged(found)
    assert found == FRAGMENTS


# ---- URL of Jaeger ----


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("http://127.0.0.1:16686/jaeger", "http://127.0.0.1:16686/jaeger"),
        ("http://127.0.0.1:16686/jaeger/", "http://127.0.0.1:16686/jaeger"),
        ("https://jaeger.example.com/jaeger/search", "https://jaeger.example.com/jaeger"),
        ("http://jaeger/api", "http://jaeger"),
    ],
)
def test_valid_urls(url, checked):
    assert jaeger.check_url(url) == checked


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("127.0.0.1:16686", "url must be that of a Jaeger query service"),
        ("ftp://x/jaeger", "url must be that of a Jaeger query service"),
        ("http://", "url must be that of a Jaeger query service"),
        ("http://x:port/", "url: Port could not be cast to integer"),
        ("http://me:secret@x/jaeger", "url must not contain credentials"),
        ("http://x/jaeger?a=b", "url must not contain a query or fragment"),
    ],
)
def test_invalid_urls(url, problem):
    with pytest.raises(jaeger.JaegerError, match=problem) as error:
        jaeger.check_url(url)
    assert "secret" not in str(error.value)
