# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import collections
import dataclasses
import itertools
import math
import os
import random
import shutil
import socket
import subprocess
import threading
import time
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import quote_plus

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics, traffic_split
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.traffic_split import (
    Backend,
    Client,
    Plan,
    SplitError,
    Tally,
)
from ansible_collections.meshlab.istio.plugins.modules import istio_traffic_split

TOMCAT = b"<html>\r\n<head><title>Apache Tomcat/8.0</title></head>\r\n<body>\r\n" + b"<p>x</p>\n" * 30 + b"</body>"
HTTPD = b"hello httpd\n"
BACKENDS = (Backend("tomcat", 80, "Apache Tomcat"), Backend("httpd", 20, "hello httpd"))
THREE = (Backend("v1", 80, "v1"), Backend("v2", 10, "v2"), Backend("v3", 10, "v3"))
CANARY = (Backend("v1", 100, "v1"), Backend("v2", 0, "v2"))
URL = "http://web-svc:8080/"
CLIENT = Client("default", "client-1", "client", True)

# ---- the real script in a real shell ----


class Server(ThreadingHTTPServer):
    """Answers request number n (from 0) with answer(n): a body, or (status, headers, body)."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen = []
        self.connections = 0
        self.piece = 1 << 30  # bytes that are written at once
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request, client_address):
        """Clients that go away are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def log_message(self, *args):
        """Silent."""

    def do_GET(self):
        with self.server.lock:
            number = len(self.server.seen)
            self.server.seen.append((self.path, self.headers))
        answer = self.server.answer(number)
        status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), self.server.piece):
            time.sleep(0.001 if start else 0.0)
            self.wfile.write(body[start : start + self.server.piece])
        if headers.get("Content-Length"):
            self.close_connection = True  # it promised more than it gives


@pytest.fixture
def serve():
    """Start a Server; all of them are gone after the test."""
    servers = []

    def start(answer):
        server = Server(answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


BASE_TOOLS = ("sh", "awk")


@pytest.fixture(scope="session")
def toolboxes(tmp_path_factory):
    """Folders for PATH by name: "system" has this machine's tools, "busybox" those of BusyBox, where there is one."""
    folders = {}
    for name in ("system", "busybox"):
        folder = tmp_path_factory.mktemp(name)
        busybox = shutil.which("busybox")
        for tool in (*BASE_TOOLS, "wget", "curl"):
            target = busybox if name == "busybox" and tool != "curl" else shutil.which(tool)
            if target:
                (folder / tool).symlink_to(os.path.realpath(target) if name == "busybox" else target)
        folders[name] = folder if name == "system" or busybox else None
    return folders


@pytest.fixture
def run(toolboxes, tmp_path):
    """Run the probe of a plan as an exec would, and read its answer. stubs: programs to put before the toolbox's."""

    def go(plan, box="system", stubs=None, without=(), nonce="0123456789abcdef", **popen):
        source = toolboxes[box]
        if source is None:
            pytest.skip("no busybox on PATH")
        if plan.method != "auto" and plan.method not in without and not (source / plan.method).exists():
            pytest.skip(f"no {plan.method} on PATH")
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for tool in source.iterdir():
            if tool.name not in without and not os.path.lexists(folder / tool.name):
                (folder / tool.name).symlink_to(os.readlink(tool))
        for name, text in (stubs or {}).items():
            (folder / name).unlink(missing_ok=True)
            (folder / name).write_text(f"#!/bin/sh\n{text.replace('@REAL@', str(source / name))}\n")
            (folder / name).chmod(0o755)
        argv = traffic_split.probe_command(plan, nonce)
        argv[0] = str(folder / "sh")
        done = subprocess.run(
            argv,
            capture_output=True,
            env={"PATH": str(folder), "http_proxy": "http://127.0.0.1:9"},
            stdin=subprocess.DEVNULL,
            timeout=60,
            start_new_session=True,
            check=False,
            **popen,
        )
        answer = SimpleNamespace(
            rc=done.returncode,
            stdout=done.stdout.decode("utf-8", "replace"),
            stderr=done.stderr.decode("utf-8", "replace"),
        )
        return traffic_split.read_answer(answer, nonce, plan)

    return go


every_client = pytest.mark.parametrize(
    ("box", "method"), [("system", "curl"), ("system", "wget"), ("busybox", "curl"), ("busybox", "wget")]
)


def plan(server, *backends, **options):
    settings = {"requests": 20, "warmup": 0, "request_timeout": 5, "timeout": 40, **options}
    return Plan(url=server.url, backends=backends or BACKENDS, **settings)


@pytest.mark.parametrize("parallel", [1, 4])
@every_client
def test_counts_are_exact_over_own_connections(serve, run, box, method, parallel):
    server = serve(lambda n: HTTPD if n % 5 == 0 else TOMCAT)
    tally = run(plan(server, requests=150, warmup=10, method=method, parallel=parallel), box)
    assert tally.backends == [120, 30]
    assert (tally.sent, tally.errors, tally.method, tally.gave_up) == (150, 0, method, False)
    assert tally.samples == {}
    assert 0 < tally.elapsed < 30
    assert len(server.seen) == 160
    assert server.connections == 160


@every_client
def test_warm_up_is_not_counted_even_if_it_fails(serve, run, box, method):
    server = serve(lambda n: (503, {}, b"not yet") if n < 5 else HTTPD)
    tally = run(plan(server, warmup=5, method=method), box)
    assert (tally.backends, tally.errors, len(server.seen)) == ([0, 20], 0, 25)


@every_client
def test_warm_up_ends_early_where_nothing_answers(serve, run, box, method):
    def answer(n):
        time.sleep(1.5)
        return HTTPD

    server = serve(answer)
    started = time.monotonic()
    tally = run(plan(server, warmup=10, requests=2, method=method, request_timeout=1), box)
    assert time.monotonic() - started < 8
    assert tally.sent == 2
    assert {kind for kind, _detail in tally.failures} == {"timeout"}


@every_client
def test_shapes_of_bodies(serve, run, box, method):
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
    tally = run(plan(server, one, Backend("never", 1, "^$never"), requests=len(bodies + others), method=method), box)
    assert tally.backends == [len(bodies), 0]
    assert tally.unknown == len(others)
    assert tally.ambiguous == 0
    assert not tally.failures


@every_client
def test_shapes_of_bodies_told_by_plain_text(serve, run, box, method):
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
    tally = run(plan(server, Backend("a", 1, text.decode()), requests=len(bodies + others), method=method), box)
    assert (tally.backends, tally.unknown, tally.errors) == ([len(bodies)], len(others), len(others))


@every_client
def test_the_added_line_end_is_not_part_of_the_body(serve, run, box, method):
    server = serve(lambda n: [b"text", b"text\n", b"text\n\n", b"\ntext"][n])
    tally = run(plan(server, Backend("gap", 1, "^$"), requests=4, method=method), box)
    assert (tally.backends, tally.unknown) == ([2], 2)


@every_client
def test_every_kind_of_error_is_counted_apart(serve, run, box, method):
    def answer(n):
        if n == 3:
            return b"<b>who\tam I</b>\n\x01" + b"z" * 500
        if n == 4:
            return b"hello httpd from Apache Tomcat"
        if n in (5, 6):
            return 503, {}, b"no healthy upstream"
        if n == 29:  # last, as wget follows it to one more request before it says what the first answer was
            return 302, {"Location": "/elsewhere"}, b""
        if n == 8:
            return 200, {"Content-Length": "1000"}, b"hello httpd"
        if n == 9:
            time.sleep(2.5)
        return HTTPD

    server = serve(answer)
    tally = run(plan(server, requests=30, method=method, request_timeout=1, timeout=30, max_errors=30), box)
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
def test_nothing_listens(run, box, method):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
        tally = run(
            Plan(url=url, backends=BACKENDS, requests=50, warmup=2, method=method, max_errors=2, timeout=30), box
        )
    assert tally.gave_up
    assert tally.sent == 4 * 5  # each of the four workers has its part of the ten failures beyond the limit
    assert [kind for kind, _detail in tally.failures] == ["connection"]


@every_client
def test_backends_by_header(serve, run, box, method):
    def answer(n):
        version = "v2" if n % 4 == 0 else "v1"
        # A body that looks like the header must not count.
        return 200, {"X-Version": version}, b"x-version: v2\r\n  X-Version: v2\n\n  x-version: v1"

    server = serve(answer)
    backends = (Backend("one", 3, "^v1$", "x-version"), Backend("two", 1, "v[2]", "X-VERSION"))
    assert run(plan(server, *backends, method=method), box).backends == [15, 5]


@every_client
def test_headers_and_bodies_can_be_mixed(serve, run, box, method):
    server = serve(lambda n: (200, {"X-Version": "v1"}, b"") if n % 2 else HTTPD)
    backends = (Backend("one", 1, "v1", "x-version"), Backend("httpd", 1, "hello httpd"))
    assert run(plan(server, *backends, method=method), box).backends == [10, 10]


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
def test_patterns_reach_awk_as_they_are(serve, run, box, method, tmp_path):
    server = serve(lambda n: HOSTILE[n].encode())
    backends = tuple(
        Backend(f"backend {number}", 1, "^" + "".join(f"\\{c}" if c in "\\^$.[]|()*+?{}/" else c for c in text) + "$")
        for number, text in enumerate(HOSTILE)
    )
    tally = run(plan(server, *backends, requests=len(HOSTILE), method=method), box, cwd=tmp_path)
    assert tally.backends == [1] * len(HOSTILE)
    assert not (tmp_path / "pwned").exists()


@every_client
def test_plain_text_needs_no_escapes(serve, run, box, method):
    texts = ['it\'s "plain" & simple; really', "-e", "a=b", "größe", "%s"]
    server = serve(lambda n: f"before {texts[n]} after".encode())
    backends = tuple(Backend(text, 1, text) for text in texts)
    assert run(plan(server, *backends, requests=len(texts), method=method), box).backends == [1] * len(texts)


@every_client
def test_url_and_request_headers_arrive_as_they_are(serve, run, box, method, tmp_path):
    server = serve(lambda n: HTTPD)
    wanted = dataclasses.replace(
        plan(server, requests=3, method=method),
        url=server.url + "a?b=1&c='$(touch%20pwned)';d={1,2}&e=[1-3]",
        headers=(("Host", "bookinfo.example.com"), ("X-User", 'o\'hara; $(touch pwned) "x" %s')),
    )
    assert run(wanted, box, cwd=tmp_path).backends == [0, 3]
    for path, headers in server.seen:
        # GNU wget encodes braces by itself.
        assert path.replace("%7B", "{").replace("%7D", "}") == "/a?b=1&c='$(touch%20pwned)';d={1,2}&e=[1-3]"
        assert headers["Host"] == "bookinfo.example.com"
        assert headers["X-User"] == 'o\'hara; $(touch pwned) "x" %s'
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(("parallel", "sent"), [(1, 13), (4, 4 * 6)])
@every_client
def test_gives_up_when_the_verdict_is_settled(serve, run, box, method, parallel, sent):
    server = serve(lambda n: (503, {}, b"no healthy upstream"))
    wanted = plan(server, requests=5000, method=method, max_errors=3, parallel=parallel)
    tally = run(wanted, box, restore_signals=False)
    assert tally.gave_up
    assert tally.sent == sent
    assert tally.failures == {("status", "503"): sent}
    assert len(server.seen) < 600


@every_client
def test_a_worker_gives_up_only_beyond_what_all_may_fail(serve, run, box, method):
    server = serve(lambda n: (503, {}, b"") if n % 2 else HTTPD)
    tally = run(plan(server, requests=60, method=method, max_errors=30), box)
    assert (tally.sent, tally.gave_up, tally.errors, tally.backends) == (60, False, 30, [0, 30])


@every_client
def test_workers_send_side_by_side(serve, run, box, method):
    barrier = threading.Barrier(4, timeout=10)

    def answer(n):
        barrier.wait()  # each answer waits for three more requests
        return HTTPD

    server = serve(answer)
    assert run(plan(server, requests=16, method=method), box).backends == [0, 16]
    barrier = threading.Barrier(1)
    assert run(plan(serve(answer), requests=3, method=method, parallel=16), box).backends == [0, 3]


@every_client
def test_bodies_that_arrive_in_pieces_side_by_side_do_not_mix(serve, run, box, method):
    server = serve(lambda n: b"one\n" * 500 if n % 3 else b"two\n" * 500)
    server.piece = 777
    backends = (Backend("one", 1, "^one$"), Backend("two", 1, "^two$"), Backend("mixed", 1, "^(.|..|....+)$"))
    tally = run(plan(server, *backends, requests=30, method=method), box)
    assert (tally.backends, tally.errors) == ([20, 10, 0], 0)


@every_client
def test_an_outage_costs_few_timeouts(serve, run, box, method):
    def answer(n):
        if n >= 40:
            time.sleep(1.5)
        return HTTPD

    server = serve(answer)
    started = time.monotonic()
    tally = run(plan(server, requests=1000, method=method, request_timeout=1, timeout=3), box)
    assert time.monotonic() - started < 5
    assert tally.backends == [0, 40]
    assert 40 < tally.sent < 60
    assert {kind for kind, _detail in tally.failures} == {"timeout"}


@every_client
def test_slow_backends_end_with_the_time(serve, run, box, method):
    def answer(n):
        time.sleep(0.3)
        return HTTPD

    server = serve(answer)
    started = time.monotonic()
    tally = run(plan(server, requests=1000, method=method, request_timeout=1, timeout=2), box)
    assert time.monotonic() - started < 4
    assert not tally.errors
    assert not tally.gave_up
    assert 4 * 2 <= tally.sent <= 4 * 7
    assert tally.backends == [0, tally.sent]


@every_client
def test_endless_bodies_are_refused(serve, run, box, method):
    server = serve(lambda n: (b"x" * 65535 + b"\n") * 300)
    with pytest.raises(SplitError, match="longer than 16 MiB"):
        run(plan(server, requests=3, method=method), box)


@pytest.mark.parametrize(("without", "taken"), [((), "curl"), (("curl",), "wget")])
def test_auto_takes_curl_then_wget(serve, run, without, taken):
    if not shutil.which(taken):
        pytest.skip(f"no {taken} on PATH")
    server = serve(lambda n: HTTPD)
    assert run(plan(server, requests=2), without=without).method == taken


@pytest.mark.parametrize(
    ("method", "without", "problem"),
    [
        ("auto", ("curl", "wget"), "neither curl nor wget"),
        ("curl", ("curl",), "has no curl"),
        ("wget", ("wget",), "has no wget"),
        ("auto", ("awk",), "has no awk"),
    ],
)
def test_containers_without_the_tools_say_so(serve, run, method, without, problem):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match=problem):
        run(plan(server, method=method), without=without)
    assert not server.seen


@pytest.mark.parametrize("version", ["7.29.0", "7.61.1", "7.74.0", "6.5"])
def test_curl_before_7_75_is_exact_too(serve, run, version):
    def answer(n):
        if n == 3:
            return 200, {"Content-Length": "1000"}, b"hello httpd"
        if n == 6:
            time.sleep(1.5)
        return HTTPD if n % 5 == 0 else TOMCAT

    old = f"""case "$*" in
  --version) echo "curl {version} (x86_64-redhat-linux-gnu) libcurl/{version}"; exit ;;
  *exitcode*) echo "curl: unknown --write-out variable" >&2; exit 2 ;;
esac
exec @REAL@ "$@" """
    server = serve(answer)
    tally = run(plan(server, requests=20, method="curl", request_timeout=1, max_errors=9), stubs={"curl": old})
    assert sorted(kind for kind, _detail in tally.failures) == ["broken", "timeout"]
    assert tally.backends == [14, 4]


@pytest.mark.parametrize("version", ["7.75.0", "7.88.1", "8.16.0", "10.1.0"])
def test_newer_curl_sends_in_batches(serve, run, tmp_path, version):
    counted = f"""case $1 in --version) echo "curl {version} (x86_64)"; exit ;; esac
echo start >>"{tmp_path}/starts"
exec @REAL@ "$@" """
    server = serve(lambda n: HTTPD)
    tally = run(plan(server, requests=127, method="curl", timeout=1000), stubs={"curl": counted})
    assert tally.backends == [0, 127]
    # Of each worker, 1, 4, 16, and the rest.
    assert len((tmp_path / "starts").read_text().split()) == 4 * 4


def test_a_curl_that_cannot_start_is_an_error(serve, run):
    server = serve(lambda n: HTTPD)
    broken = 'case $1 in --version) echo "curl 8.16.0"; exit ;; esac; echo "curl: cannot load libcurl" >&2; exit 127'
    tally = run(plan(server, requests=50, method="curl"), stubs={"curl": broken})
    assert tally.gave_up
    assert tally.failures == {("other", "curl ended with exit status 127"): 4 * 3}


# Of a BusyBox that was built without time-outs and without -S, as Debian's is without the first.
BARE = """case $1 in --help) echo 'Usage: wget [-cq] [--spider] [-O FILE] [--header STR] URL...'; exit 1 ;; esac
for word; do case $word in -T|-S) echo "wget: invalid option" >&2; exit 1 ;; esac; done
exec @REAL@ --tries=1 "$@" """


def test_wget_without_timeouts_is_timed_by_the_shell(serve, run):
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("no bash on PATH, whose read -t is that of BusyBox")

    def answer(n):
        if n == 4:
            return 503, {}, b""
        if n == 6:
            time.sleep(1.8)
        return HTTPD

    server = serve(answer)
    bare = plan(server, requests=50, method="wget", request_timeout=1, max_errors=9)
    tally = run(bare, stubs={"wget": BARE, "sh": f'exec {bash} --posix "$@"'})
    assert sorted(kind for kind, _detail in tally.failures) == ["other", "timeout"]
    assert tally.backends == [0, 48]


def test_wget_without_timeouts_is_refused_where_the_shell_has_none(serve, run):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match="without -T"):
        run(plan(server, method="wget"), stubs={"wget": BARE, "sh": REFUSING})
    assert not server.seen


# A shell whose read takes no time-out, as dash's.
REFUSING = """shift
script="read() { case \\$1 in -t) return 2 ;; esac; command read \\"\\$@\\"; }
$1"
shift
exec @REAL@ -c "$script" "$@" """


def test_wget_without_headers_is_refused_for_backends_told_by_header(serve, run):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match="cannot show headers"):
        run(plan(server, Backend("a", 1, "v1", "x-version"), method="wget"), stubs={"wget": BARE})
    assert not server.seen


def test_an_awk_that_knows_no_intervals_says_so(serve, run):
    server = serve(lambda n: b"vv")
    backends = (Backend("two", 1, "^v{2}$"),)
    try:
        assert run(plan(server, *backends)).backends == [20]
    except SplitError as error:
        assert "knows no {n}" in str(error)


def test_an_awk_that_fails_is_named(serve, run):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match=r"awk gave up \(2\): awk: out of luck"):
        run(plan(server), stubs={"awk": "cat >/dev/null 2>&1; echo 'awk: out of luck' >&2; exit 2"})


def test_the_command_stays_small_enough_for_a_url():
    argv = traffic_split.probe_command(Plan(url=URL, backends=BACKENDS), traffic_split.new_nonce())
    assert sum(len(f"&command={quote_plus(word)}") for word in argv) < 12_000


def test_what_the_user_gave_never_becomes_script():
    hostile = Plan(
        url=URL + "';reboot;'", backends=(Backend("a", 1, "'; reboot; '"),), headers=(("X", "'; reboot; '"),)
    )
    argv = traffic_split.probe_command(hostile, "n")
    assert argv[:4] == ["sh", "-c", traffic_split.SCRIPT, "meshlab"]
    assert "reboot" not in traffic_split.SCRIPT
    assert argv[-2:] == ["--header", "X: '; reboot; '"]


def test_nonces_differ():
    assert len({traffic_split.new_nonce() for _run in range(100)}) == 100


# ---- reading the answer ----

WHOLE = """N method wget
N backend 1 320
N backend 2 80
N sent 400 0 0
N awk 0
N time 100.25 101.75
"""


def read(text, rc=0, stderr="", **options):
    answer = SimpleNamespace(rc=rc, stdout=text, stderr=stderr)
    return traffic_split.read_answer(answer, "N", Plan(url=URL, backends=BACKENDS, **{"parallel": 1, **options}))


def test_a_whole_answer():
    tally = read("noise\n" + WHOLE + "N2 backend 1 7\n")
    assert tally == Tally(method="wget", elapsed=1.5, sent=400, backends=[320, 80])
    assert (tally.answered, tally.errors) == (400, 0)


def test_answers_of_several_workers_add_up():
    both = WHOLE.replace(
        "N awk", "N backend 1 5\nN backend 2 1\nN failed 2 http 503\nN failed 1 exit 143\nN sent 9 0 0\nN awk"
    )
    tally = read(both, parallel=2)
    assert (tally.backends, tally.sent, tally.errors) == ([325, 81], 409, 3)
    assert tally.failures[("status", "503")] == 2
    assert sum(count for (kind, _said), count in tally.failures.items() if kind == "timeout") == 1


@pytest.mark.parametrize("missing", ["N backend 2 80\n", "N sent 400 0 0\n", "N time 100.25 101.75\n"])
def test_an_answer_that_lacks_a_line_is_refused(missing):
    with pytest.raises(SplitError, match=r"not whole \(exit status 137\).*Killed"):
        read(WHOLE.replace(missing, ""), rc=137, stderr="Killed\n")


def test_no_answer_is_refused():
    with pytest.raises(SplitError, match="the container said: nothing"):
        read("", rc=1)


@pytest.mark.parametrize(
    ("method", "key", "kind"),
    [
        ("curl", "exit 6", "dns"),
        ("curl", "exit 7", "connection"),
        ("curl", "exit 28", "timeout"),
        ("curl", "exit 18", "broken"),
        ("curl", "exit 52", "broken"),
        ("curl", "exit 23", "other"),
        ("curl", "cut 28", "timeout"),
        ("curl", "cut 16", "broken"),
        ("wget", "cut 4", "broken"),
        ("wget", "exit 4", "connection"),
        ("wget", "exit 143", "timeout"),
        ("wget", "text wget: download timed out", "timeout"),
        ("wget", "text wget: bad address 'web-svc:8080'", "dns"),
        ("wget", "text wget: unable to resolve host address 'web-svc'", "dns"),
        ("wget", "text wget: can't connect to remote host (10.96.0.7): Connection refused", "connection"),
        ("wget", "text wget: can't connect to remote host (10.96.0.7): Connection timed out", "timeout"),
        ("wget", "text wget: error getting response: Connection reset by peer", "broken"),
        ("wget", "text more", "other"),
        ("curl", "http 503", "status"),
    ],
)
def test_kinds_of_failures(method, key, kind):
    text = WHOLE.replace("wget", method).replace("N sent 400", f"N failed 3 {key}\nN sent 403")
    assert [(found, count) for (found, _detail), count in read(text).failures.items()] == [(kind, 3)]


def test_what_curl_said_is_kept():
    text = WHOLE.replace("N backend 1", "N told 28 curl: (28) Connection timed out\nN failed 3 exit 28\nN backend 1")
    text = text.replace("wget", "curl").replace("N sent 400", "N sent 403")
    assert read(text).failures == {("timeout", "curl: (28) Connection timed out"): 3}


def test_a_name_that_takes_too_long_is_no_slow_backend():
    text = WHOLE.replace("N backend 1", "N told 28 curl: (28) Resolving timed out\nN failed 3 exit 28\nN backend 1")
    text = text.replace("wget", "curl").replace("N sent 400", "N sent 403")
    assert read(text).failures == {("dns", "curl: (28) Resolving timed out"): 3}


def test_a_wget_that_was_ended_says_what_it_leaves_open():
    text = WHOLE.replace("N sent 400", "N failed 3 exit 143\nN sent 403")
    ((kind, said),) = read(text).failures
    assert kind == "timeout"
    assert "whether the name or the answer took so long" in said


# ---- the verdict ----


def judged(counts, backends=BACKENDS, sidecar=True, **options):
    plan_options = {key: options.pop(key) for key in ("tolerance", "max_errors", "significance") if key in options}
    tally = Tally(method="wget", backends=list(counts), **options)
    tally.sent = tally.sent or tally.answered + tally.errors
    plan_options["requests"] = options.get("wanted", tally.sent)
    return traffic_split.judge(
        Plan(url=URL, backends=backends, **plan_options), tally, dataclasses.replace(CLIENT, sidecar=sidecar)
    )


def test_a_pass_and_its_documented_sample():
    result = judged([316, 84])
    assert (result["verdict"], result["likely_cause"]) == ("pass", "")
    sample = yaml.safe_load(istio_traffic_split.RETURN)
    assert result["msg"] == sample["msg"]["sample"]
    assert result["p_value"] == pytest.approx(sample["p_value"]["sample"], abs=0.01)
    for name, described in sample["backends"]["contains"].items():
        assert result["backends"][0][name] == pytest.approx(
            described["sample"], abs=0.001 if name != "p_value" else 0.01
        )
    assert set(result) == set(sample)
    for name in ("errors", "client"):
        assert set(result[name]) == set(sample[name]["contains"])


@given(st.integers(1, 100), st.integers(0, 400))
def test_the_verdict_is_the_exact_test(percent, count):
    backends = (Backend("a", percent, "a"), Backend("b", 100 - percent, "b"))
    result = judged([count, 400 - count], backends)
    right = statistics.binomial_p_value(count, 400, percent / 100) >= 0.001
    even = statistics.binomial_p_value(count, 400, 0.5) >= 0.001 and percent != 50
    assert result["verdict"] == ("inconclusive" if right and even else "pass" if right else "fail")
    assert bool(result["likely_cause"]) == (result["verdict"] != "pass")


def simulated(n, true, runs, seed):
    """Counts of the backends in that many runs of n requests, each an independent draw as Envoy makes it."""
    source = random.Random(seed)

    def drawn(m, share):
        """How many of m requests a backend of this share gets, run by run, by exact chances."""
        share = Fraction(share)
        chances = [float(math.comb(m, k) * share**k * (1 - share) ** (m - k)) for k in range(m + 1)]
        summed = list(itertools.accumulate(chances))
        return lambda: source.choices(range(m + 1), cum_weights=summed)[0]

    draws = {}
    for _run in range(runs):
        left, rest, counts = n, sum(true), []
        for weight in true[:-1]:
            place = left, Fraction(weight, rest)
            if place not in draws:
                draws[place] = drawn(*place)
            counts.append(draws[place]())
            left, rest = left - counts[-1], rest - weight
        yield (*counts, left)


def rates(n, true, runs, backends=BACKENDS, **options):
    """How many of so many simulated runs are judged pass, fail and inconclusive."""
    runs = collections.Counter(simulated(n, true, runs, seed=20260211))
    verdicts = collections.Counter()
    for counts, times in runs.items():
        verdicts[judged(counts, backends, **options)["verdict"]] += times
    return verdicts


@pytest.mark.parametrize(
    ("n", "backends", "true", "significance"),
    [
        (400, BACKENDS, (80, 20), 0.001),
        (400, BACKENDS, (80, 20), 0.05),
        (150, THREE, (80, 10, 10), 0.01),
        (400, CANARY, (100, 0), 0.001),
    ],
)
def test_ten_thousand_right_splits_fail_no_more_often_than_the_significance_says(n, backends, true, significance):
    runs = 10_000
    verdicts = rates(n, true, runs, backends, significance=significance)
    assert verdicts["inconclusive"] == 0
    assert verdicts["pass"] + verdicts["fail"] == runs
    # As many as the significance allows, give or take what the number of runs leaves to chance.
    assert statistics.upper_tail(verdicts["fail"], runs, significance) > 1e-6
    if significance == 0.05 and len(true) == 2:  # and about as many, for a test that never fails is none
        assert verdicts["fail"] > 0.6 * significance * runs


@pytest.mark.parametrize(
    ("n", "true", "power"),
    [(568, (70, 30), 0.987), (400, (70, 30), 0.915), (2160, (75, 25), 0.989), (400, (75, 25), 0.193)],
)
def test_wrong_splits_fail_as_often_as_was_computed(n, true, power):
    assert statistics.power(n, 0.2, true[1] / 100, 0.001) == pytest.approx(power, abs=0.002)
    runs = 2_000
    failed = rates(n, true, runs)["fail"]
    assert statistics.binomial_p_value(failed, runs, statistics.power(n, 0.2, true[1] / 100, 0.001)) > 1e-6


@pytest.mark.parametrize("n", [5, 20, 40, 68, 150])
def test_an_even_split_hardly_ever_passes_however_small_the_sample(n):
    runs = 5_000
    verdicts = rates(n, (50, 50), runs)
    assert statistics.upper_tail(verdicts["pass"], runs, 0.001) > 1e-6
    assert verdicts["fail"] + verdicts["inconclusive"] > 0.99 * runs


@pytest.mark.parametrize(
    ("counts", "backends", "verdict"),
    [
        ((16, 4), BACKENDS, "inconclusive"),
        ((40, 10), BACKENDS, "pass"),
        ((5, 0), CANARY, "inconclusive"),
        ((20, 0), CANARY, "pass"),
        ((4, 1), CANARY, "fail"),
        ((220, 180), (Backend("a", 55, "a"), Backend("b", 45, "b")), "inconclusive"),
        ((10, 10), (Backend("a", 1, "a"), Backend("b", 1, "b")), "pass"),
        ((3,), (Backend("a", 1, "a"),), "pass"),
        ((8, 1, 1), THREE, "inconclusive"),
    ],
)
def test_a_sample_that_fits_an_even_split_too_decides_nothing(counts, backends, verdict):
    assert judged(counts, backends)["verdict"] == verdict


def test_an_inconclusive_message_says_how_many_requests_would_do():
    result = judged([16, 4])
    assert "the 80/20 split is neither confirmed nor refuted" in result["msg"]
    assert "an even split fits these 20 responses too (p = 0.012)" in result["msg"]
    assert result["likely_cause"] == "too few requests: about 81 tell the two apart"
    assert "besides, the caller has no sidecar" in judged([16, 4], sidecar=False)["likely_cause"]
    close = judged([202, 198], (Backend("a", 501, "a"), Backend("b", 499, "b")))
    assert close["likely_cause"] == "too few requests: not even 100000 tell the two apart"


def test_errors_that_are_accepted_can_leave_too_few_for_the_tolerance():
    tally = {"failures": traffic_split.Counter({("status", "503"): 360}), "tolerance": 0.1, "max_errors": 360}
    result = judged([27, 13], **tally)
    assert result["verdict"] == "inconclusive"
    assert "tomcat is 12.5 percentage points off, tolerance is 10, which 40 responses cannot resolve" in result["msg"]
    assert "too many of the 400 requests are errors" in result["likely_cause"]
    assert judged([32, 8], **tally)["verdict"] == "pass"
    assert judged([10, 30], **tally)["verdict"] == "fail"


@pytest.mark.parametrize(("counts", "verdict"), [((400, 0), "pass"), ((399, 1), "fail"), ((0, 400), "fail")])
@pytest.mark.parametrize("tolerance", [None, 0.1])
def test_nothing_and_everything_are_exact(counts, verdict, tolerance):
    result = judged(counts, CANARY, tolerance=tolerance)
    assert result["verdict"] == verdict


def test_tolerance_replaces_the_test():
    assert judged([770, 230])["verdict"] == "pass"
    assert judged([7700, 2300])["verdict"] == "fail"
    assert judged([7700, 2300], tolerance=0.03)["verdict"] == "pass"
    result = judged([7600, 2400], tolerance=0.03)
    assert result["verdict"] == "fail"
    assert "tomcat is 4.0 percentage points off, tolerance is 3" in result["msg"]


@pytest.mark.parametrize(
    ("counts", "backends", "cause"),
    [
        ((203, 197), BACKENDS, "rule is not in force"),
        ((130, 140, 130), THREE, "rule is not in force"),
        ((201, 199), CANARY, "rule is not in force"),
        ((84, 316), BACKENDS, "weights belong to other backends: what was seen fits tomcat 20.0%, httpd 80.0%"),
        ((400, 0), BACKENDS, "tomcat takes everything"),
        ((0, 400), CANARY, "v2 takes everything"),
        ((390, 10), CANARY, "stale rule: v2 should get nothing"),
        ((280, 120), BACKENDS, "other weights are in force"),
    ],
)
def test_likely_causes_of_wrong_shares(counts, backends, cause):
    result = judged(counts, backends)
    assert result["verdict"] == "fail"
    assert cause in result["likely_cause"]
    assert result["msg"].endswith(result["likely_cause"])
    without = judged(counts, backends, sidecar=False)
    assert without["likely_cause"] == "the caller has no sidecar: weights act in the caller's proxy"
    assert without["client"]["sidecar"] is False


def test_a_failing_message_has_the_numbers():
    message = judged([203, 197])["msg"]
    assert message.startswith("the 80/20 split does not hold: p = ")
    assert "tomcat 203 of 400 = 50.7% (expected 80.0%, 99.9% interval 42.4% to 59.0%)" in message
    assert "p < 1e-300" in judged([20_000, 80_000])["msg"]


@pytest.mark.parametrize(
    ("tally", "cause"),
    [
        ({"unknown": 1, "samples": {"unknown": "<h1>Who?</h1>"}}, "starts with: <h1>Who?</h1>"),
        ({"unknown": 1, "samples": {}}, "the first such body is empty"),
        ({"ambiguous": 1, "overlap": (1, 2)}, "one response fits tomcat and httpd"),
        ({"failures": {("status", "503"): 1}}, "status 503 is the proxy's own"),
        ({"failures": {("status", "404"): 1}}, "status 404 comes from a path"),
        ({"failures": {("status", "500"): 1}}, "answer 500 for this path"),
        ({"failures": {("timeout", "wget: download timed out"): 1}}, "within request_timeout 5 s (wget: download"),
        ({"failures": {("dns", "bad address"): 1}}, "cannot resolve web-svc:8080"),
        ({"failures": {("connection", "refused"): 1}}, "the caller's own proxy takes no connections to web-svc:8080"),
        ({"failures": {("broken", "reset"): 1}}, "connections break off"),
        ({"failures": {("other", "strange"): 1}}, "the client program failed (strange)"),
    ],
)
def test_one_error_is_one_too_many_by_default(tally, cause):
    tally = {**tally, "failures": traffic_split.Counter(tally.get("failures", {}))}
    result = judged([320, 79], **tally)
    assert result["verdict"] == "fail"
    assert result["errors"]["total"] == 1
    assert "1 of 400 requests are errors" in result["msg"]
    assert cause in result["likely_cause"]
    assert "besides, the caller has no sidecar" in judged([320, 79], sidecar=False, **tally)["likely_cause"]
    allowed = judged([320, 79], max_errors=1, **tally)
    assert allowed["verdict"] == "pass"
    assert "within max_errors 1" in allowed["msg"]
    assert allowed["answered"] == 399


def test_refused_connections_are_the_backends_where_no_proxy_is_in_between():
    tally = {"failures": traffic_split.Counter({("connection", "refused"): 1})}
    cause = judged([320, 79], sidecar=False, **tally)["likely_cause"]
    assert "nothing accepts connections at web-svc:8080" in cause


def test_errors_are_told_by_kind():
    failures = {
        ("status", "503"): 2,
        ("status", "404"): 1,
        ("timeout", "a"): 3,
        ("timeout", "b"): 1,
        ("other", "more"): 1,
    }
    result = judged([300, 70], failures=traffic_split.Counter(failures), unknown=4)
    assert result["errors"] == {
        "total": 12,
        "unknown": 4,
        "ambiguous": 0,
        "timeout": 4,
        "dns": 0,
        "connection": 0,
        "broken": 0,
        "other": 1,
        "status": {"404": 1, "503": 2},
        "messages": ["a", "b"],
    }


@pytest.mark.parametrize(("gave_up", "why"), [(True, "the run was given up"), (False, "as timeout 300 s was over")])
def test_a_run_that_ended_early_is_no_pass(gave_up, why):
    tally = Tally(method="wget", backends=[80, 20], sent=100, gave_up=gave_up)
    result = traffic_split.judge(Plan(url=URL, backends=BACKENDS), tally, CLIENT)
    assert result["verdict"] == "inconclusive"
    assert why in result["msg"]
    assert (result["requests"], result["sent"]) == (400, 100)
    assert result["likely_cause"] == "the backends answer too slowly for this many requests"


def test_a_run_that_ended_early_can_still_refute():
    tally = Tally(method="wget", backends=[50, 50], sent=100)
    result = traffic_split.judge(Plan(url=URL, backends=BACKENDS), tally, CLIENT)
    assert result["verdict"] == "fail"
    assert "only 100 of 400 requests were sent" in result["msg"]
    assert result["likely_cause"].startswith("the rule is not in force")


def test_no_answer_at_all_is_no_pass():
    failures = traffic_split.Counter({("timeout", ""): 10})
    result = judged([0, 0], failures=failures, max_errors=10)
    assert result["verdict"] == "inconclusive"
    assert "web-svc:8080 does not answer" in result["likely_cause"]
    assert judged([0, 0], failures=failures)["verdict"] == "fail"
    assert "no response came from any backend" in result["msg"]
    assert result["backends"][0]["share"] is None
    assert result["backends"][0]["interval"] == [0.0, 1.0]


# ---- the plan ----


def params(**changes):
    return {
        "url": URL,
        "backends": [
            {"name": "tomcat", "weight": 80, "match": "Apache Tomcat", "header": None},
            {"name": "httpd", "weight": 20, "match": "hello httpd", "header": None},
        ],
        "requests": 400,
        "warmup": 10,
        "headers": {},
        "method": "auto",
        "request_timeout": 5,
        "timeout": 300,
        "max_errors": 0,
        "significance": 0.001,
        "tolerance": None,
        "parallel": 4,
        **changes,
    }


def backend_option(**changes):
    return {"name": "tomcat", "weight": 80, "match": "Apache Tomcat", **changes}


def test_a_plan_of_parameters():
    made = traffic_split.plan_from(params(tolerance=10, headers={"X-Retry": 1}))
    assert made == Plan(url=URL, backends=BACKENDS, tolerance=0.1, headers=(("X-Retry", "1"),))
    assert made.shares == [0.8, 0.2]
    assert traffic_split.plan_from(params(backends=[backend_option(weight=7)])).shares == [1.0]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"url": "web-svc"}, "has to be like http://web-svc:8080/"),
        ({"url": "https://web-svc/"}, "and not https"),
        ({"url": "http://"}, "has to be like"),
        ({"url": "http://web-svc:port/"}, "has to be like"),
        ({"url": "http://me:secret@web-svc/"}, "without a user"),
        ({"url": "http://web-svc/a b"}, "percent-encode"),
        ({"url": "http://web-svc/ä"}, "percent-encode"),
        ({"url": "http://web-svc/#top"}, "percent-encode"),
        ({"backends": []}, "at least one"),
        ({"backends": [backend_option(name="")]}, r"backends\[1\]: the name is empty"),
        ({"backends": [backend_option(), backend_option(match="x")]}, "2 of them have the name tomcat"),
        ({"backends": [backend_option(), backend_option(name="b")]}, "tomcat and b have the same match"),
        ({"backends": [backend_option(header="X-V"), backend_option(name="b", header="x-v")]}, "the same match"),
        ({"backends": [backend_option(weight=-1)]}, r"backends\[1\] \(tomcat\): weight -1 has to be 0 or more"),
        ({"backends": [backend_option(weight=0)]}, "every weight is 0"),
        ({"backends": [backend_option(header="x version")]}, "'x version' is not a valid header name"),
        ({"headers": {"bad name": "x"}}, "'bad name' is not a valid header name"),
        ({"headers": {"X-A": "a\nX-B: b"}}, "the value of X-A has a line break"),
        ({"headers": {"X-A": " "}}, "the value of X-A is empty"),
        ({"requests": 0}, r"requests 0 has to be within 1..100000"),
        ({"requests": 100_001}, "requests 100001"),
        ({"warmup": -1}, "warmup -1"),
        ({"parallel": 0}, r"parallel 0 has to be within 1..16"),
        ({"request_timeout": 0}, "request_timeout 0"),
        ({"timeout": 4}, r"timeout 4 has to be within 5.."),
        ({"max_errors": 401}, "max_errors 401"),
        ({"significance": 0.0}, "significance"),
        ({"significance": float("nan")}, "significance"),
        ({"tolerance": 0}, "above 0 and below 100"),
        ({"tolerance": 100}, "above 0 and below 100"),
        ({"tolerance": 5}, "400 requests cannot resolve it.* 708 requests or more can"),
        ({"tolerance": 0.1}, "even 100000 cannot"),
    ],
)
def test_what_is_known_wrong_before_a_cluster_is_asked(changes, problem):
    with pytest.raises(SplitError, match=problem):
        traffic_split.plan_from(params(**changes))


def test_the_number_that_a_refusal_names_is_accepted():
    assert traffic_split.plan_from(params(tolerance=5, requests=708)).tolerance == pytest.approx(0.05)


def test_the_documented_examples_are_taken_as_written():
    name = "meshlab.istio.istio_traffic_split"
    tasks = [task[name] for task in yaml.safe_load(istio_traffic_split.EXAMPLES) if name in task]
    options = yaml.safe_load(istio_traffic_split.DOCUMENTATION)["options"]
    defaults = {option: described.get("default") for option, described in options.items()}
    for task in tasks:
        assert set(task) <= {*options, "kubeconfig"}
        made = traffic_split.plan_from({**defaults, **task})
        assert traffic_split.plan_warnings(made) == []
    assert len(tasks) == 7
    assert traffic_split.plan_from({**defaults, **tasks[0]}) == Plan(url=URL, backends=BACKENDS)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("", "empty"),
        ("a\nb", "line break"),
        (r"v\d", r"\\d is not part.*write \[0-9\]"),
        (r"\\\w", r"write \[\[:alnum:\]_\]"),
        (r"\bword", r"\\b is not part"),
        ("(?i)tomcat", r"\(\? is not part"),
        ("(a", "unterminated"),
        ("[a", "unterminated"),
        ("*a", "nothing to repeat"),
        ("a\\", "lone backslash"),
        (".*", "every response"),
        ("x?", "every response"),
    ],
)
def test_patterns_that_are_refused(pattern, problem):
    with pytest.raises(SplitError, match=problem):
        traffic_split.plan_from(params(backends=[backend_option(match=pattern)]))


@pytest.mark.parametrize(
    "pattern", ["^$", ".", r"\.", r"\\d", "[[:alpha:]]+", "^(a|b){2}$", r"x\(?", "a'b", "[]x]", "größe", r"\\\\"]
)
def test_patterns_that_are_taken(pattern):
    assert traffic_split.regex_problem(pattern) is None


@pytest.mark.parametrize(
    ("weights", "requests", "warned"),
    [
        ((80, 20), 400, False),
        ((80, 20), 20, True),
        ((50, 50), 20, False),
        ((55, 45), 400, True),
        ((100, 0), 5, True),
        ((100, 0), 20, False),
        ((1,), 1, False),
        ((80, 10, 10), 400, False),
    ],
)
def test_a_sample_that_could_not_even_tell_an_even_split_is_warned_of(weights, requests, warned):
    backends = tuple(Backend(f"v{number}", weight, f"v{number}") for number, weight in enumerate(weights))
    assert bool(traffic_split.plan_warnings(Plan(url=URL, backends=backends, requests=requests))) is warned


# ---- the client ----


def pod(name, containers=("app",), ready=True, sidecar="container", phase="Running", owner=None, **metadata):
    spec = {"containers": [{"name": container} for container in containers]}
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]}
    status["containerStatuses"] = [{"name": container, "ready": True} for container in containers]
    if sidecar == "container":
        spec["containers"].append({"name": "istio-proxy"})
        status["containerStatuses"].append({"name": "istio-proxy", "ready": True})
    elif sidecar == "native":
        spec["initContainers"] = [{"name": "istio-init"}, {"name": "istio-proxy", "restartPolicy": "Always"}]
        status["initContainerStatuses"] = [{"name": "istio-proxy", "ready": True}]
    elif sidecar == "unready":
        spec["containers"].append({"name": "istio-proxy"})
        status["containerStatuses"].append({"name": "istio-proxy", "ready": False})
    if owner:
        metadata["labels"] = {"app": "client", "pod-template-hash": "abc"}
        metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"{owner}-abc"}]
    return {"metadata": {"name": name, **metadata}, "spec": spec, "status": status}


class FakeCluster:
    """Serves objects by path, remembers queries, and runs an exec's command with a function."""

    def __init__(self, objects, command=None):
        self.objects, self.command, self.queries = objects, command, []

    def get(self, path, **query):
        self.queries.append((path, query))
        return self.objects.get(path)

    def exec(self, namespace, pod, container, argv, timeout):
        self.where = (namespace, pod, container, timeout)
        return self.command(argv)


PODS = "/api/v1/namespaces/default/pods"


def found(*pods, **options):
    cluster = FakeCluster({PODS: {"items": list(pods)}})
    return traffic_split.find_client(cluster, "default", **{"label_selector": "app=client", **options})


@pytest.mark.parametrize(
    ("sidecar", "expected"), [("container", True), ("native", True), ("unready", False), (None, False)]
)
def test_sidecars(sidecar, expected):
    assert found(pod("a", sidecar=sidecar)) == Client("default", "a", "app", expected)


def test_the_sidecar_is_never_the_client():
    first = pod("a", containers=("istio-proxy", "one", "two"), sidecar=None)
    assert found(first).container == "one"
    assert found(first, container="two").container == "two"
    assert found(pod("a", ("one", "two"), annotations={traffic_split.DEFAULT_CONTAINER: "two"})).container == "two"
    assert found(pod("a", annotations={traffic_split.DEFAULT_CONTAINER: "istio-proxy"})).container == "app"
    assert found(pod("a", annotations={traffic_split.DEFAULT_CONTAINER: "gone"})).container == "app"
    with pytest.raises(SplitError, match="no container three; it has app, istio-proxy"):
        found(pod("a"), container="three")
    with pytest.raises(SplitError, match="no container besides istio-proxy"):
        found(pod("a", containers=("istio-proxy",), sidecar=None))


def test_a_ready_pod_is_preferred():
    ending = pod("a", deletionTimestamp="2026-02-11T00:00:00Z")
    assert found(ending, pod("b", phase="Pending"), pod("c", ready=False), pod("e"), pod("d")).pod == "d"
    assert found(ending, pod("c", ready=False)).pod == "c"
    with pytest.raises(
        SplitError, match=r"no pod of label selector app=client .* is running: a is ending, b is Pending"
    ):
        found(ending, pod("b", phase="Pending"))
    with pytest.raises(SplitError, match="no pod at all"):
        found()


def test_a_pod_by_name():
    cluster = FakeCluster({f"{PODS}/a": pod("a")})
    assert traffic_split.find_client(cluster, "default", pod="a").pod == "a"
    with pytest.raises(SplitError, match="there is no pod b in namespace default"):
        traffic_split.find_client(cluster, "default", pod="b")


def test_a_deployments_own_pod():
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    cluster = FakeCluster(
        {
            f"{deployments}/client": {"spec": {"selector": {"matchLabels": {"tier": "x", "app": "client"}}}},
            PODS: {"items": [pod("a", owner="client-two"), pod("b", owner="client"), pod("c")]},
        }
    )
    assert traffic_split.find_client(cluster, "default", deployment="client").pod == "b"
    assert cluster.queries[-1] == (PODS, {"labelSelector": "app=client,tier=x"})
    with pytest.raises(SplitError, match="there is no deployment server"):
        traffic_split.find_client(cluster, "default", deployment="server")


@pytest.mark.parametrize(
    "options",
    [{}, {"pod": ""}, {"pod": "../../secrets"}, {"deployment": "a/b"}, {"namespace": "a?b", "pod": "x"}, {"pod": "A"}],
)
def test_names_that_cannot_be(options):
    cluster = FakeCluster({})
    with pytest.raises(SplitError, match="client: "):
        traffic_split.find_client(cluster, **{"namespace": "default", **options})
    assert not cluster.queries


class PodCluster(FakeCluster):
    """A cluster of pods that are made and removed. steps: what a pod's status is, look by look; the last one stays."""

    def __init__(self, *steps, refusal=None, sticky=False):
        super().__init__({})
        self.steps, self.refusal, self.sticky, self.made, self.log = list(steps), refusal, sticky, {}, []

    def create(self, path, definition):
        self.log.append("create")
        if self.refusal:
            raise self.refusal
        if path != PODS:
            return None
        self.made[f"{path}/{definition['metadata']['name']}"] = definition
        return definition

    def get(self, path, **query):
        if path.endswith("/events"):
            name = next(iter(self.made.values()))["metadata"]["name"]
            return {
                "items": [
                    {"involvedObject": {"name": name}, "reason": "Failed", "message": "no such image", "metadata": {}}
                ]
            }
        if path not in self.made:
            return None
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return {**pod("x", ("client",), sidecar=step.pop("sidecar", None)), **step, "metadata": {"name": "x"}}

    def delete(self, path):
        self.log.append("delete")
        if not self.sticky:
            self.made.pop(path, None)


def status(ready, phase="Running", waiting=None, sidecar=None):
    known = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": []}
    if waiting:
        known["containerStatuses"] = [{"name": "client", "state": {"waiting": {"reason": waiting}}}]
    return {"status": known} if not sidecar else {"sidecar": sidecar}


PLAN = Plan(url=URL, backends=BACKENDS)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(traffic_split.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize("sidecar", [None, "container", "native"])
def test_an_ephemeral_client_is_made_and_removed(quick, sidecar):
    cluster = PodCluster(status(False, "Pending"), status(False), status(True, sidecar=sidecar))
    with traffic_split.ephemeral_client(cluster, PLAN, "default", "curl:1") as client:
        assert len(cluster.made) == 1
        path, definition = next(iter(cluster.made.items()))
        assert path == f"{PODS}/{client.pod}"
        assert (client.namespace, client.container, client.sidecar) == ("default", "client", bool(sidecar))
        (container,) = definition["spec"]["containers"]
        assert (container["name"], container["image"]) == ("client", "curl:1")
        # Longer than anything that may happen in it, and no longer than documented.
        assert 335 < definition["spec"]["activeDeadlineSeconds"] <= 300 + 5 + 150
    assert (cluster.made, cluster.log) == ({}, ["create", "delete"])
    names = {definition["metadata"]["name"], client.pod}
    with traffic_split.ephemeral_client(PodCluster(status(True)), PLAN, "default", "curl:1") as client:
        assert client.pod not in names


@pytest.mark.parametrize("error", [SplitError("no awk"), ClusterError("broke"), KeyboardInterrupt(), SystemExit(1)])
def test_an_ephemeral_client_is_removed_whatever_happens(quick, error):
    cluster = PodCluster(status(True))
    with pytest.raises(type(error)), traffic_split.ephemeral_client(cluster, PLAN, "default", "curl:1"):
        raise error
    assert (cluster.made, cluster.log) == ({}, ["create", "delete"])


@pytest.mark.parametrize(
    ("cluster", "problem"),
    [
        (
            PodCluster(status(False, "Pending", "ImagePullBackOff")),
            "container client: ImagePullBackOff; event Failed: no",
        ),
        (PodCluster(status(False, "Failed")), "does not get ready: event Failed: no such image"),
        (PodCluster(refusal=ClusterError("answered 403 Forbidden")), "answered 403 Forbidden"),
    ],
)
def test_an_ephemeral_client_that_does_not_get_ready_says_why_and_is_removed(quick, cluster, problem):
    made = traffic_split.ephemeral_client(cluster, PLAN, "default", "curl:1")
    with pytest.raises((SplitError, ClusterError), match=problem), made:
        pytest.fail("it is not there")
    assert (cluster.made, cluster.log) == ({}, ["create", "delete"])


def test_an_ephemeral_client_that_takes_too_long_or_stays_is_told(quick, monkeypatch):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(traffic_split.time, "monotonic", lambda: next(clock))
    cluster = PodCluster(status(False), sticky=True)
    with pytest.raises(SplitError) as caught, traffic_split.ephemeral_client(cluster, PLAN, "default", "curl:1"):
        pytest.fail("it is not ready")
    assert "does not get ready" in str(caught.value)
    assert "besides, ephemeral_client: pod default/traffic-split-" in str(caught.value)
    assert "could not be removed: it is still there after 60 s" in str(caught.value)


def test_an_ephemeral_client_needs_its_namespace(quick):
    cluster = PodCluster(status(True))
    for name, problem in (("nowhere", "namespace nowhere does not exist"), ("a/b", "is not a valid namespace name")):
        with pytest.raises(SplitError, match=problem), traffic_split.ephemeral_client(cluster, PLAN, name, "curl:1"):
            pytest.fail("it is not there")


def test_from_the_cluster_to_the_verdict(serve, tmp_path):
    server = serve(lambda n: HTTPD if n % 5 == 0 else TOMCAT)

    def command(argv):
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, start_new_session=True, check=False)
        return SimpleNamespace(rc=done.returncode, stdout=done.stdout, stderr=done.stderr)

    cluster = FakeCluster({f"{PODS}/a": pod("a")}, command)
    made = traffic_split.plan_from(params(url=server.url, requests=200))
    client = traffic_split.find_client(cluster, "default", pod="a")
    result = traffic_split.judge(made, traffic_split.measure(cluster, made, client), client)
    assert (result["verdict"], result["answered"]) == ("pass", 200)
    assert [backend["count"] for backend in result["backends"]] == [160, 40]
    assert cluster.where == ("default", "a", "app", 335)


def test_a_container_that_cannot_measure_is_named():
    cluster = FakeCluster({}, lambda argv: SimpleNamespace(rc=0, stdout=f"{argv[4]} lacks awk\n", stderr=""))
    with pytest.raises(SplitError, match="client default/client-1/client: the client container has no awk"):
        traffic_split.measure(cluster, Plan(url=URL, backends=BACKENDS), CLIENT)
