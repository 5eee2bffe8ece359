# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert a VirtualService to the routes that a proxy must have, in the form of route_form."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import full_host, gateway_name
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_form import (
    duration_seconds,
    empty_action,
    is_authority,
    reduced_shares,
    sorted_headers,
    string_match,
)


def rule_routes(
    rule_spec: dict,
    namespace: str,
    gateways: Iterable[str],
    labels: dict[str, str],
    proxy_namespace: str,
    port: int | None,
) -> list[dict | None]:
    """The HTTP routes of a VirtualService that a proxy must have, in order.

    gateways: "mesh", or Gateways as "namespace/name", that apply to the proxy; labels, proxy_namespace: of the proxy's
    pod; port: of the route configuration, None if unknown. Delegates to other VirtualServices are None.
    """
    routes: list[dict | None] = []
    for http in rule_spec.get("http") or ():
        for match in http.get("match") or [{}]:
            if not _applies_to_proxy(match, namespace, gateways, labels, proxy_namespace, port):
                continue
            if http.get("delegate"):
                routes.append(None)
                continue
            routes.append({"match": _rule_match(match), "action": _rule_action(http, namespace)})
    return reachable_routes(routes)


def reachable_routes(routes: list[dict | None]) -> list[dict | None]:
    """Routes up to the first one that matches everything; only istiod of old releases sends those after it."""
    catch_all = [index for index, route in enumerate(routes) if route and route["match"] == _rule_match({})]
    return routes[: catch_all[0] + 1] if catch_all else routes


def _applies_to_proxy(match, namespace, gateways, labels, proxy_namespace, port):
    if match.get("port") and port is not None and match["port"] != port:
        return False
    if match.get("gateways"):
        return any(gateway_name(name, namespace) in gateways for name in match["gateways"])
    if any(labels.get(key) != value for key, value in (match.get("sourceLabels") or {}).items()):
        return False
    return match.get("sourceNamespace") in (None, "", proxy_namespace)


def _rule_match(match):
    uri = string_match(match["uri"]) if match.get("uri") else ("prefix", "/")
    if uri in (("regex", "*"), ("regex", ".*")):
        uri = ("prefix", "/")
    headers = []
    for key, values in (("headers", match.get("headers")), ("withoutHeaders", match.get("withoutHeaders"))):
        for name, value in (values or {}).items():
            if not name.startswith("@request.auth."):  # a condition on a token, not on a header
                headers.append((name.lower(), *string_match(value), key == "withoutHeaders"))
    for name in ("method", "authority", "scheme"):
        if match.get(name):
            headers.append((f":{name}", *string_match(match[name]), False))
    return {
        "path": uri,
        "ignores_case": bool(match.get("ignoreUriCase")),
        "headers": sorted(headers),
        "query": sorted((name, *string_match(value)) for name, value in (match.get("queryParams") or {}).items()),
    }


def _rule_action(http, namespace):
    action = empty_action()
    if http.get("redirect"):
        redirect = http["redirect"]
        action["redirect"] = (redirect.get("authority") or "", redirect.get("uri") or "", redirect.get("redirectCode"))
        action["redirect"] = (*action["redirect"][:2], action["redirect"][2] or 301)
    elif http.get("directResponse"):
        action["direct_response"] = http["directResponse"].get("status")
    else:
        route = http.get("route") or []
        action["destinations"] = reduced_shares(
            [(_rule_destination(x.get("destination") or {}, namespace), x.get("weight") or 0) for x in route]
        )
        rewrite = http.get("rewrite") or {}
        if rewrite.get("uriRegexRewrite"):
            action["rewrite"] = ("regex", rewrite["uriRegexRewrite"].get("rewrite") or "")
        elif rewrite.get("uri"):
            action["rewrite"] = ("prefix", rewrite["uri"])
        action["authority"] = rewrite.get("authority") or ""
        action["timeout"] = duration_seconds(http.get("timeout"))
        if http.get("retries"):
            action["retries"] = http["retries"].get("attempts")
        mirrors = [
            (http.get("mirror"), http.get("mirrorPercentage"), http.get("mirrorPercent", http.get("mirror_percent")))
        ]
        mirrors += [(x.get("destination"), x.get("percentage"), None) for x in http.get("mirrors") or ()]
        for mirror, percentage, whole in mirrors:
            percent = (percentage or {}).get("value", 0) if percentage is not None else 100 if whole is None else whole
            if mirror and percent > 0:
                action["mirrors"].append(_rule_destination(mirror, namespace))
    headers = [http.get("headers"), *(x.get("headers") for x in http.get("route") or ())]
    action["headers"] = _rule_headers([x for x in headers if x])
    if len(headers) > 2 and any(headers[1:]):  # belong to each destination, not to the route
        action["headers"] = None
    if any(is_authority(name) for x in headers for name in ((x or {}).get("request") or {}).get("set") or ()):
        action["authority"] = None  # a header in some releases, a rewrite in others
    fault = http.get("fault") or {}
    if (fault.get("delay") or {}).get("fixedDelay"):
        delay = fault["delay"]
        action["delay"] = (duration_seconds(delay["fixedDelay"]), _percent(delay))
    if (fault.get("abort") or {}).get("httpStatus"):
        abort = fault["abort"]
        action["abort"] = (abort["httpStatus"], _percent(abort))
    return action


def _rule_headers(headers):
    """Header changes of a rule, as a sorted list of (direction, name, value); value is None for a removal."""
    changed = []
    for item in headers:
        for direction in ("request", "response"):
            changes = item.get(direction) or {}
            for name, value in [*(changes.get("set") or {}).items(), *(changes.get("add") or {}).items()]:
                changed.append((direction, name.lower(), value))
            changed += [(direction, name.lower(), None) for name in changes.get("remove") or ()]
    return sorted_headers(changed)


def _percent(fault):
    if fault.get("percentage") is not None:
        return round(float(fault["percentage"].get("value") or 0), 4)
    return float(fault.get("percent") or 0)


def _rule_destination(destination, namespace):
    """Return (host, port or None, subset) of a rule's destination."""
    port = (destination.get("port") or {}).get("number")
    return full_host(destination.get("host") or "", namespace), port, destination.get("subset") or ""


def rule_tcp(
    rule_spec: dict, namespace: str, gateways: Iterable[str], labels: dict[str, str], proxy_namespace: str
) -> list[tuple[set[str], dict[tuple, int]]]:
    """The TCP and TLS routes of a VirtualService that a proxy must have, as (server names, weights by destination)."""
    wanted = []
    for part in ("tls", "tcp"):
        for route in rule_spec.get(part) or ():
            matches = [
                match
                for match in route.get("match") or [{}]
                if _applies_to_proxy(match, namespace, gateways, labels, proxy_namespace, None)
            ]
            if matches:
                names = {name for match in matches for name in match.get("sniHosts") or ()}
                shares = [
                    (_rule_destination(x.get("destination") or {}, namespace), x.get("weight") or 0)
                    for x in route.get("route") or ()
                ]
                wanted.append((names, reduced_shares(shares)))
    return wanted
