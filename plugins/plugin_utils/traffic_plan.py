# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan of the role traffic_shifting: weights, match rules with a higher precedence, and route checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics

# The weight of a single destination, and the sum that Istio before 1.15 requires.
WHOLE = 100
# Minimum number of requests of the client without a sidecar.
MIN_REQUESTS = 200
# The name of a backend is the name of a Deployment, and with -svc of a Service.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?")
_STRING_MATCH = ("exact", "prefix", "regex")
_MATCH_RULE_KEYS = ("name", "match", "backend", "rewrite")
_ROUTE_CHECK_KEYS = ("name", "path", "headers", "backend")


class PlanError(Exception):
    """The options are invalid. The message contains all problems."""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("; ".join(problems))


def _listed(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {weight}" for name, weight in weights.items())


# ---- backends and weights --------------------------------------------------------------------------------------------


def backend_problems(backends: Any, reserved_names: Iterable[str] = ()) -> list[str]:
    """Why backends cannot be created or told apart, as a list of sentences."""
    if not isinstance(backends, dict) or len(backends) < 2:
        return ["backends must be a dictionary of at least two backends"]
    problems: list[str] = []
    matches: dict[str, str] = {}
    for name, backend in backends.items():
        match = backend.get("match") if isinstance(backend, dict) else None
        if not _NAME.fullmatch(str(name)):
            problems.append(
                f"backends: {name!r} is not a valid name: it must start with a letter "
                "and have at most 50 lowercase letters, digits and '-'"
            )
        if name in reserved_names:
            problems.append(f"backends: the name {name} is reserved; reserved are {', '.join(sorted(reserved_names))}")
        if not isinstance(match, str) or not match:
            problems.append(f"backends: {name} must have match, a regular expression that only its responses match")
        elif match in matches:
            problems.append(f"backends: {matches[match]} and {name} have the same match")
        else:
            matches[match] = name
    return problems


def whole_number(text: Any) -> int | None:
    """A weight as a number: 80 or "80". None if it is not a whole number of at least 0."""
    if isinstance(text, bool) or not re.fullmatch(r"[0-9]{1,9}", str(text).strip()):
        return None
    return int(text)


def weight_problems(weights: Any, backends: Mapping[str, Any], istio_version: str | None = None) -> list[str]:
    """Why weights cannot be applied, as a list of sentences. istio_version: not known if empty."""
    if not isinstance(weights, dict) or not weights:
        return [f"weights must be a dictionary of backends ({', '.join(backends)}) and whole numbers"]
    problems = [f"weights: {_unknown(name, backends)}" for name in weights if name not in backends]
    problems += [
        f"weights: the weight of {name} must be a whole number of at least 0, got {weight!r}"
        for name, weight in weights.items()
        if whole_number(weight) is None
    ]
    if problems:
        return problems
    numbers = {name: whole_number(weight) or 0 for name, weight in weights.items()}
    total = sum(numbers.values())
    if total == 0:
        return [f"weights: the sum must be at least 1, got 0 ({_listed(numbers)})"]
    if _percentages(numbers) is None and istio_version and not releases.has(istio_version, "any_weights"):
        return [
            f"weights: Istio {istio_version} requires a sum of {WHOLE}, got {total} ({_listed(numbers)}); "
            f"the nearest weights are {_listed(nearest(numbers))}"
        ]
    return []


def _unknown(name: Any, backends: Mapping[str, Any]) -> str:
    return f"backend {name!r} does not exist; the backends are {', '.join(backends)}"


def _percentages(weights: Mapping[str, int]) -> dict[str, int] | None:
    """Weights as whole percentages; None if they are not whole."""
    total = sum(weights.values())
    if any(WHOLE * weight % total for weight in weights.values()):
        return None
    return {name: WHOLE * weight // total for name, weight in weights.items()}


def scaled(weights: Mapping[str, Any]) -> dict[str, int]:
    """Weights as applied: percentages if these are whole numbers, else unchanged."""
    numbers = {name: whole_number(weight) or 0 for name, weight in weights.items()}
    return _percentages(numbers) or numbers


def nearest(weights: Mapping[str, int]) -> dict[str, int]:
    """The whole numbers with the sum 100 that are nearest to weights of another sum."""
    total = sum(weights.values())
    found = {name: WHOLE * weight // total for name, weight in weights.items()}
    rest = sorted(weights, key=lambda name: -(WHOLE * weights[name] % total))
    for name in rest[: WHOLE - sum(found.values())]:
        found[name] += 1
    return found


# ---- match rules and route checks ------------------------------------------------------------------------------------


def match_rule_problems(match_rules: Any, backends: Mapping[str, Any]) -> list[str]:
    """Why match rules cannot be applied, as a list of sentences."""
    problems = _entry_problems("match_rules", match_rules, _MATCH_RULE_KEYS, backends)
    for where, rule in _entries("match_rules", match_rules):
        if not str(rule.get("rewrite") or "/").startswith("/"):
            problems.append(f"{where}: rewrite must start with /, got {rule['rewrite']!r}")
        problems += [f"{where}: {problem}" for problem in _match_problems(rule.get("match"))]
    return problems


def route_check_problems(route_checks: Any, backends: Mapping[str, Any]) -> list[str]:
    """Why route checks cannot be sent or judged, as a list of sentences."""
    problems = _entry_problems("route_checks", route_checks, _ROUTE_CHECK_KEYS, backends)
    for where, check in _entries("route_checks", route_checks):
        if not str(check.get("path") or "/").startswith("/"):
            problems.append(f"{where}: path must start with /, got {check['path']!r}")
        if not isinstance(check.get("headers") or {}, dict):
            problems.append(f"{where}: headers must be a dictionary, got {check['headers']!r}")
    return problems


def _entries(option: str, entries: Any) -> list[tuple[str, dict[str, Any]]]:
    """(place in the option, entry) of each entry that is a dictionary."""
    listed = enumerate(entries, 1) if isinstance(entries, (list, tuple)) else ()
    return [(f"{option}[{number}] ({x.get('name')})", x) for number, x in listed if isinstance(x, dict)]


def _entry_problems(option: str, entries: Any, keys: tuple[str, ...], backends: Mapping[str, Any]) -> list[str]:
    """Problems of the names, keys and backends of a list of entries."""
    if not isinstance(entries, (list, tuple)):
        return [f"{option} must be a list, got {entries!r}"]
    problems, names = [], set()
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict) or not entry.get("name"):
            problems.append(f"{option}[{number}] must be a dictionary with a name, got {entry!r}")
    for where, entry in _entries(option, entries):
        if entry.get("name") and entry["name"] in names:
            problems.append(f"{where}: the name is not unique")
        names.add(entry.get("name"))
        unknown = sorted(str(key) for key in entry if key not in keys)
        if unknown:
            problems.append(f"{where}: unsupported keys {', '.join(unknown)}; supported are {', '.join(keys)}")
        if entry.get("backend") not in backends:
            problems.append(f"{where}: {_unknown(entry.get('backend'), backends)}")
    return problems


def _match_problems(match: Any) -> list[str]:
    """Problems of an Istio HTTPMatchRequest; only uri and headers are checked."""
    if not isinstance(match, dict) or not match:
        return [f"match must be an HTTPMatchRequest such as {{uri: {{prefix: /a}}}}, got {match!r}"]
    headers = match.get("headers") or {}
    if not isinstance(headers, dict):
        return [f"match.headers must be a dictionary, got {headers!r}"]
    conditions = {f"match.headers.{name}": value for name, value in headers.items() if value != {}}  # {}: is present
    if "uri" in match:
        conditions["match.uri"] = match["uri"]
    return [
        f"{name} must have one of {', '.join(_STRING_MATCH)}, got {value!r}"
        for name, value in conditions.items()
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in _STRING_MATCH
    ]


def request_text(path: str, headers: Mapping[str, Any]) -> str:
    """Describe a request, such as "/manager with x-user: tester"."""
    return path + (" with " + ", ".join(f"{name}: {value}" for name, value in headers.items()) if headers else "")


def page_file(path: str) -> str:
    """The file that a web server sends for a path."""
    path = path.partition("?")[0]
    return path + "index.html" if path.endswith("/") else path


# ---- the plan --------------------------------------------------------------------------------------------------------


def expected(backends: Mapping[str, Any], weights: Mapping[str, int]) -> list[dict[str, Any]]:
    """The option backends of istio_traffic_split: every backend, with weight 0 where none is given."""
    return [{"name": x, "weight": weights.get(x, 0), "match": its["match"]} for x, its in backends.items()]


def requests_to_tell(shares: list[float], max_requests: int, significance: float) -> int:
    """How many requests tell an even split from one with these shares; max_requests if more would be needed."""
    even = [1.0 / len(shares)] * len(shares)
    if shares == even:
        return min(max_requests, MIN_REQUESTS)
    needed = statistics.requests_to_tell(even, shares, significance, max_n=max_requests) or max_requests
    return min(max_requests, max(MIN_REQUESTS, needed))


def plan(
    backends: Any,
    weights: Any,
    match_rules: Any = (),
    route_checks: Any = (),
    istio_version: str | None = None,
    reserved_names: Iterable[str] = (),
    max_requests: int = 1000,
    significance: float = 0.001,
) -> dict[str, Any]:
    """Plan what to apply and measure. Raises PlanError with all problems at once.

    weights: as applied. backends: with these weights; even_backends: with equal weights. route_checks: each with its
    request as text and its backends. pages: files that a backend must serve. requests_without_sidecar: at most
    max_requests, enough to show at this significance that the weights have no effect without a sidecar.
    """
    problems = backend_problems(backends, list(reserved_names))
    if isinstance(backends, dict):
        problems += weight_problems(weights, backends, istio_version)
        problems += match_rule_problems(match_rules, backends)
        problems += route_check_problems(route_checks, backends)
    if problems:
        raise PlanError(problems)
    weights = scaled(weights)
    checks = [_route_check(x, backends) for x in route_checks]
    shares = [weights.get(x, 0) / sum(weights.values()) for x in backends]
    return {
        "weights": weights,
        "backends": expected(backends, weights),
        "even_backends": expected(backends, dict.fromkeys(backends, max(1, WHOLE // len(backends)))),
        "route_checks": checks,
        "requests_without_sidecar": requests_to_tell(shares, max_requests, significance),
        "pages": sorted({page_file(x["path"]) for x in checks} | {page_file("/")}),
    }


def _route_check(check: Mapping[str, Any], backends: Mapping[str, Any]) -> dict[str, Any]:
    path, headers = check.get("path") or "/", check.get("headers") or {}
    return {
        "name": check["name"],
        "path": path,
        "headers": headers,
        "backend": check["backend"],
        "request": request_text(path, headers),
        "backends": expected(backends, {check["backend"]: WHOLE}),
    }


def route_check_results(results: Iterable[Mapping[str, Any]], split: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Results of a loop of istio_traffic_split over a plan's route_checks, followed by the split as another result.

    Each has name, request, backend (empty if the weights decide) and measurement.
    """
    own = ("item", "invocation", "ansible_loop_var")
    return [
        {
            "name": result["item"]["name"],
            "request": result["item"]["request"],
            "backend": result["item"]["backend"],
            "measurement": {key: value for key, value in result.items() if key not in own},
        }
        for result in results
    ] + [{"name": "others", "request": "/", "backend": "", "measurement": dict(split)}]
