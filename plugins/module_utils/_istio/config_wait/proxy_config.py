# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proxy has, from its Envoy's own configuration, and what rules would make of it, in one common form.

Pure: works on configuration dumps and rules as JSON. Both sides become the same plain dictionaries, so that they can be
compared whatever release wrote the one and whoever wrote the other. Times are seconds.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field

ROUTES = "dynamic_route_configs"
LISTENERS = "dynamic_listeners"
CLUSTERS = "dynamic_active_clusters"

# Where the full dump holds a list, a dump of one resource holds its items, told by the field that each of them has.
_ITEM_FIELD = {ROUTES: "route_config", LISTENERS: "active_state", CLUSTERS: "cluster"}

# What lies beneath a rule's name in Envoy's metadata, as /apis/networking.istio.io/v1/namespaces/x/virtual-service/y.
_TAG = re.compile(r"/namespaces/([^/]+)/([^/]+)/([^/]+)$")

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class DumpError(Exception):
    """A configuration dump that cannot be read."""


@dataclass
class Dump:
    """What was read of one proxy: its route configurations, listeners and clusters in force, as Envoy writes them,
    and what it said of updates that it refused."""

    routes: list = field(default_factory=list)
    listeners: list = field(default_factory=list)
    clusters: list = field(default_factory=list)
    refused: list = field(default_factory=list)


# --- reading a dump ----------------------------------------------------------------------------------------------


def request(resource):
    """The path on Envoy's admin port that dumps one of ROUTES, LISTENERS, CLUSTERS."""
    return f"config_dump?resource={resource}"


def add(dump, resource, text):
    """Put into a Dump what Envoy answered to request(resource); an older one may have answered with all it has.

    Raises DumpError if that is no dump.
    """
    if f"{resource} not found" in text:  # it has none of them, as a newer one says with an empty object
        return
    try:
        configs = json.loads(text).get("configs", [])
    except (ValueError, AttributeError) as error:
        raise DumpError(f"its answer is no configuration dump: {' '.join(text.split())[:200] or 'empty'}") from error
    for config in configs:
        for item in config.get(resource, [config]):
            said = (item.get("error_state") or {}).get("details")
            if said:
                dump.refused.append(said)
            inner = item.get(_ITEM_FIELD[resource])
            if resource == LISTENERS and inner:
                inner = inner.get("listener")
            if inner:
                {ROUTES: dump.routes, LISTENERS: dump.listeners, CLUSTERS: dump.clusters}[resource].append(inner)


def tag(thing):
    """The rule that a route, cluster or filter chain comes from, as (kind such as "virtual-service", namespace, name);
    None if it comes from none."""
    metadata = ((thing.get("metadata") or {}).get("filter_metadata") or {}).get("istio") or {}
    match = _TAG.search(metadata.get("config") or "")
    return (match[2], match[1], match[3]) if match else None


def port_of(route_config):
    """The port that a route configuration is for, from its name: 8080, web.ns.svc.cluster.local:8080, http.8080,
    https.443.name.gateway.ns. None if its name has none."""
    name = route_config["name"]
    match = re.search(r":([0-9]+)$", name) or re.match(r"(?:https?\.)?([0-9]+)(?:\.|$)", name)
    return int(match[1]) if match else None


def virtual_hosts(dump):
    """Every virtual host of the proxy's outbound route configurations, as (route configuration's name, its port, names
    that it answers to without ports, its routes)."""
    for config in dump.routes:
        if config.get("name", "").startswith("inbound"):
            continue
        for virtual_host in config.get("virtual_hosts") or ():
            # The name counts too: where a port serves one service alone, the only domain is "*".
            names = [*(virtual_host.get("domains") or ()), virtual_host.get("name", "")]
            names = {re.sub(r":(?:[0-9]+|\*)$", "", name) for name in names}
            yield config["name"], port_of(config), names, virtual_host.get("routes") or []


def tcp_targets(dump):
    """Where filter chains of listeners send plain TCP, as (the chain's tag, its server names, {cluster: weight})."""
    for listener in dump.listeners:
        chains = list(listener.get("filter_chains") or ())
        if listener.get("default_filter_chain"):
            chains.append(listener["default_filter_chain"])
        for chain in chains:
            for filter_ in chain.get("filters") or ():
                config = filter_.get("typed_config") or {}
                clusters = _clusters(config)
                if str(config.get("@type", "")).endswith("TcpProxy") and clusters:
                    names = (chain.get("filter_chain_match") or {}).get("server_names") or ()
                    yield tag(chain), set(names), clusters


def listener_ports(dump):
    """The ports of the listeners in force, as a dictionary of the names of the route configurations that each uses."""
    ports = {}
    for listener in dump.listeners:
        address = (listener.get("address") or {}).get("socket_address") or {}
        if address.get("port_value") is None:
            continue
        names = ports.setdefault(address["port_value"], set())
        for chain in listener.get("filter_chains") or ():
            for filter_ in chain.get("filters") or ():
                rds = (filter_.get("typed_config") or {}).get("rds") or {}
                if rds.get("route_config_name"):
                    names.add(rds["route_config_name"])
    return ports


def outbound_clusters(dump):
    """The proxy's clusters for services, as (host, port, subset, cluster)."""
    for cluster in dump.clusters:
        parts = cluster.get("name", "").split("|")
        if len(parts) == 4 and parts[0] == "outbound":
            yield parts[3], int(parts[1]) if parts[1].isdigit() else None, parts[2], cluster


# --- names -------------------------------------------------------------------------------------------------------


def full_host(host, namespace):
    """A rule's host as the mesh resolves it: a short name is a Service of the rule's namespace. The cluster's domain is
    left out, as in "reviews.default.svc"."""
    return host if "." in host or "*" in host else f"{host}.{namespace}.svc"


def same_host(name, host):
    """Whether a name of the proxy (reviews.default.svc.cluster.local) is a host as full_host gives it."""
    name, host = name.lower(), host.lower()
    return name == host or (host.endswith(".svc") and name.startswith(f"{host}."))


def covers(pattern, host):
    """Whether a pattern ("*", "*.example.com", or a name) covers a host, which may be a pattern as well."""
    pattern, host = pattern.lower(), host.lower()
    if pattern.endswith(".svc") or host.endswith(".svc"):  # one of them knows no domain, so neither counts
        pattern, host = (re.sub(r"\.svc\..*$", ".svc", x) for x in (pattern, host))
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


# --- one form for routes -----------------------------------------------------------------------------------------


def seconds(text):
    """A duration of a rule or of Envoy ("1m30s", "0.250s") in seconds; None if there is none."""
    if text in (None, ""):
        return None
    parts = re.findall(r"([0-9]*\.?[0-9]+)(h|ms|m|us|µs|ns|s)", str(text))
    return round(sum(float(number) * _SECONDS[unit] for number, unit in parts), 9)


def rule_routes(rule_spec, namespace, gateways, labels, proxy_namespace, port):
    """What the HTTP part of a VirtualService becomes in a proxy, in order; each as route_of gives it.

    gateways: the names by which it gets there ("mesh", or "namespace/name"); labels, proxy_namespace: of the proxy's
    pod; port: of the route configuration, None if unknown. Delegates to other VirtualServices are None.
    """
    routes = []
    for http in rule_spec.get("http") or ():
        for match in http.get("match") or [{}]:
            if not _concerns(match, namespace, gateways, labels, proxy_namespace, port):
                continue
            if http.get("delegate"):
                routes.append(None)
                continue
            routes.append({"match": _rule_match(match), "action": _rule_action(http, namespace)})
    return reached(routes)


def reached(routes):
    """Routes in their order, without those behind one that catches all; istiod sends these too in old releases only."""
    catching = [index for index, route in enumerate(routes) if route and route["match"] == _rule_match({})]
    return routes[: catching[0] + 1] if catching else routes


def _concerns(match, namespace, gateways, labels, proxy_namespace, port):
    if match.get("port") and port is not None and match["port"] != port:
        return False
    if match.get("gateways"):
        return any(gateway_name(name, namespace) in gateways for name in match["gateways"])
    if any(labels.get(key) != value for key, value in (match.get("sourceLabels") or {}).items()):
        return False
    return match.get("sourceNamespace") in (None, "", proxy_namespace)


def gateway_name(name, namespace):
    """A Gateway as a VirtualService of a namespace names it: "mesh", or in full as "namespace/name"."""
    return name if name == "mesh" or "/" in name else f"{namespace}/{name}"


def _rule_match(match):
    uri = _string_match(match["uri"]) if match.get("uri") else ("prefix", "/")
    if uri in (("regex", "*"), ("regex", ".*")):
        uri = ("prefix", "/")
    headers = []
    for key, values in (("headers", match.get("headers")), ("withoutHeaders", match.get("withoutHeaders"))):
        for name, value in (values or {}).items():
            if not name.startswith("@request.auth."):  # becomes a condition on a token, not on a header
                headers.append((name.lower(), *_string_match(value), key == "withoutHeaders"))
    for name in ("method", "authority", "scheme"):
        if match.get(name):
            headers.append((f":{name}", *_string_match(match[name]), False))
    return {
        "path": uri,
        "ignores_case": bool(match.get("ignoreUriCase")),
        "headers": sorted(headers),
        "query": sorted((name, *_string_match(value)) for name, value in (match.get("queryParams") or {}).items()),
    }


def _string_match(value):
    """A rule's or Envoy's way to match a text, as (kind, text)."""
    for name in ("exact", "prefix", "regex", "safe_regex"):
        text = (value or {}).get(name)
        if text is not None:
            if name == "safe_regex":
                name, text = "regex", text.get("regex")
            return ("present", "") if (name, text) in (("regex", "*"), ("prefix", "")) else (name, text)
    for kind in ("suffix", "contains"):
        if (value or {}).get(kind) is not None:
            return kind, value[kind]
    return "present", ""


def _rule_action(http, namespace):
    action = _empty_action()
    if http.get("redirect"):
        redirect = http["redirect"]
        action["redirect"] = (redirect.get("authority") or "", redirect.get("uri") or "", redirect.get("redirectCode"))
        action["redirect"] = (*action["redirect"][:2], action["redirect"][2] or 301)
    elif http.get("directResponse"):
        action["answers"] = http["directResponse"].get("status")
    else:
        route = http.get("route") or []
        action["destinations"] = _shares(
            [(_rule_destination(x.get("destination") or {}, namespace), x.get("weight") or 0) for x in route]
        )
        rewrite = http.get("rewrite") or {}
        if rewrite.get("uriRegexRewrite"):
            action["rewrites"] = ("regex", rewrite["uriRegexRewrite"].get("rewrite") or "")
        elif rewrite.get("uri"):
            action["rewrites"] = ("prefix", rewrite["uri"])
        action["authority"] = rewrite.get("authority") or ""
        action["timeout"] = seconds(http.get("timeout"))
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
    if len(headers) > 2 and any(headers[1:]):  # they go with each destination, not with the route
        action["headers"] = None
    if any(_is_authority(name) for x in headers for name in ((x or {}).get("request") or {}).get("set") or ()):
        action["authority"] = None  # a header to some releases, a rewrite to others
    fault = http.get("fault") or {}
    if (fault.get("delay") or {}).get("fixedDelay"):
        delay = fault["delay"]
        action["delays"] = (seconds(delay["fixedDelay"]), _percent(delay))
    if (fault.get("abort") or {}).get("httpStatus"):
        abort = fault["abort"]
        action["aborts"] = (abort["httpStatus"], _percent(abort))
    return action


def _rule_headers(headers):
    """What a rule does to headers, as a sorted list of (direction, name, value, None where it removes)."""
    done = []
    for item in headers:
        for direction in ("request", "response"):
            changes = item.get(direction) or {}
            for name, value in [*(changes.get("set") or {}).items(), *(changes.get("add") or {}).items()]:
                done.append((direction, name.lower(), value))
            done += [(direction, name.lower(), None) for name in changes.get("remove") or ()]
    return _sorted_headers(done)


def _sorted_headers(headers):
    return sorted((x for x in headers if not _is_authority(x[1])), key=lambda x: (x[0], x[1], x[2] or ""))


def _is_authority(name):
    return name.lower() in ("host", ":authority")


def _empty_action():
    return {
        "destinations": {},
        "redirect": None,
        "answers": None,
        "rewrites": None,
        "authority": "",
        "headers": [],
        "timeout": None,
        "retries": None,
        "mirrors": [],
        "delays": None,
        "aborts": None,
    }


def _percent(fault):
    if fault.get("percentage") is not None:
        return round(float(fault["percentage"].get("value") or 0), 4)
    return float(fault.get("percent") or 0)


def _rule_destination(destination, namespace):
    """(host, port or None, subset) of a rule's destination."""
    port = (destination.get("port") or {}).get("number")
    return full_host(destination.get("host") or "", namespace), port, destination.get("subset") or ""


def _shares(pairs):
    """Weights by destination, reduced to the smallest whole numbers; a weight of 0 is nothing, unless it is alone."""
    pairs = [(key, 1) for key, _weight in pairs] if len(pairs) == 1 else [x for x in pairs if x[1]]
    divisor = math.gcd(*(weight for _key, weight in pairs)) if pairs else 1
    shares = {}
    for key, weight in pairs:
        shares[key] = shares.get(key, 0) + weight // divisor
    return shares


def route_of(route):
    """A route of Envoy's as {"match": ..., "action": ...}, as rule_routes gives those of a rule."""
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
    """Header and query matchers, in the words of old and new releases."""
    if matcher.get("string_match"):
        return _string_match(matcher["string_match"])
    for kind, name in (("exact", "exact_match"), ("prefix", "prefix_match"), ("safe_regex", "safe_regex_match")):
        if matcher.get(name) is not None:
            return _string_match({kind: matcher[name]})
    return "present", ""


def _envoy_action(route):
    action = _empty_action()
    if route.get("redirect"):
        redirect = route["redirect"]
        codes = {"FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307, "PERMANENT_REDIRECT": 308}
        action["redirect"] = (
            redirect.get("host_redirect") or "",
            redirect.get("path_redirect") or "",
            codes.get(redirect.get("response_code"), 301),
        )
    elif route.get("direct_response"):
        action["answers"] = route["direct_response"].get("status")
    else:
        inner = route.get("route") or {}
        action["destinations"] = _shares([(_envoy_destination(x), weight) for x, weight in _clusters(inner).items()])
        if inner.get("regex_rewrite"):
            action["rewrites"] = ("regex", inner["regex_rewrite"].get("substitution") or "")
        elif inner.get("prefix_rewrite"):
            action["rewrites"] = ("prefix", inner["prefix_rewrite"])
        action["authority"] = inner.get("host_rewrite_literal") or inner.get("host_rewrite") or ""
        action["timeout"] = seconds(inner.get("timeout"))
        action["retries"] = (inner.get("retry_policy") or {}).get("num_retries", 0)
        action["mirrors"] = [
            _envoy_destination(x.get("cluster", "")) for x in inner.get("request_mirror_policies") or ()
        ]
    headers = []
    for direction in ("request", "response"):
        for item in route.get(f"{direction}_headers_to_add") or ():
            name = item["header"]["key"].lower()
            if name != "alt-svc":  # a gateway's own word about HTTP/3
                headers.append((direction, name, item["header"].get("value", "")))
        headers += [(direction, name.lower(), None) for name in route.get(f"{direction}_headers_to_remove") or ()]
    action["headers"] = _sorted_headers(headers)
    fault = (route.get("typed_per_filter_config") or {}).get("envoy.filters.http.fault") or {}
    if (fault.get("delay") or {}).get("fixed_delay"):
        action["delays"] = (seconds(fault["delay"]["fixed_delay"]), _fraction(fault["delay"]))
    if (fault.get("abort") or {}).get("http_status"):
        action["aborts"] = (fault["abort"]["http_status"], _fraction(fault["abort"]))
    return action


def _clusters(config):
    """{cluster: weight} of a route's or a TCP proxy's action; one cluster alone has the weight 1."""
    if config.get("cluster"):
        return {config["cluster"]: 1}
    clusters = {}
    for item in (config.get("weighted_clusters") or {}).get("clusters") or ():
        clusters[item["name"]] = clusters.get(item["name"], 0) + (item.get("weight") or 0)
    return clusters


def _envoy_destination(cluster):
    parts = cluster.split("|")
    if len(parts) != 4:
        return cluster, None, ""
    return parts[3], int(parts[1]) if parts[1].isdigit() else None, parts[2]


def _fraction(fault):
    percentage = fault.get("percentage") or {}
    scale = {"TEN_THOUSAND": 1e-2, "MILLION": 1e-4}.get(percentage.get("denominator"), 1.0)
    return round(float(percentage.get("numerator") or 0) * scale, 4)


# --- comparing ---------------------------------------------------------------------------------------------------


def same_route(wanted, had):
    """Whether a route of the proxy is what a rule asks for.

    A rule that sets neither timeout nor retries gets the mesh's own, and one that names no port gets the right one, so
    these are compared only where the rule sets them. None stands for what cannot be compared.
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


def same_shares(wanted, had):
    """Whether weights by destination are the same, a rule's and a proxy's."""
    rest = list(had.items())
    for destination, weight in wanted.items():
        found = next((x for x in rest if x[1] == weight and _same_destination(destination, x[0])), None)
        if found is None:
            return False
        rest.remove(found)
    return not rest


def tcp_shares(clusters):
    """Weights by destination of what tcp_targets gives."""
    return _shares([(_envoy_destination(cluster), weight) for cluster, weight in clusters.items()])


def rule_tcp(rule_spec, namespace, gateways, labels, proxy_namespace):
    """What the tcp and tls parts of a VirtualService ask for, as (server names, weights by destination)."""
    wanted = []
    for part in ("tls", "tcp"):
        for route in rule_spec.get(part) or ():
            matches = [
                match
                for match in route.get("match") or [{}]
                if _concerns(match, namespace, gateways, labels, proxy_namespace, None)
            ]
            if matches:
                names = {name for match in matches for name in match.get("sniHosts") or ()}
                shares = [
                    (_rule_destination(x.get("destination") or {}, namespace), x.get("weight") or 0)
                    for x in route.get("route") or ()
                ]
                wanted.append((names, _shares(shares)))
    return wanted


def _same_destination(wanted, had):
    host, port, subset = wanted
    return same_host(had[0], host) and subset == had[2] and port in (None, had[1])


# --- traffic policies --------------------------------------------------------------------------------------------

# A DestinationRule's connection pool and what Envoy calls it.
_LIMITS = {
    ("tcp", "maxConnections"): "max_connections",
    ("http", "http1MaxPendingRequests"): "max_pending_requests",
    ("http", "http2MaxRequests"): "max_requests",
    ("http", "maxRetries"): "max_retries",
}
_BALANCERS = {
    "ROUND_ROBIN": "ROUND_ROBIN",
    "LEAST_CONN": "LEAST_REQUEST",
    "LEAST_REQUEST": "LEAST_REQUEST",
    "RANDOM": "RANDOM",
    "PASSTHROUGH": "CLUSTER_PROVIDED",
}


def policy_differences(policy, cluster):
    """In what a cluster differs from a traffic policy, in words, a list; only what the policy sets is compared."""
    told = []

    def compare(what, wanted, had):
        if wanted is not None and wanted != had:
            told.append(f"{what} {'none' if had is None else had} instead of {wanted}")

    balancer = policy.get("loadBalancer") or {}
    if cluster.get("type", "EDS") == "EDS" and not cluster.get("load_balancing_policy"):
        had = cluster.get("lb_policy", "ROUND_ROBIN")
        compare("load balancing", _BALANCERS.get(balancer.get("simple")), had)
        if balancer.get("consistentHash") and had not in ("RING_HASH", "MAGLEV"):
            told.append(f"load balancing {had} instead of a consistent hash")
    pool = policy.get("connectionPool") or {}
    limits = ((cluster.get("circuit_breakers") or {}).get("thresholds") or [{}])[0]
    for (part, name), theirs in _LIMITS.items():
        compare(name, (pool.get(part) or {}).get(name), limits.get(theirs))
    compare(
        "connectTimeout",
        seconds((pool.get("tcp") or {}).get("connectTimeout")),
        seconds(cluster.get("connect_timeout")),
    )
    if policy.get("outlierDetection"):
        wanted, had = policy["outlierDetection"], cluster.get("outlier_detection") or {}
        compare("consecutive5xxErrors", wanted.get("consecutive5xxErrors"), had.get("consecutive_5xx"))
        compare("interval", seconds(wanted.get("interval")), seconds(had.get("interval")))
        compare("baseEjectionTime", seconds(wanted.get("baseEjectionTime")), seconds(had.get("base_ejection_time")))
        compare("maxEjectionPercent", wanted.get("maxEjectionPercent"), had.get("max_ejection_percent"))
    mode = (policy.get("tls") or {}).get("mode")
    has_tls = bool(cluster.get("transport_socket") or cluster.get("transport_socket_matches"))
    if mode == "DISABLE" and has_tls:
        told.append("TLS instead of none")
    elif mode in ("SIMPLE", "MUTUAL", "ISTIO_MUTUAL") and not has_tls:
        told.append(f"no TLS instead of {mode}")
    return told


# --- for people --------------------------------------------------------------------------------------------------


def show_route(route, wanted=None):
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


def show_shares(shares):
    """Weights by destination in a few words; in per cent where they are several."""
    total = sum(shares.values())
    if not total:
        return "nothing"
    if len(shares) == 1:
        return show_destination(next(iter(shares)))
    return ", ".join(f"{show_destination(key)} {100 * weight / total:g} %" for key, weight in shares.items())


def show_destination(destination):
    host, port, subset = destination
    host = re.sub(r"\.svc(\..*)?$", "", host)
    return f"{host}{f':{port}' if port else ''}{f' subset {subset}' if subset else ''}"
