# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describe routes, destinations and weights as text."""

from __future__ import annotations

import re


def show_route(route: dict | None, wanted: list[dict | None] | None = None) -> str:
    """Describe a route, such as "prefix /api -> v1.shop:8080 80%, v2.shop:8080 20%".

    wanted: the rule's routes, for a route of a proxy; settings that none of them has are defaults and not shown.
    """
    if route is None:
        return "delegate"
    match, action = route["match"], route["action"]
    words = [f"{match['path'][0]} {match['path'][1]}"]
    if match["ignores_case"]:
        words[0] += " (case-insensitive)"
    words += [
        f"{'no ' if header[3] else ''}{header[0]} {header[1]} {header[2]}".rstrip() for header in match["headers"]
    ]
    words += [f"?{name} {kind} {text}".rstrip() for name, kind, text in match["query"]]
    if action["redirect"]:
        authority, uri, code = action["redirect"]
        target = f"redirect {code} {authority}{uri}"
    elif action["direct_response"] is not None:
        target = f"direct response {action['direct_response']}"
    else:
        target = show_shares(action["destinations"])
    for key, text in (
        ("rewrite", "rewrite {0[0]} {0[1]}"),
        ("authority", "rewrite host {0}"),
        ("timeout", "timeout {0:g} s"),
        ("retries", "{0} retries"),
        ("delay", "delay {0[0]:g} s for {0[1]:g}%"),
        ("abort", "abort {0[0]} for {0[1]:g}%"),
    ):
        default = wanted is not None and all(x is None or x["action"][key] is None for x in wanted)
        if action[key] and not default:
            target += f", {text.format(action[key])}"
    if action["headers"]:
        target += f", headers {' '.join(_show_header(*x) for x in action['headers'])}"
    if action["mirrors"]:
        target += f", mirror {', '.join(show_destination(x) for x in action['mirrors'])}"
    return f"{' and '.join(words)} -> {target}"


def _show_header(direction, name, value):
    return f"-{direction}:{name}" if value is None else f"+{direction}:{name}={value}"


def show_shares(shares: dict) -> str:
    """Describe weights by destination; in percent if there are several."""
    total = sum(shares.values())
    if not total:
        return "no destination"
    if len(shares) == 1:
        return show_destination(next(iter(shares)))
    return ", ".join(f"{show_destination(key)} {100 * weight / total:g}%" for key, weight in shares.items())


def show_destination(destination: tuple) -> str:
    host, port, subset = destination
    host = re.sub(r"\.svc(\..*)?$", "", host)
    return f"{host}{f':{port}' if port else ''}{f' subset {subset}' if subset else ''}"
