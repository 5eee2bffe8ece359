# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._istio import ingress as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.ingress import IngressError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

LABELS = {"app": "istio-ingressgateway", "istio": "ingressgateway"}
PARAMS = {
    "service": None,
    "namespace": None,
    "label_selector": None,
    "mapped_address": None,
    "address_type": "InternalIP",
}

# ---- objects as an API server returns them, reduced to the fields that are read ----


def service(kind="NodePort", name="istio-ingressgateway", namespace="istio-system", status=None, **spec):
    """The demo profile's Service."""
    ports = [
        {"name": "status-port", "port": 15021, "targetPort": 15021, "protocol": "TCP"},
        {"name": "http2", "port": 80, "targetPort": 8080, "protocol": "TCP"},
        {"name": "https", "port": 443, "targetPort": 8443, "protocol": "TCP"},
    ]
    if kind != "ClusterIP":
        for port, number in zip(ports, (32100, 31966, 32273)):
            port["nodePort"] = number
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": LABELS},
        "spec": {"type": kind, "selector": LABELS, "ports": ports, **spec},
        "status": {"loadBalancer": status or {}},
    }


def node(name, address, ready=True, **others):
    kinds = {"InternalIP": address, "Hostname": name, **others}
    return {
        "metadata": {"name": name},
        "status": {
            "addresses": [{"type": kind, "address": value} for kind, value in kinds.items()],
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": "True" if ready else "Unknown"},
            ],
        },
    }


def endpoints(ready=("lab-worker",), waiting=()):
    """Endpoints with one pod on each of these nodes."""
    subset = {"ports": [{"name": "http2", "port": 8080}]}
    for field, nodes in (("addresses", ready), ("notReadyAddresses", waiting)):
        if nodes:
            subset[field] = [{"ip": f"10.0.{len(field)}.{i}", "nodeName": x} for i, x in enumerate(nodes)]
    return {"metadata": {"name": "istio-ingressgateway"}, "subsets": [subset] if len(subset) > 1 else []}


def pod(name="istio-ingressgateway-5d8", ready=False, phase="Running", host="10.9.0.3", **status):
    return {
        "metadata": {"name": name, "namespace": "istio-system", "labels": LABELS},
        "spec": {"nodeName": "lab-worker", "containers": [{"name": "istio-proxy"}]},
        "status": {
            "phase": phase,
            "hostIP": host,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "istio-proxy", "ready": ready, "restartCount": 0, "state": {"running": {}}}],
            **status,
        },
    }


PLACES = (("lab-control-plane", "10.9.0.2"), ("lab-worker", "10.9.0.3"))


def described(gateway=None, ends=None, places=PLACES, **more):
    """The described gateway, and the reason why it has no URL."""
    found = subject.describe_gateway(gateway or service(), endpoints() if ends is None else ends, places, **more)
    return found, found["reason"]


# ---- one Service ----


def test_a_node_port_is_at_the_node_that_runs_the_gateway():
    found, reason = described()
    assert reason is None
    assert found["addresses"] == ["10.9.0.3", "10.9.0.2"]
    assert (found["host"], found["http_port"], found["https_port"]) == ("10.9.0.3", 31966, 32273)
    assert (found["url"], found["secure_url"]) == ("10.9.0.3:31966", "10.9.0.3:32273")
    assert found["node_url"] == found["local_address"] == found["url"]
    assert found["ports"]["http2"] == {"port": 80, "target_port": 8080, "node_port": 31966}
    assert (found["ready"], found["endpoints"]) == (True, {"ready": 1, "not_ready": 0, "reasons": []})
    assert set(found) == set(subject.NOTHING)


def test_a_mapped_address_is_the_local_address_and_does_not_change_the_url():
    found, _reason = described(mapped_address="127.0.0.1:31080")
    assert (found["local_address"], found["url"]) == ("127.0.0.1:31080", "10.9.0.3:31966")


@pytest.mark.parametrize("entry", [{"ip": "203.0.113.7"}, {"hostname": "lb.example.com"}])
def test_a_load_balancer_uses_the_ports_of_the_service(entry):
    found, reason = described(service("LoadBalancer", status={"ingress": [entry, {"ip": "203.0.113.8"}]}))
    host = next(iter(entry.values()))
    assert reason is None
    assert found["addresses"] == [host, "203.0.113.8"]
    assert (found["url"], found["secure_url"], found["node_url"]) == (f"{host}:80", f"{host}:443", "10.9.0.3:31966")


def test_external_addresses_come_before_the_nodes():
    found, reason = described(service(externalIPs=["192.0.2.1"]))
    assert (reason, found["url"], found["node_url"]) == (None, "192.0.2.1:80", "10.9.0.3:31966")


def test_the_reason_of_a_pending_load_balancer_names_the_remedy_and_its_node_ports():
    found, reason = described(service("LoadBalancer"))
    assert [found[x] for x in ("host", "http_port", "https_port", "url", "secure_url")] == [None] * 5
    assert found["addresses"] == []
    assert found["node_url"] == found["local_address"] == "10.9.0.3:31966"
    assert reason.startswith(
        "Service istio-system/istio-ingressgateway has type LoadBalancer and no address (<pending>)"
    )
    assert "Set type NodePort, permanently with the role meshlab.istio.ingress_gateway." in reason
    assert "status-port at 10.9.0.3:32100, http2 at 10.9.0.3:31966, https at 10.9.0.3:32273." in reason


def test_a_pending_load_balancer_may_have_no_node_ports():
    gateway = service("LoadBalancer", allocateLoadBalancerNodePorts=False)
    for port in gateway["spec"]["ports"]:
        del port["nodePort"]
    found, reason = described(gateway)
    assert found["node_url"] is found["local_address"] is None
    assert reason.endswith("It has no node ports either (allocateLoadBalancerNodePorts is false).")


def test_a_cluster_ip_is_reachable_only_within_the_cluster():
    found, reason = described(service("ClusterIP"))
    assert found["url"] is found["node_url"] is None
    assert "has type ClusterIP, which is reachable only within the cluster" in reason
    assert "as istio-ingressgateway.istio-system.svc." in reason


def test_local_traffic_policy_leaves_only_the_nodes_with_a_ready_pod():
    found, reason = described(service(externalTrafficPolicy="Local"))
    assert (reason, found["addresses"]) == (None, ["10.9.0.3"])
    found, reason = described(service(externalTrafficPolicy="Local"), endpoints((), ("lab-worker",)))
    assert found["addresses"] == []
    assert reason.endswith("has externalTrafficPolicy Local, and no node runs a ready pod of it")


def test_missing_addresses_of_nodes_are_the_reason():
    assert described(places=None)[1].endswith("this user has no permission to read the nodes' addresses")
    assert described(places=[], address_type="ExternalIP")[1].endswith("no node has an address of type ExternalIP")


def test_ports_are_found_by_name_else_by_number():
    gateway = service()
    for port, name in zip(gateway["spec"]["ports"], ("http-status", "web", "tls")):
        port["name"] = name
    assert described(gateway)[0]["url"] == "10.9.0.3:31966"
    gateway["spec"]["ports"] = [{"port": 8080, "nodePort": 30001}, {"name": "http", "port": 81, "nodePort": 30002}]
    found, reason = described(gateway)
    assert (found["url"], found["secure_url"], reason) == ("10.9.0.3:30002", None, None)
    assert found["ports"]["8080"] == {"port": 8080, "target_port": 8080, "node_port": 30001}
    gateway["spec"]["ports"] = gateway["spec"]["ports"][:1]
    found, reason = described(gateway)
    assert (found["host"], found["url"]) == ("10.9.0.3", None)
    assert reason.endswith("has no port named http2 or http and no port 80; its ports are 8080 (8080)")


def test_target_ports_of_the_gateway_chart():
    gateway = service("LoadBalancer", status={"ingress": [{"ip": "203.0.113.7"}]})
    gateway["spec"]["ports"][1]["targetPort"] = 80
    assert described(gateway)[0]["ports"]["http2"]["target_port"] == 80


@pytest.mark.parametrize(
    ("host", "port", "shown"),
    [("10.9.0.2", 80, "10.9.0.2:80"), ("fd00::2", 80, "[fd00::2]:80"), (None, 80, None), ("a.example", None, None)],
)
def test_host_and_port_are_formatted_as_in_a_url(host, port, shown):
    assert subject.host_port(host, port) == shown


# ---- nodes and readiness ----


def test_ready_nodes_come_first_with_one_address_each():
    nodes = [
        node("a", "10.9.0.2", ready=False),
        node("b", "10.9.0.3"),
        {"metadata": {"name": "new"}},
        node("c", "10.9.0.4", ExternalIP="203.0.113.4"),
    ]
    nodes[1]["status"]["addresses"].append({"type": "InternalIP", "address": "fd00::3"})
    assert subject.node_addresses(nodes, "InternalIP") == [("b", "10.9.0.3"), ("c", "10.9.0.4"), ("a", "10.9.0.2")]
    assert subject.node_addresses(nodes, "ExternalIP") == [("c", "203.0.113.4")]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.booleans()), unique_by=lambda x: x[0]))
def test_every_node_has_an_address_and_those_with_ready_pods_come_first(drawn):
    nodes = [node(name, f"10.9.0.{ord(name)}", ready) for name, ready, _serves in drawn]
    ends = endpoints([name for name, _ready, serves in drawn if serves])
    found, reason = described(service(), ends, subject.node_addresses(nodes, "InternalIP"))
    assert sorted(found["addresses"]) == sorted(x["status"]["addresses"][0]["address"] for x in nodes)
    assert (reason is None) == bool(nodes)
    serving = {f"10.9.0.{ord(name)}" for name, _ready, serves in drawn if serves}
    assert set(found["addresses"][: len(serving)]) == serving


def test_reasons_of_unready_pods():
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    pulling = [{"name": "istio-proxy", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}]
    pods = [pod("a", containerStatuses=pulling, phase="Pending"), pod("b"), pod("c", ready=True)]
    found, reason = described(ends=endpoints(["lab-worker"], ["lab-worker", "lab-worker"]), pods=pods)
    assert (reason, found["ready"]) == (None, True)
    assert (found["endpoints"]["ready"], found["endpoints"]["not_ready"]) == (1, 2)
    assert found["endpoints"]["reasons"] == [
        "pod a: container istio-proxy: ImagePullBackOff: Back-off pulling image",
        "pod b: container istio-proxy: running, not ready",
    ]


def test_reasons_why_there_are_no_pods():
    found, _reason = described(ends=endpoints(()), pods=[])
    assert (found["ready"], found["endpoints"]["ready"], found["endpoints"]["not_ready"]) == (False, 0, 0)
    assert found["endpoints"]["reasons"] == [
        "no pod has the labels app=istio-ingressgateway,istio=ingressgateway: "
        "check that the gateway's Deployment exists and is not scaled to 0"
    ]
    reasons = described(service(selector=None), endpoints(()))[0]["endpoints"]["reasons"]
    assert reasons == ["it has neither a selector nor endpoints"]
    reasons = described(ends=endpoints(()), pods=[pod(ready=True)])[0]["endpoints"]["reasons"]
    assert reasons == ["its pods are ready, but it has no endpoints: check targetPort"]


def test_a_pod_in_several_subsets_is_counted_once():
    ends = endpoints()
    ends["subsets"] = ends["subsets"] * 2 + [{"notReadyAddresses": ends["subsets"][0]["addresses"]}]
    assert subject.count_endpoints(ends) == ({"ready": 1, "not_ready": 0}, {"lab-worker"})
    assert subject.count_endpoints(None) == ({"ready": 0, "not_ready": 0}, set())


# ---- finding them ----


class Lab:
    """A cluster of a few objects by API path; a refused path is answered with 403."""

    def __init__(self, objects=None, refused=()):
        self.objects = {"/api/v1/nodes": [node("lab-worker", "10.9.0.3")], **(objects or {})}
        self.refused = refused
        self.requests = []

    def get(self, path, **query):
        self.requests.append((path, query))
        if path in self.refused:
            raise ClusterError(f"it answered 403 Forbidden to GET {path}", 403)
        return self.objects.get(path)

    def items(self, path, **query):
        yield from self.get(path, **query) or ()


def find(lab, **params):
    return subject.find_gateways(lab, {**PARAMS, **params})


ENDPOINTS = "/api/v1/namespaces/istio-system/endpoints/istio-ingressgateway"
ISTIOD = {"/apis/apps/v1/deployments": [{"metadata": {"name": "istiod", "namespace": "istio-system"}}]}


def test_the_only_gateway_is_returned_at_the_top_level_and_in_the_list():
    lab = Lab({"/api/v1/services": [service()], ENDPOINTS: endpoints()})
    found = find(lab, mapped_address="127.0.0.1:31080")
    assert (found["url"], found["reason"], found["nodes"]) == ("10.9.0.3:31966", None, ["10.9.0.3"])
    assert {**found["gateways"][0], "nodes": found["nodes"], "gateways": found["gateways"]} == found
    assert found["local_address"] == "127.0.0.1:31080"
    assert ("/api/v1/services", {"labelSelector": "istio=ingressgateway"}) in lab.requests
    assert len(lab.requests) == 3  # no pods, since all are ready


def test_several_gateways_are_listed_and_none_is_selected():
    other = service("LoadBalancer", "istio-ingressgateway", "edge")
    found = find(Lab({"/api/v1/services": [other, service()], ENDPOINTS: endpoints()}), mapped_address="127.0.0.1:1")
    assert {**found, "reason": None} == {**subject.NOTHING, **{x: found[x] for x in ("nodes", "gateways")}}
    assert [x["namespace"] for x in found["gateways"]] == ["edge", "istio-system"]
    assert [x["local_address"] for x in found["gateways"]] == ["10.9.0.3:31966"] * 2
    assert [x["reason"] is None for x in found["gateways"]] == [False, True]
    assert found["reason"] == (
        "2 gateways found: edge/istio-ingressgateway, istio-system/istio-ingressgateway. "
        "Select one with service and namespace."
    )


def test_a_gateway_is_found_by_the_name_of_its_service():
    lab = Lab({"/api/v1/namespaces/istio-system/services/istio-ingressgateway": service(), ENDPOINTS: endpoints()})
    found = find(lab, service="istio-ingressgateway", namespace="istio-system")
    assert found["url"] == "10.9.0.3:31966"
    lab = Lab({"/api/v1/services": [service()], ENDPOINTS: endpoints()})
    assert find(lab, service="istio-ingressgateway")["url"] == "10.9.0.3:31966"
    assert lab.requests[0] == ("/api/v1/services", {"fieldSelector": "metadata.name=istio-ingressgateway"})


def test_a_cluster_without_istio():
    found = find(Lab())
    assert {**found, "reason": None} == {**subject.NOTHING, **{x: found[x] for x in ("nodes", "gateways")}}
    assert (found["gateways"], found["nodes"]) == ([], ["10.9.0.3"])
    assert found["reason"].startswith(
        "no Service has the label istio=ingressgateway in any namespace: "
        "Istio is not installed. Install it with the role meshlab.istio.istio"
    )


def test_istio_without_a_gateway():
    reason = "Istio is installed without an ingress gateway, as with profile minimal"
    assert reason in find(Lab(ISTIOD))["reason"]


def test_an_unknown_name_is_reported_with_the_gateways_that_exist():
    lab = Lab({**ISTIOD, "/api/v1/namespaces/istio-system": {}, "/api/v1/services": [service()]})
    reason = find(lab, service="gate", namespace="istio-system")["reason"]
    assert reason == (
        "Service gate does not exist in namespace istio-system; existing gateways: istio-system/istio-ingressgateway"
    )
    reason = find(lab, service="gate", namespace="nowhere")["reason"]
    assert reason == "Service gate does not exist in namespace nowhere: the namespace does not exist"


def test_without_permission_to_read_nodes_the_address_comes_from_the_pods():
    pods = "/api/v1/namespaces/istio-system/pods"
    lab = Lab({"/api/v1/services": [service()], ENDPOINTS: endpoints(), pods: [pod(ready=True)]}, ["/api/v1/nodes"])
    found = find(lab)
    assert (found["url"], found["nodes"], found["reason"]) == ("10.9.0.3:31966", [], None)
    lab.refused += [pods]
    assert find(lab)["reason"].endswith("this user has no permission to read the nodes' addresses")


def test_missing_permission_to_read_services_is_an_error():
    with pytest.raises(ClusterError, match="403 Forbidden to GET /api/v1/services"):
        find(Lab(refused=["/api/v1/services"]))
    assert find(Lab(refused=["/apis/apps/v1/deployments"]))["reason"] == (
        "no Service has the label istio=ingressgateway in any namespace"
    )


def test_an_invalid_selector_is_reported():
    class Strict(Lab):
        def get(self, path, **query):
            raise ClusterError("it answered 400 Bad Request", 400)

    with pytest.raises(
        IngressError, match=r"^label_selector must be a label selector such as istio=ingressgateway, got '='$"
    ):
        find(Strict(), label_selector="=")
    with pytest.raises(ClusterError, match="400"):
        find(Strict(), service="gate")


# ---- options ----

MAPPED = "mapped_address must be host:port, such as 127.0.0.1:30080"


@pytest.mark.parametrize(
    "good", [{}, {"service": "istio-ingressgateway"}, {"namespace": "a"}, {"mapped_address": "[::1]:80"}]
)
def test_valid_options(good):
    assert subject.check_options({**PARAMS, **good}) is None
    assert subject.check_options({**PARAMS, "mapped_address": "lab.example:31080"}) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"service": "Gate"}, "service must be a valid name of a Service, got 'Gate'"),
        ({"namespace": "a/b"}, "namespace must be a valid name of a namespace, got 'a/b'"),
        ({"mapped_address": "127.0.0.1"}, f"{MAPPED}, got '127.0.0.1'"),
        ({"mapped_address": "http://a:1"}, f"{MAPPED}, got 'http://a:1'"),
        ({"mapped_address": "a:65536"}, f"{MAPPED}, got 'a:65536'"),
        ({"mapped_address": "a:0"}, f"{MAPPED}, got 'a:0'"),
    ],
)
def test_invalid_options(options, message):
    with pytest.raises(IngressError) as caught:
        subject.check_options({**PARAMS, **options})
    assert str(caught.value) == message
