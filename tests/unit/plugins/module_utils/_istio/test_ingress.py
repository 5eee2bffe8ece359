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

# ---- objects as an API server gives them, without what nobody reads ----


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


def described(made=None, ends=None, places=PLACES, **more):
    """What is found, and why it has no URL."""
    found = subject.describe_gateway(made or service(), endpoints() if ends is None else ends, places, **more)
    return found, found["reason"]


# ---- one Service ----


def test_a_node_port_is_at_the_node_that_runs_the_gateway():
    found, why = described()
    assert why is None
    assert found["addresses"] == ["10.9.0.3", "10.9.0.2"]
    assert (found["host"], found["http_port"], found["https_port"]) == ("10.9.0.3", 31966, 32273)
    assert (found["url"], found["secure_url"]) == ("10.9.0.3:31966", "10.9.0.3:32273")
    assert found["node_url"] == found["reachable"] == found["url"]
    assert found["ports"]["http2"] == {"port": 80, "target_port": 8080, "node_port": 31966}
    assert (found["ready"], found["endpoints"], found["not_ready"]) == (True, {"ready": 1, "not_ready": 0}, [])
    assert set(found) == set(subject.NOTHING)


def test_what_kind_maps_is_reachable_and_the_url_stays_the_nodes():
    found, _why = described(mapped_address="127.0.0.1:31080")
    assert (found["reachable"], found["url"]) == ("127.0.0.1:31080", "10.9.0.3:31966")


@pytest.mark.parametrize("entry", [{"ip": "203.0.113.7"}, {"hostname": "lb.example.com"}])
def test_a_load_balancer_is_reached_by_the_services_own_ports(entry):
    found, why = described(service("LoadBalancer", status={"ingress": [entry, {"ip": "203.0.113.8"}]}))
    host = next(iter(entry.values()))
    assert why is None
    assert found["addresses"] == [host, "203.0.113.8"]
    assert (found["url"], found["secure_url"], found["node_url"]) == (f"{host}:80", f"{host}:443", "10.9.0.3:31966")


def test_external_addresses_come_before_the_nodes():
    found, why = described(service(externalIPs=["192.0.2.1"]))
    assert (why, found["url"], found["node_url"]) == (None, "192.0.2.1:80", "10.9.0.3:31966")


def test_a_pending_load_balancer_says_what_to_do_and_which_node_ports_work():
    found, why = described(service("LoadBalancer"))
    assert [found[x] for x in ("host", "http_port", "https_port", "url", "secure_url")] == [None] * 5
    assert found["addresses"] == []
    assert found["node_url"] == found["reachable"] == "10.9.0.3:31966"
    assert why.startswith("Service istio-system/istio-ingressgateway has type LoadBalancer and no address (<pending>)")
    assert "Use type NodePort, for good with the role meshlab.istio.ingress_gateway." in why
    assert "status-port at 10.9.0.3:32100, http2 at 10.9.0.3:31966, https at 10.9.0.3:32273." in why


def test_a_pending_load_balancer_may_have_no_node_ports():
    made = service("LoadBalancer", allocateLoadBalancerNodePorts=False)
    for port in made["spec"]["ports"]:
        del port["nodePort"]
    found, why = described(made)
    assert found["node_url"] is found["reachable"] is None
    assert why.endswith("It has no node ports either (allocateLoadBalancerNodePorts).")


def test_a_cluster_ip_is_reached_within_the_cluster_only():
    found, why = described(service("ClusterIP"))
    assert found["url"] is found["node_url"] is None
    assert "has type ClusterIP, so it is reached within the cluster only" in why
    assert "as istio-ingressgateway.istio-system.svc." in why


def test_local_traffic_is_at_the_nodes_with_a_ready_pod_only():
    found, why = described(service(externalTrafficPolicy="Local"))
    assert (why, found["addresses"]) == (None, ["10.9.0.3"])
    found, why = described(service(externalTrafficPolicy="Local"), endpoints((), ("lab-worker",)))
    assert found["addresses"] == []
    assert why.endswith("has externalTrafficPolicy Local, and no node has a ready pod of it")


def test_without_addresses_of_nodes_it_says_so():
    assert described(places=None)[1].endswith("and the nodes' addresses may not be read")
    assert described(places=[], address_type="ExternalIP")[1].endswith("no node has an address of type ExternalIP")


def test_ports_are_known_by_name_else_by_number():
    made = service()
    for port, name in zip(made["spec"]["ports"], ("http-status", "web", "tls")):
        port["name"] = name
    assert described(made)[0]["url"] == "10.9.0.3:31966"
    made["spec"]["ports"] = [{"port": 8080, "nodePort": 30001}, {"name": "http", "port": 81, "nodePort": 30002}]
    found, why = described(made)
    assert (found["url"], found["secure_url"], why) == ("10.9.0.3:30002", None, None)
    assert found["ports"]["8080"] == {"port": 8080, "target_port": 8080, "node_port": 30001}
    made["spec"]["ports"] = made["spec"]["ports"][:1]
    found, why = described(made)
    assert (found["host"], found["url"]) == ("10.9.0.3", None)
    assert why.endswith("has no port named http2 or http and no port 80; its ports are 8080 (8080)")


def test_the_gateway_chart_has_its_own_target_ports():
    made = service("LoadBalancer", status={"ingress": [{"ip": "203.0.113.7"}]})
    made["spec"]["ports"][1]["targetPort"] = 80
    assert described(made)[0]["ports"]["http2"]["target_port"] == 80


@pytest.mark.parametrize(
    ("host", "port", "shown"),
    [("10.9.0.2", 80, "10.9.0.2:80"), ("fd00::2", 80, "[fd00::2]:80"), (None, 80, None), ("a.example", None, None)],
)
def test_hosts_and_ports_are_written_as_in_urls(host, port, shown):
    assert subject.host_port(host, port) == shown


# ---- nodes and readiness ----


def test_ready_nodes_come_first_and_each_gives_one_address():
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
def test_every_node_is_an_address_whatever_runs_on_it(drawn):
    nodes = [node(name, f"10.9.0.{ord(name)}", ready) for name, ready, _serves in drawn]
    ends = endpoints([name for name, _ready, serves in drawn if serves])
    found, why = described(service(), ends, subject.node_addresses(nodes, "InternalIP"))
    assert sorted(found["addresses"]) == sorted(x["status"]["addresses"][0]["address"] for x in nodes)
    assert (why is None) == bool(nodes)
    serving = {f"10.9.0.{ord(name)}" for name, _ready, serves in drawn if serves}
    assert set(found["addresses"][: len(serving)]) == serving


def test_pods_that_are_not_ready_say_why():
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    pulling = [{"name": "istio-proxy", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}]
    pods = [pod("a", containerStatuses=pulling, phase="Pending"), pod("b"), pod("c", ready=True)]
    found, why = described(ends=endpoints(["lab-worker"], ["lab-worker", "lab-worker"]), pods=pods)
    assert (why, found["ready"], found["endpoints"]) == (None, True, {"ready": 1, "not_ready": 2})
    assert found["not_ready"] == [
        "pod a: container istio-proxy: ImagePullBackOff: Back-off pulling image",
        "pod b: container istio-proxy: running, not ready",
    ]


def test_no_pod_at_all_is_told_with_the_labels():
    found, _why = described(ends=endpoints(()), pods=[])
    assert (found["ready"], found["endpoints"]) == (False, {"ready": 0, "not_ready": 0})
    assert found["not_ready"] == [
        "no pod has the labels app=istio-ingressgateway,istio=ingressgateway: "
        "is the gateway's Deployment there, and not scaled to 0?"
    ]
    told = described(service(selector=None), endpoints(()))[0]["not_ready"]
    assert told == ["it selects no pods and has no endpoint"]
    told = described(ends=endpoints(()), pods=[pod(ready=True)])[0]["not_ready"]
    assert told == ["its pods are ready and it has no endpoint: do they have the target ports that it names?"]


def test_a_pod_counts_once_in_however_many_subsets():
    ends = endpoints()
    ends["subsets"] = ends["subsets"] * 2 + [{"notReadyAddresses": ends["subsets"][0]["addresses"]}]
    assert subject.count_endpoints(ends) == ({"ready": 1, "not_ready": 0}, {"lab-worker"})
    assert subject.count_endpoints(None) == ({"ready": 0, "not_ready": 0}, set())


# ---- finding them ----


class Lab:
    """A cluster of a few objects: lists by path, single ones by the whole path; refused ones answer 403."""

    def __init__(self, objects=None, refused=()):
        self.objects = {"/api/v1/nodes": [node("lab-worker", "10.9.0.3")], **(objects or {})}
        self.refused = refused
        self.asked = []

    def get(self, path, **query):
        self.asked.append((path, query))
        if path in self.refused:
            raise ClusterError(f"it answered 403 Forbidden to GET {path}", 403)
        return self.objects.get(path)

    def items(self, path, **query):
        yield from self.get(path, **query) or ()


def looked(lab, **params):
    return subject.find_gateways(lab, {**PARAMS, **params})


ENDPOINTS = "/api/v1/namespaces/istio-system/endpoints/istio-ingressgateway"
ISTIOD = {"/apis/apps/v1/deployments": [{"metadata": {"name": "istiod", "namespace": "istio-system"}}]}


def test_one_gateway_is_in_the_top_level_values_and_in_the_list():
    lab = Lab({"/api/v1/services": [service()], ENDPOINTS: endpoints()})
    found = looked(lab, mapped_address="127.0.0.1:31080")
    assert (found["url"], found["reason"], found["nodes"]) == ("10.9.0.3:31966", None, ["10.9.0.3"])
    assert {**found["gateways"][0], "nodes": found["nodes"], "gateways": found["gateways"]} == found
    assert found["reachable"] == "127.0.0.1:31080"
    assert ("/api/v1/services", {"labelSelector": "istio=ingressgateway"}) in lab.asked
    assert len(lab.asked) == 3  # no pods, since all are ready


def test_several_gateways_are_listed_and_none_is_chosen():
    other = service("LoadBalancer", "istio-ingressgateway", "edge")
    found = looked(Lab({"/api/v1/services": [other, service()], ENDPOINTS: endpoints()}), mapped_address="127.0.0.1:1")
    assert {**found, "reason": None} == {**subject.NOTHING, **{x: found[x] for x in ("nodes", "gateways")}}
    assert [x["namespace"] for x in found["gateways"]] == ["edge", "istio-system"]
    assert [x["reachable"] for x in found["gateways"]] == ["10.9.0.3:31966"] * 2
    assert [x["reason"] is None for x in found["gateways"]] == [False, True]
    assert found["reason"] == (
        "2 gateways are there: edge/istio-ingressgateway, istio-system/istio-ingressgateway. "
        "Name one of them with service and namespace."
    )


def test_a_gateway_can_be_named():
    lab = Lab({"/api/v1/namespaces/istio-system/services/istio-ingressgateway": service(), ENDPOINTS: endpoints()})
    found = looked(lab, service="istio-ingressgateway", namespace="istio-system")
    assert found["url"] == "10.9.0.3:31966"
    lab = Lab({"/api/v1/services": [service()], ENDPOINTS: endpoints()})
    assert looked(lab, service="istio-ingressgateway")["url"] == "10.9.0.3:31966"
    assert lab.asked[0] == ("/api/v1/services", {"fieldSelector": "metadata.name=istio-ingressgateway"})


def test_without_istio_it_says_so():
    found = looked(Lab())
    assert {**found, "reason": None} == {**subject.NOTHING, **{x: found[x] for x in ("nodes", "gateways")}}
    assert (found["gateways"], found["nodes"]) == ([], ["10.9.0.3"])
    assert found["reason"].startswith(
        "there is no Service with the label istio=ingressgateway in any namespace, and no istiod either: "
        "Istio is not installed. Install it with the role meshlab.istio.istio"
    )


def test_istio_without_a_gateway_is_told_apart():
    told = "though istiod is there: Istio was installed without an ingress gateway, as profile minimal does"
    assert told in looked(Lab(ISTIOD))["reason"]


def test_a_name_that_is_not_there_is_told_with_those_that_are():
    lab = Lab({**ISTIOD, "/api/v1/namespaces/istio-system": {}, "/api/v1/services": [service()]})
    why = looked(lab, service="gate", namespace="istio-system")["reason"]
    assert why == "there is no Service gate in namespace istio-system; there is istio-system/istio-ingressgateway"
    why = looked(lab, service="gate", namespace="nowhere")["reason"]
    assert why == "there is no Service gate in namespace nowhere: there is no such namespace"


def test_who_may_not_read_nodes_gets_the_address_from_the_pods():
    pods = "/api/v1/namespaces/istio-system/pods"
    lab = Lab({"/api/v1/services": [service()], ENDPOINTS: endpoints(), pods: [pod(ready=True)]}, ["/api/v1/nodes"])
    found = looked(lab)
    assert (found["url"], found["nodes"], found["reason"]) == ("10.9.0.3:31966", [], None)
    lab.refused += [pods]
    assert looked(lab)["reason"].endswith("and the nodes' addresses may not be read")


def test_who_may_not_read_services_is_told():
    with pytest.raises(ClusterError, match="403 Forbidden to GET /api/v1/services"):
        looked(Lab(refused=["/api/v1/services"]))
    assert looked(Lab(refused=["/apis/apps/v1/deployments"]))["reason"] == (
        "there is no Service with the label istio=ingressgateway in any namespace"
    )


def test_a_selector_that_the_api_server_does_not_take_is_bad_input():
    class Strict(Lab):
        def get(self, path, **query):
            raise ClusterError("it answered 400 Bad Request", 400)

    with pytest.raises(IngressError, match=r"^label_selector '=': the API server does not take it; one looks like"):
        looked(Strict(), label_selector="=")
    with pytest.raises(ClusterError, match="400"):
        looked(Strict(), service="gate")


# ---- options ----


@pytest.mark.parametrize(
    "good", [{}, {"service": "istio-ingressgateway"}, {"namespace": "a"}, {"mapped_address": "[::1]:80"}]
)
def test_good_options_pass(good):
    assert subject.check_options({**PARAMS, **good}) is None
    assert subject.check_options({**PARAMS, "mapped_address": "lab.example:31080"}) is None


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"service": "Gate"}, "service 'Gate': no Service can have this name"),
        ({"namespace": "a/b"}, "namespace 'a/b': no namespace can have this name"),
        ({"mapped_address": "127.0.0.1"}, "mapped_address '127.0.0.1': it has to be like 127.0.0.1:30080"),
        ({"mapped_address": "http://a:1"}, "mapped_address 'http://a:1': it has to be like 127.0.0.1:30080"),
        ({"mapped_address": "a:65536"}, "mapped_address 'a:65536': it has to be like 127.0.0.1:30080"),
        ({"mapped_address": "a:0"}, "mapped_address 'a:0': it has to be like 127.0.0.1:30080"),
    ],
)
def test_bad_options_are_told(bad, said):
    with pytest.raises(IngressError) as caught:
        subject.check_options({**PARAMS, **bad})
    assert str(caught.value) == said
