# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes, destinations and weights as text."""

from __future__ import annotations

import re


def show_route(route: dict | None, wanted: list[dict | None] | None = None) -> str:
    """A route in a few words, as "prefix /api -> v1.shop:8080 80 %, v2.shop:8080 20 %".

    wanted: the routes of the rule, if this is one of a proxy; what none of them sets is the mesh's own, and not shown.
    """
    if route is None:
        return "a delegate"
    match, action = route["match"], route["action"]
    words = [f"{match['path'][0]} {match['path'][1]}"]
    if match["ignores_case"]:
        words[0] += " in any case"
    words += [
        f"{'no ' if header[3] else ''}{header[0]} {header[1]} {header[2]}".rstrip() for header in match["headers"]
    ]
    words += [f"?{name} {kind} {text}".rstrip() for name, kind, text in match["query"]]
    if action["redirect"]:
        authority, uri, code = action["redirect"]
        target = f"redirect {code} {authority}{uri}"
    elif action["answers"] is not None:
        target = f"answer {action['answers']}"
    else:
        target = show_shares(action["destinations"])
    for key, text in (
        ("rewrites", "rewrite {0[0]} {0[1]}"),
        ("authority", "rewrite host {0}"),
        ("timeout", "timeout {0:g} s"),
        ("retries", "{0} retries"),
        ("delays", "delay {0[0]:g} s in {0[1]:g} %"),
        ("aborts", "abort {0[0]} in {0[1]:g} %"),
    ):
        own = wanted is not None and all(x is None or x["action"][key] is None for x in wanted)
        if action[key] and not own:
            target += f", {text.format(action[key])}"
    if action["headers"]:
        target += f", headers {' '.join(_show_header(*x) for x in action['headers'])}"
    if action["mirrors"]:
        target += f", mirror {', '.join(show_destination(x) for x in action['mirrors'])}"
    return f"{' and '.join(words)} -> {target}"


def _show_header(direction, name, value):
    return f"-{direction}:{name}" if value is None else f"+{direction}:{name}={value}"


def show_shares(shares: dict) -> str:
    """Weights by destination in a few words; in per cent where they are several."""
    total = sum(shares.values())
    if not total:
        return "nothing"
    if len(shares) == 1:
        return show_destination(next(iter(shares)))
    return ", ".join(f"{show_destination(key)} {100 * weight / total:g} %" for key, weight in shares.items())


def show_destination(destination: tuple) -> str:
    host, port, subset = destination
    host = re.sub(r"\.svc(\..*)?$", "", host)
    return f"{host}{f':{port}' if port else ''}{f' subset {subset}' if subset else ''}"
