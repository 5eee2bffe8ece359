# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import time

import pytest
from traffic_support import HTTPD, TOMCAT, every_client, plan_for

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend


@pytest.mark.parametrize("parallel", [1, 4])
@every_client
def test_counts_are_exact_with_one_connection_per_request(serve, run, box, method, parallel):
    server = serve(lambda n: HTTPD if n % 5 == 0 else TOMCAT)
    tally = run(plan_for(server, requests=150, warmup=10, method=method, parallel=parallel), box)
    assert tally.backends == [120, 30]
    assert (tally.sent, tally.errors, tally.method, tally.gave_up) == (150, 0, method, False)
    assert tally.samples == {}
    assert 0 < tally.elapsed < 30
    assert len(server.seen) == 160
    assert server.connections == 160


@every_client
def test_bodies_matched_by_regular_expression(serve, run, box, method):
    bodies = [
        b"v1",
        b"v1\n",
        b"v1\r\n",
        b"\n\n\nv1\n\n\n",
        b"first line\nv1",
        b"v1" + b"\nfiller" * 3000,
        b"filler\n" * 3000 + b"v1",
        b"\x00\xff\xfe binary \x00\nv1\n\x80\x00",
        b"   \n  HTTP/1.1 500 in a body\nv1\n",
        b"fedcba9876543210 done 500 7\nfedcba9876543210 end\nv1\n",
        b"curl: (28) said a body\nwget: download timed out\nv1\n",
    ]
    others = [b"", b"\n", b"v1 v1", b"v2" * 200_000, b"v11\n", b"\x00\x00\x00"]
    server = serve(lambda n: (bodies + others)[n])
    one = Backend("v1", 1, "^v1$")
    tally = run(
        plan_for(server, one, Backend("never", 1, "^$never"), requests=len(bodies + others), method=method), box
    )
    assert tally.backends == [len(bodies), 0]
    assert tally.unknown == len(others)
    assert tally.ambiguous == 0
    assert not tally.failures


@every_client
def test_bodies_matched_by_plain_text(serve, run, box, method):
    text = b"Apache Tomcat"
    bodies = [
        text,
        text + b"\r\n",
        b"\n\n" + text + b"\n\n",
        text + b"\nfiller" * 3000,
        b"filler\n" * 3000 + text,
        b"x" * 9000 + text + b"x" * 9000,
        b"\x00\xff\xfe\n<" + text + b">\n\x80\x00",
        b"fedcba9876543210 done 500 7\nfedcba9876543210 end\n" + text,
    ]
    bodies += [b"y" * (3990 + n) + b"\n" + text for n in range(12)]
    others = [b"", b"\n", b"Apache\nTomcat", b"Apache\r\n Tomcat", b"y" * 4000 + b"\nApache\n Tomcat", b"\x00"]
    server = serve(lambda n: (bodies + others)[n])
    tally = run(plan_for(server, Backend("a", 1, text.decode()), requests=len(bodies + others), method=method), box)
    assert (tally.backends, tally.unknown, tally.errors) == ([len(bodies)], len(others), len(others))


@every_client
def test_the_added_line_end_is_not_part_of_the_body(serve, run, box, method):
    server = serve(lambda n: [b"text", b"text\n", b"text\n\n", b"\ntext"][n])
    tally = run(plan_for(server, Backend("gap", 1, "^$"), requests=4, method=method), box)
    assert (tally.backends, tally.unknown) == ([2], 2)


@every_client
def test_every_kind_of_error_is_counted_separately(serve, run, box, method):
    def respond(n):
        if n == 3:
            return b"<b>who\tam I</b>\n\x01" + b"z" * 500
        if n == 4:
            return b"hello httpd from Apache Tomcat"
        if n in (5, 6):
            return 503, {}, b"no healthy upstream"
        if n == 29:  # the last one, because wget follows it with one more request before it prints the first status
            return 302, {"Location": "/elsewhere"}, b""
        if n == 8:
            return 200, {"Content-Length": "1000"}, b"hello httpd"
        if n == 9:
            time.sleep(2.5)
        return HTTPD

    server = serve(respond)
    tally = run(plan_for(server, requests=30, method=method, request_timeout=1, timeout=30, max_errors=30), box)
    assert tally.sent == 30
    assert (tally.unknown, tally.ambiguous, tally.overlap) == (1, 1, (1, 2))
    kinds = [(kind, detail if kind == "status" else "", count) for (kind, detail), count in tally.failures.items()]
    assert sorted(kinds) == [
        ("broken", "", 1),
        ("status", "302", 1),
        ("status", "503", 2),
        ("timeout", "", 1),
    ]
    assert tally.backends == [0, 23]
    assert tally.samples["unknown"] == ("<b>who\tam I</b>\n?" + "z" * 500)[:200]
    assert tally.samples["ambiguous"] == "hello httpd from Apache Tomcat"


@every_client
def test_backends_matched_by_header(serve, run, box, method):
    def respond(n):
        version = "v2" if n % 4 == 0 else "v1"
        # A body that looks like the header must be ignored.
        return 200, {"X-Version": version}, b"x-version: v2\r\n  X-Version: v2\n\n  x-version: v1"

    server = serve(respond)
    backends = (Backend("one", 3, "^v1$", "x-version"), Backend("two", 1, "v[2]", "X-VERSION"))
    assert run(plan_for(server, *backends, method=method), box).backends == [15, 5]


@every_client
def test_backends_matched_by_header_and_by_body(serve, run, box, method):
    server = serve(lambda n: (200, {"X-Version": "v1"}, b"") if n % 2 else HTTPD)
    backends = (Backend("one", 1, "v1", "x-version"), Backend("httpd", 1, "hello httpd"))
    assert run(plan_for(server, *backends, method=method), box).backends == [10, 10]


HOSTILE = [
    "a'b\"c",
    "$(touch pwned)",
    "`touch pwned`",
    "$HOME ${PATH}",
    "back\\slash",
    "100% %s %d",
    "a & b; c | d > e",
    "*",
    "[x]",
    "{a,b}",
    "-n",
    "/slash/",
    "it's // {print}",
    "größe",
    "  two spaces",
]


@every_client
def test_patterns_reach_awk_unchanged(serve, run, box, method, tmp_path):
    server = serve(lambda n: HOSTILE[n].encode())
    backends = tuple(
        Backend(f"backend {number}", 1, "^" + "".join(f"\\{c}" if c in "\\^$.[]|()*+?{}/" else c for c in text) + "$")
        for number, text in enumerate(HOSTILE)
    )
    tally = run(plan_for(server, *backends, requests=len(HOSTILE), method=method), box, cwd=tmp_path)
    assert tally.backends == [1] * len(HOSTILE)
    assert not (tmp_path / "pwned").exists()


@every_client
def test_plain_text_needs_no_escaping(serve, run, box, method):
    texts = ['it\'s "plain" & simple; really', "-e", "a=b", "größe", "%s"]
    server = serve(lambda n: f"before {texts[n]} after".encode())
    backends = tuple(Backend(text, 1, text) for text in texts)
    assert run(plan_for(server, *backends, requests=len(texts), method=method), box).backends == [1] * len(texts)


@every_client
def test_url_and_request_headers_arrive_unchanged(serve, run, box, method, tmp_path):
    server = serve(lambda n: HTTPD)
    plan = dataclasses.replace(
        plan_for(server, requests=3, method=method),
        url=server.url + "a?b=1&c='$(touch%20pwned)';d={1,2}&e=[1-3]",
        headers=(("Host", "bookinfo.example.com"), ("X-User", 'o\'hara; $(touch pwned) "x" %s')),
    )
    assert run(plan, box, cwd=tmp_path).backends == [0, 3]
    for path, headers in server.seen:
        # GNU wget encodes braces.
        assert path.replace("%7B", "{").replace("%7D", "}") == "/a?b=1&c='$(touch%20pwned)';d={1,2}&e=[1-3]"
        assert headers["Host"] == "bookinfo.example.com"
        assert headers["X-User"] == 'o\'hara; $(touch pwned) "x" %s'
    assert not (tmp_path / "pwned").exists()


@every_client
def test_chunked_bodies_of_parallel_requests_are_not_mixed(serve, run, box, method):
    server = serve(lambda n: b"one\n" * 500 if n % 3 else b"two\n" * 500)
    server.piece = 777
    backends = (Backend("one", 1, "^one$"), Backend("two", 1, "^two$"), Backend("mixed", 1, "^(.|..|....+)$"))
    tally = run(plan_for(server, *backends, requests=30, method=method), box)
    assert (tally.backends, tally.errors) == ([20, 10, 0], 0)
