# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an ingress gateway's Service is reached from outside of the cluster, and if nowhere, why."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster, ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.permissions import unless_forbidden
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import container_reasons

# The label that Istio's own gateway has, its pods and its Service, by which a Gateway selects it too.
DEFAULT_SELECTOR = "istio=ingressgateway"

# A port is known by its name, as profiles and charts of Istio give it, else by its number.
HTTP = (("http2", "http"), 80)
HTTPS = (("https",), 443)

# What is returned of no gateway, or of more than one.
NOTHING: dict = {
    "namespace": None,
    "service": None,
    "type": None,
    "host": None,
    "addresses": [],
    "ports": {},
    "http_port": None,
    "https_port": None,
    "url": None,
    "secure_url": None,
    "node_url": None,
    "reachable": None,
    "ready": False,
    "endpoints": {"ready": 0, "not_ready": 0},
    "not_ready": [],
    "reason": None,
}


class IngressError(Exception):
    """An option that cannot be used, in words for the user."""


# ---- one Service, from API objects -----------------------------------------------------------------------------------


def host_port(host: str | None, port: int | None) -> str | None:
    """host:port as URLs have it, an IPv6 address in brackets; None unless both are there."""
    if not host or not port:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ports_of(service: dict) -> dict[str, dict]:
    """The ports of a Service by name; one without a name goes by its number."""
    return {
        port.get("name") or str(port["port"]): {
            "port": port["port"],
            "target_port": port.get("targetPort", port["port"]),
            "node_port": port.get("nodePort") or None,
        }
        for port in service["spec"].get("ports") or ()
    }


def find_port(ports: dict[str, dict], known: tuple) -> dict | None:
    """The port that is HTTP, or HTTPS, among those of ports_of; None if none is."""
    names, number = known
    for name in names:
        if name in ports:
            return ports[name]
    return next((port for port in ports.values() if port["port"] == number), None)


def node_addresses(nodes: Iterable[dict], address_type: str) -> list[tuple[str, str]]:
    """Name and address of each node that has an address of this type, as pairs; nodes that are ready come first."""
    by_readiness: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for node in nodes:
        status = node.get("status") or {}
        for address in status.get("addresses") or ():
            if address["type"] == address_type:
                by_readiness[is_ready(node)].append((node["metadata"]["name"], address["address"]))
                break
    return by_readiness[True] + by_readiness[False]


def host_addresses(pods: Iterable[dict]) -> list[tuple[str, str]]:
    """Name and address of the nodes that pods run on, as pairs: for who may not read nodes."""
    found: dict[str, str] = {}
    for pod in pods:
        address = (pod.get("status") or {}).get("hostIP")
        if address:
            found.setdefault(pod["spec"].get("nodeName"), address)
    return sorted(found.items())


def count_endpoints(endpoints: dict | None) -> tuple[dict[str, int], set[str]]:
    """How many pods of a Service are ready and how many are not, and the names of the nodes with a ready one."""
    ready: set[str] = set()
    waiting: set[str] = set()
    nodes: set = set()
    for subset in (endpoints or {}).get("subsets") or ():
        ready.update(address["ip"] for address in subset.get("addresses") or ())
        waiting.update(address["ip"] for address in subset.get("notReadyAddresses") or ())
        nodes.update(address.get("nodeName") for address in subset.get("addresses") or ())
    return {"ready": len(ready), "not_ready": len(waiting - ready)}, nodes - {None}


def readiness_problems(service: dict, counts: dict[str, int], pods: Iterable[dict]) -> list[str]:
    """Why a Service has no ready pod, or fewer than it could have, a line each; pods: those that it selects."""
    lines = []
    for pod in pods:
        if not is_ready(pod):
            reasons = container_reasons(pod) or [f"phase {(pod.get('status') or {}).get('phase', 'Unknown')}"]
            lines.append(f"pod {pod['metadata']['name']}: {'; '.join(reasons)}")
    if not counts["ready"] and not lines:
        selector = ",".join(f"{key}={value}" for key, value in (service["spec"].get("selector") or {}).items())
        if pods:
            lines.append("its pods are ready and it has no endpoint: do they have the target ports that it names?")
        elif selector:
            lines.append(f"no pod has the labels {selector}: is the gateway's Deployment there, and not scaled to 0?")
        else:
            lines.append("it selects no pods and has no endpoint")
    return lines


def describe_gateway(
    service: dict,
    endpoints: dict | None,
    addresses_by_node: list[tuple[str, str]] | None,
    pods: Iterable[dict] = (),
    mapped_address: str | None = None,
    address_type: str = "InternalIP",
) -> dict:
    """What there is to know of one gateway's Service, as NOTHING has it.

    endpoints: its Endpoints, or None; addresses_by_node: (node, address) pairs, the best first, or None if unknown;
    pods: those that it selects, if some are not ready.
    """
    metadata, spec = service["metadata"], service["spec"]
    kind, ports = spec.get("type", "ClusterIP"), ports_of(service)
    http, https = find_port(ports, HTTP) or {}, find_port(ports, HTTPS) or {}
    counts, serving = count_endpoints(endpoints)
    nodes = [address for node, address in addresses_by_node or () if node in serving]
    if spec.get("externalTrafficPolicy") != "Local":  # else other nodes drop what comes
        nodes += [address for node, address in addresses_by_node or () if node not in serving]
    balancers = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    outside = [x.get("ip") or x.get("hostname") for x in balancers] + list(spec.get("externalIPs") or ())
    addresses, field = [x for x in outside if x], "port"
    if not addresses and kind == "NodePort":
        addresses, field = nodes, "node_port"
    host = addresses[0] if addresses else None
    node_url = host_port(nodes[0] if nodes else None, http.get("node_port"))
    found = {
        "namespace": metadata["namespace"],
        "service": metadata["name"],
        "type": kind,
        "host": host,
        "addresses": addresses,
        "ports": ports,
        "http_port": http.get(field) if host else None,
        "https_port": https.get(field) if host else None,
        "url": host_port(host, http.get(field)),
        "secure_url": host_port(host, https.get(field)),
        "node_url": node_url,
        "reachable": mapped_address or host_port(host, http.get(field)) or node_url,
        "ready": counts["ready"] > 0,
        "endpoints": counts,
        "not_ready": readiness_problems(service, counts, pods),
    }
    return {**found, "reason": _missing_address_reason(found, spec, addresses_by_node, nodes, address_type)}


def _missing_address_reason(found, spec, addresses_by_node, nodes, address_type):
    """Why there is no address, or no URL at it; None if there are both."""
    title, kind = f"Service {found['namespace']}/{found['service']}", found["type"]
    if found["url"]:
        return None
    if found["host"]:
        names = ", ".join(f"{name} ({port['port']})" for name, port in found["ports"].items()) or "none"
        return f"{title} has no port named http2 or http and no port 80; its ports are {names}"
    if kind == "NodePort":
        if addresses_by_node is None:
            return f"{title} has type NodePort, and the nodes' addresses may not be read"
        if addresses_by_node:
            return f"{title} has externalTrafficPolicy Local, and no node has a ready pod of it"
        return f"{title} has type NodePort, and no node has an address of type {address_type}"
    if kind == "LoadBalancer":
        reason = (
            f"{title} has type LoadBalancer and no address (<pending>): no load balancer in this cluster gives it one, "
            "or none has yet. Use type NodePort, for good with the role meshlab.istio.ingress_gateway."
        )
        by_node = [
            f"{name} at {host_port(nodes[0], port['node_port'])}"
            for name, port in found["ports"].items()
            if nodes and port["node_port"]
        ]
        if by_node:
            reason += f" Meanwhile its node ports work: {', '.join(by_node)}."
        elif spec.get("allocateLoadBalancerNodePorts") is False:
            reason += " It has no node ports either (allocateLoadBalancerNodePorts)."
        return reason
    inside = f"{found['service']}.{found['namespace']}.svc"
    return (
        f"{title} has type {kind}, so it is reached within the cluster only, as {inside}. "
        "Use type NodePort, for good with the role meshlab.istio.ingress_gateway."
    )


# ---- finding the Services --------------------------------------------------------------------------------------------

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def check_options(params: dict) -> None:
    """Raise IngressError for options that can be known wrong without a cluster."""
    for option, kind in (("service", "Service"), ("namespace", "namespace")):
        name = params[option]
        if name and not _NAME.fullmatch(name):
            raise IngressError(f"{option} {name!r}: no {kind} can have this name")
    mapped = params["mapped_address"]
    port = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})", mapped or "")
    if mapped and not (port and 0 < int(port[1]) < 65536):
        raise IngressError(f"mapped_address {mapped!r}: it has to be like 127.0.0.1:30080")


def find_gateways(cluster: Cluster, params: dict) -> dict:
    """Find the gateways and return what the module returns. Raises ClusterError and IngressError."""
    namespace, name = params["namespace"] or None, params["service"] or None
    selector = params["label_selector"] or DEFAULT_SELECTOR
    services = find_services(cluster, name, namespace, selector)
    nodes = unless_forbidden(lambda: list(cluster.items("/api/v1/nodes")))
    at = {"nodes": [address for _node, address in node_addresses(nodes or (), params["address_type"])]}
    # An address that was mapped belongs to one gateway.
    mapped = params["mapped_address"] or None if len(services) == 1 else None
    gateways = [_read_gateway(cluster, service, nodes, params["address_type"], mapped) for service in services]
    if len(gateways) == 1:
        return {**gateways[0], **at, "gateways": gateways}
    if gateways:
        names = ", ".join(f"{x['namespace']}/{x['service']}" for x in gateways)
        reason = f"{len(gateways)} gateways are there: {names}. Name one of them with service and namespace."
    else:
        reason = _no_gateway_reason(cluster, name, namespace, selector)
    return {**NOTHING, **at, "reason": reason, "gateways": gateways}


def find_services(cluster: Cluster, service: str | None, namespace: str | None, selector: str) -> list[dict]:
    """The Services that are asked for: by name if service is set, else by label; anywhere if namespace is None."""
    if service and namespace:
        found = cluster.get(f"/api/v1/namespaces/{namespace}/services/{service}")
        return [found] if found else []
    path = f"/api/v1/namespaces/{namespace}/services" if namespace else "/api/v1/services"
    query = {"fieldSelector": f"metadata.name={service}"} if service else {"labelSelector": selector}
    try:
        return list(cluster.items(path, **query))
    except ClusterError as error:
        if error.status == 400 and not service:
            raise IngressError(
                f"label_selector {selector!r}: the API server does not take it; one looks like {DEFAULT_SELECTOR}"
            ) from error
        raise


def _read_gateway(cluster, service, nodes, address_type, mapped_address):
    """describe_gateway() for a Service: reads its Endpoints, and its pods where they have something to say."""
    metadata, selector = service["metadata"], service["spec"].get("selector") or {}
    where = f"/api/v1/namespaces/{metadata['namespace']}"
    endpoints = unless_forbidden(lambda: cluster.get(f"{where}/endpoints/{quote(metadata['name'], safe='')}"))
    counts, _serving = count_endpoints(endpoints)
    pods = None
    if selector and (nodes is None or counts["not_ready"] or not counts["ready"]):
        query = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        pods = unless_forbidden(lambda: list(cluster.items(f"{where}/pods", labelSelector=query)))
    pods = [pod for pod in pods or () if not pod["metadata"].get("deletionTimestamp")]
    addresses_by_node = node_addresses(nodes, address_type) if nodes is not None else host_addresses(pods) or None
    return describe_gateway(service, endpoints, addresses_by_node, pods, mapped_address, address_type)


def _no_gateway_reason(cluster, service, namespace, selector):
    """Why no Service was found, and what to do."""
    sought = f"Service {service}" if service else f"Service with the label {selector}"
    reason = f"there is no {sought} in " + (f"namespace {namespace}" if namespace else "any namespace")
    with contextlib.suppress(ClusterError):
        if namespace and cluster.get(f"/api/v1/namespaces/{namespace}") is None:
            return f"{reason}: there is no such namespace"
        if not any(cluster.items("/apis/apps/v1/deployments", labelSelector="app=istiod")):
            return (
                f"{reason}, and no istiod either: Istio is not installed. Install it with the role "
                "meshlab.istio.istio; its profiles demo and default have an ingress gateway."
            )
        others = [] if (service, namespace, selector) == (None, None, DEFAULT_SELECTOR) else _others(cluster)
        if others:
            return f"{reason}; there is {', '.join(others)}"
        return (
            f"{reason}, though istiod is there: Istio was installed without an ingress gateway, as profile minimal "
            "does. Install profile demo or default, or a gateway of its own."
        )
    return reason


def _others(cluster):
    """The gateways that the default label finds, as namespace/name."""
    services = find_services(cluster, None, None, DEFAULT_SELECTOR)
    return [f"{x['metadata']['namespace']}/{x['metadata']['name']}" for x in services]
