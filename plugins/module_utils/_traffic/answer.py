# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what the probe printed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.probe import SAMPLE

_LACKS = {
    "wget": "has no wget",
    "curl": "has no curl",
    "awk": "has no awk, which is needed to tell the responses apart",
    "headers": "has a wget that cannot show headers, which a backend's header needs",
    "timeout": "has a wget without -T, and a shell that cannot stand in for it (no read -t)",
}
_CURL_EXITS = {6: "dns", 7: "connection", 18: "broken", 28: "timeout", 52: "broken", 55: "broken", 56: "broken"}
_WGET_EXITS = {4: "connection", 143: "timeout"}  # 143: ended by the probe
# Tried in this order on what wget says.
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
    """What the probe counted. backends is parallel to the plan's; failures maps (kind, detail) to a count."""

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
        """The responses that one backend gave: the denominator of the shares."""
        return sum(self.backends)

    @property
    def errors(self) -> int:
        """Everything that was sent and is not answered by exactly one backend."""
        return self.unknown + self.ambiguous + sum(self.failures.values())


def read_answer(answer: Any, nonce: str, plan: Plan) -> Tally:
    """The Tally in the probe's output (anything with rc, stdout, stderr). Raises SplitError if it is incomplete."""
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
    """Reads the lines of the probe: read_WORD gets the rest of a line that starts with WORD."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.result = Tally(backends=[0] * len(plan.backends))
        self.failed: Counter[str] = Counter()
        self.told: dict[str, str] = {}
        self.sample: dict[str, list[str]] = {}
        self.samples: dict[str, list[str]] = {}
        self.finished = 0
        self.complete = False
        self.awk_status = ""

    def tally(self) -> Tally:
        """What all workers counted together."""
        for key, count in self.failed.items():
            self.result.failures[_failure(key, self.result.method, self.told)] += count
        self.result.samples = {kind: printable("\n".join(lines)) for kind, lines in self.samples.items()}
        return self.result

    def ignore(self, _rest: str) -> None:
        """Skip a line of an unknown word."""

    def read_lacks(self, rest: str) -> None:
        if rest == "wget" and self.plan.method == "auto":
            raise SplitError("the client container has neither curl nor wget")
        raise SplitError(f"the client container {_LACKS.get(rest, 'lacks ' + rest)}")

    def read_stop(self, rest: str) -> None:
        if rest == "weak":
            raise SplitError("awk in the client container does not support {n} or [:class:]; write the match without")
        if rest == "long":
            raise SplitError(f"a response of {self.plan.url} is longer than 16 MiB: measure a smaller page")
        self.result.gave_up = True

    def read_method(self, rest: str) -> None:
        self.result.method = rest

    def read_backend(self, rest: str) -> None:
        number, count = rest.split()
        self.result.backends[int(number) - 1] += int(count)

    def read_failed(self, rest: str) -> None:
        count, _space, key = rest.partition(" ")
        self.failed[key] += int(count)

    def read_told(self, rest: str) -> None:
        code, _space, text = rest.partition(" ")
        self.told[code] = text

    def read_sample(self, rest: str) -> None:
        kind, _space, text = rest.partition(" ")
        self.sample.setdefault(kind, []).append(text)

    def read_overlap(self, rest: str) -> None:
        self.result.overlap = tuple(int(number) for number in rest.split())

    def read_sent(self, rest: str) -> None:
        """The last line of a worker's awk."""
        sent, unknown, ambiguous = (int(number) for number in rest.split())
        self.result.sent += sent
        self.result.unknown += unknown
        self.result.ambiguous += ambiguous
        self.samples, self.sample = {**self.sample, **self.samples}, {}
        self.finished += 1

    def read_awk(self, rest: str) -> None:
        """The exit status of a worker's awk."""
        if rest != "0":
            self.awk_status = rest

    def read_time(self, rest: str) -> None:
        begin, end = (float(number) for number in rest.split())
        self.result.elapsed = round(end - begin, 3)
        self.complete = self.finished == self.plan.workers


def _failure(key: str, method: str, told: dict[str, str]) -> tuple[str, str]:
    """(kind, detail) of what the probe calls a failure.

    That is "http 503", "exit 28", "cut 18" for an exit status after a good start, or "text wget: download timed out".
    """
    sort, _space, detail = key.partition(" ")
    if sort == "http":
        return "status", detail
    if sort in ("exit", "cut"):
        kind = (_CURL_EXITS if method == "curl" else _WGET_EXITS).get(int(detail), "other")
        said = told.get(detail) or f"{method} ended with exit status {detail}"
        if sort == "cut" and kind != "timeout":
            kind = "broken"
        elif kind == "timeout" and "resolving timed out" in said.lower():
            kind = "dns"
        elif kind == "timeout" and method == "wget":
            said = "wget was ended, which leaves open whether the name or the answer took so long"
        return kind, said
    for kind, pattern in _WGET_TEXTS:
        if pattern.search(detail):
            return kind, detail
    return "other", detail


def printable(text: str) -> str:
    """At most SAMPLE characters of a body, with what cannot be printed as question marks."""
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)[:SAMPLE]


def one_line(text: str, most: int = SAMPLE) -> str:
    """The text in one line of at most so many characters."""
    line = " ".join(printable(text).split())
    return line if len(line) <= most else line[: most - 3] + "..."
