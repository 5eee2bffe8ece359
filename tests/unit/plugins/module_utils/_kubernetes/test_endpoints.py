# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import endpoints as subject


def pod(name, terminating=False, **labels):
    all_labels = {
        "pod-template-hash": "75c",
        "security.istio.io/tlsMode": "istio",
        "topology.istio.io/network": "n1",
        **labels,
    }
    metadata = {"name": name, "labels": all_labels}
    return {"metadata": {**metadata, "deletionTimestamp": "2026-02-01T10:00:00Z"} if terminating else metadata}


def service(**selector):
    return {"metadata": {"name": "tomcat-svc"}, "spec": {"selector": selector}}


def endpoint_slice(service_name, *names, ready=True):
    """An EndpointSlice of a Service."""
    return {
        "metadata": {"labels": {subject.SERVICE_NAME: service_name}},
        "endpoints": [
            {"addresses": ["198.18.64.9"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": x}}
            for x in names
        ],
    }


TOMCAT, HTTPD = pod("tomcat-75c-1", app="web", server="tomcat"), pod("httpd-75c-1", app="web", server="httpd")
CLIENT = pod("client-75c-1", app="client", server="client")
PODS = [HTTPD, CLIENT, TOMCAT]


# ---- ready endpoints ----


def test_ready_endpoints_of_all_slices_of_the_service():
    slices = [
        endpoint_slice("web-svc", "a", "b"),
        endpoint_slice("web-svc", "b", "c"),
        endpoint_slice("web", "d"),
        endpoint_slice("web-svc", "e", ready=False),
    ]
    assert subject.ready_endpoints(slices, "web-svc") == {"a", "b", "c"}


def test_endpoint_without_condition_is_ready():
    item = endpoint_slice("web-svc", "a", "b", ready=None)
    del item["endpoints"][1]["conditions"]
    assert subject.ready_endpoints([item], "web-svc") == {"a", "b"}


def test_endpoint_without_a_pod_is_named_by_its_address():
    item = endpoint_slice("web-svc", "a")
    del item["endpoints"][0]["targetRef"]
    assert subject.ready_endpoints([item], "web-svc") == {"198.18.64.9"}


def test_slices_without_endpoints_or_labels_are_ignored():
    bare = {"metadata": {}, "endpoints": None}
    assert subject.ready_endpoints([bare, {**endpoint_slice("web-svc"), "endpoints": None}], "web-svc") == set()


# ---- explanation ----


def test_wrong_selector_is_explained():
    assert subject.explain("tomcat-svc", service(app="tomcat"), set(), 1, PODS) == (
        "Service tomcat-svc: 0 of 1 ready endpoints: its selector (app: tomcat) matches no pod; "
        "the pods have app: web, server: tomcat (tomcat-75c-1); app: client, server: client (client-75c-1); "
        "app: web, server: httpd (httpd-75c-1). Probably meant: server: tomcat"
    )


def test_expected_number_needs_no_explanation():
    assert subject.explain("tomcat-svc", service(server="tomcat"), {"tomcat-75c-1"}, 1, PODS) is None
    assert subject.explain("empty-svc", service(app="none"), set(), 0, PODS) is None


@pytest.mark.parametrize(
    ("service_object", "ready", "expected", "pods", "message"),
    [
        (None, set(), 1, PODS, "Service s does not exist"),
        (
            {"spec": {}},
            set(),
            1,
            PODS,
            "0 of 1 ready endpoints: it has no selector; its endpoints must be managed manually",
        ),
        ({"spec": {"type": "ExternalName"}}, set(), 1, PODS, "it is an ExternalName Service, which has no endpoints"),
        (service(app="x"), set(), 1, [], "its selector (app: x) matches no pod; the namespace has no pods"),
        (service(app="x"), set(), 1, [pod("a")], "the pods have no labels (a)"),
        (
            service(app="web"),
            {"httpd-75c-1"},
            2,
            PODS,
            "its selector (app: web) matches pods that are not ready endpoints: tomcat-75c-1",
        ),
        (
            service(app="web"),
            {"httpd-75c-1", "tomcat-75c-1"},
            1,
            PODS,
            "2 of 1 ready endpoints: its selector (app: web) matches httpd-75c-1, tomcat-75c-1",
        ),
        (
            service(server="httpd"),
            {"httpd-75c-1"},
            2,
            PODS,
            "its selector (server: httpd) matches httpd-75c-1",
        ),
    ],
)
def test_each_cause_is_explained(service_object, ready, expected, pods, message):
    assert message in subject.explain("s", service_object, ready, expected, pods)


def test_terminating_pods_are_ignored():
    old = pod("old", terminating=True, app="tomcat")
    assert subject.matching_pods({"app": "tomcat"}, [old]) == []
    assert subject.describe_labels({"app": "tomcat"}, [old]) == []
    assert subject.suggest_selector({"app": "tomcat"}, [pod("old", terminating=True, server="tomcat")]) is None


def test_empty_selector_matches_no_pod():
    assert subject.matching_pods({}, PODS) == []


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        ({"app": "tomcat"}, {"server": "tomcat"}),
        ({"app": "tomcat", "server": "tomcat"}, {"server": "tomcat"}),
        ({"name": "web", "server": "httpd"}, {"app": "web", "server": "httpd"}),
        ({"name": "client", "server": "httpd"}, None),  # each matches a pod, but no pod matches both
        ({"app": "nginx"}, None),
        ({"app": "web"}, None),  # it matches
    ],
)
def test_suggest_selector(selector, meant):
    assert subject.suggest_selector(selector, PODS) == meant


def test_controller_labels_are_not_suggested():
    assert subject.suggest_selector({"app": "75c"}, PODS) is None


def test_many_label_sets_are_truncated():
    pods = [pod(f"p{number}", app=f"a{number}") for number in range(8)] + [
        pod(f"q{number}", app="q") for number in range(7)
    ]
    message = subject.explain("s", service(app="x"), set(), 1, pods)
    assert message.count("app: a") == 5 and message.endswith("; and 4 more label sets")
    assert subject.describe_labels({"app": "q"}, pods)[0] == "app: q (q0, q1, q2, q3, q4 and 2 more)"


# ---- with a cluster ----


class Answers:
    """A Cluster with Services and EndpointSlices of one API version."""

    def __init__(self, services, slices, version="v1"):
        self.services, self.slices, self.version = services, slices, version

    def get(self, path):
        if path == "/api/v1/namespaces/shop/services":
            return {"items": [{"metadata": {"name": x}, "spec": {"selector": y}} for x, y in self.services.items()]}
        if path == f"/apis/discovery.k8s.io/{self.version}/namespaces/shop/endpointslices":
            return {"items": self.slices}
        return None


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_one_problem_per_service_with_missing_endpoints(version):
    services = {"tomcat-svc": {"app": "tomcat"}, "web-svc": {"app": "web"}}
    cluster = Answers(services, [endpoint_slice("web-svc", "httpd-75c-1", "tomcat-75c-1")], version)
    lines = subject.find_problems(cluster, "shop", {"tomcat-svc": 1, "web-svc": 2, "none-svc": 1}, PODS)
    assert [" ".join(x.split()[:2]) for x in lines] == ["Service tomcat-svc:", "Service none-svc"]


def test_missing_namespace_has_no_service():
    assert subject.find_problems(Answers({}, []), "nowhere", {"a": 1}, []) == ["Service a does not exist"]
