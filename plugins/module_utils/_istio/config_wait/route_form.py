# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form in which routes of rules and of proxies are compared: {"match": ..., "action": ...} of plain values.

Durations are in seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import same_host

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def duration_seconds(text: str | None) -> float | None:
    """Convert a duration of a rule or of Envoy ("1m30s", "0.250s") to seconds; None if it is empty."""
    if text in (None, ""):
        return None
    parts = re.findall(r"([0-9]*\.?[0-9]+)(h|ms|m|us|µs|ns|s)", str(text))
    return round(sum(float(number) * _SECONDS[unit] for number, unit in parts), 9)


def string_match(value: dict | None) -> tuple[str, str]:
    """Convert a string match of a rule or of Envoy to (kind, text)."""
    value = value or {}
    for name in ("exact", "prefix", "regex", "safe_regex"):
        text = value.get(name)
        if text is not None:
            if name == "safe_regex":
                name, text = "regex", text.get("regex")
            return ("present", "") if (name, text) in (("regex", "*"), ("prefix", "")) else (name, text)
    for kind in ("suffix", "contains"):
        if value.get(kind) is not None:
            return kind, value[kind]
    return "present", ""


def sorted_headers(headers: Iterable[tuple]) -> list[tuple]:
    return sorted((x for x in headers if not is_authority(x[1])), key=lambda x: (x[0], x[1], x[2] or ""))


def is_authority(name: str) -> bool:
    return name.lower() in ("host", ":authority")


def empty_action() -> dict:
    return {
        "destinations": {},
        "redirect": None,
        "direct_response": None,
        "rewrite": None,
        "authority": "",
        "headers": [],
        "timeout": None,
        "retries": None,
        "mirrors": [],
        "delay": None,
        "abort": None,
    }


def reduced_shares(pairs: list[tuple]) -> dict[tuple, int]:
    """Weights by destination, reduced to the smallest integers; without weights of 0, unless there is only one."""
    pairs = [(key, 1) for key, _weight in pairs] if len(pairs) == 1 else [x for x in pairs if x[1]]
    divisor = math.gcd(*(weight for _key, weight in pairs)) if pairs else 1
    shares: dict[tuple, int] = {}
    for key, weight in pairs:
        shares[key] = shares.get(key, 0) + weight // divisor
    return shares


def same_route(wanted: dict, had: dict) -> bool:
    """Whether a route of a proxy matches the wanted one.

    Timeout, retries and port are compared only if the rule sets them, because Istio fills in defaults. None stands for
    a value that cannot be compared.
    """
    if wanted["match"] != had["match"]:
        return False
    for key, value in wanted["action"].items():
        other = had["action"][key]
        if key == "destinations":
            same = same_shares(value, other)
        elif key == "mirrors":
            same = len(value) == len(other) and all(_same_destination(x, y) for x, y in zip(value, other))
        elif key in ("timeout", "retries", "authority", "headers"):
            same = value is None or value == other
        else:
            same = value == other
        if not same:
            return False
    return True


def same_shares(wanted: dict, had: dict) -> bool:
    """Whether the weights by destination of a rule and of a proxy are the same."""
    rest = list(had.items())
    for destination, weight in wanted.items():
        found = next((x for x in rest if x[1] == weight and _same_destination(destination, x[0])), None)
        if found is None:
            return False
        rest.remove(found)
    return not rest


def _same_destination(wanted, had):
    host, port, subset = wanted
    return same_host(had[0], host) and subset == had[2] and port in (None, had[1])
