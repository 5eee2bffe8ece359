# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to apply and to measure for weights between backends, with rules before them of which the first match wins."""

from __future__ import annotations

import itertools
import re

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics

# What a single destination gets, and what weights added up to before they could be anything.
WHOLE = 100
# So many requests at least show that weights do not act.
FEWEST = 200
# A name of a backend is the name of a Deployment, and with -svc of a Service.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,48}[a-z0-9])?")
_KINDS = ("exact", "prefix", "regex")
_RULE = {"name", "match", "to", "rewrite", "request"}


class PlanError(Exception):
    """What is wrong with what the user asked for, in words for the user."""


def _listed(weights):
    return ", ".join(f"{name} {weight}" for name, weight in weights.items())


# ---- backends and weights --------------------------------------------------------------------------------------------


def check_backends(backends, taken=()):
    """Raises PlanError for backends that cannot be made, or told apart. taken: names that are somebody else's."""
    if not isinstance(backends, dict) or len(backends) < 2:
        raise PlanError("backends: at least two are needed")
    matches = {}
    for name, backend in backends.items():
        if not _NAME.fullmatch(str(name)):
            raise PlanError(f"backends: {name!r} is no name: small letters, digits and '-', a letter first, at most 50")
        if name in taken:
            raise PlanError(f"backends: the name {name} is taken; so are {', '.join(x for x in taken if x != name)}")
        match = backend.get("match") if isinstance(backend, dict) else None
        if not isinstance(match, str) or not match:
            raise PlanError(f"backends: {name} has no match, the text by which its answers are told from others")
        if match in matches:
            raise PlanError(f"backends: {matches[match]} and {name} have the same match, so nothing tells them apart")
        matches[match] = name


def whole_number(text):
    """A weight as a number: 80 or "80". None if it is none, or below 0."""
    if isinstance(text, bool) or not re.fullmatch(r"[0-9]{1,9}", str(text).strip()):
        return None
    return int(text)


def scaled(weights, istio_version=None):
    """Weights of any sum as Istio takes them: in per cent where that is exact, else as they are.

    Raises PlanError where they are not exact in per cent, and istio_version (None: not known) takes nothing else.
    """
    total = sum(weights.values())
    if all(WHOLE * weight % total == 0 for weight in weights.values()):
        return {name: WHOLE * weight // total for name, weight in weights.items()}
    if istio_version and not releases.has(istio_version, "any_weights"):
        raise PlanError(
            f"weights: they add up to {total} ({_listed(weights)}), and Istio {istio_version} wants weights that add "
            f"up to {WHOLE}; nearest are {_listed(nearest(weights))}"
        )
    return dict(weights)


def nearest(weights):
    """The whole numbers that add up to 100 and are nearest to weights of another sum."""
    total = sum(weights.values())
    found = {name: WHOLE * weight // total for name, weight in weights.items()}
    rest = sorted(weights, key=lambda name: -(WHOLE * weights[name] % total))
    for name in rest[: WHOLE - sum(found.values())]:
        found[name] += 1
    return found


def check_weights(weights, backends):
    """The weights as numbers. Raises PlanError for what no Istio takes."""
    if not isinstance(weights, dict) or not weights:
        raise PlanError(
            f"weights: none is given; they are a dictionary of backends ({', '.join(backends)}) and numbers"
        )
    unknown = [str(name) for name in weights if name not in backends]
    if unknown:
        raise PlanError(f"weights: there is no backend {' and no '.join(unknown)}; there are {', '.join(backends)}")
    numbers = {name: whole_number(weight) for name, weight in weights.items()}
    for name, number in numbers.items():
        if number is None:
            raise PlanError(f"weights: that of {name} is {weights[name]!r}, and has to be a whole number, 0 or more")
    if sum(numbers.values()) == 0:
        raise PlanError(f"weights: they add up to 0 ({_listed(numbers)}), so that no backend would get anything")
    return numbers


# ---- rules -----------------------------------------------------------------------------------------------------------


def check_rules(rules, backends):
    """Raises PlanError for rules that cannot be applied, or shown with a request."""
    if not isinstance(rules, (list, tuple)):
        raise PlanError("matches: they are a list, as their order decides")
    names = set()
    for number, rule in enumerate(rules, 1):
        if not isinstance(rule, dict) or not rule.get("name"):
            raise PlanError(f"matches[{number}]: it has no name")
        where = f"matches[{number}] ({rule['name']})"
        if rule["name"] in names:
            raise PlanError(f"{where}: another one has the same name")
        names.add(rule["name"])
        if set(rule) - _RULE:
            raise PlanError(f"{where}: {', '.join(sorted(set(rule) - _RULE))} is none of {', '.join(sorted(_RULE))}")
        if rule.get("to") not in backends:
            raise PlanError(f"{where}: to is {rule.get('to')!r}, and the backends are {', '.join(backends)}")
        if not str(rule.get("rewrite") or "/").startswith("/"):
            raise PlanError(f"{where}: rewrite {rule['rewrite']} does not start with /")
        _check_match(where, rule)
        path, headers = example(rule)
        if not meets(rule, path, headers):
            raise PlanError(f"{where}: its request ({show_request(path, headers)}) does not meet its own match")
        if meets(rule, "/", {}):
            raise PlanError(f"{where}: every request meets it, a plain one for / too, so that no weights would act")


def _check_match(where, rule):
    match = rule.get("match")
    if not isinstance(match, dict) or not match or set(match) - {"uri", "headers"}:
        raise PlanError(f"{where}: match has uri, headers, or both, and nothing else")
    if not isinstance(match.get("headers", {}), dict):
        raise PlanError(f"{where}: match.headers is a dictionary")
    conditions = {f"header {name}": value for name, value in (match.get("headers") or {}).items()}
    if "uri" in match:
        conditions["uri"] = match["uri"]
    for what, condition in conditions.items():
        if what != "uri" and condition == {}:
            continue  # the header is there, whatever it says
        if not isinstance(condition, dict) or len(condition) != 1 or next(iter(condition)) not in _KINDS:
            raise PlanError(f"{where}: {what} has one of {', '.join(_KINDS)}, and has {condition!r}")
        if "regex" in condition:
            try:
                re.compile(condition["regex"])
            except re.error as error:
                raise PlanError(f"{where}: {what}: {error}") from error
            if not rule.get("request"):
                raise PlanError(f"{where}: {what} is a regex: give a request (path, headers) that meets it")


def example(rule):
    """The path and headers of a request that meets a rule: what its request says, else what its conditions do."""
    match, request = rule["match"], rule.get("request") or {}
    uri = match.get("uri") or {}
    headers = {name: str(x.get("exact", x.get("prefix", "any"))) for name, x in (match.get("headers") or {}).items()}
    given = {str(name): str(value) for name, value in (request.get("headers") or {}).items()}
    return request.get("path") or uri.get("exact") or uri.get("prefix") or "/", {**headers, **given}


def _fits(condition, value):
    if "exact" in condition:
        return value == str(condition["exact"])
    if "prefix" in condition:
        return value.startswith(str(condition["prefix"]))
    if "regex" in condition:
        return re.fullmatch(condition["regex"], value) is not None
    return True


def meets(rule, path, headers):
    """Whether a request meets all conditions of a rule, as a proxy decides it."""
    match, given = rule["match"], {name.lower(): value for name, value in headers.items()}
    if "uri" in match and not _fits(match["uri"], path.partition("?")[0]):
        return False
    wanted = {name.lower(): condition for name, condition in (match.get("headers") or {}).items()}
    return all(name in given and _fits(condition, given[name]) for name, condition in wanted.items())


def show_request(path, headers):
    """A request in a few words: "/manager with x-user: tester"."""
    return path + (" with " + ", ".join(f"{name}: {value}" for name, value in headers.items()) if headers else "")


def requests(rules):
    """The requests that show the rules: one for each, and one that meets two, where one can be made.

    A list of {name, path, headers, to, why, request}; to: the backend that gets it all, by the first rule that fits.
    """
    asked = [(rule["name"], *example(rule)) for rule in rules]
    for first, second in itertools.combinations(rules, 2):
        (path, headers), (other_path, other_headers) = example(first), example(second)
        both = path if "uri" in first["match"] else other_path, {**other_headers, **headers}
        if meets(first, *both) and meets(second, *both):
            if both not in [tuple(x[1:]) for x in asked]:
                asked.append((f"{first['name']} and {second['name']}", *both))
            break
    made = []
    for name, path, headers in asked:
        met = [rule for rule in rules if meets(rule, path, headers)]
        names = [rule["name"] for rule in met]
        why = f"meets {names[0]}" if len(met) == 1 else f"meets {' and '.join(names)}, and {names[0]} comes first"
        made.append(
            {
                "name": name,
                "path": path,
                "headers": headers,
                "to": met[0]["to"],
                "why": why,
                "request": show_request(path, headers),
            }
        )
    return made


# ---- the plan --------------------------------------------------------------------------------------------------------


def expected(backends, weights):
    """What istio_traffic_split takes as backends: every backend, those without a weight with 0."""
    return [{"name": x, "weight": weights.get(x, 0), "match": its["match"]} for x, its in backends.items()]


def enough(shares, most, significance):
    """How many requests tell an even split from one with these shares; most if not even they do."""
    even = [1.0 / len(shares)] * len(shares)
    needed = None if shares == even else statistics.requests_to_tell(even, shares, significance, most=most)
    return min(most, max(FEWEST, needed or (FEWEST if shares == even else most)))


def plan(backends, weights, rules=(), istio_version=None, taken=(), most=1000, significance=0.001):
    """What to apply and to measure, as a dictionary. Raises PlanError for what is asked for and cannot be.

    weights: as Istio takes them. backends: with these; even: with the same for every backend. requests: see requests(),
    each with its backends. pages: the paths that a backend without a page of its own has to have. enough: how many, at
    most most, requests show at this significance that weights do not act.
    """
    check_backends(backends, taken)
    weights = scaled(check_weights(weights, backends), istio_version or None)
    check_rules(rules, backends)
    total = sum(weights.values())
    shown = [{**x, "backends": expected(backends, {x["to"]: WHOLE})} for x in requests(list(rules))]
    return {
        "weights": weights,
        "backends": expected(backends, weights),
        "even": expected(backends, dict.fromkeys(backends, max(1, WHOLE // len(backends)))),
        "requests": shown,
        "enough": enough([weights.get(x, 0) / total for x in backends], most, significance),
        "pages": sorted({page(x["path"]) for x in shown} | {page("/")}),
    }


def page(path):
    """The file that a web server sends for a path."""
    path = path.partition("?")[0]
    return path + "index.html" if path.endswith("/") else path
