# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which proxies need a rule, whether they have it, and why they have not.

Pure but for Mesh, which reaches the cluster: rules, pods and the other objects are dictionaries as the API gives them,
and what a proxy has is a proxy_config.Dump.
"""

from __future__ import annotations

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import repeat

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait import proxy_config
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.workloads import SIDECAR

GROUP = "networking.istio.io"
API = f"/apis/{GROUP}/v1beta1"  # every release from 1.7 to 1.30 serves it
PLURALS = {"VirtualService": "virtualservices", "DestinationRule": "destinationrules", "Gateway": "gateways"}
_TAGS = {"VirtualService": "virtual-service", "DestinationRule": "destination-rule"}

POLL_SECONDS = 0.5
REREAD_SECONDS = 2.0  # how old the pods and all else but the rules may be
ASK_SECONDS = 15
WORKERS = 6
SHOWN = 10  # proxies in a message
LOG_LINES, LOG_SECONDS = 5000, 900  # how far back the log of one that lags is read


class WaitError(Exception):
    """What cannot be waited for, in words for the user."""


@dataclass(frozen=True)
class Rule:
    """An object to wait for. spec is None where only its name is known and the API does not hold it."""

    kind: str
    namespace: str
    name: str
    spec: dict | None = field(default=None, hash=False)

    @property
    def title(self):
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def path(self):
        return f"{API}/namespaces/{self.namespace}/{PLURALS[self.kind]}/{self.name}"

    @property
    def tag(self):
        """What Envoy's metadata say of what comes from it."""
        return (_TAGS.get(self.kind), self.namespace, self.name)


@dataclass
class Facts:
    """What the API says at one moment: lists of objects, all of the mesh.

    live: the rules that are waited for by their title, None for one that does not exist.
    """

    live: dict = field(default_factory=dict)
    installed: bool = True  # whether the API knows Istio's kinds at all
    selected: set | None = None  # the pods that a label selector picked, as namespace/name; None without one
    pods: list = field(default_factory=list)
    services: list = field(default_factory=list)
    gateways: list = field(default_factory=list)
    virtual_services: list = field(default_factory=list)
    destination_rules: list = field(default_factory=list)
    sidecars: list = field(default_factory=list)
    service_entries: list = field(default_factory=list)


@dataclass(frozen=True)
class Limits:
    """Which proxies to look at, of all that need a rule; None is no limit. pods: names, or namespace/name."""

    namespaces: tuple | None = None
    pods: tuple | None = None

    def allow(self, proxy, selected):
        """Whether a proxy is to be looked at; selected: as Facts has it."""
        if self.namespaces is not None and proxy.namespace not in self.namespaces:
            return False
        if self.pods is not None and proxy.name not in self.pods and proxy.title not in self.pods:
            return False
        return selected is None or proxy.title in selected


@dataclass(frozen=True)
class Proxy:
    """A pod's proxy: type is "sidecar" or "router", which is a gateway."""

    namespace: str
    name: str
    type: str
    labels: dict = field(hash=False, compare=False)
    ports: dict = field(default_factory=dict, hash=False, compare=False)  # of its containers, by name

    @property
    def title(self):
        return f"{self.namespace}/{self.name}"


# --- what to wait for --------------------------------------------------------------------------------------------


def rules_in(definition, namespace):
    """The rules in a module parameter, a dictionary or a list of them, as a list of Rule; other kinds are left out.

    namespace: of those that name none. Raises WaitError if there is none, or something is wrong with one.
    """
    if isinstance(definition, str):
        raise WaitError("definition is a dictionary or a list of them, not a text")
    try:
        objects = _manifests.check_definitions(definition)
    except _manifests.ManifestError as error:
        raise WaitError(str(error)) from error
    objects = [item for x in objects for item in (x.get("items") or [] if x["kind"] == "List" else [x])]
    rules = []
    for item in objects:
        group = str(item.get("apiVersion") or "").rpartition("/")[0]
        if item.get("kind") not in PLURALS or group not in ("", GROUP):
            continue
        metadata = item.get("metadata") or {}
        if not metadata.get("name"):
            raise WaitError(f"definition: a {item['kind']} has no metadata.name")
        if not isinstance(item.get("spec"), dict):
            raise WaitError(f"definition: {item['kind']} {metadata['name']} has no spec")
        rules.append(Rule(item["kind"], metadata.get("namespace") or namespace, metadata["name"], item["spec"]))
    if not rules:
        kinds = sorted({str(item.get("kind")) for item in objects})
        raise WaitError(
            f"definition holds no {', '.join(sorted(PLURALS))} of {GROUP}, only {', '.join(kinds) or 'nothing'}"
        )
    for rule in rules:
        check_rule(rule)
    return rules


def check_rule(rule):
    """Raise WaitError for a rule that never reaches a proxy by itself."""
    if rule.kind == "VirtualService" and rule.spec is not None and not rule.spec.get("hosts"):
        raise WaitError(
            f"{rule.title} has no hosts: it is a delegate and reaches proxies as a part of the VirtualService that "
            "names it; wait for that one"
        )


def resources(rules):
    """What of a proxy's configuration tells whether it has these rules."""
    wanted = set()
    for rule in rules:
        spec = rule.spec or {}
        if rule.kind == "DestinationRule":
            wanted.add(proxy_config.CLUSTERS)
        else:
            wanted.add(proxy_config.ROUTES)
        if rule.kind == "Gateway" or spec.get("tcp") or spec.get("tls"):
            wanted.add(proxy_config.LISTENERS)
    return sorted(wanted)


# --- who needs it ------------------------------------------------------------------------------------------------


def proxies_in(pods):
    """The proxies that run in these pods, as a list of Proxy. Those of ambient mode are none, and read no rules so."""
    found = []
    for pod in pods:
        spec, status, metadata = pod["spec"], pod.get("status") or {}, pod["metadata"]
        containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
        proxy = next((x for x in containers if x["name"] == SIDECAR), None)
        if proxy is None or metadata.get("deletionTimestamp"):
            continue
        statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
        if not any(x["name"] == SIDECAR and "running" in (x.get("state") or {}) for x in statuses):
            continue
        type_ = next(
            (x for x in proxy.get("args") or () if x in ("sidecar", "router", "waypoint", "ztunnel")), "sidecar"
        )
        if type_ in ("sidecar", "router"):
            named = [x for container in containers for x in container.get("ports") or () if x.get("name")]
            ports = {x["name"]: x["containerPort"] for x in named}
            found.append(Proxy(metadata["namespace"], metadata["name"], type_, metadata.get("labels") or {}, ports))
    return sorted(found, key=lambda x: (x.namespace, x.name))


def needing(rule, facts, root):
    """The proxies that need a rule, and the names by which it gets there, as ({Proxy: names}, reasons).

    The names are "mesh" and Gateways as namespace/name. reasons say what keeps it from where it is meant for.
    root: the namespace of the control plane, whose rules and Sidecars count for the whole mesh.
    """
    running = proxies_in(facts.pods)
    if rule.kind == "Gateway":
        pods, reasons = _pods_of_gateway(rule, running)
        return {proxy: {f"{rule.namespace}/{rule.name}"} for proxy in pods}, reasons
    exported = [proxy for proxy in running if _exports(rule, proxy.namespace)]
    if not exported:
        return {}, [
            f"exportTo {json.dumps(rule.spec.get('exportTo') or ['*'])} fits no namespace that has a proxy"
            if running
            else "no proxy runs in the cluster"
        ]
    if rule.kind == "DestinationRule":
        return _needing_destination_rule(rule, facts, root, exported)
    needs, reasons = {}, []
    for name in rule.spec.get("gateways") or ["mesh"]:
        full = proxy_config.gateway_name(name, rule.namespace)
        if full == "mesh":
            proxies = [x for x in exported if x.type == "sidecar"]
            reasons += [] if proxies else ["no pod with a sidecar is in a namespace that it is exported to"]
            heard = [x for x in proxies if _hears(x, rule, facts.sidecars, root)]
            if proxies and not heard:
                reasons.append("every proxy's Sidecar object leaves its hosts out")
            proxies = heard
        else:
            proxies, why = _pods_of_named_gateway(full, rule, facts, exported)
            reasons += why
        for proxy in proxies:
            needs.setdefault(proxy, set()).add(full)
    return needs, reasons


def _exports(rule, namespace):
    targets = (rule.spec or {}).get("exportTo") or ["*"]
    return "*" in targets or namespace in targets or ("." in targets and namespace == rule.namespace)


def _pods_of_gateway(rule, running):
    """The gateway pods that a Gateway's selector picks, and why there are none."""
    selector = (rule.spec or {}).get("selector") or {}
    routers = [x for x in running if x.type == "router"]
    pods = [x for x in routers if all(x.labels.get(key) == value for key, value in selector.items())]
    if pods:
        return pods, []
    shown = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    have = sorted({f"istio={x.labels['istio']}" for x in routers if x.labels.get("istio")})
    return [], [
        f"the selector {shown or '(none)'} of {rule.title} fits no running gateway pod"
        + (f" (there are some with {', '.join(have)})" if have else ", as there is none")
    ]


def _pods_of_named_gateway(full, rule, facts, exported):
    namespace, _slash, name = full.partition("/")
    gateway = _find(facts.gateways, namespace, name)
    if gateway is None:
        return [], [f"there is no Gateway {full}"]
    gateway = Rule("Gateway", namespace, name, gateway.get("spec") or {})
    wants = [kind for kind in ("http", "tcp", "tls") if rule.spec.get(kind)]
    if not any(gateway_hosts(rule, gateway, kind == "http") for kind in wants):
        theirs = sorted({host for server in gateway.spec.get("servers") or () for host in server.get("hosts") or ()})
        return [], [
            f"none of its hosts ({', '.join(rule.spec['hosts'])}) is one of {gateway.title} ({', '.join(theirs)})"
        ]
    return _pods_of_gateway(gateway, exported)


def gateway_hosts(rule, gateway, http=True):
    """The hosts that a VirtualService and the servers of a Gateway have in common, the narrower of each two.

    http: those of servers that take its HTTP routes, else of those that take its TCP and TLS routes.
    """
    hosts = set()
    for server in gateway.spec.get("servers") or ():
        if _takes_http(server) is not http:
            continue
        for entry in server.get("hosts") or ():
            namespace, slash, host = entry.rpartition("/")
            if (
                slash
                and namespace not in ("*", rule.namespace)
                and (namespace, gateway.namespace) != (".", rule.namespace)
            ):
                continue
            for own in rule.spec.get("hosts") or ():
                own = proxy_config.full_host(own, rule.namespace)
                if proxy_config.covers(host, own):
                    hosts.add(own)
                elif proxy_config.covers(own, host):
                    hosts.add(host)
    return sorted(hosts)


def _needing_destination_rule(rule, facts, root, exported):
    """A rule of the Service's namespace, or of the root one, is for all; one of another is for its own namespace."""
    host = proxy_config.full_host(rule.spec.get("host") or "", rule.namespace)
    homes = service_namespaces(host, facts)
    reasons = []
    if not homes:
        reasons.append(f"no Service or ServiceEntry has the host {host}")
    if rule.namespace != root and rule.namespace not in homes:
        exported = [x for x in exported if x.namespace == rule.namespace]
        if not exported:
            reasons.append(
                f"its host {host} is not of namespace {rule.namespace}, so that only proxies of that namespace would "
                "read it, and there is none"
            )
    needs = {}
    for proxy in exported:
        if homes and any(_imports(proxy, home, [host], facts.sidecars, root) for home in homes):
            needs[proxy] = {"mesh"}
    return needs, reasons


def service_namespaces(host, facts):
    """The namespaces of the Services and ServiceEntries with a host, as a set."""
    found = set()
    for service in facts.services:
        metadata = service["metadata"]
        if proxy_config.covers(host, f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local"):
            found.add(metadata["namespace"])
    for entry in facts.service_entries:
        if any(proxy_config.covers(host, x) or proxy_config.covers(x, host) for x in entry["spec"].get("hosts") or ()):
            found.add(entry["metadata"]["namespace"])
    return found


def _hears(proxy, rule, sidecars, root):
    hosts = [proxy_config.full_host(host, rule.namespace) for host in rule.spec.get("hosts") or ()]
    return _imports(proxy, rule.namespace, hosts, sidecars, root)


def _imports(proxy, namespace, hosts, sidecars, root):
    """Whether the Sidecar object that counts for a proxy lets it hear of any of these hosts in a namespace."""
    if proxy.type != "sidecar":
        return True
    own = [x for x in sidecars if x["metadata"]["namespace"] == proxy.namespace]
    chosen = next((x for x in own if _selects(x, proxy.labels)), None)
    chosen = chosen or next((x for x in own if not x["spec"].get("workloadSelector")), None)
    at_root = [x for x in sidecars if x["metadata"]["namespace"] == root and not x["spec"].get("workloadSelector")]
    chosen = chosen or next(iter(at_root), None)
    if chosen is None or not chosen["spec"].get("egress"):
        return True
    for listener in chosen["spec"]["egress"]:
        for entry in listener.get("hosts") or ():
            where, _slash, pattern = entry.rpartition("/")
            where = proxy.namespace if where == "." else where
            if where in ("", "*", namespace) and any(
                proxy_config.covers(*pair) for host in hosts for pair in ((pattern, host), (host, pattern))
            ):
                return True
    return False


def _selects(sidecar, labels):
    wanted = (sidecar["spec"].get("workloadSelector") or {}).get("labels")
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def _find(objects, namespace, name):
    return next(
        (x for x in objects if x["metadata"]["name"] == name and x["metadata"]["namespace"] == namespace),
        None,
    )


# --- whether they have it ----------------------------------------------------------------------------------------


def lacks(rule, proxy, names, dump, facts):
    """What a proxy lacks of a rule that it needs, in words, and what it has, as (list, list)."""
    if rule.kind == "VirtualService":
        return _lacks_virtual_service(rule, proxy, names, dump, facts)
    if rule.kind == "DestinationRule":
        return _lacks_destination_rule(rule, proxy, dump, facts)
    return _lacks_gateway(rule, proxy, dump, facts)


def _lacks_virtual_service(rule, proxy, names, dump, facts):
    missing, found = [], []
    if rule.spec.get("http"):
        for place in _places(rule, proxy, names, facts):
            _compare_routes(rule, proxy, place, dump, missing, found)
    if rule.spec.get("tcp") or rule.spec.get("tls"):
        had = [
            (own, server, proxy_config.tcp_shares(clusters)) for own, server, clusters in proxy_config.tcp_targets(dump)
        ]
        for servers, shares in proxy_config.rule_tcp(rule.spec, rule.namespace, names, proxy.labels, proxy.namespace):
            fits = [x for x in had if servers <= x[1] and proxy_config.same_shares(shares, x[2])]
            text = (
                f"{'TLS for ' + ', '.join(sorted(servers)) if servers else 'TCP'} -> {proxy_config.show_shares(shares)}"
            )
            if not fits:
                missing.append(f"no listener sends {text}")
                found += [f"TCP -> {proxy_config.show_shares(x[2])}" for x in had if x[0] == rule.tag]
            else:
                found.append(text)
    return missing, sorted(found)


@dataclass(frozen=True)
class _Place:
    """Where in a proxy one host's routes have to be.

    names: the gateways by which they get there; ports: of the route configurations, None for any; suffix: how their
    names end; number: the port that conditions are about, None for that of the route configuration itself;
    strict: whether a virtual host without them is wrong; loose: see _equal.
    """

    host: str
    names: frozenset
    ports: frozenset | None = None
    suffix: str = ""
    number: int | None = None
    strict: bool = True
    loose: bool = False


def _places(rule, proxy, names, facts):
    """The _Places of a VirtualService's HTTP routes in a proxy."""
    loose = len(names) > 1 and any(match.get("gateways") for x in rule.spec["http"] for match in x.get("match") or ())
    places = []
    for name in sorted(names):
        if name == "mesh":
            hosts = [proxy_config.full_host(host, rule.namespace) for host in rule.spec["hosts"]]
            places += [_Place(host, frozenset([name])) for host in hosts]
            continue
        namespace, _slash, short = name.partition("/")
        spec = (_find(facts.gateways, namespace, short) or {}).get("spec") or {}
        for server in spec.get("servers") or ():
            number, _protocol = _server_port(server)
            places += [
                _Place(
                    host,
                    frozenset(names if loose else [name]),
                    frozenset(server_ports(number, proxy, facts.services)),
                    f".{short}.{namespace}" if _is_https(server) else "",
                    number,
                    not (server.get("tls") or {}).get("httpsRedirect"),  # some releases need no routes to redirect
                    loose,
                )
                for host in gateway_hosts(rule, Rule("Gateway", namespace, short, {**spec, "servers": [server]}))
            ]
    return places


def _compare_routes(rule, proxy, place, dump, missing, found):
    """Compare what the virtual hosts at a place hold; of several rules for a host, each is found by its tag."""
    host, seen = place.host, False
    for config, port, domains, routes in proxy_config.virtual_hosts(dump):
        if not any(_answers(domain, host) for domain in domains) or not config.endswith(place.suffix):
            continue
        if place.ports is not None and port not in place.ports:
            continue
        own = proxy_config.reached([proxy_config.route_of(x) for x in routes if proxy_config.tag(x) == rule.tag])
        if not own and "*" in host:  # it may be another rule's, for a host that is narrower
            continue
        wanted = proxy_config.rule_routes(
            rule.spec,
            rule.namespace,
            place.names,
            proxy.labels,
            proxy.namespace,
            port if place.number is None else place.number,
        )
        seen = True
        if own and _equal(wanted, own, place.loose):
            found.append(f"{host} in {config}: {'; '.join(proxy_config.show_route(x, wanted) for x in _unique(own))}")
        elif own:
            missing.append(f"{host} in {config}: {_difference(wanted, own)}")
        elif wanted and place.strict:
            others = sorted({proxy_config.tag(x)[1:] for x in routes if proxy_config.tag(x)})
            shown = ", ".join("/".join(x) for x in others)
            missing.append(
                f"{host} in {config}: its routes come from {f'VirtualService {shown}' if shown else 'no rule'}"
            )
    if not seen and place.strict:
        missing.append(f"it has no virtual host for {host}")


def _answers(domain, host):
    if host == "*":
        return True
    return proxy_config.covers(host, domain) if "*" in host else proxy_config.same_host(domain, host)


def _unique(routes):
    kept = []
    for route in routes:
        if route not in kept:
            kept.append(route)
    return kept


def _equal(wanted, had, loose):
    """Whether the routes are the wanted ones in their order; two Gateways for one host have them twice.

    With delegates, or with conditions on one of several Gateways (loose), each has to be one of the others only.
    """
    wanted, had = _unique(wanted), _unique(had)
    if None in wanted:
        return all(any(proxy_config.same_route(x, y) for y in had) for x in wanted if x is not None)
    if loose:
        return all(any(proxy_config.same_route(x, y) for x in wanted) for y in had)
    return len(wanted) == len(had) and all(proxy_config.same_route(x, y) for x, y in zip(wanted, had))


def _difference(wanted, had):
    """In what the routes of a proxy differ from the wanted ones, in words: those that do, if all others are there."""
    wanted, had = _unique(wanted), _unique(had)
    pairs = list(zip(wanted, had))
    if len(wanted) == len(had) and None not in wanted:
        pairs = [(x, y) for x, y in pairs if not proxy_config.same_route(x, y)]
        return "; ".join(
            f"it has {proxy_config.show_route(y, wanted)}, wanted is {proxy_config.show_route(x)}" for x, y in pairs
        )
    shown = "; ".join(proxy_config.show_route(x, wanted) for x in had)
    return f"it has {shown}; wanted is {'; '.join(proxy_config.show_route(x) for x in wanted) or 'nothing'}"


def _lacks_destination_rule(rule, proxy, dump, facts):
    host = proxy_config.full_host(rule.spec["host"], rule.namespace)
    clusters = [x for x in proxy_config.outbound_clusters(dump) if _answers(x[0], host)]
    bases = [x for x in clusters if not x[2]]
    if not bases:
        # A gateway that hears nothing of a service needs no rule for it.
        return ([f"it knows no cluster of {host}"], []) if proxy.type == "sidecar" else ([], [])
    missing, found = [], []
    subsets = rule.spec.get("subsets") or []
    policy = rule.spec.get("trafficPolicy") or {}
    by_key = {(x[0], x[1], x[2]): x[3] for x in clusters}
    names = {subset["name"] for subset in subsets} | _merged_subsets(rule, host, facts)
    for name, port, _subset, cluster in bases:
        where = f"{proxy_config.show_destination((name, port, ''))}"
        own = proxy_config.tag(cluster)
        if own != rule.tag and (not subsets or own is None):
            missing.append(
                f"the cluster {where} comes from "
                + ("no DestinationRule" if own is None else f"DestinationRule {own[1]}/{own[2]}")
            )
            continue
        detailed = any(
            (x.get("port") or {}).get("number") == port
            for level in [policy, *((subset.get("trafficPolicy") or {}) for subset in subsets)]
            for x in level.get("portLevelSettings") or ()
        )
        if own == rule.tag and not detailed:
            missing += [f"the cluster {where} has {x}" for x in proxy_config.policy_differences(policy, cluster)]
        for subset in subsets:
            theirs = by_key.get((name, port, subset["name"]))
            if theirs is None:
                missing.append(f"there is no cluster {where} subset {subset['name']}")
            elif not detailed:
                both = {**policy, **(subset.get("trafficPolicy") or {})}
                missing += [
                    f"the cluster {where} subset {subset['name']} has {x}"
                    for x in proxy_config.policy_differences(both, theirs)
                ]
        have = sorted(x[2] for x in clusters if x[:2] == (name, port) and x[2])
        missing += [
            f"the cluster {where} subset {x} is still there"
            for x in have
            if x not in names and proxy_config.tag(by_key[(name, port, x)]) == rule.tag
        ]
        found.append(f"{where}{' subsets ' + ', '.join(have) if have else ''}")
    return missing, found


def _merged_subsets(rule, host, facts):
    """The subsets that other rules for a host add: istiod makes one of them all, and calls it by the oldest."""
    names = set()
    for item in facts.destination_rules:
        metadata, spec = item["metadata"], item.get("spec") or {}
        theirs = proxy_config.full_host(spec.get("host") or "", metadata["namespace"])
        if (metadata["namespace"], metadata["name"]) != (rule.namespace, rule.name) and proxy_config.covers(
            theirs, host
        ):
            names |= {subset["name"] for subset in spec.get("subsets") or ()}
    return names


def _lacks_gateway(rule, proxy, dump, facts):
    missing, found = [], []
    listeners = proxy_config.listener_ports(dump)
    for server in rule.spec.get("servers") or ():
        number, protocol = _server_port(server)
        if not _takes_http(server):
            continue
        ports = server_ports(number, proxy, facts.services)
        open_ = sorted(ports & set(listeners))
        if not open_:
            shown = ", ".join(str(x) for x in sorted(listeners)) or "none"
            missing.append(f"it has no listener for {protocol} {number} (it listens on {shown})")
            continue
        names = set().union(*(listeners[port] for port in open_))
        if _is_https(server) and not any(name.endswith(f".{rule.name}.{rule.namespace}") for name in names):
            missing.append(f"its listener on {open_[0]} does not serve {protocol} {number} of this Gateway")
            continue
        found.append(f"{protocol} {number} on {', '.join(str(x) for x in open_)}")
    for item in facts.virtual_services:
        bound = Rule("VirtualService", item["metadata"]["namespace"], item["metadata"]["name"], item.get("spec") or {})
        bound_to = [proxy_config.gateway_name(x, bound.namespace) for x in bound.spec.get("gateways") or ()]
        if f"{rule.namespace}/{rule.name}" not in bound_to or not bound.spec.get("http"):
            continue
        if not bound.spec.get("hosts") or not _exports(bound, proxy.namespace):
            continue
        for host in gateway_hosts(bound, rule):
            served = any(
                any(_answers(domain, host) if host != "*" else domain == "*" for domain in domains)
                for _config, _port, domains, _routes in proxy_config.virtual_hosts(dump)
            )
            if served:
                found.append(f"host {host}")
            else:
                missing.append(f"it has no virtual host for {host} of {bound.title}")
    return missing, list(dict.fromkeys(found))


def _server_port(server):
    port = server.get("port") or {}
    return port.get("number"), str(port.get("protocol") or "").upper()


def _is_https(server):
    return _server_port(server)[1] == "HTTPS" and (server.get("tls") or {}).get("mode") not in (
        "PASSTHROUGH",
        "AUTO_PASSTHROUGH",
    )


def _takes_http(server):
    """Whether a server takes HTTP, and so listens at once. For plain TCP, and TLS passed on, it takes a rule first."""
    return _server_port(server)[1] in ("HTTP", "HTTP2", "GRPC", "GRPC-WEB") or _is_https(server)


def server_ports(number, proxy, services):
    """The ports that a gateway pod may listen on for a server's port: itself, and what its Services make of it."""
    ports = {number}
    for service in services:
        selector = service["spec"].get("selector")
        if service["metadata"]["namespace"] != proxy.namespace or not selector:
            continue
        if all(proxy.labels.get(key) == value for key, value in selector.items()):
            for port in service["spec"].get("ports") or ():
                if port["port"] == number:
                    ports.add(proxy.ports.get(port.get("targetPort"), port.get("targetPort")))
    return ports


def keeps(rule, proxy, dump, facts):
    """What a proxy still has of a rule that should be gone, in words, a list."""
    if rule.kind == "VirtualService":
        counts = {}
        for name, _port, _domains, routes in proxy_config.virtual_hosts(dump):
            counts[name] = counts.get(name, 0) + sum(1 for x in routes if proxy_config.tag(x) == rule.tag)
        left = [
            f"{count} {'route' if count == 1 else 'routes'} in {name}"
            for name, count in sorted(counts.items())
            if count
        ]
        left += [
            f"TCP -> {proxy_config.show_shares(proxy_config.tcp_shares(clusters))}"
            for own, _names, clusters in proxy_config.tcp_targets(dump)
            if own == rule.tag
        ]
        return list(dict.fromkeys(left))
    if rule.kind == "DestinationRule":
        return [
            proxy_config.show_destination((host, port, subset))
            for host, port, subset, cluster in proxy_config.outbound_clusters(dump)
            if proxy_config.tag(cluster) == rule.tag
        ]
    return _keeps_gateway(rule, proxy, dump, facts)


def _keeps_gateway(rule, proxy, dump, facts):
    """Listeners carry no tag: what is left of a Gateway are its ports that no other one has, and its HTTPS routes."""
    others = set()
    for item in facts.gateways:
        metadata, spec = item["metadata"], item.get("spec") or {}
        selected = all(proxy.labels.get(key) == value for key, value in (spec.get("selector") or {}).items())
        if selected and (metadata["namespace"], metadata["name"]) != (rule.namespace, rule.name):
            for server in spec.get("servers") or ():
                others |= server_ports(_server_port(server)[0], proxy, facts.services)
    left = []
    listeners = proxy_config.listener_ports(dump)
    for server in (rule.spec or {}).get("servers") or ():
        number, protocol = _server_port(server)
        for port in sorted(server_ports(number, proxy, facts.services) & set(listeners) - others):
            left.append(f"{protocol} {number} on {port}")
    left += [
        f"route {name}"
        for names in listeners.values()
        for name in sorted(names)
        if name.startswith("https.") and name.endswith(f".{rule.name}.{rule.namespace}")
    ]
    return left


# --- waiting -----------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What became of waiting.

    problem: why it is no use to wait, empty if it is; unmet: what the API alone says is not as wanted;
    notes: what keeps a rule from some of the proxies that it is meant for; proxies: what the module returns of each.
    """

    present: bool = True
    seconds: float = 0.0
    rules: list = field(default_factory=list)
    proxies: list = field(default_factory=list)
    problem: str = ""
    unmet: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def lagging(self):
        return [x for x in self.proxies if x["has"] is not self.present]

    @property
    def met(self):
        return not (self.problem or self.unmet or self.lagging)


def wait(look, ask, present=True, limits=None, root="istio-system", allow_none=False, timeout=60, once=False):
    """Wait until the proxies that need the rules have them (or with present=False, have nothing left of them).

    look: returns (rules with their specs, Facts) as the API has them now.
    ask: called from several threads with a Proxy and the resources to read, returns a proxy_config.Dump.
    once: look once and do not wait. Returns an Outcome.
    """
    limits, started, seen, outcome = limits or Limits(), time.monotonic(), {}, None
    with ThreadPoolExecutor(WORKERS) as pool:
        while True:
            rules, facts = look()
            outcome = Outcome(present, rules=rules)
            work = _work(rules, facts, present, limits, root, allow_none, outcome)
            if outcome.problem:
                break
            # A proxy that has its rules is not asked again, unless they have changed.
            due = [x for x in work if x not in seen or seen[x][0] != work[x] or seen[x][1]["has"] is not present]
            reports = pool.map(_report, due, [work[x] for x in due], repeat(facts), repeat(present), repeat(ask))
            for proxy, report in zip(due, reports):
                seen.pop(proxy, None)
                if report:
                    seen[proxy] = (work[proxy], report)
            there = sorted((x for x in work if x in seen), key=lambda x: (x.namespace, x.name))
            outcome.proxies = [seen[x][1] for x in there]
            if work and not there:
                outcome.unmet.append("every proxy that was to be asked is gone")
            if outcome.met or once or time.monotonic() - started > timeout:
                break
            time.sleep(POLL_SECONDS)
    outcome.seconds = round(time.monotonic() - started, 1)
    return outcome


def _work(rules, facts, present, limits, root, allow_none, outcome):
    """What to look at, as {Proxy: {Rule: names}}; what is clear without looking goes into the Outcome."""
    work = {}
    if not facts.installed:
        outcome.problem = f"the cluster does not know {GROUP}: Istio is not installed"
        return {}
    for rule in rules:
        exists = facts.live.get(rule.title) is not None
        if exists != present:
            outcome.unmet.append(f"{rule.title} {'is still there' if exists else 'does not exist'}")
            if present:
                continue
        if rule.spec is None and rule.kind == "Gateway":
            outcome.problem = (
                f"{rule.title} does not exist, so it is not known what it was: give its definition to wait until "
                "no proxy has anything left of it"
            )
            return {}
        if not present and rule.kind != "Gateway":
            # Whoever does not need it now may have needed it as it was before.
            needs, reasons = {proxy: frozenset() for proxy in proxies_in(facts.pods)}, []
        else:
            check_rule(rule)
            needs, reasons = needing(rule, facts, root)
        outcome.notes += [f"{rule.title}: {reason}" for reason in reasons]
        chosen = {proxy: names for proxy, names in needs.items() if limits.allow(proxy, facts.selected)}
        if present and not chosen and not allow_none:
            why = "; ".join(reasons)
            if needs:
                why = f"{len(needs)} proxies need it, but namespaces, pods and label_selector leave none of them"
            outcome.problem = f"{rule.title} reaches no proxy: {why or 'no proxy needs it'}"
            return {}
        for proxy, names in chosen.items():
            work.setdefault(proxy, {})[rule] = names
    return work


def _report(proxy, needs, facts, present, ask):
    """What the module returns of one proxy; None if its pod is gone since the pods were read."""
    report = {
        "namespace": proxy.namespace,
        "name": proxy.name,
        "type": proxy.type,
        "has": None,
        "lacks": [],
        "found": [],
    }
    try:
        dump = ask(proxy, resources(needs))
    except (ClusterError, proxy_config.DumpError) as error:
        if ": 403 " in str(error):  # no use to wait for a permission
            raise
        if f'pods "{proxy.name}" not found' in str(error):
            return None
        report["lacks"] = [f"it cannot be asked: {error}"]
        return report
    for rule, names in needs.items():
        prefix = f"{rule.title}: " if len(needs) > 1 else ""
        if present:
            missing, found = lacks(rule, proxy, names, dump, facts)
        else:
            missing, found = [], keeps(rule, proxy, dump, facts)
        report["lacks"] += [f"{prefix}{x}" for x in missing]
        report["found"] += [f"{prefix}{x}" for x in found]
    report["has"] = not report["lacks"] if present else bool(report["found"])
    if (report["lacks"] if present else report["found"]) and dump.refused:
        report["lacks"] += [f"it refused an update: {x}" for x in dict.fromkeys(dump.refused)]
    return report


class Mesh:
    """A cluster as wait() asks it: look() reads the API, ask() the configuration of one proxy."""

    def __init__(self, cluster, rules, label_selector=None):
        """cluster: a Cluster; rules: to look for."""
        self.cluster = cluster
        self.rules = rules
        self.label_selector = label_selector
        self.facts = None
        self._read = 0.0
        self._local = threading.local()

    def look(self):
        """The rules, with specs where only the API has them, and Facts; all but the rules may be somewhat old."""
        if self.facts is None or time.monotonic() - self._read > REREAD_SECONDS:
            self.facts, self._read = self._read_facts(), time.monotonic()
        self.facts.live = {rule.title: self.cluster.get(rule.path) for rule in self.rules}
        specs = {title: live.get("spec") or {} for title, live in self.facts.live.items() if live}
        found = [x if x.spec is not None else replace(x, spec=specs.get(x.title)) for x in self.rules]
        return found, self.facts

    def _read_facts(self):
        def items(path, **query):
            return (self.cluster.get(path, **query) or {}).get("items") or []

        facts = Facts(
            installed=self.cluster.get(API) is not None,
            pods=items("/api/v1/pods"),
            services=items("/api/v1/services"),
            gateways=items(f"{API}/gateways"),
            virtual_services=items(f"{API}/virtualservices"),
            destination_rules=items(f"{API}/destinationrules"),
            sidecars=items(f"{API}/sidecars"),
            service_entries=items(f"{API}/serviceentries"),
        )
        if self.label_selector:
            chosen = [x["metadata"] for x in items("/api/v1/pods", labelSelector=self.label_selector)]
            facts.selected = {f"{x['namespace']}/{x['name']}" for x in chosen}
        return facts

    def istiod_pods(self, namespace):
        """The pods of the control plane."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        return (self.cluster.get(path, labelSelector="app=istiod") or {}).get("items") or []

    def refusals(self, reports):
        """What the proxies of these reports refused lately, as their logs have it, a line each.

        A proxy keeps what it had when a part of an update does not do, and its configuration does not say so.
        """
        told = []
        for report in reports[:SHOWN]:
            path = f"/api/v1/namespaces/{report['namespace']}/pods/{report['name']}/log"
            try:
                log = self.cluster.get(path, container=SIDECAR, tailLines=LOG_LINES, sinceSeconds=LOG_SECONDS)
            except ClusterError:  # it may be gone, or its log not allowed to be read
                continue
            told += [
                f"{report['namespace']}/{report['name']} refused an update: {x}" for x in refusals_in(str(log or ""))
            ]
        return told

    def ask(self, proxy, wanted):
        """What a proxy has of the wanted resources. Raises ClusterError and DumpError."""
        if not hasattr(self._local, "cluster"):  # a connection that runs an exec is not fit for two threads
            self._local.cluster = self.cluster.another()
        dump = proxy_config.Dump()
        for resource in wanted:
            argv = ["pilot-agent", "request", "GET", proxy_config.request(resource)]
            result = self._local.cluster.exec(proxy.namespace, proxy.name, SIDECAR, argv, ASK_SECONDS)
            if result.rc != 0:
                said = (result.stderr or result.stdout).strip().splitlines()
                raise ClusterError(f"pilot-agent ended with exit code {result.rc}: {said[-1] if said else 'no output'}")
            proxy_config.add(dump, resource, result.stdout)
        return dump


# --- why ---------------------------------------------------------------------------------------------------------


def refusals_in(log):
    """The updates that a proxy refused, from its log, a line each, as "RouteConfiguration: duplicate domain"."""
    found = re.findall(r"gRPC config for \S*?(\w+) rejected: (.*?)(?:\s+thread=\d+)?$", log, re.MULTILINE)
    return list(dict.fromkeys(f"{kind}: {why.strip()}" for kind, why in found))


def reasons(outcome, facts, istiod_pods, refusals, findings):
    """Why the proxies may not be as wanted, in words, a list, most telling first.

    istiod_pods: the pods of the control plane; refusals, findings: what Mesh.refusals and findings_about gave.
    """
    told = [x for x in outcome.unmet if "does not exist" in x]
    ready = [x for x in istiod_pods if _is_ready(x)]
    if not ready:
        told.append(
            f"no istiod is ready ({len(istiod_pods)} pods of it there), so that proxies hear of nothing"
            if istiod_pods
            else "there is no istiod, so that proxies hear of nothing"
        )
    told += refusals
    for rule in outcome.rules:
        live = facts.live.get(rule.title)
        if live is None:
            continue
        if rule.spec is not None and (live.get("spec") or {}) != rule.spec:
            told.append(f"the API holds another spec of {rule.title} than the definition")
        told += [
            f"{rule.title}: istiod says {x.get('message') or x}"
            for x in (live.get("status") or {}).get("validationMessages") or ()
        ]
        told += [f"{rule.title}: {x}" for x in _unknown_hosts(rule, facts)]
    told += outcome.notes
    told += [f"istioctl analyze: {x}" for x in findings]
    return list(dict.fromkeys(told))


def _is_ready(pod):
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(x["type"] == "Ready" and x["status"] == "True" for x in conditions)


def _unknown_hosts(rule, facts):
    """The hosts of a VirtualService, in the mesh, that no Service or ServiceEntry has, in words."""
    if rule.kind != "VirtualService" or "mesh" not in ((rule.spec or {}).get("gateways") or ["mesh"]):
        return []
    hosts = [proxy_config.full_host(x, rule.namespace) for x in rule.spec.get("hosts") or ()]
    return [f"no Service or ServiceEntry has the host {x}" for x in hosts if not service_namespaces(x, facts)]


def analyze_arguments(namespace):
    """The arguments of istioctl to analyze a namespace; its threshold is said, as releases differ in their default."""
    return ["analyze", "--namespace", namespace, "--output", "json", "--failure-threshold", "Error", "--color=false"]


def findings_about(rules, output):
    """What 'istioctl analyze' found about these rules, from its Output, a line each."""
    found = []
    start = re.search(r"^\[", output.stdout, re.MULTILINE)  # lines of its log may come before
    try:
        if start:
            found, _end = json.JSONDecoder().raw_decode(output.stdout, start.start())
    except ValueError:
        start = None
    if not start and output.rc != 0:
        said = " ".join((output.stderr or output.stdout).split())[-300:]
        return [f"exit code {output.rc}: {said}"]
    # Old releases write NAME.NAMESPACE.
    names = {f"{x.kind} {y}" for x in rules for y in (f"{x.namespace}/{x.name}", f"{x.name}.{x.namespace}")}
    return [
        f"{item.get('level')} [{item.get('code')}] {item.get('origin')}: {item.get('message')}"
        for item in found
        if str(item.get("origin") or "").partition(" (")[0] in names
    ]


def explain(outcome, why):
    """What a module says that failed for this Outcome; why: what reasons gave."""
    if outcome.problem:
        return outcome.problem
    titles = ", ".join(x.title for x in outcome.rules)
    lines = []
    if outcome.lagging:
        part = f"{len(outcome.lagging)} of {len(outcome.proxies)} proxies"
        said = f"{titles} has not reached {part}" if outcome.present else f"{part} still have {titles}"
        lines.append(f"{said} after {outcome.seconds:g} s:")
        for proxy in outcome.lagging[:SHOWN]:
            told = proxy["lacks"] if outcome.present else proxy["found"] + proxy["lacks"]
            lines.append(f"  {proxy['namespace']}/{proxy['name']}: {'; '.join(told)}")
        if len(outcome.lagging) > SHOWN:
            lines.append(f"  and {len(outcome.lagging) - SHOWN} more")
    else:
        lines.append(f"{'; '.join(outcome.unmet)}, after {outcome.seconds:g} s")
    return "\n".join(lines + [f"reason: {x}" for x in why if x not in outcome.unmet or outcome.lagging])
