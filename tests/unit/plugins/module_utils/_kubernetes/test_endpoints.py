# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import endpoints as subject


def pod(name, leaving=False, **labels):
    made = {
        "pod-template-hash": "75c",
        "security.istio.io/tlsMode": "istio",
        "topology.istio.io/network": "n1",
        **labels,
    }
    metadata = {"name": name, "labels": made}
    return {"metadata": {**metadata, "deletionTimestamp": "2026-02-01T10:00:00Z"} if leaving else metadata}


def service(**selector):
    return {"metadata": {"name": "tomcat-svc"}, "spec": {"selector": selector}}


def piece(service_name, *names, ready=True):
    """A part of a Service's endpoints."""
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


# ---- what is ready ----


def test_ready_endpoints_are_those_of_all_slices_of_the_service():
    slices = [
        piece("web-svc", "a", "b"),
        piece("web-svc", "b", "c"),
        piece("web", "d"),
        piece("web-svc", "e", ready=False),
    ]
    assert subject.ready_of(slices, "web-svc") == {"a", "b", "c"}


def test_an_endpoint_that_does_not_tell_whether_it_is_ready_is():
    made = piece("web-svc", "a", "b", ready=None)
    del made["endpoints"][1]["conditions"]
    assert subject.ready_of([made], "web-svc") == {"a", "b"}


def test_an_endpoint_without_a_pod_counts_by_its_address():
    made = piece("web-svc", "a")
    del made["endpoints"][0]["targetRef"]
    assert subject.ready_of([made], "web-svc") == {"198.18.64.9"}


def test_slices_without_endpoints_or_labels_count_nothing():
    bare = {"metadata": {}, "endpoints": None}
    assert subject.ready_of([bare, {**piece("web-svc"), "endpoints": None}], "web-svc") == set()


# ---- why ----


def test_the_classic_trap_is_explained():
    assert subject.explain("tomcat-svc", service(app="tomcat"), set(), 1, PODS) == (
        "Service tomcat-svc: 0 of 1 ready endpoints: it selects app: tomcat, which no pod carries; "
        "pods carry app: web, server: tomcat (tomcat-75c-1); app: client, server: client (client-75c-1); "
        "app: web, server: httpd (httpd-75c-1). Probably meant: server: tomcat"
    )


def test_as_many_as_wanted_is_well():
    assert subject.explain("tomcat-svc", service(server="tomcat"), {"tomcat-75c-1"}, 1, PODS) is None
    assert subject.explain("empty-svc", service(app="none"), set(), 0, PODS) is None


@pytest.mark.parametrize(
    ("its", "ready", "wanted", "pods", "said"),
    [
        (None, set(), 1, PODS, "Service s: it does not exist"),
        ({"spec": {}}, set(), 1, PODS, "0 of 1 ready endpoints: it has no selector, so that somebody has to make"),
        ({"spec": {"type": "ExternalName"}}, set(), 1, PODS, "it is an ExternalName, which has none"),
        (service(app="x"), set(), 1, [], "which no pod carries; pods carry nothing: there is none"),
        (service(app="x"), set(), 1, [pod("a")], "pods carry no labels (a)"),
        (
            service(app="web"),
            {"httpd-75c-1"},
            2,
            PODS,
            "pods that carry it these are not ready endpoints: tomcat-75c-1",
        ),
        (
            service(app="web"),
            {"httpd-75c-1", "tomcat-75c-1"},
            1,
            PODS,
            "2 of 1 ready endpoints: it selects app: web, which these pods carry: httpd-75c-1, tomcat-75c-1",
        ),
        (
            service(server="httpd"),
            {"httpd-75c-1"},
            2,
            PODS,
            "it selects server: httpd, which these pods carry: httpd-75c-1",
        ),
    ],
)
def test_each_cause_is_told(its, ready, wanted, pods, said):
    assert said in subject.explain("s", its, ready, wanted, pods)


def test_pods_that_end_count_for_nothing():
    going = pod("old", leaving=True, app="tomcat")
    assert subject.selected({"app": "tomcat"}, [going]) == []
    assert subject.carried({"app": "tomcat"}, [going]) == []
    assert subject.instead({"app": "tomcat"}, [pod("old", leaving=True, server="tomcat")]) is None


def test_an_empty_selector_fits_no_pod():
    assert subject.selected({}, PODS) == []


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        ({"app": "tomcat"}, {"server": "tomcat"}),
        ({"app": "tomcat", "server": "tomcat"}, {"server": "tomcat"}),
        ({"name": "web", "server": "httpd"}, {"app": "web", "server": "httpd"}),
        ({"name": "client", "server": "httpd"}, None),  # each is there, both on no pod
        ({"app": "nginx"}, None),
        ({"app": "web"}, None),  # it fits
    ],
)
def test_what_was_probably_meant(selector, meant):
    assert subject.instead(selector, PODS) == meant


def test_labels_that_controllers_put_on_are_not_proposed():
    assert subject.instead({"app": "75c"}, PODS) is None


def test_many_kinds_of_pods_are_cut_short():
    pods = [pod(f"p{number}", app=f"a{number}") for number in range(8)] + [
        pod(f"q{number}", app="q") for number in range(7)
    ]
    said = subject.explain("s", service(app="x"), set(), 1, pods)
    assert said.count("app: a") == 5 and said.endswith("; and 4 other kinds")
    assert subject.carried({"app": "q"}, pods)[0] == "app: q (q0, q1, q2, q3, q4 and 2 more)"


# ---- of a cluster ----


class Answers:
    """A Cluster with these Services and slices, and EndpointSlices of one version."""

    def __init__(self, services, slices, version="v1"):
        self.services, self.slices, self.version = services, slices, version

    def get(self, path):
        if path == "/api/v1/namespaces/shop/services":
            return {"items": [{"metadata": {"name": x}, "spec": {"selector": y}} for x, y in self.services.items()]}
        if path == f"/apis/discovery.k8s.io/{self.version}/namespaces/shop/endpointslices":
            return {"items": self.slices}
        return None


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_line_for_each_service_that_lacks_endpoints(version):
    services = {"tomcat-svc": {"app": "tomcat"}, "web-svc": {"app": "web"}}
    cluster = Answers(services, [piece("web-svc", "httpd-75c-1", "tomcat-75c-1")], version)
    lines = subject.not_ready(cluster, "shop", {"tomcat-svc": 1, "web-svc": 2, "none-svc": 1}, PODS)
    assert [x.split(":")[0] for x in lines] == ["Service tomcat-svc", "Service none-svc"]


def test_a_cluster_without_the_namespace_has_no_service():
    assert subject.not_ready(Answers({}, []), "nowhere", {"a": 1}, []) == ["Service a: it does not exist"]
