# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the output of the probe."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.probe import SAMPLE

_MISSING = {
    "wget": "has no wget",
    "curl": "has no curl",
    "awk": "has no awk, which is required to count the responses",
    "headers": "has a wget without -S, which is required for backends[].header",
    "timeout": "has neither a wget with -T nor a shell with read -t, one of which is required for request_timeout",
}
_CURL_EXITS = {6: "dns", 7: "connection", 18: "broken", 28: "timeout", 52: "broken", 55: "broken", 56: "broken"}
_WGET_EXITS = {4: "connection", 143: "timeout"}  # 143: terminated by the probe
# Matched in this order with the message of wget.
_WGET_TEXTS = (
    ("timeout", re.compile(r"tim(?:ed|e) ?out", re.IGNORECASE)),
    ("dns", re.compile(r"bad address|unable to resolve|not known|temporary failure in name", re.IGNORECASE)),
    ("connection", re.compile(r"refused|unreachable|no route|can't connect", re.IGNORECASE)),
    ("broken", re.compile(r"reset|closed|prematurely|error getting response|short read|no data", re.IGNORECASE)),
)
# The order in which errors are listed.
KINDS = ("status", "timeout", "dns", "connection", "broken", "other")


@dataclass
class Tally:
    """Counts of the probe. backends: in the order of the plan; failures: by (kind, detail)."""

    method: str = ""
    elapsed: float = 0.0
    sent: int = 0
    backends: list[int] = field(default_factory=list)
    unknown: int = 0
    ambiguous: int = 0
    overlap: tuple[int, ...] = ()
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    samples: dict[str, str] = field(default_factory=dict)
    gave_up: bool = False

    @property
    def answered(self) -> int:
        """Number of responses that match exactly one backend: the denominator of the shares."""
        return sum(self.backends)

    @property
    def errors(self) -> int:
        """Number of requests without a response that matches exactly one backend."""
        return self.unknown + self.ambiguous + sum(self.failures.values())


def read_answer(answer: Any, nonce: str, plan: Plan) -> Tally:
    """Return the Tally for the probe's output (with rc, stdout, stderr). Raises SplitError if it is incomplete."""
    reader = _Reader(plan)
    for line in answer.stdout.splitlines():
        if line.startswith(nonce + " "):
            word, _space, rest = line[len(nonce) + 1 :].partition(" ")
            getattr(reader, f"read_{word}", reader.ignore)(rest)
    if reader.awk_status:
        raise SplitError(f"awk in the client container failed ({reader.awk_status}): {one_line(answer.stderr)}")
    tally = reader.tally()
    if not reader.complete or tally.sent != tally.answered + tally.errors:
        output = one_line(answer.stderr) or one_line(answer.stdout.replace(nonce, "")) or "nothing"
        raise SplitError(f"the probe's output is incomplete (exit status {answer.rc}); the container printed: {output}")
    return tally


class _Reader:
    """Parser of the probe's lines: read_WORD is called with the rest of a line that starts with WORD."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.result = Tally(backends=[0] * len(plan.backends))
        self.failed: Counter[str] = Counter()
        self.messages: dict[str, str] = {}
        self.sample: dict[str, list[str]] = {}
        self.samples: dict[str, list[str]] = {}
        self.finished = 0
        self.complete = False
        self.awk_status = ""

    def tally(self) -> Tally:
        """The sum of all workers' counts."""
        for key, count in self.failed.items():
            self.result.failures[_failure(key, self.result.method, self.messages)] += count
        self.result.samples = {kind: printable("\n".join(lines)) for kind, lines in self.samples.items()}
        return self.result

    def ignore(self, _rest: str) -> None:
        """Skip a line that starts with an unknown word."""

    def read_missing(self, rest: str) -> None:
        if rest == "wget" and self.plan.method == "auto":
            raise SplitError("the client container has neither curl nor wget")
        raise SplitError(f"the client container {_MISSING.get(rest, 'has no ' + rest)}")

    def read_stop(self, rest: str) -> None:
        if rest == "weak":
            raise SplitError("awk in the client container does not support {n} or [:class:]; write match without them")
        if rest == "long":
            raise SplitError(f"a response from {self.plan.url} is longer than 16 MiB; use a smaller page")
        self.result.gave_up = True

    def read_method(self, rest: str) -> None:
        self.result.method = rest

    def read_backend(self, rest: str) -> None:
        number, count = rest.split()
        self.result.backends[int(number) - 1] += int(count)

    def read_failed(self, rest: str) -> None:
        count, _space, key = rest.partition(" ")
        self.failed[key] += int(count)

    def read_message(self, rest: str) -> None:
        code, _space, text = rest.partition(" ")
        self.messages[code] = text

    def read_sample(self, rest: str) -> None:
        kind, _space, text = rest.partition(" ")
        self.sample.setdefault(kind, []).append(text)

    def read_overlap(self, rest: str) -> None:
        self.result.overlap = tuple(int(number) for number in rest.split())

    def read_sent(self, rest: str) -> None:
        """Read the last line of a worker's awk."""
        sent, unknown, ambiguous = (int(number) for number in rest.split())
        self.result.sent += sent
        self.result.unknown += unknown
        self.result.ambiguous += ambiguous
        self.samples, self.sample = {**self.sample, **self.samples}, {}
        self.finished += 1

    def read_awk(self, rest: str) -> None:
        """Read the exit status of a worker's awk."""
        if rest != "0":
            self.awk_status = rest

    def read_time(self, rest: str) -> None:
        begin, end = (float(number) for number in rest.split())
        self.result.elapsed = round(end - begin, 3)
        self.complete = self.finished == self.plan.workers


def _failure(key: str, method: str, messages: dict[str, str]) -> tuple[str, str]:
    """(kind, detail) for a failure as the probe prints it.

    key: "http 503", "exit 28", "cut 18" (exit status after status 200), or "text wget: download timed out".
    """
    source, _space, detail = key.partition(" ")
    if source == "http":
        return "status", detail
    if source in ("exit", "cut"):
        kind = (_CURL_EXITS if method == "curl" else _WGET_EXITS).get(int(detail), "other")
        message = messages.get(detail) or f"{method} failed with exit status {detail}"
        if source == "cut" and kind != "timeout":
            kind = "broken"
        elif kind == "timeout" and "resolving timed out" in message.lower():
            kind = "dns"
        elif kind == "timeout" and method == "wget":
            message = "wget was terminated, while it resolved the name or waited for the response"
        return kind, message
    for kind, pattern in _WGET_TEXTS:
        if pattern.search(detail):
            return kind, detail
    return "other", detail


def printable(text: str) -> str:
    """At most SAMPLE characters of a body, with unprintable characters as question marks."""
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)[:SAMPLE]


def one_line(text: str, length: int = SAMPLE) -> str:
    """The text in one line of at most this many characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= length else line[: length - 3] + "..."
