# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
import threading
import time
from types import SimpleNamespace
from urllib.parse import quote_plus

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import answer, probe
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend, Plan, SplitError

TOMCAT = b"<html>\r\n<head><title>Apache Tomcat/8.0</title></head>\r\n<body>\r\n" + b"<p>x</p>\n" * 30 + b"</body>"
HTTPD = b"hello httpd\n"
BACKENDS = (Backend("tomcat", 80, "Apache Tomcat"), Backend("httpd", 20, "hello httpd"))
URL = "http://web-svc:8080/"
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
        argv = probe.probe_command(plan, nonce)
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
        output = SimpleNamespace(
            rc=done.returncode,
            stdout=done.stdout.decode("utf-8", "replace"),
            stderr=done.stderr.decode("utf-8", "replace"),
        )
        return answer.read_answer(output, nonce, plan)

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
    def respond(n):
        time.sleep(1.5)
        return HTTPD

    server = serve(respond)
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
    def respond(n):
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

    server = serve(respond)
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
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        tally = run(
            Plan(url=url, backends=BACKENDS, requests=50, warmup=2, method=method, max_errors=2, timeout=30), box
        )
    assert tally.gave_up
    assert tally.sent == 4 * 5  # each of the four workers has its part of the ten failures beyond the limit
    assert [kind for kind, _detail in tally.failures] == ["connection"]


@every_client
def test_backends_by_header(serve, run, box, method):
    def respond(n):
        version = "v2" if n % 4 == 0 else "v1"
        # A body that looks like the header must not count.
        return 200, {"X-Version": version}, b"x-version: v2\r\n  X-Version: v2\n\n  x-version: v1"

    server = serve(respond)
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

    def respond(n):
        barrier.wait()  # each answer waits for three more requests
        return HTTPD

    server = serve(respond)
    assert run(plan(server, requests=16, method=method), box).backends == [0, 16]
    barrier = threading.Barrier(1)
    assert run(plan(serve(respond), requests=3, method=method, parallel=16), box).backends == [0, 3]


@every_client
def test_bodies_that_arrive_in_pieces_side_by_side_do_not_mix(serve, run, box, method):
    server = serve(lambda n: b"one\n" * 500 if n % 3 else b"two\n" * 500)
    server.piece = 777
    backends = (Backend("one", 1, "^one$"), Backend("two", 1, "^two$"), Backend("mixed", 1, "^(.|..|....+)$"))
    tally = run(plan(server, *backends, requests=30, method=method), box)
    assert (tally.backends, tally.errors) == ([20, 10, 0], 0)


@every_client
def test_an_outage_costs_few_timeouts(serve, run, box, method):
    def respond(n):
        if n >= 40:
            time.sleep(1.5)
        return HTTPD

    server = serve(respond)
    started = time.monotonic()
    tally = run(plan(server, requests=1000, method=method, request_timeout=1, timeout=3), box)
    assert time.monotonic() - started < 5
    assert tally.backends == [0, 40]
    assert 40 < tally.sent < 60
    assert {kind for kind, _detail in tally.failures} == {"timeout"}


@every_client
def test_slow_backends_end_with_the_time(serve, run, box, method):
    def respond(n):
        time.sleep(0.3)
        return HTTPD

    server = serve(respond)
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
    def respond(n):
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
    server = serve(respond)
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

    def respond(n):
        if n == 4:
            return 503, {}, b""
        if n == 6:
            time.sleep(1.8)
        return HTTPD

    server = serve(respond)
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
        assert "does not support {n}" in str(error)


def test_an_awk_that_fails_is_named(serve, run):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match=r"awk in the client container failed \(2\): awk: out of luck"):
        run(plan(server), stubs={"awk": "cat >/dev/null 2>&1; echo 'awk: out of luck' >&2; exit 2"})


def test_the_command_stays_small_enough_for_a_url():
    argv = probe.probe_command(Plan(url=URL, backends=BACKENDS), probe.new_nonce())
    assert sum(len(f"&command={quote_plus(word)}") for word in argv) < 12_000


def test_what_the_user_gave_never_becomes_script():
    hostile = Plan(
        url=URL + "';reboot;'", backends=(Backend("a", 1, "'; reboot; '"),), headers=(("X", "'; reboot; '"),)
    )
    argv = probe.probe_command(hostile, "n")
    assert argv[:4] == ["sh", "-c", probe.SCRIPT, "meshlab"]
    assert "reboot" not in probe.SCRIPT
    assert argv[-2:] == ["--header", "X: '; reboot; '"]


def test_nonces_differ():
    assert len({probe.new_nonce() for _run in range(100)}) == 100
