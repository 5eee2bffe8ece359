# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from mesh_objects import GATEWAY_POD, NEW, OLD, Lab, gateway, pod, virtual_service

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait import polling
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import Dump
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.explanation import failure_message
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import ProxyFilter
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(polling, "POLL_SECONDS", 0.01)


def test_it_waits_for_the_last_one_and_reads_no_other_again():
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [NEW], "b": [OLD, OLD, NEW]})
    outcome = lab.wait(timeout=10)
    assert outcome.met
    assert [(x["name"], x["in_sync"], x["missing"]) for x in outcome.proxies] == [("a", True, []), ("b", True, [])]
    assert sorted(lab.read) == ["a", "b", "b", "b"]


def test_it_ends_when_time_is_over_and_names_who_lags():
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [NEW], "b": [OLD]})
    outcome = lab.wait(timeout=0.05)
    assert not outcome.met
    assert [x["name"] for x in outcome.lagging] == ["b"]
    assert failure_message(outcome, ["no istiod is ready"]).splitlines() == [
        f"VirtualService shop/catalog has not reached 1 of 2 proxies after {outcome.elapsed:g} s:",
        "  shop/b: catalog.shop.svc in 8080: its routes come from no rule",
        "reason: no istiod is ready",
    ]


def test_once_does_not_wait():
    lab = Lab(virtual_service(), [pod("a")], {"a": [OLD, NEW]})
    assert lab.wait(once=True, timeout=10).lagging
    assert lab.read == ["a"]


def test_a_proxy_whose_pod_is_gone_meanwhile_does_not_lag():
    error = ClusterError('cannot exec in shop/a/istio-proxy at https://x: 404 Not Found: pods "a" not found')
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [OLD, error], "b": [OLD, NEW]})
    outcome = lab.wait(timeout=10)
    assert outcome.met
    assert [x["name"] for x in outcome.proxies] == ["b"]
    lab = Lab(virtual_service(), [pod("a")], {"a": [error]})
    outcome = lab.wait(timeout=0)
    assert not outcome.met
    assert outcome.unmet == ["every proxy that was to be read is gone"]


def test_a_proxy_that_cannot_be_read_lags_and_may_come_back():
    error = ClusterError("cannot exec in shop/a/istio-proxy at https://x: 500 Internal Server Error")
    lab = Lab(virtual_service(), [pod("a")], {"a": [error, NEW]})
    assert lab.wait(timeout=10).met
    lab = Lab(virtual_service(), [pod("a")], {"a": [error]})
    [report] = lab.wait(timeout=0).proxies
    assert report["in_sync"] is None
    assert report["missing"] == [f"it cannot be read: {error}"]


def test_without_permission_it_does_not_wait():
    error = ClusterError("cannot exec in shop/a/istio-proxy at https://x: 403 Forbidden: pods is forbidden")
    with pytest.raises(ClusterError, match="403 Forbidden"):
        Lab(virtual_service(), [pod("a")], {"a": [error]}).wait(timeout=10)


def test_what_a_proxy_refused_is_told():
    refused = Dump(OLD.routes, refused=["duplicate domain"])
    [report] = Lab(virtual_service(), [pod("a")], {"a": [refused]}).wait(timeout=0).proxies
    assert report["missing"][1:] == ["it refused an update: duplicate domain"]


def test_a_hiccup_of_the_api_does_not_end_the_wait():
    lab = Lab(virtual_service(), [pod("a")], {"a": [OLD, NEW]})
    answers, read_api = [None, ClusterError("answered 503", 503), None], lab.read_api

    def unsteady():
        error = answers.pop(0) if answers else None
        if error:
            raise error
        return read_api()

    lab.read_api = unsteady
    assert lab.wait(timeout=10).met
    assert lab.read == ["a", "a"]


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
        outcome = lab.wait(proxy_filter=ProxyFilter(**limits), timeout=0)
        return [f"{x['namespace']}/{x['name']}" for x in outcome.proxies]

    assert titles(namespaces=("shop",)) == ["shop/a", "shop/b"]
    assert titles(pods=("a",)) == ["default/a", "shop/a"]
    assert titles(pods=("default/a",)) == ["default/a"]
    lab.facts.selected = {"shop/b"}
    assert titles() == ["shop/b"]
    assert lab.wait(proxy_filter=ProxyFilter(namespaces=("default",)), timeout=60).problem == (
        "VirtualService shop/catalog reaches no proxy: 3 proxies need it, but namespaces, pods and label_selector "
        "leave none of them"
    )


def test_what_the_api_does_not_hold_is_waited_for():
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW]}, live=False)
    outcome = lab.wait(timeout=0)
    assert outcome.unmet == ["VirtualService shop/catalog does not exist"]
    assert lab.read == []
    assert failure_message(outcome, outcome.unmet) == "VirtualService shop/catalog does not exist, after 0 s"


def test_absent_is_when_nothing_is_left():
    name = Rule("VirtualService", "shop", "catalog")
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW, NEW, OLD]}, live=False, known=name)
    outcome = lab.wait(present=False, timeout=10)
    assert outcome.met
    assert len(lab.read) == 3
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW]}, known=name)
    outcome = lab.wait(present=False, timeout=0)
    assert outcome.unmet == ["VirtualService shop/catalog is still there"]
    assert failure_message(outcome, []).splitlines() == [
        "1 of 1 proxies still have VirtualService shop/catalog after 0 s:",
        "  shop/a: 1 route in 8080",
    ]


def test_what_is_left_of_a_gateway_takes_its_definition():
    name = Rule("Gateway", "shop", "front")
    lab = Lab(gateway(), [GATEWAY_POD], {}, live=False, known=name)
    assert "give its definition" in lab.wait(present=False, timeout=60).problem


def test_a_cluster_without_istio_is_told():
    lab = Lab(virtual_service(), [], {})
    lab.facts.installed = False
    assert lab.wait(timeout=60).problem == "the cluster does not know networking.istio.io: Istio is not installed"
