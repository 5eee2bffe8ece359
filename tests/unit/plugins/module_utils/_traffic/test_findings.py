# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from traffic_support import BACKENDS, CLIENT, URL

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.findings import find_in_api
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan

API = "/apis/networking.istio.io/v1beta1"
SERVICE = "/api/v1/namespaces/default/services/web-svc"
PLAN = Plan(url=URL, backends=BACKENDS)
HTTP = {"spec": {"ports": [{"port": 8080, "name": "http"}]}}


def route(host, weight, subset=None):
    destination = {"host": host, **({"subset": subset} if subset else {})}
    return {"destination": destination, "weight": weight}


SPLIT = [{"route": [route("tomcat-svc", 50), route("httpd-svc", 50)]}]
WEIGHTS = "spec.http[0] of VirtualService default/web has the weights tomcat-svc 50, httpd-svc 50"


def rule(name="web", namespace="default", **spec):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"hosts": ["web-svc"], "http": SPLIT, **spec}}


class FakeCluster:
    """Returns objects by path. forbidden: whether rules must not be read."""

    def __init__(self, service="http", rules=(), destination_rules=(), forbidden=False):
        self.objects = {
            SERVICE: HTTP if service == "http" else service,
            f"{API}/virtualservices": {"items": list(rules)},
            f"{API}/destinationrules": {"items": list(destination_rules)},
        }
        self.forbidden = forbidden

    def get(self, path):
        if self.forbidden and path.startswith(API):
            raise ClusterError("answered 403 Forbidden", 403)
        return self.objects.get(path)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], ["no VirtualService has the host web-svc.default.svc"]),
        ([rule(hosts=["other"])], ["no VirtualService has the host web-svc.default.svc"]),
        ([rule(namespace="shop")], ["no VirtualService has the host web-svc.default.svc"]),
        ([rule()], [WEIGHTS]),
        ([rule(hosts=["web-svc.default.svc.cluster.local"])], [WEIGHTS]),
        ([rule(hosts=["*"])], [WEIGHTS]),
        (
            [rule(gateways=["front"])],
            ["spec.gateways of VirtualService default/web is default/front, so it does not apply to sidecars"],
        ),
        (
            [rule(namespace="shop", hosts=["web-svc.default.svc.cluster.local"], exportTo=["."])],
            ["spec.exportTo of VirtualService shop/web excludes namespace default"],
        ),
        ([rule(hosts=["*"], gateways=["front"])], ["no VirtualService has the host web-svc.default.svc"]),
        ([rule(), rule("edge", gateways=["front"])], [WEIGHTS]),
        ([rule(http=[])], ["VirtualService default/web has no HTTP routes"]),
        (
            [rule(), rule("older", http=[{"route": [route("tomcat-svc", 100)]}])],
            [
                "several VirtualServices have the host web-svc.default.svc: "
                "VirtualService default/web, VirtualService default/older",
                WEIGHTS,
            ],
        ),
    ],
)
def test_rules(rules, expected):
    assert find_in_api(FakeCluster(rules=rules), PLAN, CLIENT) == expected


def test_missing_subsets():
    split = [{"route": [route("web-svc", 80, "v1"), route("web-svc", 20, "v2")]}]
    defined = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"host": "web-svc", "subsets": [{"name": "v1"}]},
    }
    assert find_in_api(FakeCluster(rules=[rule(http=split)], destination_rules=[defined]), PLAN, CLIENT) == [
        "spec.http[0] of VirtualService default/web has the weights web-svc subset v1 80, web-svc subset v2 20",
        "spec.http[0].route[1].destination.subset of VirtualService default/web is v2, which no DestinationRule for "
        "web-svc.default.svc defines",
    ]


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (None, ["Service default/web-svc does not exist"]),
        ({"spec": {"ports": [{"port": 80}]}}, ["Service default/web-svc has no port 8080, but 80"]),
        ({"spec": {"ports": [{"port": 8080}]}}, []),
        ({"spec": {"ports": [{"port": 8080, "name": "tcpish"}]}}, []),
        ({"spec": {"ports": [{"port": 8080, "name": "tcp-web", "appProtocol": "http"}]}}, []),
        (
            {"spec": {"ports": [{"port": 8080, "name": "tcp-web"}]}},
            [
                "spec.ports[].name of port 8080 of Service default/web-svc is tcp-web, so Istio ignores HTTP routes "
                "for it"
            ],
        ),
    ],
)
def test_service(service, expected):
    assert find_in_api(FakeCluster(service, [rule()]), PLAN, CLIENT) == [*expected, WEIGHTS]


@pytest.mark.parametrize(
    ("url", "headers"), [("http://[::1]:8080/", ()), ("http://[fd00::1]/", ()), (URL, (("Host", ":80"),))]
)
def test_hosts_without_a_name(url, headers):
    assert find_in_api(FakeCluster(), Plan(url=url, backends=BACKENDS, headers=headers), CLIENT) == []


def test_the_host_header_and_other_namespaces():
    cluster = FakeCluster(rules=[rule(namespace="shop", hosts=["catalog", "api.example.com"])])
    other = dataclasses.replace(PLAN, url="http://catalog.shop:8080/")
    external = dataclasses.replace(PLAN, headers=(("HOST", "api.example.com:8080"),))
    assert find_in_api(cluster, other, CLIENT) == ["no VirtualService has the host catalog.shop"]
    cluster.objects["/api/v1/namespaces/shop/services/catalog"] = HTTP
    assert find_in_api(cluster, other, CLIENT) == [WEIGHTS.replace("default/web", "shop/web")]
    assert find_in_api(cluster, external, CLIENT) == [WEIGHTS.replace("default/web", "shop/web")]


def test_objects_that_the_user_may_not_read_are_left_out():
    assert find_in_api(FakeCluster(forbidden=True), PLAN, CLIENT) == []
