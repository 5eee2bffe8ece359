# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe: a shell script that sends the requests from the client and counts the responses.

It assigns the responses to backends in the client and prints only counts, so that the bodies are never transferred.
User input is passed in positional parameters and on stdin, and is never part of the script.
"""

from __future__ import annotations

import secrets

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.patterns import META_CHARACTERS
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan

# Errors beyond max_errors, shared by the workers, before the run stops: more than one, to show the pattern.
MORE_FAILURES = 9
SAMPLE = 200

# Parameters: nonce method url request-timeout timeout requests warmup give-up backends workers headers, then for each
# backend a header name (empty for the body) and a match. A match starts with "=" (plain text) or "~" (regular
# expression). Request headers are lines on stdin, which stays open, because parameters appear in the API server's log.
#
# Each worker sends its share of the requests one after the other and pipes the responses into its own awk, so that
# responses are not interleaved. The workers form a pipeline, although none of them uses its input: each one prints
# its counts when it is done, and then copies those of the previous workers. So the counts are not interleaved either.
#
# awk reads the response body, a newline, and then lines that start with the nonce, which is unknown to the backends:
# "done" after each response of curl; "wget" or "curl" with the exit status, followed by stderr and "end". The command
# substitution captures stderr separately from the body, because 2>&1 precedes >&3.
#
# A wget without -T is terminated by a watchdog: wget's process ID is written to fd 4 when it starts, and 0 after the
# last one. The watchdog kills wget if no other line follows in time. (/proc/self/stat is that of the subshell, which
# exec replaces with wget.)
#
# A batch never outlives the remaining time: it has at most (remaining time / request timeout) requests. It starts with
# one request, also after a failure, and grows, so that an outage costs few timeouts. During the warm-up, a failure
# after the time in "patience" ends it; afterwards "patience" is empty. A successful warm-up keeps the batch size,
# because starting a client program takes as long as several requests.
_SHELL = r"""
nonce=$1 method=$2 url=$3 per=$4 limit=$5 requests=$6 warmup=$7 give_up=$8 backends=$9
shift 9
workers=$1 headers=$2
shift 2
say() { printf '%s %s\n' "$nonce" "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }
missing() { say missing "$1"; exit 0; }
clock() { read -r now rest </proc/uptime; }
i=0 heads=
while [ $i -lt "$backends" ]; do
  i=$((i + 1))
  [ -z "$1" ] || heads=-i
  export "MESHLAB_HEADER_$i=$1" "MESHLAB_MATCH_$i=$2"
  shift 2
done
while [ $headers -gt 0 ]; do
  headers=$((headers - 1))
  IFS= read -r line
  set -- "$@" --header "$line"
done
export LC_ALL=C
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY
if [ $method = auto ]; then
  if have curl; then method=curl; else method=wget; fi
fi
have $method || missing $method
have awk || missing awk
batch=100 code=' %{exitcode}' watchdog=
if [ $method = wget ]; then
  batch=1 quiet=-q show= timer=
  help=$(wget --help 2>&1)
  case $help in *--no-verbose*) quiet=-nv ;; esac
  case $help in *cqS*|*-S\ *|*-S,*|*-S\|*) show=-S ;; esac
  [ -z "$heads" ] || [ "$show" ] || missing headers
  case $help in
  *-T\ *|*-T,*) timer="-T $per" ;;
  *) echo | read -t 1 -r word 2>/dev/null || missing timeout
     watchdog=1 ;;
  esac
else
  case $(curl --version) in curl\ [0-6].*|curl\ 7.[0-9].*|curl\ 7.[0-6][0-9].*|curl\ 7.7[0-4].*) batch=1 code= ;; esac
fi
say method $method
run_curl() {
  i=$1
  shift
  set -- -q -g -s -S $heads -m "$per" -H 'Connection: close' -w "\n$nonce done %{http_code}$code\n" "$@"
  while [ $i -gt 0 ]; do set -- "$@" "$url"; i=$((i - 1)); done
  exec curl "$@"
}
send() {
  left=$1
  shift
  while [ $left -gt 0 ]; do
    clock
    room=$(((deadline - ${now%.*}) / per))
    [ $room -gt 0 ] || return 0
    [ $step -le $room ] || step=$room
    [ $step -le $left ] || step=$left
    left=$((left - step))
    if [ $method = curl ]; then
      err=$(run_curl $step "$@" 2>&1 >&3 3>&-)
      rc=$?
    elif [ -z "$watchdog" ]; then
      err=$(wget $quiet $show -O - $timer -t 1 "$@" "$url" 2>&1 >&3 3>&-)
      rc=$?
    else
      err=$(read -r pid rest </proc/self/stat
        echo $pid >&4
        exec wget $quiet $show -O - -t 1 "$@" "$url" 2>&1 >&3 3>&- 4>&-)
      rc=$?
    fi
    printf '\n%s %s %s\n%s\n%s end\n' "$nonce" $method $rc "$err" "$nonce" >&3 2>/dev/null || return 0
    if [ $rc -eq 0 ]; then step=$((step * 4))
    else
      step=1
      [ -z "$patience" ] || { clock; [ ${now%.*} -lt $patience ] || return 0; }
    fi
    [ $step -le $batch ] || step=$batch
  done
}
watch() {
  while read -r pid; do
    while read -t $per -r word; do pid=$word; done
    [ $pid = 0 ] || kill $pid 2>/dev/null
  done
}
send_timed() {
  if [ "$watchdog" ]; then { send "$@"; echo 0 >&4; } 4>&1 | watch; else send "$@"; fi
}
work() {
  send_timed "$@" 3>&1 | awk '@AWK@'
  say awk $?
}
run_workers() {
  share=$(($2 / $1))
  if [ $1 -eq 1 ]; then
    shift 2
    work $share "$@"
  else
    before=$(($1 - 1)) rest=$(($2 - share))
    shift 2
    run_workers $before $rest "$@" | { work $share "$@" </dev/null; awk 1; }
  fi
}
[ $method = curl ] || heads=
export MESHLAB_NONCE="$nonce" MESHLAB_BACKENDS=$backends MESHLAB_HEADS=$heads MESHLAB_GIVE_UP=$give_up
clock
deadline=$((${now%.*} + limit))
patience=$((${now%.*} + per))
step=1
send_timed $warmup "$@" 3>/dev/null
patience=
clock
begin=$now
run_workers $workers $requests "$@"
clock
say time $begin $now
"""

# A line is processed when the next one has been read, because the newline before the nonce is not part of the body.
#
# Matching single lines is slow, especially in BusyBox. If every match is plain text in the body, which cannot span
# lines, the lines are collected and searched in blocks of some thousand characters.
_AWK = r"""
function found(i, s) { return plain[i] ? index(s, what[i]) > 0 : s ~ what[i] }
function field(s, i, p, key) {
  p = index(s, ":")
  key = tolower(substr(s, 1, p - 1))
  sub(/^ +/, "", key)
  s = substr(s, p + 1)
  gsub(/^[ \t]+|[ \t\r]+$/, "", s)
  for (i = 1; i <= backends; i++) if (header[i] != "" && header[i] == key && found(i, s)) hit[i] = 1
}
function take(s, i) {
  if (substr(s, length(s)) == "\r") s = substr(s, 1, length(s) - 1)
  if (heading) {
    if (s == "") { heading = interim; interim = 0 }
    else if (s ~ /^HTTP\//) interim = (s ~ /^HTTP\/[0-9.]+ 1/)
    else field(s)
    return
  }
  size += length(s) + 1
  if (size > 16777216) stop = "long"
  if (length(body) < @SAMPLE@) body = body (lines++ ? "\n" : "") substr(s, 1, @SAMPLE@)
  for (i = 1; i <= backends; i++) if (!hit[i] && header[i] == "" && found(i, s)) hit[i] = 1
}
function scan(i) {
  if (length(body) < @SAMPLE@) {
    body = body (lines++ ? "\n" : "") substr(bulk, 1, 2 * @SAMPLE@)
    gsub(/\r\n/, "\n", body)
    sub(/[\r\n]$/, "", body)
  }
  for (i = 1; i <= backends; i++) if (!hit[i] && index(bulk, what[i])) hit[i] = 1
  size += length(bulk)
  if (size > 16777216) stop = "long"
  held = 0
}
function note(s) {
  if (s ~ /^ / && s !~ /^ +HTTP\//) field(s)
  else if (match(s, /HTTP\/[0-9.]+ [0-9][0-9][0-9]/)) {
    if (status == "" || status ~ /^1/) status = substr(s, RSTART + RLENGTH - 3, 3)
  } else if (s ~ /[^ ]/) text = s
}
function keep(kind) { if (!(kind in sample)) sample[kind] = body }
function fail(key) {
  if (!(key in failed) && kinds++ > 8) key = "text more"
  failed[key]++
  keep("failed")
  if (++failures > give_up) stop = "gave_up"
}
function finish(rc, i, n, which) {
  sent++
  if (status != "" && status != "000" && status != "200") fail("http " status)
  else if (rc != 0) fail(text != "" && rc < 128 ? "text " text : (status == "200" ? "cut " : "exit ") rc)
  else {
    for (i = 1; i <= backends; i++) if (hit[i]) { n++; which = which " " i }
    if (n == 1) count[which + 0]++
    else if (n == 0) { unknown++; keep("unknown") }
    else { ambiguous++; keep("ambiguous"); if (overlap == "") overlap = which }
  }
  fresh()
}
function fresh(i) {
  for (i = 1; i <= backends; i++) hit[i] = 0
  body = status = text = ""
  size = lines = interim = pending = 0
  heading = (ENVIRON["MESHLAB_HEADS"] != "")
}
function say(s) { print mark s }
BEGIN {
  mark = ENVIRON["MESHLAB_NONCE"] " "
  width = length(mark)
  backends = ENVIRON["MESHLAB_BACKENDS"] + 0
  give_up = ENVIRON["MESHLAB_GIVE_UP"] + 0
  for (i = 1; i <= backends; i++) {
    header[i] = tolower(ENVIRON["MESHLAB_HEADER_" i])
    what[i] = substr(ENVIRON["MESHLAB_MATCH_" i], 2)
    plain[i] = (substr(ENVIRON["MESHLAB_MATCH_" i], 1, 1) == "=")
    if (header[i] != "" || !plain[i]) each = 1
    if (plain[i]) continue
    bare = what[i]
    gsub(/\\./, "", bare)
    two = "^a{2}$"
    if (index(bare, "{") && "aa" !~ two) stop = "weak"
    if (index(bare, "[:") && "a" !~ "^[[:alpha:]]$") stop = "weak"
  }
  if (ENVIRON["MESHLAB_HEADS"] != "") each = 1
  if (stop != "") exit
  fresh()
}
index($0, mark) == 1 {
  if (held && !each && bulk != "") scan()
  else if (held && previous != "") take(previous)
  held = in_stderr = 0
  split(substr($0, width + 1), word, " ")
  if (word[1] == "done") { seen++; status = word[2]; if (word[3] != "") finish(word[3]); else pending = 1 }
  else if (word[1] == "end") { if (pending || !wget && rc != 0 && !seen) finish(rc); seen = 0 }
  else { rc = word[2]; in_stderr = 1; if (word[1] == "wget") { wget = 1; pending = 1 } }
  if (stop != "") exit
  next
}
in_stderr {
  if (wget) note($0)
  else if (match($0, /curl: \([0-9]+\)/)) {
    key = substr($0, RSTART + 7, RLENGTH - 8)
    if (!(key in messages)) { messages[key] = 1; say("message " key " " $0) }
  }
  next
}
!each {
  if (held++) bulk = bulk "\n" $0
  else bulk = $0
  if (length(bulk) > 4000) scan()
  if (stop != "") exit
  next
}
{
  if (held) take(previous)
  previous = $0
  held = 1
  if (stop != "") exit
}
END {
  if (stop != "") say("stop " stop)
  for (i = 1; i <= backends; i++) say("backend " i " " (count[i] + 0))
  for (key in failed) say("failed " failed[key] " " key)
  for (key in sample) {
    n = split(sample[key], line, "\n")
    for (i = 1; i <= n; i++) say("sample " key " " line[i])
  }
  if (overlap != "") say("overlap" overlap)
  say("sent " (sent + 0) " " (unknown + 0) " " (ambiguous + 0))
}
"""


def _compact(text: str) -> str:
    """Remove indentation and empty lines: the command is part of the exec request's URL, whose length is limited."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


SCRIPT = _compact(_SHELL.replace("@AWK@", _AWK.replace("@SAMPLE@", str(SAMPLE))))


def new_nonce() -> str:
    """A random word that marks the probe's own lines, unknown to the backends."""
    return secrets.token_hex(12)


def probe_command(plan: Plan, nonce: str) -> list[str]:
    """The command of the probe, for one exec."""
    argv = [
        "sh",
        "-c",
        SCRIPT,
        "meshlab",
        nonce,
        plan.method,
        plan.url,
        str(plan.request_timeout),
        str(plan.timeout),
        str(plan.requests),
        str(plan.warmup),
        str(plan.max_errors + MORE_FAILURES // plan.workers),
        str(len(plan.backends)),
        str(plan.workers),
        str(len(plan.headers)),
    ]
    for backend in plan.backends:
        argv += [backend.header or "", ("~" if META_CHARACTERS.search(backend.match) else "=") + backend.match]
    return argv


def probe_input(plan: Plan) -> str | None:
    """The stdin of the probe: the request headers, a line each. None if there are none."""
    return "".join(f"{name}: {value}\n" for name, value in plan.headers) or None
