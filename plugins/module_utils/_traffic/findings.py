# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find in the API why the routes of a host may not split traffic as expected."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import covers, full_host
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import API, Rule
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.target_proxies import is_exported_to
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import Client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan

# Protocols, as prefixes of port names and as appProtocol, for which Istio ignores HTTP routes.
_NOT_HTTP = ("tcp", "tls", "https", "udp", "mongo", "mysql", "redis")


def find_in_api(cluster: Cluster, plan: Plan, client: Client) -> list[str]:
    """Sentences about the objects that route the plan's requests from the client.

    cluster: anything with Cluster.get. What the user may not read is left out.
    """
    found: list[str] = []
    host = _host(plan)
    if not host:
        return []
    host = full_host(host, client.namespace)
    with contextlib.suppress(ClusterError):
        host = _with_svc(cluster, host)
        found += _of_service(cluster, host, urlsplit(plan.url).port or 80)
    with contextlib.suppress(ClusterError):
        found += _of_rules(cluster, host, client)
    return found


def _host(plan: Plan) -> str:
    """The host by which the client's proxy chooses a route."""
    headers = {name.lower(): value for name, value in plan.headers}
    host = urlsplit(f"//{headers['host']}" if "host" in headers else plan.url).hostname or ""
    return "" if ":" in host else host  # no route has an IPv6 address as its host


def _with_svc(cluster: Cluster, host: str) -> str:
    """The host with ".svc" if it is NAME.NAMESPACE of a Service."""
    name, _dot, namespace = host.partition(".")
    if not namespace or "." in namespace or cluster.get(f"/api/v1/namespaces/{namespace}/services/{name}") is None:
        return host
    return f"{host}.svc"


def _of_service(cluster: Cluster, host: str, port: int) -> list[str]:
    name, _dot, rest = host.partition(".")
    namespace = rest.partition(".")[0]
    if not rest.startswith(f"{namespace}.svc"):
        return []
    service = cluster.get(f"/api/v1/namespaces/{namespace}/services/{name}")
    if service is None:
        return [f"Service {namespace}/{name} does not exist"]
    ports = service["spec"].get("ports") or []
    chosen = next((item for item in ports if item["port"] == port), None)
    if chosen is None:
        return [
            f"Service {namespace}/{name} has no port {port}, but {', '.join(str(x['port']) for x in ports) or 'none'}"
        ]
    field = "appProtocol" if chosen.get("appProtocol") else "name"
    value = str(chosen.get(field) or "")
    if value.partition("-")[0].lower() in _NOT_HTTP:
        return [
            f"spec.ports[].{field} of port {port} of Service {namespace}/{name} is {value}, so Istio ignores HTTP "
            "routes for it"
        ]
    return []


def _of_rules(cluster: Cluster, host: str, client: Client) -> list[str]:
    """Sentences about the VirtualServices for a host: those that apply to the client, or why none does."""
    listed = (cluster.get(f"{API}/virtualservices") or {}).get("items") or []
    rules = [
        Rule("VirtualService", x["metadata"]["namespace"], x["metadata"]["name"], x.get("spec") or {}) for x in listed
    ]
    rules = [x for x in rules if _has_host(x, host)]
    obstacles = {rule: _obstacle(rule, client.namespace) for rule in rules}
    effective = [rule for rule in rules if not obstacles[rule]]
    if not effective:
        return [text for text in obstacles.values() if text] or [f"no VirtualService has the host {host}"]
    found = []
    if len(effective) > 1:
        found.append(f"several VirtualServices have the host {host}: {', '.join(x.title for x in effective)}")
    for rule in effective:
        found += _weights(rule)
        found += _missing_subsets(cluster, rule)
    return found


def _has_host(rule: Rule, host: str) -> bool:
    """Whether a VirtualService is about a host. "*" counts in the mesh only, where few rules have it."""
    return any(covers(x, host) and (x != "*" or "mesh" in rule.gateway_names) for x in rule.full_hosts)


def _obstacle(rule: Rule, namespace: str) -> str:
    """Why a VirtualService does not apply to HTTP requests of sidecars in a namespace; empty if it does."""
    if not is_exported_to(rule, namespace):
        return f"spec.exportTo of {rule.title} excludes namespace {namespace}"
    if "mesh" not in rule.gateway_names:
        return f"spec.gateways of {rule.title} is {', '.join(rule.gateway_names)}, so it does not apply to sidecars"
    return "" if rule.spec.get("http") else f"{rule.title} has no HTTP routes"


def _routes(rule: Rule) -> list[tuple[str, dict[str, Any]]]:
    """(field, destination with its weight) of each destination of a VirtualService."""
    return [
        (f"spec.http[{number}].route[{place}]", route)
        for number, http in enumerate(rule.spec["http"])
        for place, route in enumerate(http.get("route") or ())
    ]


def _weights(rule: Rule) -> list[str]:
    found = []
    for number, http in enumerate(rule.spec["http"]):
        routes = http.get("route") or []
        if len(routes) > 1:
            shown = ", ".join(f"{_shown(x.get('destination') or {})} {x.get('weight') or 0}" for x in routes)
            found.append(f"spec.http[{number}] of {rule.title} has the weights {shown}")
    return found


def _shown(destination: dict[str, Any]) -> str:
    subset = destination.get("subset")
    return f"{destination.get('host')} subset {subset}" if subset else str(destination.get("host"))


def _missing_subsets(cluster: Cluster, rule: Rule) -> list[str]:
    used = [
        (field, x.get("destination") or {}) for field, x in _routes(rule) if (x.get("destination") or {}).get("subset")
    ]
    if not used:
        return []
    defined = [
        (full_host(x["spec"].get("host") or "", x["metadata"]["namespace"]), subset.get("name"))
        for x in (cluster.get(f"{API}/destinationrules") or {}).get("items") or []
        for subset in (x.get("spec") or {}).get("subsets") or ()
    ]
    found = []
    for field, destination in used:
        host = full_host(destination.get("host") or "", rule.namespace)
        if not any(name == destination["subset"] and covers(pattern, host) for pattern, name in defined):
            found.append(
                f"{field}.destination.subset of {rule.title} is {destination['subset']}, which no DestinationRule for "
                f"{host} defines"
            )
    return found
