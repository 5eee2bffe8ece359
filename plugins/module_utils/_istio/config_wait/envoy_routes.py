# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert routes and clusters of Envoy to the form of route_form."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import cluster_weights
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_form import (
    duration_seconds,
    empty_action,
    reduced_shares,
    sorted_headers,
    string_match,
)


def envoy_route(route: dict) -> dict:
    """Convert a route of Envoy to {"match": ..., "action": ...}, as rule_routes does for a rule."""
    match = route.get("match") or {}
    if match.get("path") is not None:
        path = ("exact", match["path"])
    elif match.get("safe_regex"):
        path = ("regex", match["safe_regex"].get("regex"))
        path = ("prefix", "/") if path[1] in ("*", ".*") else path
    else:
        path = ("prefix", match.get("path_separated_prefix") or match.get("prefix") or "/")
    headers = [
        (header["name"].lower(), *_envoy_string_match(header), bool(header.get("invert_match")))
        for header in match.get("headers") or ()
    ]
    query = [(item["name"], *_envoy_string_match(item)) for item in match.get("query_parameters") or ()]
    return {
        "match": {
            "path": path,
            "ignores_case": match.get("case_sensitive") is False,
            "headers": sorted(headers),
            "query": sorted(query),
        },
        "action": _envoy_action(route),
    }


def _envoy_string_match(matcher):
    """Convert a header or query matcher of any release."""
    if matcher.get("string_match"):
        return string_match(matcher["string_match"])
    for kind, name in (("exact", "exact_match"), ("prefix", "prefix_match"), ("safe_regex", "safe_regex_match")):
        if matcher.get(name) is not None:
            return string_match({kind: matcher[name]})
    return "present", ""


def _envoy_action(route):
    action = empty_action()
    if route.get("redirect"):
        redirect = route["redirect"]
        codes = {"FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308}
        action["redirect"] = (
            redirect.get("host_redirect") or "",
            redirect.get("path_redirect") or "",
            codes.get(redirect.get("response_code"), 301),
        )
    elif route.get("direct_response"):
        action["direct_response"] = route["direct_response"].get("status")
    else:
        inner = route.get("route") or {}
        action["destinations"] = destination_shares(cluster_weights(inner))
        if inner.get("regex_rewrite"):
            action["rewrite"] = ("regex", inner["regex_rewrite"].get("substitution") or "")
        elif inner.get("prefix_rewrite"):
            action["rewrite"] = ("prefix", inner["prefix_rewrite"])
        action["authority"] = inner.get("host_rewrite_literal") or inner.get("host_rewrite") or ""
        action["timeout"] = duration_seconds(inner.get("timeout"))
        action["retries"] = (inner.get("retry_policy") or {}).get("num_retries", 0)
        action["mirrors"] = [
            envoy_destination(x.get("cluster", "")) for x in inner.get("request_mirror_policies") or ()
        ]
    headers = []
    for direction in ("request", "response"):
        for item in route.get(f"{direction}_headers_to_add") or ():
            name = item["header"]["key"].lower()
            if name != "alt-svc":  # added by gateways for HTTP/3
                headers.append((direction, name, item["header"].get("value", "")))
        headers += [(direction, name.lower(), None) for name in route.get(f"{direction}_headers_to_remove") or ()]
    action["headers"] = sorted_headers(headers)
    fault = (route.get("typed_per_filter_config") or {}).get("envoy.filters.http.fault") or {}
    if (fault.get("delay") or {}).get("fixed_delay"):
        action["delay"] = (duration_seconds(fault["delay"]["fixed_delay"]), _fraction(fault["delay"]))
    if (fault.get("abort") or {}).get("http_status"):
        action["abort"] = (fault["abort"]["http_status"], _fraction(fault["abort"]))
    return action


def envoy_destination(cluster: str) -> tuple[str, int | None, str]:
    parts = cluster.split("|")
    if len(parts) != 4:
        return cluster, None, ""
    return parts[3], int(parts[1]) if parts[1].isdigit() else None, parts[2]


def _fraction(fault):
    percentage = fault.get("percentage") or {}
    scale = {"TEN_THOUSAND": 1e-2, "MILLION": 1e-4}.get(percentage.get("denominator"), 1.0)
    return round(float(percentage.get("numerator") or 0) * scale, 4)


def destination_shares(clusters: dict[str, int]) -> dict[tuple, int]:
    """Weights by destination, from weights by cluster."""
    return reduced_shares([(envoy_destination(cluster), weight) for cluster, weight in clusters.items()])
