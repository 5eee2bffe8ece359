# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import time
from urllib.parse import quote_plus

import pytest
from traffic_support import BACKENDS, HTTPD, TOMCAT, URL, plan_for

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import probe
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend, Plan, SplitError


@pytest.mark.parametrize(("without", "used"), [((), "curl"), (("curl",), "wget")])
def test_auto_prefers_curl_to_wget(serve, run, without, used):
    if not shutil.which(used):
        pytest.skip(f"no {used} on PATH")
    server = serve(lambda n: HTTPD)
    assert run(plan_for(server, requests=2), without=without).method == used


@pytest.mark.parametrize(
    ("method", "without", "problem"),
    [
        ("auto", ("curl", "wget"), "neither curl nor wget"),
        ("curl", ("curl",), "has no curl"),
        ("wget", ("wget",), "has no wget"),
        ("auto", ("awk",), "has no awk"),
    ],
)
def test_missing_programs_are_reported(serve, run, method, without, problem):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match=problem):
        run(plan_for(server, method=method), without=without)
    assert not server.seen


@pytest.mark.parametrize("version", ["7.29.0", "7.61.1", "7.74.0", "6.5"])
def test_counts_are_exact_with_curl_before_7_75(serve, run, version):
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
    tally = run(plan_for(server, requests=20, method="curl", request_timeout=1, max_errors=9), stubs={"curl": old})
    assert sorted(kind for kind, _detail in tally.failures) == ["broken", "timeout"]
    assert tally.backends == [14, 4]


@pytest.mark.parametrize("version", ["7.75.0", "7.88.1", "8.16.0", "10.1.0"])
def test_newer_curl_sends_batches(serve, run, tmp_path, version):
    counted = f"""case $1 in --version) echo "curl {version} (x86_64)"; exit ;; esac
echo start >>"{tmp_path}/starts"
exec @REAL@ "$@" """
    server = serve(lambda n: HTTPD)
    tally = run(plan_for(server, requests=127, method="curl", timeout=1000), stubs={"curl": counted})
    assert tally.backends == [0, 127]
    # Batches of 1, 4, 16 and the rest for each worker.
    assert len((tmp_path / "starts").read_text().split()) == 4 * 4


def test_a_curl_that_cannot_start_is_an_error(serve, run):
    server = serve(lambda n: HTTPD)
    broken = 'case $1 in --version) echo "curl 8.16.0"; exit ;; esac; echo "curl: cannot load libcurl" >&2; exit 127'
    tally = run(plan_for(server, requests=50, method="curl"), stubs={"curl": broken})
    assert tally.gave_up
    assert tally.failures == {("other", "curl failed with exit status 127"): 4 * 3}


# A wget of a BusyBox without timeouts (as in Debian) and without -S.
BARE = """case $1 in --help) echo 'Usage: wget [-cq] [--spider] [-O FILE] [--header STR] URL...'; exit 1 ;; esac
for word; do case $word in -T|-S) echo "wget: invalid option" >&2; exit 1 ;; esac; done
exec @REAL@ --tries=1 "$@" """


def test_wget_without_timeout_option_is_terminated_by_the_shell(serve, run):
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("no bash on PATH, which has read -t as BusyBox has")

    def respond(n):
        if n == 4:
            return 503, {}, b""
        if n == 6:
            time.sleep(1.8)
        return HTTPD

    server = serve(respond)
    bare = plan_for(server, requests=50, method="wget", request_timeout=1, max_errors=9)
    tally = run(bare, stubs={"wget": BARE, "sh": f'exec {bash} --posix "$@"'})
    assert sorted(kind for kind, _detail in tally.failures) == ["other", "timeout"]
    assert tally.backends == [0, 48]


def test_wget_without_timeout_option_needs_a_shell_with_read_t(serve, run):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match="neither a wget with -T nor a shell with read -t"):
        run(plan_for(server, method="wget"), stubs={"wget": BARE, "sh": WITHOUT_READ_T})
    assert not server.seen


# A shell without read -t, such as dash.
WITHOUT_READ_T = """shift
script="read() { case \\$1 in -t) return 2 ;; esac; command read \\"\\$@\\"; }
$1"
shift
exec @REAL@ -c "$script" "$@" """


def test_wget_without_headers_is_rejected_for_backends_matched_by_header(serve, run):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match="wget without -S"):
        run(plan_for(server, Backend("a", 1, "v1", "x-version"), method="wget"), stubs={"wget": BARE})
    assert not server.seen


def test_an_awk_without_interval_expressions_is_reported(serve, run):
    server = serve(lambda n: b"vv")
    backends = (Backend("two", 1, "^v{2}$"),)
    try:
        assert run(plan_for(server, *backends)).backends == [20]
    except SplitError as error:
        assert "does not support {n}" in str(error)


def test_a_failing_awk_is_reported(serve, run):
    server = serve(lambda n: HTTPD)
    with pytest.raises(SplitError, match=r"awk in the client container failed \(2\): awk: out of luck"):
        run(plan_for(server), stubs={"awk": "cat >/dev/null 2>&1; echo 'awk: out of luck' >&2; exit 2"})


def test_the_command_is_small_enough_for_a_url():
    argv = probe.probe_command(Plan(url=URL, backends=BACKENDS), probe.new_nonce())
    assert sum(len(f"&command={quote_plus(word)}") for word in argv) < 12_000


def test_user_input_is_not_part_of_the_script():
    hostile = Plan(
        url=URL + "';reboot;'", backends=(Backend("a", 1, "'; reboot; '"),), headers=(("X", "'; reboot; '"),)
    )
    argv = probe.probe_command(hostile, "n")
    assert argv[:4] == ["sh", "-c", probe.SCRIPT, "meshlab"]
    assert "reboot" not in probe.SCRIPT


def test_request_headers_are_not_part_of_the_command():
    plan = Plan(url=URL, backends=BACKENDS, headers=(("Authorization", "Bearer s3cret"), ("X-A", " 'b' ")))
    assert "s3cret" not in " ".join(probe.probe_command(plan, "n"))
    assert probe.probe_input(plan) == "Authorization: Bearer s3cret\nX-A:  'b' \n"
    assert probe.probe_input(Plan(url=URL, backends=BACKENDS)) is None


def test_nonces_differ():
    assert len({probe.new_nonce() for _run in range(100)}) == 100
