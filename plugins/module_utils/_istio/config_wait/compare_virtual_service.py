# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a VirtualService with the routes and listeners of a proxy."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import (
    Dump,
    rule_tag,
    tcp_targets,
    virtual_hosts,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_routes import (
    destination_shares,
    envoy_route,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts, find_object
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.gateway_servers import (
    gateway_hosts,
    is_https,
    server_port,
    server_ports,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import answers_to
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import Proxy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_form import same_route, same_shares
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_texts import (
    show_route,
    show_shares,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rule_routes import (
    reachable_routes,
    rule_routes,
    rule_tcp,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule


def compare_virtual_service(
    rule: Rule, proxy: Proxy, names: set[str], dump: Dump, facts: Facts
) -> tuple[list[str], list[str]]:
    missing: list[str] = []
    applied: list[str] = []
    if rule.spec.get("http"):
        for place in _places(rule, proxy, names, facts):
            _compare_routes(rule, proxy, place, dump, missing, applied)
    if rule.spec.get("tcp") or rule.spec.get("tls"):
        had = [(own, server, destination_shares(clusters)) for own, server, clusters in tcp_targets(dump)]
        for servers, shares in rule_tcp(rule.spec, rule.namespace, names, proxy.labels, proxy.namespace):
            matching = [x for x in had if servers <= x[1] and same_shares(shares, x[2])]
            text = f"{'TLS for ' + ', '.join(sorted(servers)) if servers else 'TCP'} -> {show_shares(shares)}"
            if not matching:
                missing.append(f"the proxy has no listener for {text}")
                applied += [f"TCP -> {show_shares(x[2])}" for x in had if x[0] == rule.tag]
            else:
                applied.append(text)
    return missing, sorted(applied)


@dataclass(frozen=True)
class _Place:
    """A set of route configurations that must have the routes of one host.

    names: "mesh" or the Gateways that the routes belong to; ports: of the route configurations, None for any;
    suffix: end of their names; number: port that match conditions refer to, None for that of the route configuration;
    strict: whether a virtual host without the routes is an error; loose: see _equal.
    """

    host: str
    names: frozenset
    ports: frozenset | None = None
    suffix: str = ""
    number: int | None = None
    strict: bool = True
    loose: bool = False


def _places(rule, proxy, names, facts):
    """The _Places that must have the HTTP routes of a VirtualService."""
    loose = len(names) > 1 and any(match.get("gateways") for x in rule.spec["http"] for match in x.get("match") or ())
    places = []
    for name in sorted(names):
        if name == "mesh":
            places += [_Place(host, frozenset([name])) for host in rule.full_hosts]
            continue
        namespace, _slash, short = name.partition("/")
        spec = (find_object(facts.gateways, namespace, short) or {}).get("spec") or {}
        for server in spec.get("servers") or ():
            number, _protocol = server_port(server)
            places += [
                _Place(
                    host,
                    frozenset(names if loose else [name]),
                    frozenset(server_ports(number, proxy, facts.services)),
                    f".{short}.{namespace}" if is_https(server) else "",
                    number,
                    not (server.get("tls") or {}).get("httpsRedirect"),  # some releases redirect without routes
                    loose,
                )
                for host in gateway_hosts(rule, Rule("Gateway", namespace, short, {**spec, "servers": [server]}))
            ]
    return places


def _compare_routes(rule, proxy, place, dump, missing, applied):
    """Compare the rule with the virtual hosts of a place; the tag tells several rules for a host apart."""
    host, seen = place.host, False
    for config, port, domains, routes in virtual_hosts(dump):
        if not any(answers_to(domain, host) for domain in domains) or not config.endswith(place.suffix):
            continue
        if place.ports is not None and port not in place.ports:
            continue
        own = reachable_routes([envoy_route(x) for x in routes if rule_tag(x) == rule.tag])
        if not own and "*" in host:  # may belong to another rule, for a more specific host
            continue
        wanted = rule_routes(
            rule.spec,
            rule.namespace,
            place.names,
            proxy.labels,
            proxy.namespace,
            port if place.number is None else place.number,
        )
        seen = True
        if own and _equal(wanted, own, place.loose):
            applied.append(f"{host} in {config}: {'; '.join(show_route(x, wanted) for x in _unique(own))}")
        elif own:
            missing.append(f"{host} in {config}: {_difference(wanted, own)}")
        elif wanted and place.strict:
            others = sorted({rule_tag(x)[1:] for x in routes if rule_tag(x)})
            shown = ", ".join("/".join(x) for x in others)
            origin = f"VirtualService {shown} configures the routes" if shown else "no VirtualService is applied"
            missing.append(f"{host} in {config}: {origin}")
    if not seen and place.strict:
        missing.append(f"the proxy has no virtual host for {host}")


def _unique(routes):
    kept = []
    for route in routes:
        if route not in kept:
            kept.append(route)
    return kept


def _equal(wanted, had, loose):
    """Whether the routes of a proxy equal the wanted ones in order. Duplicates of several Gateways are ignored.

    With delegates, every wanted route must exist, in any order. With conditions on one of several Gateways (loose),
    every route of the proxy must be a wanted one.
    """
    wanted, had = _unique(wanted), _unique(had)
    if None in wanted:
        return all(any(same_route(x, y) for y in had) for x in wanted if x is not None)
    if loose:
        return all(any(same_route(x, y) for x in wanted) for y in had)
    return len(wanted) == len(had) and all(same_route(x, y) for x, y in zip(wanted, had))


def _difference(wanted, had):
    """Describe how the routes of a proxy differ from the wanted ones; only the different ones, if possible."""
    wanted, had = _unique(wanted), _unique(had)
    pairs = list(zip(wanted, had))
    if len(wanted) == len(had) and None not in wanted:
        pairs = [(x, y) for x, y in pairs if not same_route(x, y)]
        return "; ".join(f"expected {show_route(x)}, got {show_route(y, wanted)}" for x, y in pairs)
    shown = "; ".join(show_route(x, wanted) for x in had)
    return f"expected {'; '.join(show_route(x) for x in wanted) or 'no route'}, got {shown}"
