# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait import config_wait as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxy_config import Dump
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

ROOT = "istio-system"

# ---- objects as an API server gives them, without what nobody reads ----


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


# The gateway's own one; the second port is named in the pod.
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
    [found] = subject.rules_in(item, "default")
    return found


def facts(*objects, pods=(), services=("catalog", "v1", "v2")):
    known = {"Gateway": [], "VirtualService": [], "DestinationRule": [], "Sidecar": [], "ServiceEntry": []}
    for item in objects:
        known[item["kind"]].append(item)
    return subject.Facts(
        pods=list(pods),
        services=[service(x) if isinstance(x, str) else x for x in services],
        gateways=known["Gateway"],
        virtual_services=known["VirtualService"],
        destination_rules=known["DestinationRule"],
        sidecars=known["Sidecar"],
        service_entries=known["ServiceEntry"],
    )


# ---- what the proxies have ----


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


# ---- what to wait for ----


def test_rules_are_found_among_what_was_applied():
    applied = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "catalog"}},
        {"kind": "List", "items": [virtual_service(), {**gateway(), "apiVersion": "gateway.networking.k8s.io/v1"}]},
        None,
        custom("DestinationRule", host="catalog"),
    ]
    del applied[3]["metadata"]["namespace"]
    assert [x.title for x in subject.rules_in(applied, "default")] == [
        "VirtualService shop/catalog",
        "DestinationRule default/catalog",
    ]


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("kind: Gateway", "definition is a dictionary or a list of them, not a text"),
        ([3], "definition 1: a int is no Kubernetes object"),
        ([], "only nothing"),
        ({"kind": "Service"}, "definition holds no DestinationRule, Gateway, VirtualService .* only Service"),
        ({**gateway(), "metadata": {}}, "a Gateway has no metadata.name"),
        ({**gateway(), "spec": None}, "Gateway front has no spec"),
        (virtual_service(hosts=[]), "VirtualService shop/catalog has no hosts: it is a delegate"),
    ],
)
def test_what_is_no_rule_is_told(definition, told):
    with pytest.raises(subject.WaitError, match=told):
        subject.rules_in(definition, "default")


# ---- who needs it ----


def test_proxies_are_told_from_other_pods():
    pods = [
        pod("b"),
        pod("a", native=True),
        plain_pod("plain"),
        GATEWAY_POD,
        pod("waypoint", type_="waypoint"),
        pod("ending", deletionTimestamp="2026-02-01T10:00:00Z"),
        pod("crashing", running=False),
    ]
    assert [(x.title, x.type) for x in subject.proxies_in(pods)] == [
        ("istio-system/gateway", "router"),
        ("shop/a", "sidecar"),
        ("shop/b", "sidecar"),
    ]


def needs(item, *objects, pods=None, **rest):
    pods = [pod("client"), pod("far", "default"), GATEWAY_POD] if pods is None else pods
    found, reasons = subject.needing(rule(item), facts(*objects, pods=pods, **rest), ROOT)
    return {x.title: names for x, names in found.items()}, reasons


@pytest.mark.parametrize(
    ("export", "titles"),
    [
        (None, ["default/far", "shop/client"]),
        (["*"], ["default/far", "shop/client"]),
        (["."], ["shop/client"]),
        (["default"], ["default/far"]),
    ],
)
def test_a_rule_in_the_mesh_is_for_the_sidecars_that_it_is_exported_to(export, titles):
    found, reasons = needs(virtual_service(**({"exportTo": export} if export else {})))
    assert list(found) == titles
    assert reasons == []
    assert all(names == {"mesh"} for names in found.values())


def test_nobody_hears_of_a_rule_that_is_exported_to_nobody():
    assert needs(virtual_service(exportTo=["nowhere"])) == (
        {},
        ['exportTo ["nowhere"] fits no namespace that has a proxy'],
    )
    assert needs(virtual_service(), pods=[plain_pod("plain")]) == ({}, ["no proxy runs in the cluster"])


@pytest.mark.parametrize(
    ("egress", "hears"),
    [
        (["./*"], True),
        (["*/catalog.shop.svc.cluster.local"], True),
        (["shop/*.shop.svc.cluster.local"], True),
        (["istio-system/*"], False),
        (["~/*"], False),
        (["./other.shop.svc.cluster.local"], False),
    ],
)
def test_a_sidecar_object_narrows_what_a_proxy_hears(egress, hears):
    narrow = custom("Sidecar", "default", egress=[{"hosts": egress}])
    found, _reasons = needs(virtual_service(exportTo=["."]), narrow)
    assert bool(found) is hears


def test_the_sidecar_object_of_the_workload_counts_before_that_of_the_namespace_and_the_mesh():
    mesh = custom("Sidecar", "mesh", ROOT, egress=[{"hosts": ["~/*"]}])
    namespace = custom("Sidecar", "default", egress=[{"hosts": ["*/*"]}])
    own = custom("Sidecar", "own", egress=[{"hosts": ["~/*"]}], workloadSelector={"labels": {"app": "client"}})
    item = virtual_service(exportTo=["."])
    assert needs(item, mesh)[1] == ["every proxy's Sidecar object leaves its hosts out"]
    assert list(needs(item, mesh, namespace)[0]) == ["shop/client"]
    assert needs(item, mesh, namespace, own)[0] == {}


def test_a_rule_at_a_gateway_is_for_its_pods():
    item = virtual_service(["a.example.com"], gateways=["front", "mesh"])
    found, reasons = needs(item, gateway())
    assert found == {"istio-system/gateway": {"shop/front"}, "shop/client": {"mesh"}, "default/far": {"mesh"}}
    assert reasons == []


@pytest.mark.parametrize(
    ("front", "told"),
    [
        (None, "there is no Gateway shop/front"),
        (
            gateway(selector={"istio": "other"}),
            "the selector istio=other of Gateway shop/front fits no running gateway pod "
            "(there are some with istio=ingressgateway)",
        ),
        (
            gateway(server(hosts=["b.org"])),
            "none of its hosts (a.example.com) is one of Gateway shop/front (b.org)",
        ),
    ],
)
def test_why_no_gateway_gets_it(front, told):
    item = virtual_service(["a.example.com"], gateways=["front"])
    assert needs(item, *([front] if front else [])) == ({}, [told])


@pytest.mark.parametrize(
    ("theirs", "own", "common"),
    [
        (["*"], ["a.example.com"], ["a.example.com"]),
        (["*.example.com"], ["a.example.com", "b.org"], ["a.example.com"]),
        (["a.example.com"], ["*"], ["a.example.com"]),
        (["./a.example.com", "other/b.example.com"], ["*.example.com"], ["a.example.com"]),
        (["*/a.example.com"], ["a.example.com"], ["a.example.com"]),
        (["*"], ["catalog"], ["catalog.shop.svc"]),
    ],
)
def test_the_hosts_that_a_gateway_and_a_rule_have_in_common(theirs, own, common):
    assert subject.gateway_hosts(rule(virtual_service(own)), rule(gateway(server(hosts=theirs)))) == common


def test_a_destination_rule_is_for_all_or_for_its_own_namespace():
    own = custom("DestinationRule", host="catalog")
    other = custom("DestinationRule", namespace="default", host="catalog.shop.svc.cluster.local")
    mesh = custom("DestinationRule", namespace=ROOT, host="*.shop.svc.cluster.local")
    everyone = ["istio-system/gateway", "default/far", "shop/client"]
    assert sorted(needs(own)[0]) == sorted(needs(mesh)[0]) == sorted(everyone)
    assert list(needs(other)[0]) == ["default/far"]
    assert needs(custom("DestinationRule", host="nowhere")) == (
        {},
        ["no Service or ServiceEntry has the host nowhere.shop.svc"],
    )
    entry = custom("ServiceEntry", "outside", hosts=["api.example.com"])
    assert len(needs(custom("DestinationRule", host="api.example.com"), entry)[0]) == 3


# ---- whether they have it ----


def lacks(item, dump, *objects, proxy=None, names=("mesh",), **rest):
    [found] = subject.proxies_in([proxy or pod("client")])
    return subject.lacks(rule(item), found, set(names), dump, facts(*objects, **rest))


def test_a_sidecar_that_has_the_routes():
    missing, found = lacks(virtual_service(), sidecar_dump(routes()))
    assert missing == []
    assert found == ["catalog.shop.svc in 8080: prefix / -> v1.shop:8080 80 %, v2.shop:8080 20 %"]


def test_routes_that_are_never_reached_do_not_count():  # Istio 1.7 sends them, newer releases do not
    assert lacks(virtual_service(), sidecar_dump([*routes(), *routes([50, 50])]))[0] == []


@pytest.mark.parametrize(
    ("dump", "told"),
    [
        (
            sidecar_dump(routes([50, 50])),
            "catalog.shop.svc in 8080: it has prefix / -> v1.shop:8080 50 %, v2.shop:8080 50 %, "
            "wanted is prefix / -> v1.shop 80 %, v2.shop 20 %",
        ),
        (
            sidecar_dump([*routes([50, 50]), *routes()]),  # the first catches all
            "catalog.shop.svc in 8080: it has prefix / -> v1.shop:8080 50 %, v2.shop:8080 50 %, "
            "wanted is prefix / -> v1.shop 80 %, v2.shop 20 %",
        ),
        (sidecar_dump(plain_routes()), "catalog.shop.svc in 8080: its routes come from no rule"),
        (
            sidecar_dump(routes(name="older")),
            "catalog.shop.svc in 8080: its routes come from VirtualService shop/older",
        ),
        (sidecar_dump(routes(), "other.shop.svc.cluster.local"), "it has no virtual host for catalog.shop.svc"),
        (Dump(), "it has no virtual host for catalog.shop.svc"),
    ],
)
def test_a_sidecar_that_lags(dump, told):
    assert lacks(virtual_service(), dump)[0] == [told]


def test_every_host_has_to_be_there():
    assert lacks(virtual_service(["catalog", "basket"]), sidecar_dump(routes()))[0] == [
        "it has no virtual host for basket.shop.svc"
    ]


def test_a_gateway_has_its_own_of_several_rules_for_a_host():
    item = virtual_service(["*"], gateways=["front"])
    held = [*routes(name="other"), *routes(), *routes()]  # twice, as two servers have it
    at_edge = {"proxy": GATEWAY_POD, "names": ["shop/front"], "services": [EDGE]}
    missing, found = lacks(item, gateway_dump(held), gateway(), **at_edge)
    assert missing == []
    assert found == ["*.example.com in http.8080: prefix / -> v1.shop:8080 80 %, v2.shop:8080 20 %"]
    assert lacks(item, gateway_dump(held, port=81, rds=["http.81"]), gateway(), **at_edge)[0] == [
        "it has no virtual host for *.example.com"
    ]
    # One server with the routes does not make up for another one.
    both = gateway(server(), server(443, "HTTPS", tls={"mode": "SIMPLE"}))
    assert lacks(item, gateway_dump(held), both, **at_edge)[0] == ["it has no virtual host for *.example.com"]
    redirects = gateway(server(), server(81, tls={"httpsRedirect": True}))
    assert lacks(item, gateway_dump(held), redirects, **at_edge)[0] == []


def test_one_port_with_the_routes_does_not_make_up_for_another_one():
    half = sidecar_dump(routes())
    half.routes += sidecar_dump(plain_routes(), port=9090).routes
    assert lacks(virtual_service(), half)[0] == ["catalog.shop.svc in 9090: its routes come from no rule"]
    only = virtual_service()
    only["spec"]["http"][0]["match"] = [{"port": 8080}]
    assert lacks(only, half)[0] == []


def test_a_host_of_a_tcp_server_is_none_for_http():
    front = gateway(server(hosts=["b.org"]), server(31400, "TCP", ["*"]))
    item = virtual_service(["a.example.com"], gateways=["front"])
    assert needs(item, front)[1] == ["none of its hosts (a.example.com) is one of Gateway shop/front (*, b.org)"]
    item["spec"]["tcp"] = [{"route": [{"destination": {"host": "v1"}}]}]
    assert list(needs(item, front)[0]) == ["istio-system/gateway"]


def test_tcp_is_looked_for_in_listeners():
    item = custom(
        "VirtualService",
        hosts=["catalog"],
        tcp=[{"route": [{"destination": {"host": "v1", "port": {"number": 9000}}}]}],
    )
    proxy = {"@type": "x.TcpProxy", "cluster": "outbound|9000||v1.shop.svc.cluster.local"}
    dump = Dump(listeners=[{"filter_chains": [{"filters": [{"typed_config": proxy}], "metadata": tagged()}]}])
    assert subject.resources([rule(item)]) == ["dynamic_listeners", "dynamic_route_configs"]
    assert lacks(item, dump) == ([], ["TCP -> v1.shop:9000"])
    proxy["cluster"] = "outbound|9000||v2.shop.svc.cluster.local"
    assert lacks(item, dump) == (["no listener sends TCP -> v1.shop:9000"], ["TCP -> v2.shop:9000"])


DESTINATION_RULE = custom(
    "DestinationRule",
    host="catalog",
    trafficPolicy={"connectionPool": {"tcp": {"maxConnections": 7}}},
    subsets=[{"name": "v1"}, {"name": "v2", "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}],
)
LIMITED = {"circuit_breakers": {"thresholds": [{"max_connections": 7}]}}


def test_a_destination_rule_that_is_there():
    held = [cluster(**LIMITED), cluster("v1", **LIMITED), cluster("v2", lb_policy="RANDOM", **LIMITED)]
    assert lacks(DESTINATION_RULE, Dump(clusters=held)) == ([], ["catalog.shop:8080 subsets v1, v2"])


def test_a_destination_rule_that_is_not():
    held = [cluster(**LIMITED), cluster("v2", **LIMITED), cluster("v3")]
    assert lacks(DESTINATION_RULE, Dump(clusters=held))[0] == [
        "there is no cluster catalog.shop:8080 subset v1",
        "the cluster catalog.shop:8080 subset v2 has load balancing ROUND_ROBIN instead of RANDOM",
        "the cluster catalog.shop:8080 subset v3 is still there",
    ]
    assert lacks(DESTINATION_RULE, Dump(clusters=[cluster(name=None)]))[0] == [
        "the cluster catalog.shop:8080 comes from no DestinationRule"
    ]
    assert lacks(DESTINATION_RULE, Dump())[0] == ["it knows no cluster of catalog.shop.svc"]
    assert lacks(DESTINATION_RULE, Dump(), proxy=GATEWAY_POD) == ([], [])


def test_rules_for_one_host_become_one():
    held = Dump(clusters=[cluster(**LIMITED), *(cluster(x, lb_policy="RANDOM", **LIMITED) for x in ("v1", "v2", "v3"))])
    other = custom("DestinationRule", "other", host="catalog.shop.svc.cluster.local", subsets=[{"name": "v3"}])
    assert lacks(DESTINATION_RULE, held, other)[0] == []
    assert lacks(other, held, DESTINATION_RULE)[0] == []
    assert lacks(custom("DestinationRule", "third", host="catalog"), held)[0] == [
        "the cluster catalog.shop:8080 comes from DestinationRule shop/catalog"
    ]


def test_a_gateway_listens_on_the_port_that_its_service_makes_of_it():
    bound = virtual_service(["a.example.com"], gateways=["front"])
    missing, found = lacks(gateway(), gateway_dump(), bound, proxy=GATEWAY_POD, services=[EDGE])
    assert missing == []
    assert found == ["HTTP 80 on 8080", "host a.example.com"]
    both = gateway(server(), server(443, "HTTPS", tls={"mode": "SIMPLE"}), server(31400, "TCP"))
    assert lacks(both, gateway_dump(hosts=["x"]), bound, proxy=GATEWAY_POD, services=[EDGE])[0] == [
        "it has no listener for HTTPS 443 (it listens on 8080)",
        "it has no virtual host for a.example.com of VirtualService shop/catalog",
    ]


def test_a_port_of_a_gateway_may_be_named_in_its_pod():
    item = gateway(server(443, "HTTPS", tls={"mode": "SIMPLE"}))
    dump = gateway_dump(port=8443, rds=["https.443.https.front.shop"])
    assert lacks(item, dump, proxy=GATEWAY_POD, services=[EDGE]) == ([], ["HTTPS 443 on 8443"])


def test_https_is_of_the_very_gateway():
    item = gateway(server(443, "HTTPS", tls={"mode": "SIMPLE"}))
    assert lacks(item, gateway_dump(port=443, rds=["https.443.https.front.shop"]), proxy=GATEWAY_POD)[0] == []
    assert lacks(item, gateway_dump(port=443, rds=["https.443.https.other.shop"]), proxy=GATEWAY_POD)[0] == [
        "its listener on 443 does not serve HTTPS 443 of this Gateway"
    ]


def test_what_is_left_of_a_rule():
    [client] = subject.proxies_in([pod("client")])
    [edge] = subject.proxies_in([GATEWAY_POD])
    assert subject.keeps(rule(virtual_service()), client, sidecar_dump(routes()), facts()) == ["1 route in 8080"]
    assert subject.keeps(rule(virtual_service()), client, sidecar_dump(routes(name="other")), facts()) == []
    held = Dump(clusters=[cluster("v1"), cluster(name="other")])
    assert subject.keeps(rule(DESTINATION_RULE), client, held, facts()) == ["catalog.shop:8080 subset v1"]
    front = gateway(server(8080))
    assert subject.keeps(rule(front), edge, gateway_dump(), facts()) == ["HTTP 8080 on 8080"]
    other = gateway(server(8080), name="other")
    assert subject.keeps(rule(front), edge, gateway_dump(), facts(front, other)) == []


# ---- waiting ----


class Lab:
    """Proxies that come by what they have in steps; answers: their dumps one after the other, or what is raised."""

    def __init__(self, item, pods, answers, live=True, known=None):
        self.rule = rule(item) if known is None else known
        self.facts = facts(pods=pods)
        self.facts.live = {self.rule.title: item if live else None}
        self.answers = {name: list(steps) for name, steps in answers.items()}
        self.asked = []

    def look(self):
        return [self.rule], self.facts

    def ask(self, proxy, _resources):
        self.asked.append(proxy.name)
        steps = self.answers[proxy.name]
        answer = steps.pop(0) if len(steps) > 1 else steps[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(self, **options):
        return subject.wait(self.look, self.ask, **options)


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(subject, "POLL_SECONDS", 0.01)


NEW, OLD = sidecar_dump(routes()), sidecar_dump(plain_routes())


def test_it_waits_for_the_last_one_and_asks_no_other_again():
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [NEW], "b": [OLD, OLD, NEW]})
    outcome = lab.wait(timeout=10)
    assert outcome.met
    assert [(x["name"], x["has"], x["lacks"]) for x in outcome.proxies] == [("a", True, []), ("b", True, [])]
    assert sorted(lab.asked) == ["a", "b", "b", "b"]


def test_it_ends_when_time_is_over_and_names_who_lags():
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [NEW], "b": [OLD]})
    outcome = lab.wait(timeout=0.05)
    assert not outcome.met
    assert [x["name"] for x in outcome.lagging] == ["b"]
    assert subject.explain(outcome, ["no istiod is ready"]).splitlines() == [
        f"VirtualService shop/catalog has not reached 1 of 2 proxies after {outcome.seconds:g} s:",
        "  shop/b: catalog.shop.svc in 8080: its routes come from no rule",
        "reason: no istiod is ready",
    ]


def test_once_does_not_wait():
    lab = Lab(virtual_service(), [pod("a")], {"a": [OLD, NEW]})
    assert lab.wait(once=True, timeout=10).lagging
    assert lab.asked == ["a"]


def test_a_proxy_whose_pod_is_gone_meanwhile_does_not_lag():
    error = ClusterError('cannot exec in shop/a/istio-proxy at https://x: 404 Not Found: pods "a" not found')
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [OLD, error], "b": [OLD, NEW]})
    outcome = lab.wait(timeout=10)
    assert outcome.met
    assert [x["name"] for x in outcome.proxies] == ["b"]
    lab = Lab(virtual_service(), [pod("a")], {"a": [error]})
    outcome = lab.wait(timeout=0)
    assert not outcome.met
    assert outcome.unmet == ["every proxy that was to be asked is gone"]


def test_a_proxy_that_cannot_be_asked_lags_and_may_come_back():
    error = ClusterError("cannot exec in shop/a/istio-proxy at https://x: 500 Internal Server Error")
    lab = Lab(virtual_service(), [pod("a")], {"a": [error, NEW]})
    assert lab.wait(timeout=10).met
    lab = Lab(virtual_service(), [pod("a")], {"a": [error]})
    [report] = lab.wait(timeout=0).proxies
    assert report["has"] is None
    assert report["lacks"] == [f"it cannot be asked: {error}"]


def test_without_permission_it_does_not_wait():
    error = ClusterError("cannot exec in shop/a/istio-proxy at https://x: 403 Forbidden: pods is forbidden")
    with pytest.raises(ClusterError, match="403 Forbidden"):
        Lab(virtual_service(), [pod("a")], {"a": [error]}).wait(timeout=10)


def test_what_a_proxy_refused_is_told():
    refused = Dump(OLD.routes, refused=["duplicate domain"])
    [report] = Lab(virtual_service(), [pod("a")], {"a": [refused]}).wait(timeout=0).proxies
    assert report["lacks"][1:] == ["it refused an update: duplicate domain"]


def test_a_rule_that_reaches_nobody_fails_at_once_unless_that_is_well():
    lab = Lab(virtual_service(), [], {})
    assert lab.wait(timeout=60).problem == (
        "VirtualService shop/catalog reaches no proxy: no proxy runs in the cluster"
    )
    outcome = lab.wait(timeout=60, allow_none=True)
    assert outcome.met
    assert outcome.notes == ["VirtualService shop/catalog: no proxy runs in the cluster"]


def test_limits():
    pods = [pod("a"), pod("a", "default"), pod("b")]
    lab = Lab(virtual_service(), pods, {"a": [NEW], "b": [NEW]})

    def titles(**limits):
        outcome = lab.wait(limits=subject.Limits(**limits), timeout=0)
        return [f"{x['namespace']}/{x['name']}" for x in outcome.proxies]

    assert titles(namespaces=("shop",)) == ["shop/a", "shop/b"]
    assert titles(pods=("a",)) == ["default/a", "shop/a"]
    assert titles(pods=("default/a",)) == ["default/a"]
    lab.facts.selected = {"shop/b"}
    assert titles() == ["shop/b"]
    assert lab.wait(limits=subject.Limits(namespaces=("default",)), timeout=60).problem == (
        "VirtualService shop/catalog reaches no proxy: 3 proxies need it, but namespaces, pods and label_selector "
        "leave none of them"
    )


def test_what_the_api_does_not_hold_is_waited_for():
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW]}, live=False)
    outcome = lab.wait(timeout=0)
    assert outcome.unmet == ["VirtualService shop/catalog does not exist"]
    assert lab.asked == []
    assert subject.explain(outcome, outcome.unmet) == "VirtualService shop/catalog does not exist, after 0 s"


def test_absent_is_when_nothing_is_left():
    name = subject.Rule("VirtualService", "shop", "catalog")
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW, NEW, OLD]}, live=False, known=name)
    outcome = lab.wait(present=False, timeout=10)
    assert outcome.met
    assert len(lab.asked) == 3
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW]}, known=name)
    outcome = lab.wait(present=False, timeout=0)
    assert outcome.unmet == ["VirtualService shop/catalog is still there"]
    assert subject.explain(outcome, []).splitlines() == [
        "1 of 1 proxies still have VirtualService shop/catalog after 0 s:",
        "  shop/a: 1 route in 8080",
    ]


def test_what_is_left_of_a_gateway_takes_its_definition():
    name = subject.Rule("Gateway", "shop", "front")
    lab = Lab(gateway(), [GATEWAY_POD], {}, live=False, known=name)
    assert "give its definition" in lab.wait(present=False, timeout=60).problem


def test_a_cluster_without_istio_is_told():
    lab = Lab(virtual_service(), [], {})
    lab.facts.installed = False
    assert lab.wait(timeout=60).problem == "the cluster does not know networking.istio.io: Istio is not installed"


# ---- why ----


def istiod(ready):
    return {"status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}}


def test_reasons():
    lab = Lab(virtual_service(["basket"]), [pod("a")], {"a": [OLD]})
    outcome = lab.wait(timeout=0)
    lab.facts.live = {lab.rule.title: {**virtual_service(["basket"], weights=[1, 1]), "status": {}}}
    assert subject.reasons(outcome, lab.facts, [istiod(False)], ["shop/a refused it"], ["Warning [IST0101] x: y"]) == [
        "no istiod is ready (1 pods of it there), so that proxies hear of nothing",
        "shop/a refused it",
        "the API holds another spec of VirtualService shop/catalog than the definition",
        "VirtualService shop/catalog: no Service or ServiceEntry has the host basket.shop.svc",
        "istioctl analyze: Warning [IST0101] x: y",
    ]
    assert subject.reasons(outcome, lab.facts, [], [], [])[0] == "there is no istiod, so that proxies hear of nothing"


def test_refusals_are_read_from_the_log():
    log = (
        '[2026-02-01T10:00:00.000Z] "GET / HTTP/1.1" 200 - rejected: no\n'
        "2026-02-01T10:00:01.000000Z\twarning\tenvoy config source/x/grpc_subscription_impl.cc:138\tgRPC config "
        "for type.googleapis.com/envoy.config.route.v3.RouteConfiguration rejected: missing ): (\tthread=18\n"
        "2026-02-01T10:00:02.000000Z\twarning\tenvoy config\t"
        "gRPC config for type.googleapis.com/envoy.api.v2.Listener rejected: Error adding listener\n"
    )
    assert subject.refusals_in(log * 2) == [
        "RouteConfiguration: missing ): (",
        "Listener: Error adding listener",
    ]


FOUND = [
    {"code": "IST0101", "level": "Error", "message": "Referenced host not found", "origin": "VirtualService {}"},
    {"code": "IST0102", "level": "Info", "message": "not enabled for injection", "origin": "Namespace shop"},
    {"code": "IST0101", "level": "Error", "message": "Referenced host not found", "origin": "VirtualService shop/x"},
]


@pytest.mark.parametrize("origin", ["shop/catalog", "catalog.shop", "shop/catalog (rules.yml:3)"])
def test_findings_about_the_rule_alone(origin):
    text = "2026-02-01T10:00:00Z\terror\tkube\ttranslation function not found\n" + json.dumps(FOUND, indent=1)
    text = text.replace("{}", origin) + "\nError: Analyzers found issues"
    assert subject.findings_about([rule(virtual_service())], Output(79, text, "", "istioctl analyze")) == [
        f"Error [IST0101] VirtualService {origin}: Referenced host not found"
    ]


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (Output(0, "[]", "", ""), []),
        (Output(0, "", "", ""), []),
        (Output(0, "null", "", ""), []),
        (Output(1, "", "Error: no such host", ""), ["exit code 1: Error: no such host"]),
        (Output(64, "[ unfinished", "", ""), ["exit code 64: [ unfinished"]),
    ],
)
def test_an_analysis_without_findings_or_without_success(output, told):
    assert subject.findings_about([rule(virtual_service())], output) == told
