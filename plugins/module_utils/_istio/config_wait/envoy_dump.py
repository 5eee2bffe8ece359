# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a proxy's configuration from the dumps of Envoy's admin port, whatever release wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

ROUTES = "dynamic_route_configs"


LISTENERS = "dynamic_listeners"


CLUSTERS = "dynamic_active_clusters"


# Where the full dump holds a list, a dump of one resource holds its items, told by the field that each of them has.
_ITEM_FIELD = {ROUTES: "route_config", LISTENERS: "active_state", CLUSTERS: "cluster"}


# What lies beneath a rule's name in Envoy's metadata, as /apis/networking.istio.io/v1/namespaces/x/virtual-service/y.
_TAG = re.compile(r"/namespaces/([^/]+)/([^/]+)/([^/]+)$")


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


def dump_path(resource: str) -> str:
    """The path on Envoy's admin port that dumps one of ROUTES, LISTENERS, CLUSTERS."""
    return f"config_dump?resource={resource}"


def add_answer(dump: Dump, resource: str, text: str) -> None:
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


def rule_tag(thing: dict) -> tuple[str, str, str] | None:
    """The rule that a route, cluster or filter chain comes from, as (kind such as "virtual-service", namespace, name);
    None if it comes from none."""
    metadata = ((thing.get("metadata") or {}).get("filter_metadata") or {}).get("istio") or {}
    match = _TAG.search(metadata.get("config") or "")
    return (match[2], match[1], match[3]) if match else None


def route_config_port(route_config: dict) -> int | None:
    """The port that a route configuration is for, from its name: 8080, web.ns.svc.cluster.local:8080, http.8080,
    https.443.name.gateway.ns. None if its name has none."""
    name = route_config["name"]
    match = re.search(r":([0-9]+)$", name) or re.match(r"(?:https?\.)?([0-9]+)(?:\.|$)", name)
    return int(match[1]) if match else None


def virtual_hosts(dump: Dump) -> Iterator[tuple[str, int | None, set[str], list[dict]]]:
    """Every virtual host of the proxy's outbound route configurations, as (route configuration's name, its port, names
    that it answers to without ports, its routes)."""
    for config in dump.routes:
        if config.get("name", "").startswith("inbound"):
            continue
        for virtual_host in config.get("virtual_hosts") or ():
            # The name counts too: where a port serves one service alone, the only domain is "*".
            domains = [*(virtual_host.get("domains") or ()), virtual_host.get("name", "")]
            names = {re.sub(r":(?:[0-9]+|\*)$", "", domain) for domain in domains}
            yield config["name"], route_config_port(config), names, virtual_host.get("routes") or []


def tcp_targets(dump: Dump) -> Iterator[tuple[tuple[str, str, str] | None, set[str], dict[str, int]]]:
    """Where filter chains of listeners send plain TCP, as (the chain's tag, its server names, {cluster: weight})."""
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
    """The ports of the listeners in force, as a dictionary of the names of the route configurations that each uses."""
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
    """The proxy's clusters for services, as (host, port, subset, cluster)."""
    for cluster in dump.clusters:
        parts = cluster.get("name", "").split("|")
        if len(parts) == 4 and parts[0] == "outbound":
            yield parts[3], int(parts[1]) if parts[1].isdigit() else None, parts[2], cluster


def cluster_weights(config: dict) -> dict[str, int]:
    """{cluster: weight} of a route's or a TCP proxy's action; one cluster alone has the weight 1."""
    if config.get("cluster"):
        return {config["cluster"]: 1}
    clusters: dict[str, int] = {}
    for item in (config.get("weighted_clusters") or {}).get("clusters") or ():
        clusters[item["name"]] = clusters.get(item["name"], 0) + (item.get("weight") or 0)
    return clusters
