# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a proxy's configuration from the dumps of Envoy's admin port, of any release."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

ROUTES = "dynamic_route_configs"


LISTENERS = "dynamic_listeners"


CLUSTERS = "dynamic_active_clusters"


# A full dump contains lists, a dump of one resource contains their items. Each item has this field.
_ITEM_FIELD = {ROUTES: "route_config", LISTENERS: "active_state", CLUSTERS: "cluster"}


# Path of a rule in Envoy's metadata, such as /apis/networking.istio.io/v1/namespaces/x/virtual-service/y.
_TAG = re.compile(r"/namespaces/([^/]+)/([^/]+)/([^/]+)$")


class DumpError(Exception):
    """A configuration dump that cannot be read."""


@dataclass
class Dump:
    """Active route configurations, listeners and clusters of a proxy, as Envoy prints them.

    rejected: Envoy's messages about updates that it rejected.
    """

    routes: list = field(default_factory=list)
    listeners: list = field(default_factory=list)
    clusters: list = field(default_factory=list)
    rejected: list = field(default_factory=list)


def dump_path(resource: str) -> str:
    """The path on Envoy's admin port that dumps one of ROUTES, LISTENERS, CLUSTERS."""
    return f"config_dump?resource={resource}"


def add_answer(dump: Dump, resource: str, text: str) -> None:
    """Add Envoy's response for dump_path(resource) to a Dump; old releases may return the full dump.

    Raises DumpError if the response is not a dump.
    """
    if f"{resource} not found" in text:  # the proxy has none; newer releases return an empty object
        return
    try:
        configs = json.loads(text).get("configs", [])
    except (ValueError, AttributeError) as error:
        raise DumpError(
            f"the response is not a configuration dump: {' '.join(text.split())[:200] or 'empty'}"
        ) from error
    for config in configs:
        for item in config.get(resource, [config]):
            details = (item.get("error_state") or {}).get("details")
            if details:
                dump.rejected.append(details)
            inner = item.get(_ITEM_FIELD[resource])
            if resource == LISTENERS and inner:
                inner = inner.get("listener")
            if inner:
                {ROUTES: dump.routes, LISTENERS: dump.listeners, CLUSTERS: dump.clusters}[resource].append(inner)


def rule_tag(resource: dict) -> tuple[str, str, str] | None:
    """The rule that configures a route, cluster or filter chain, as (kind such as "virtual-service", namespace, name).

    None if there is no such rule.
    """
    metadata = ((resource.get("metadata") or {}).get("filter_metadata") or {}).get("istio") or {}
    match = _TAG.search(metadata.get("config") or "")
    return (match[2], match[1], match[3]) if match else None


def route_config_port(route_config: dict) -> int | None:
    """The port in the name of a route configuration, None if it has none.

    Names are 8080, web.ns.svc.cluster.local:8080, http.8080, https.443.name.gateway.ns.
    """
    name = route_config["name"]
    match = re.search(r":([0-9]+)$", name) or re.match(r"(?:https?\.)?([0-9]+)(?:\.|$)", name)
    return int(match[1]) if match else None


def virtual_hosts(dump: Dump) -> Iterator[tuple[str, int | None, set[str], list[dict]]]:
    """Yield the virtual hosts of the outbound route configurations.

    Each is (name of the route configuration, its port, host names without ports, routes).
    """
    for config in dump.routes:
        if config.get("name", "").startswith("inbound"):
            continue
        for virtual_host in config.get("virtual_hosts") or ():
            # The name counts too: if a port serves a single Service, the only domain is "*".
            domains = [*(virtual_host.get("domains") or ()), virtual_host.get("name", "")]
            names = {re.sub(r":(?:[0-9]+|\*)$", "", domain) for domain in domains}
            yield config["name"], route_config_port(config), names, virtual_host.get("routes") or []


def tcp_targets(dump: Dump) -> Iterator[tuple[tuple[str, str, str] | None, set[str], dict[str, int]]]:
    """Yield the TCP proxies in filter chains of listeners, as (tag of the chain, server names, {cluster: weight})."""
    for listener in dump.listeners:
        chains = list(listener.get("filter_chains") or ())
        if listener.get("default_filter_chain"):
            chains.append(listener["default_filter_chain"])
        for chain in chains:
            for filter_ in chain.get("filters") or ():
                config = filter_.get("typed_config") or {}
                clusters = cluster_weights(config)
                if str(config.get("@type", "")).endswith("TcpProxy") and clusters:
                    names = (chain.get("filter_chain_match") or {}).get("server_names") or ()
                    yield rule_tag(chain), set(names), clusters


def listener_ports(dump: Dump) -> dict[int, set[str]]:
    """The ports of the active listeners, each with the names of the route configurations that it uses."""
    ports: dict[int, set[str]] = {}
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


def outbound_clusters(dump: Dump) -> Iterator[tuple[str, int | None, str, dict]]:
    """Yield the clusters for services, as (host, port, subset, cluster)."""
    for cluster in dump.clusters:
        parts = cluster.get("name", "").split("|")
        if len(parts) == 4 and parts[0] == "outbound":
            yield parts[3], int(parts[1]) if parts[1].isdigit() else None, parts[2], cluster


def cluster_weights(config: dict) -> dict[str, int]:
    """{cluster: weight} of a route or a TCP proxy; a single cluster has the weight 1."""
    if config.get("cluster"):
        return {config["cluster"]: 1}
    clusters: dict[str, int] = {}
    for item in (config.get("weighted_clusters") or {}).get("clusters") or ():
        clusters[item["name"]] = clusters.get(item["name"], 0) + (item.get("weight") or 0)
    return clusters
