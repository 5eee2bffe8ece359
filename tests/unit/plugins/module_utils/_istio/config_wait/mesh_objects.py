# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as an API server gives them, and dumps as proxies give them, without the parts that nothing reads."""

from __future__ import annotations

import json

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.compare import compare_rule
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import Dump, add_answer
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.polling import (
    DesiredState,
    wait_for_proxies,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import proxies_in
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rule_routes import rule_routes
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import rules_in
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.target_proxies import target_proxies

ROOT = "istio-system"


def pod(name, namespace="shop", type_="sidecar", native=False, running=True, labels=None, **metadata):
    proxy = {"name": "istio-proxy", "args": ["proxy", type_, "--domain", "$(POD_NAMESPACE).svc.cluster.local"]}
    status = {
        "name": "istio-proxy",
        "state": {"running": {}} if running else {"waiting": {"reason": "CrashLoopBackOff"}},
    }
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {"app": name}, **metadata},
        "spec": {
            "initContainers": [{"name": "istio-init"}, *([proxy] if native else [])],
            "containers": [{"name": "app"}, *([] if native else [proxy])],
        },
        "status": {"initContainerStatuses" if native else "containerStatuses": [status]},
    }


def plain_pod(name):
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"containers": [{"name": "app"}]}, "status": {}}


GATEWAY_POD = pod("gateway", ROOT, "router", labels={"istio": "ingressgateway", "app": "gw"})


GATEWAY_POD["spec"]["containers"][1]["ports"] = [{"name": "https", "containerPort": 8443}, {"containerPort": 8080}]


def service(name, namespace="shop", ports=((8080, 8080),), selector=None):
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, "ports": [{"port": x, "targetPort": y} for x, y in ports]},
    }


# The Service of the gateway; its second target port is a name.
EDGE = service("gateway", ROOT, [(80, 8080), (443, "https")], {"app": "gw"})


def custom(kind, name="catalog", namespace="shop", **spec):
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def virtual_service(hosts=("catalog",), name="catalog", namespace="shop", weights=(80, 20), **spec):
    route = [{"destination": {"host": f"v{n}"}, "weight": weight} for n, weight in enumerate(weights, 1)]
    return custom("VirtualService", name, namespace, hosts=list(hosts), http=[{"route": route}], **spec)


def gateway(*servers, name="front", namespace="shop", **spec):
    servers = servers or (server(),)
    return custom("Gateway", name, namespace, **{"selector": {"istio": "ingressgateway"}, "servers": servers, **spec})


def server(number=80, protocol="HTTP", hosts=("*.example.com",), **rest):
    return {"port": {"number": number, "name": protocol.lower(), "protocol": protocol}, "hosts": list(hosts), **rest}


def rule(item):
    [found] = rules_in(item, "default")
    return found


def facts(*objects, pods=(), services=("catalog", "v1", "v2")):
    known = {"Gateway": [], "VirtualService": [], "DestinationRule": [], "Sidecar": [], "ServiceEntry": []}
    for item in objects:
        known[item["kind"]].append(item)
    return Facts(
        pods=list(pods),
        services=[service(x) if isinstance(x, str) else x for x in services],
        gateways=known["Gateway"],
        virtual_services=known["VirtualService"],
        destination_rules=known["DestinationRule"],
        sidecars=known["Sidecar"],
        service_entries=known["ServiceEntry"],
    )


def tagged(name="catalog", kind="virtual-service"):
    return {"filter_metadata": {"istio": {"config": f"/apis/networking.istio.io/v1/namespaces/shop/{kind}/{name}"}}}


def routes(weights=(80, 20), name="catalog"):
    clusters = [
        {"name": f"outbound|8080||v{n}.shop.svc.cluster.local", "weight": weight} for n, weight in enumerate(weights, 1)
    ]
    return [
        {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": clusters}}, "metadata": tagged(name)}
    ]


def plain_routes():
    return [{"match": {"prefix": "/"}, "route": {"cluster": "outbound|8080||catalog.shop.svc.cluster.local"}}]


def sidecar_dump(held, host="catalog.shop.svc.cluster.local", port=8080):
    virtual_host = {"name": f"{host}:{port}", "domains": [host, host.split(".")[0]], "routes": held}
    return Dump(routes=[{"name": str(port), "virtual_hosts": [virtual_host]}])


def gateway_dump(held=(), hosts=("a.example.com",), port=8080, rds=("http.8080",)):
    chains = [{"filters": [{"typed_config": {"rds": {"route_config_name": name}}}]} for name in rds]
    listener = {"address": {"socket_address": {"port_value": port}}, "filter_chains": chains}
    virtual_host = {"name": f"{hosts[0]}:80", "domains": list(hosts), "routes": list(held)}
    return Dump(routes=[{"name": rds[0], "virtual_hosts": [virtual_host]}], listeners=[listener])


def cluster(subset="", name="catalog", host="catalog", **rest):
    found = {"name": f"outbound|8080|{subset}|{host}.shop.svc.cluster.local", "type": "EDS", **rest}
    return {**found, "metadata": tagged(name, "destination-rule")} if name else found


def compared(item, dump, *objects, proxy=None, names=("mesh",), **rest):
    [found] = proxies_in([proxy or pod("client")])
    return compare_rule(rule(item), found, set(names), dump, facts(*objects, **rest))


DESTINATION_RULE = custom(
    "DestinationRule",
    host="catalog",
    trafficPolicy={"connectionPool": {"tcp": {"maxConnections": 7}}},
    subsets=[{"name": "v1"}, {"name": "v2", "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}],
)


class Lab:
    """Proxies whose configuration changes. dumps: successive dumps (or exceptions) of each; the last one stays."""

    def __init__(self, item, pods, dumps, live=True, known=None):
        self.rule = rule(item) if known is None else known
        self.facts = facts(pods=pods)
        self.facts.live = {self.rule.title: item if live else None}
        self.dumps = {name: list(steps) for name, steps in dumps.items()}
        self.read = []

    def read_api(self):
        return [self.rule], self.facts

    def read_proxy(self, proxy, _resources, _timeout):
        self.read.append(proxy.name)
        steps = self.dumps[proxy.name]
        dump = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(dump, Exception):
            raise dump
        return dump

    def wait(self, timeout=60, once=False, **desired):
        return wait_for_proxies(self.read_api, self.read_proxy, DesiredState(**desired), timeout, once)


NEW, OLD = sidecar_dump(routes()), sidecar_dump(plain_routes())


ADMIN = "type.googleapis.com/envoy.admin.v3"


DOMAIN = "cluster.local"


def metadata(kind="virtual-service", namespace="shop", name="catalog", version="v1"):
    config = f"/apis/networking.istio.io/{version}/namespaces/{namespace}/{kind}/{name}"
    return {"filter_metadata": {"istio": {"config": config}}}


def cluster_name(host, port=8080, subset=""):
    return f"outbound|{port}|{subset}|{host}.shop.svc.{DOMAIN}"


def raw_route(match=None, **action):
    return {"match": match or {"prefix": "/"}, "route": {"timeout": "0s", **action}, "metadata": metadata()}


def weighted(**weights):
    clusters = [
        {"name": cluster_name(host), **({"weight": weight} if weight else {})} for host, weight in weights.items()
    ]
    return {"weighted_clusters": {"clusters": clusters}}


def read(**resources):
    dump = Dump()
    for resource, text in resources.items():
        add_answer(dump, resource, text if isinstance(text, str) else json.dumps(text))
    return dump


def route_config(name, *virtual_hosts):
    return {"name": name, "virtual_hosts": list(virtual_hosts)}


def rule_of(*http):
    return {"hosts": ["catalog"], "http": list(http)}


def to(host, weight=None, subset=None, port=None):
    destination = {"host": host}
    if subset:
        destination["subset"] = subset
    if port:
        destination["port"] = {"number": port}
    return {"destination": destination, **({} if weight is None else {"weight": weight})}


def wanted(spec, gateways=("mesh",), labels=None, namespace="shop", port=8080):
    return rule_routes(spec, "shop", set(gateways), labels or {}, namespace, port)


SPLIT = {"route": [to("v1", 80), to("v2", 20)]}


def needs(item, *objects, pods=None, **rest):
    pods = [pod("client"), pod("far", "default"), GATEWAY_POD] if pods is None else pods
    found, reasons = target_proxies(rule(item), facts(*objects, pods=pods, **rest), ROOT)
    return {x.title: names for x, names in found.items()}, reasons
