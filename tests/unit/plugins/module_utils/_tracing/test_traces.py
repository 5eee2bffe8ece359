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
FIVE = ("istio-ingressgateway", "productpage", "details", "reviews", "ratings")
START = 1_793_000_000_000_000  # in microseconds, as Jaeger counts
WHOLE = subject.Wanted(FIVE, 5, 8)

# ---- a request to Bookinfo, as Jaeger gives it: service, kind, parent, start and duration in microseconds ----

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
    """A trace, of BOOKINFO if spans are not given; tags: those of every span beside its kind."""
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
    """Some spans of BOOKINFO, those in cut without their parents."""
    return {x: (*BOOKINFO[x][:2], None if x in cut else BOOKINFO[x][2], *BOOKINFO[x][3:]) for x in identifiers}


# What becomes of it if productpage does not pass on the headers.
PIECES = [
    trace(only("a1", "a2"), "1" * 16),
    trace(only("a3", "a4", cut=["a3"]), "2" * 16),
    trace(only("a5", "a6", "a7", "a8", cut=["a5"]), "3" * 16),
]


def look(found, wanted=WHOLE, service="istio-ingressgateway", age=1000, **options):
    """What wait says of traces, once; age: seconds since they began."""
    services = sorted({y["serviceName"] for x in found for y in x["processes"].values()})
    return subject.wait(
        lambda: services,
        lambda name: [x for x in found if name in {y["serviceName"] for y in x["processes"].values()}],
        service,
        wanted,
        clock=lambda: START / 1e6 + age,
        **options,
    )


# ---- one trace ----


def test_a_whole_trace():
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


def test_a_waterfall():
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
def test_a_waterfall_has_a_line_for_every_span_and_no_bar_beyond_its_width(drawn, width):
    spans = {
        f"b{n}": ("web", "client", None if parent is None else f"b{parent}", start, duration)
        for n, (parent, start, duration) in enumerate(drawn)
    }
    lines = subject.waterfall(subject.summarize(trace(spans)), width)
    bars = [line.split("|")[1] for line in lines]
    assert len(bars) == len(spans)
    assert all(len(x) == width and x.strip(" ").strip("=") == "" and "=" in x for x in bars)


def test_spans_that_failed_are_counted():
    assert subject.summarize(trace(error="true"))["errors"] == 8
    odd = trace()
    odd["spans"][3]["tags"].append({"key": "error", "type": "bool", "value": True})
    assert subject.summarize(odd)["errors"] == 1


def test_a_parent_that_is_not_there():
    found = subject.summarize(trace(only("a2", "a3", "a4")))
    assert found["missing_parents"] == [{"span_id": "a2", "parent_id": "a1", "service": "productpage.default"}]
    assert found["depth"] == 3
    assert subject.lacking(found, subject.Wanted()) == ["the parents of 1 spans are missing, in productpage.default"]


def test_old_releases_name_the_parent_in_the_span():
    old = trace()
    for span in old["spans"]:
        references = span.pop("references")
        span["parentSpanID"] = references[0]["spanID"] if references else "0"
    assert subject.summarize(old) == subject.summarize(trace())


def test_links_to_other_traces_are_no_parents():
    linked = trace(only("a1"))
    linked["spans"][0]["references"] = [{"refType": "FOLLOWS_FROM", "traceID": "9" * 16, "spanID": "f1"}]
    assert subject.summarize(linked)["missing_parents"] == []


def test_two_roots():
    found = subject.summarize(trace(only("a1", "a2", "a5", "a6", cut=["a5"])))
    assert subject.lacking(found, subject.Wanted()) == ["it has 2 roots"]


def test_what_is_asked_for_is_missed():
    found = subject.summarize(trace(only("a1", "a2", "a3", "a4")))
    assert subject.lacking(found, WHOLE) == [
        "no span of reviews, ratings",
        "3 of at least 5 services",
        "4 of at least 8 spans",
    ]


def names(tree):
    return [x for node in tree for x in (node["span_id"], *names(node["children"]))]


@given(st.lists(st.integers(-1, 12), min_size=1, max_size=12))
def test_every_span_is_in_the_tree_once_whatever_the_parents_are(parents):
    spans = {f"s{n}": ("a", "server", f"s{x}" if x >= 0 else None, n, 1) for n, x in enumerate(parents)}
    found = subject.summarize(trace(spans))
    assert sorted(names(found["tree"])) == sorted(spans)
    assert found["span_count"] == len(spans)
    assert 1 <= found["depth"] <= len(spans)


@pytest.mark.parametrize(
    ("service", "name", "answers"),
    [
        ("reviews.default", "reviews", True),
        ("reviews.default", "reviews.default", True),
        ("reviews.default", "reviews.other", False),
        ("reviews-v2.default", "reviews", False),
        ("istio-ingressgateway", "istio-ingressgateway", True),
    ],
)
def test_names_with_and_without_a_namespace(service, name, answers):
    assert subject.answers_to(service, name) is answers


def test_a_short_name_finds_its_service_unless_there_are_several():
    assert subject.find_service("web", ["web.a", "other.a"]) == "web.a"
    assert subject.find_service("web", ["web.a", "web.b"]) == "web"
    assert subject.find_service("web", ["web", "web.b"]) == "web"


# ---- pieces ----


def test_pieces_name_who_broke_them_off():
    found = subject.pieces(PIECES)
    assert found == [
        {"service": "productpage.default", "trace_id": "1" * 16, "piece": "2" * 16},
        {"service": "productpage.default", "trace_id": "1" * 16, "piece": "3" * 16},
    ]


def test_a_whole_trace_and_a_caller_of_its_own_are_no_pieces():
    job = trace({"b1": ("productpage.default", "client", None, 500_000, 1_000)}, "b" * 16)
    client = trace({"c1": ("client.default", "client", None, 5_000, 1_000)}, "c" * 16)
    assert subject.pieces([trace(), job, client]) == []


# ---- verdicts ----


def test_complete():
    outcome = look([trace()])
    assert outcome.verdict == "complete"
    assert outcome.service == GATEWAY
    assert outcome.traces[0]["complete"] is True
    assert outcome.traces[0]["lacks"] == []
    assert outcome.reason == (
        "1 of 1 traces is complete; the newest of them, 4bf92f3577b34da6, has 8 spans of 5 services"
    )


def test_one_that_is_complete_is_enough():
    short = trace(only("a1", "a2"), "5" * 16, START + 1_000_000)
    outcome = look([trace(), short])
    assert outcome.verdict == "complete"
    assert [x["complete"] for x in outcome.traces] == [False, True]


def test_nothing_asked_for_takes_time_to_be_complete():
    assert look([trace()], subject.Wanted(), age=1).verdict == "late"
    assert look([trace()], subject.Wanted(), age=100).verdict == "complete"


def test_late():
    outcome = look([trace(only("a1", "a2", "a3"))], age=2)
    assert outcome.verdict == "late"
    assert outcome.reason.startswith("1 of 1 traces changed within the last 15 s")
    assert outcome.traces[0]["settled"] is False


def test_broken_by_an_application():
    outcome = look(PIECES)
    assert outcome.verdict == "broken"
    assert outcome.reason.startswith("productpage.default does not pass on the tracing headers")
    assert "2 traces begin in the middle of a request" in outcome.reason
    assert [x["piece"] for x in outcome.pieces] == ["2" * 16, "3" * 16]


@pytest.mark.parametrize("wanted", [subject.Wanted(), subject.Wanted(min_spans=2)])
def test_pieces_do_not_pass_for_whole_traces(wanted):
    outcome = look(PIECES, wanted)
    assert outcome.verdict == "broken"
    assert outcome.traces[0]["lacks"] == ["it is a piece, broken off in productpage.default"]


def test_broken_by_a_parent_that_never_came():
    outcome = look([trace({x: BOOKINFO[x] for x in BOOKINFO if x != "a5"})])
    assert outcome.verdict == "broken"
    assert outcome.reason.startswith("spans of reviews.default name parents that never came")


def test_incomplete():
    outcome = look([trace({x: BOOKINFO[x] for x in BOOKINFO if x not in ("a7", "a8")})])
    assert outcome.verdict == "incomplete"
    assert "no span of ratings" in outcome.reason


@pytest.mark.parametrize(
    ("found", "service", "told"),
    [
        ([], "web", "Jaeger has no spans at all"),
        ([trace()], "web", "Jaeger knows no service web; it has details.default, istio-ingressgateway.istio-system"),
    ],
)
def test_none(found, service, told):
    outcome = look(found, service=service)
    assert outcome.verdict == "none"
    assert outcome.reason.startswith(told)


def test_none_of_a_service_that_is_known():
    outcome = subject.wait(lambda: ["web.default", "jaeger-all-in-one"], lambda _name: [], "web", WHOLE)
    assert outcome.verdict == "none"
    assert outcome.reason.startswith("Jaeger knows web.default, but has no trace of it")


def test_it_waits_until_the_rest_has_come(monkeypatch):
    monkeypatch.setattr(subject, "POLL_SECONDS", 0.01)
    answers = iter([[], [trace(only("a1", "a2"))], [trace()]])
    outcome = subject.wait(
        lambda: [GATEWAY], lambda _name: next(answers), GATEWAY, WHOLE, timeout=10, clock=lambda: START / 1e6
    )
    assert outcome.verdict == "complete"


def test_it_does_not_wait_for_what_is_broken():
    outcome = look(PIECES, timeout=60)
    assert outcome.verdict == "broken"
    assert outcome.elapsed < 5


def test_what_jaeger_gave_stays_as_it_was():
    found = copy.deepcopy(PIECES)
    look(found)
    assert found == PIECES


# ---- Jaeger's address ----


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("http://127.0.0.1:16686/jaeger", "http://127.0.0.1:16686/jaeger"),
        ("http://127.0.0.1:16686/jaeger/", "http://127.0.0.1:16686/jaeger"),
        ("https://jaeger.example.com/jaeger/search", "https://jaeger.example.com/jaeger"),
        ("http://jaeger/api", "http://jaeger"),
    ],
)
def test_urls(url, checked):
    assert jaeger.check_url(url) == checked


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("127.0.0.1:16686", "url is that of Jaeger's query service"),
        ("ftp://x/jaeger", "url is that of Jaeger's query service"),
        ("http://", "url is that of Jaeger's query service"),
        ("http://x:port/", "url: Port could not be cast to integer"),
        ("http://me:secret@x/jaeger", "url holds a user or a password"),
        ("http://x/jaeger?a=b", "url holds more than a path"),
    ],
)
def test_urls_that_do_not_do(url, told):
    with pytest.raises(jaeger.JaegerError, match=told) as error:
        jaeger.check_url(url)
    assert "secret" not in str(error.value)
