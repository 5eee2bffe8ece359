# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The external address of an ingress gateway's Service, or the reason why it has none."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster, ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.permissions import unless_forbidden
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import container_reasons

# The label of the Service and the pods of Istio's own gateway, which a Gateway also selects.
DEFAULT_SELECTOR = "istio=ingressgateway"

# A port is identified by the name that Istio's profiles and charts give it, else by its number.
HTTP = (("http2", "http"), 80)
HTTPS = (("https",), 443)

# The result where no gateway, or more than one, is found.
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
    "local_address": None,
    "ready": False,
    "endpoints": {"ready": 0, "not_ready": 0, "reasons": []},
    "reason": None,
}


class IngressError(Exception):
    """An invalid option; the message is for the user."""


# ---- one Service, from API objects -----------------------------------------------------------------------------------


def host_port(host: str | None, port: int | None) -> str | None:
    """Return host:port as in a URL, with an IPv6 address in brackets; None if either is missing."""
    if not host or not port:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def ports_of(service: dict) -> dict[str, dict]:
    """The ports of a Service by name, or by number where a port has no name."""
    return {
        port.get("name") or str(port["port"]): {
            "port": port["port"],
            "target_port": port.get("targetPort", port["port"]),
            "node_port": port.get("nodePort") or None,
        }
        for port in service["spec"].get("ports") or ()
    }


def find_port(ports: dict[str, dict], known: tuple) -> dict | None:
    """The HTTP or HTTPS port in the result of ports_of, or None. known: its names and its number."""
    names, number = known
    for name in names:
        if name in ports:
            return ports[name]
    return next((port for port in ports.values() if port["port"] == number), None)


def node_addresses(nodes: Iterable[dict], address_type: str) -> list[tuple[str, str]]:
    """(name, address) of each node that has an address of this type, ready nodes first."""
    by_readiness: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for node in nodes:
        status = node.get("status") or {}
        for address in status.get("addresses") or ():
            if address["type"] == address_type:
                by_readiness[is_ready(node)].append((node["metadata"]["name"], address["address"]))
                break
    return by_readiness[True] + by_readiness[False]


def host_addresses(pods: Iterable[dict]) -> list[tuple[str, str]]:
    """(name, address) of the nodes that pods run on, for users without permission to read nodes."""
    found: dict[str, str] = {}
    for pod in pods:
        address = (pod.get("status") or {}).get("hostIP")
        if address:
            found.setdefault(pod["spec"].get("nodeName"), address)
    return sorted(found.items())


def count_endpoints(endpoints: dict | None) -> tuple[dict[str, int], set[str]]:
    """The numbers of ready and unready pods of a Service, and the names of the nodes with a ready one."""
    ready: set[str] = set()
    waiting: set[str] = set()
    nodes: set = set()
    for subset in (endpoints or {}).get("subsets") or ():
        ready.update(address["ip"] for address in subset.get("addresses") or ())
        waiting.update(address["ip"] for address in subset.get("notReadyAddresses") or ())
        nodes.update(address.get("nodeName") for address in subset.get("addresses") or ())
    return {"ready": len(ready), "not_ready": len(waiting - ready)}, nodes - {None}


def unready_reasons(service: dict, counts: dict[str, int], pods: Iterable[dict]) -> list[str]:
    """Why pods of a Service are not ready, or why it has none. pods: those that it selects."""
    lines = []
    for pod in pods:
        if not is_ready(pod):
            reasons = container_reasons(pod) or [f"phase {(pod.get('status') or {}).get('phase', 'Unknown')}"]
            lines.append(f"pod {pod['metadata']['name']}: {'; '.join(reasons)}")
    if not counts["ready"] and not lines:
        selector = ",".join(f"{key}={value}" for key, value in (service["spec"].get("selector") or {}).items())
        if pods:
            lines.append("its pods are ready, but it has no endpoints: check targetPort")
        elif selector:
            lines.append(
                f"no pod has the labels {selector}: check that the gateway's Deployment exists and is not scaled to 0"
            )
        else:
            lines.append("it has neither a selector nor endpoints")
    return lines


def describe_gateway(
    service: dict,
    endpoints: dict | None,
    addresses_by_node: list[tuple[str, str]] | None,
    pods: Iterable[dict] = (),
    mapped_address: str | None = None,
    address_type: str = "InternalIP",
) -> dict:
    """Describe the Service of a gateway, with the keys of NOTHING.

    endpoints: its Endpoints, or None; addresses_by_node: (node, address) pairs, preferred ones first, or None if
    unknown; pods: those that it selects, needed only if some are not ready.
    """
    metadata, spec = service["metadata"], service["spec"]
    kind, ports = spec.get("type", "ClusterIP"), ports_of(service)
    http, https = find_port(ports, HTTP) or {}, find_port(ports, HTTPS) or {}
    counts, serving = count_endpoints(endpoints)
    nodes = [address for node, address in addresses_by_node or () if node in serving]
    if spec.get("externalTrafficPolicy") != "Local":  # with Local, other nodes drop the traffic
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
        "local_address": mapped_address or host_port(host, http.get(field)) or node_url,
        "ready": counts["ready"] > 0,
        "endpoints": {**counts, "reasons": unready_reasons(service, counts, pods)},
    }
    return {**found, "reason": _missing_address_reason(found, spec, addresses_by_node, nodes, address_type)}


_USE_NODE_PORT = "Set type NodePort, permanently with the role meshlab.istio.ingress_gateway."


def _missing_address_reason(found, spec, addresses_by_node, nodes, address_type):
    """Why a gateway has no address or no URL; None if it has both."""
    title, kind = f"Service {found['namespace']}/{found['service']}", found["type"]
    if found["url"]:
        return None
    if found["host"]:
        names = ", ".join(f"{name} ({port['port']})" for name, port in found["ports"].items()) or "none"
        return f"{title} has no port named http2 or http and no port 80; its ports are {names}"
    if kind == "NodePort":
        if addresses_by_node is None:
            return f"{title} has type NodePort, and this user has no permission to read the nodes' addresses"
        if addresses_by_node:
            return f"{title} has externalTrafficPolicy Local, and no node runs a ready pod of it"
        return f"{title} has type NodePort, and no node has an address of type {address_type}"
    if kind == "LoadBalancer":
        reason = (
            f"{title} has type LoadBalancer and no address (<pending>): the cluster has no load balancer, or it has "
            f"not assigned one yet. {_USE_NODE_PORT}"
        )
        by_node = [
            f"{name} at {host_port(nodes[0], port['node_port'])}"
            for name, port in found["ports"].items()
            if nodes and port["node_port"]
        ]
        if by_node:
            reason += f" Until then, use its node ports: {', '.join(by_node)}."
        elif spec.get("allocateLoadBalancerNodePorts") is False:
            reason += " It has no node ports either (allocateLoadBalancerNodePorts is false)."
        return reason
    inside = f"{found['service']}.{found['namespace']}.svc"
    return f"{title} has type {kind}, which is reachable only within the cluster, as {inside}. {_USE_NODE_PORT}"


# ---- finding the Services --------------------------------------------------------------------------------------------

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def check_options(params: dict) -> None:
    """Raise IngressError for options that are invalid for every cluster."""
    for option, kind in (("service", "Service"), ("namespace", "namespace")):
        name = params[option]
        if name and not _NAME.fullmatch(name):
            raise IngressError(f"{option} must be a valid name of a {kind}, got {name!r}")
    mapped = params["mapped_address"]
    port = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})", mapped or "")
    if mapped and not (port and 0 < int(port[1]) < 65536):
        raise IngressError(f"mapped_address must be host:port, such as 127.0.0.1:30080, got {mapped!r}")


def find_gateways(cluster: Cluster, params: dict) -> dict:
    """Find the gateways and return the result of the module. Raises ClusterError and IngressError."""
    namespace, name = params["namespace"] or None, params["service"] or None
    selector = params["label_selector"] or DEFAULT_SELECTOR
    services = find_services(cluster, name, namespace, selector)
    nodes = unless_forbidden(lambda: list(cluster.items("/api/v1/nodes")))
    at = {"nodes": [address for _node, address in node_addresses(nodes or (), params["address_type"])]}
    # A mapped address belongs to one gateway.
    mapped = params["mapped_address"] or None if len(services) == 1 else None
    gateways = [_read_gateway(cluster, service, nodes, params["address_type"], mapped) for service in services]
    if len(gateways) == 1:
        return {**gateways[0], **at, "gateways": gateways}
    if gateways:
        names = ", ".join(f"{x['namespace']}/{x['service']}" for x in gateways)
        reason = f"{len(gateways)} gateways found: {names}. Select one with service and namespace."
    else:
        reason = _no_gateway_reason(cluster, name, namespace, selector)
    return {**NOTHING, **at, "reason": reason, "gateways": gateways}


def find_services(cluster: Cluster, service: str | None, namespace: str | None, selector: str) -> list[dict]:
    """Find Services by name if service is set, else by label; in all namespaces if namespace is None."""
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
                f"label_selector must be a label selector such as {DEFAULT_SELECTOR}, got {selector!r}"
            ) from error
        raise


def _read_gateway(cluster, service, nodes, address_type, mapped_address):
    """describe_gateway() for a Service: reads its Endpoints, and its pods where some are not ready."""
    metadata, selector = service["metadata"], service["spec"].get("selector") or {}
    path = f"/api/v1/namespaces/{metadata['namespace']}"
    endpoints = unless_forbidden(lambda: cluster.get(f"{path}/endpoints/{quote(metadata['name'], safe='')}"))
    counts, _serving = count_endpoints(endpoints)
    pods = None
    if selector and (nodes is None or counts["not_ready"] or not counts["ready"]):
        query = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        pods = unless_forbidden(lambda: list(cluster.items(f"{path}/pods", labelSelector=query)))
    pods = [pod for pod in pods or () if not pod["metadata"].get("deletionTimestamp")]
    addresses_by_node = node_addresses(nodes, address_type) if nodes is not None else host_addresses(pods) or None
    return describe_gateway(service, endpoints, addresses_by_node, pods, mapped_address, address_type)


def _no_gateway_reason(cluster, service, namespace, selector):
    """Why no Service was found, and how to fix it."""
    missing = f"Service {service} does not exist" if service else f"no Service has the label {selector}"
    reason = f"{missing} in " + (f"namespace {namespace}" if namespace else "any namespace")
    with contextlib.suppress(ClusterError):
        if namespace and cluster.get(f"/api/v1/namespaces/{namespace}") is None:
            return f"{reason}: the namespace does not exist"
        if not any(cluster.items("/apis/apps/v1/deployments", labelSelector="app=istiod")):
            return (
                f"{reason}: Istio is not installed. Install it with the role meshlab.istio.istio; the profiles demo "
                "and default have an ingress gateway."
            )
        others = [] if (service, namespace, selector) == (None, None, DEFAULT_SELECTOR) else _others(cluster)
        if others:
            return f"{reason}; existing gateways: {', '.join(others)}"
        return (
            f"{reason}: Istio is installed without an ingress gateway, as with profile minimal. Install profile demo "
            "or default, or a separate gateway."
        )
    return reason


def _others(cluster):
    """The gateways with the default label, as namespace/name."""
    services = find_services(cluster, None, None, DEFAULT_SELECTOR)
    return [f"{x['metadata']['namespace']}/{x['metadata']['name']}" for x in services]
