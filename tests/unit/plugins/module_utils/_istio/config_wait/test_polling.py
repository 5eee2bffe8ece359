# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import time

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


class SerialPool:
    """A pool without threads."""

    map = staticmethod(map)


def test_only_lagging_proxies_are_read_again():
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [NEW], "b": [OLD, OLD, NEW]})
    outcome = lab.wait(timeout=10)
    assert outcome.met
    assert [(x["name"], x["in_sync"], x["missing"]) for x in outcome.proxies] == [("a", True, []), ("b", True, [])]
    assert sorted(lab.read) == ["a", "b", "b", "b"]


def test_timeout_names_the_lagging_proxies():
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [NEW], "b": [OLD]})
    outcome = lab.wait(timeout=0.05)
    assert not outcome.met
    assert [x["name"] for x in outcome.lagging] == ["b"]
    assert failure_message(outcome, ["no istiod is ready"]).splitlines() == [
        f"VirtualService shop/catalog has not reached 1 of 2 proxies after {outcome.elapsed:g} s:",
        "  shop/b: catalog.shop.svc in 8080: no VirtualService is applied",
        "reason: no istiod is ready",
    ]


def test_once_reads_once():
    lab = Lab(virtual_service(), [pod("a")], {"a": [OLD, NEW]})
    assert lab.wait(once=True, timeout=10).lagging
    assert lab.read == ["a"]


@pytest.mark.parametrize("once", [False, True])
def test_proxies_that_hang_do_not_exceed_the_timeout(monkeypatch, once):
    monkeypatch.setattr(polling, "ROUND_SECONDS", 0.5)
    lab = Lab(virtual_service(), [pod(f"p{number}") for number in range(60)], {})

    def hang(_proxy, _resources, timeout):
        assert timeout <= 0.5
        time.sleep(timeout)
        raise ClusterError("the command did not finish")

    lab.read_proxy = hang
    outcome = lab.wait(timeout=0.5, once=once)
    assert len(outcome.lagging) == 60
    errors = {report["missing"][0] for report in outcome.lagging}
    assert errors == {polling.UNREAD, "the configuration cannot be read: the command did not finish"}


def test_an_earlier_report_is_kept_if_a_proxy_is_not_read_again():
    lab = Lab(virtual_service(), [pod("a")], {"a": [OLD]})
    desired = polling.DesiredState()
    rounds = polling._Rounds(lab.read_api, lab.read_proxy, desired, SerialPool(), 0)
    first = rounds.read().proxies
    lab.facts.pods = [pod("a"), pod("b")]
    rounds.deadline = 100.0
    with pytest.MonkeyPatch.context() as patched:
        clock = itertools.chain([0.0], itertools.repeat(100.0))
        patched.setattr(polling.time, "monotonic", lambda: next(clock))
        second = rounds.read().proxies
    assert second[0] == first[0]
    assert second[1]["missing"] == [polling.UNREAD]


def test_an_earlier_report_is_kept_if_the_timeout_interrupts_the_last_read():
    lab = Lab(virtual_service(), [pod("a")], {"a": [OLD]})
    answer = lab.read_proxy
    rounds = []

    def hang_in_the_second_round(proxy, wanted, timeout):
        rounds.append(proxy)
        if len(rounds) == 1:
            return answer(proxy, wanted, timeout)
        time.sleep(timeout)
        raise ClusterError("the command did not finish")

    lab.read_proxy = hang_in_the_second_round
    outcome = lab.wait(timeout=1)
    assert len(rounds) == 2
    assert [x["in_sync"] for x in outcome.proxies] == [False]


def test_a_deleted_pod_is_ignored():
    error = ClusterError('cannot exec in shop/a/istio-proxy at https://x: 404 Not Found: pods "a" not found')
    lab = Lab(virtual_service(), [pod("a"), pod("b")], {"a": [OLD, error], "b": [OLD, NEW]})
    outcome = lab.wait(timeout=10)
    assert outcome.met
    assert [x["name"] for x in outcome.proxies] == ["b"]
    lab = Lab(virtual_service(), [pod("a")], {"a": [error]})
    outcome = lab.wait(timeout=0)
    assert not outcome.met
    assert outcome.unmet == ["all proxies that need the rules were deleted"]


def test_an_unreadable_proxy_is_retried():
    error = ClusterError("cannot exec in shop/a/istio-proxy at https://x: 500 Internal Server Error")
    lab = Lab(virtual_service(), [pod("a")], {"a": [error, NEW]})
    assert lab.wait(timeout=10).met
    lab = Lab(virtual_service(), [pod("a")], {"a": [error]})
    [report] = lab.wait(timeout=0).proxies
    assert report["in_sync"] is None
    assert report["missing"] == [f"the configuration cannot be read: {error}"]


def test_a_missing_permission_ends_the_wait():
    error = ClusterError("cannot exec in shop/a/istio-proxy at https://x: 403 Forbidden: pods is forbidden")
    with pytest.raises(ClusterError, match="403 Forbidden"):
        Lab(virtual_service(), [pod("a")], {"a": [error]}).wait(timeout=10)


def test_a_rejected_update_is_reported():
    rejected = Dump(OLD.routes, rejected=["duplicate domain"])
    [report] = Lab(virtual_service(), [pod("a")], {"a": [rejected]}).wait(timeout=0).proxies
    assert report["missing"][1:] == ["the proxy rejected an update: duplicate domain"]


def test_a_transient_api_error_does_not_end_the_wait():
    lab = Lab(virtual_service(), [pod("a")], {"a": [OLD, NEW]})
    errors, read_api = [None, ClusterError("answered 503", 503), None], lab.read_api

    def unreliable():
        error = errors.pop(0) if errors else None
        if error:
            raise error
        return read_api()

    lab.read_api = unreliable
    assert lab.wait(timeout=10).met
    assert lab.read == ["a", "a"]


def test_a_rule_without_proxies_fails_unless_allowed():
    lab = Lab(virtual_service(), [], {})
    assert lab.wait(timeout=60).problem == (
        "VirtualService shop/catalog reaches no proxy: no proxy is running in the cluster"
    )
    outcome = lab.wait(timeout=60, allow_none=True)
    assert outcome.met
    assert outcome.notes == ["VirtualService shop/catalog: no proxy is running in the cluster"]


def test_proxy_filter():
    pods = [pod("a"), pod("a", "default"), pod("b")]
    lab = Lab(virtual_service(), pods, {"a": [NEW], "b": [NEW]})

    def titles(**settings):
        outcome = lab.wait(proxy_filter=ProxyFilter(**settings), timeout=0)
        return [f"{x['namespace']}/{x['name']}" for x in outcome.proxies]

    assert titles(namespaces=("shop",)) == ["shop/a", "shop/b"]
    assert titles(pods=("a",)) == ["default/a", "shop/a"]
    assert titles(pods=("default/a",)) == ["default/a"]
    lab.facts.selected = {"shop/b"}
    assert titles() == ["shop/b"]
    assert lab.wait(proxy_filter=ProxyFilter(namespaces=("default",)), timeout=60).problem == (
        "VirtualService shop/catalog reaches no proxy: 3 proxies need it, but namespaces, pods and label_selector "
        "exclude all of them"
    )


def test_a_rule_that_does_not_exist_is_unmet():
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW]}, live=False)
    outcome = lab.wait(timeout=0)
    assert outcome.unmet == ["VirtualService shop/catalog does not exist"]
    assert lab.read == []
    assert failure_message(outcome, outcome.unmet) == "VirtualService shop/catalog does not exist after 0 s"


def test_absent_waits_until_nothing_is_left():
    name = Rule("VirtualService", "shop", "catalog")
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW, NEW, OLD]}, live=False, known=name)
    outcome = lab.wait(present=False, timeout=10)
    assert outcome.met
    assert len(lab.read) == 3
    lab = Lab(virtual_service(), [pod("a")], {"a": [NEW]}, known=name)
    outcome = lab.wait(present=False, timeout=0)
    assert outcome.unmet == ["VirtualService shop/catalog still exists"]
    assert failure_message(outcome, []).splitlines() == [
        "1 of 1 proxies still have VirtualService shop/catalog after 0 s:",
        "  shop/a: 1 route in 8080",
    ]


def test_absent_needs_the_definition_of_a_deleted_gateway():
    name = Rule("Gateway", "shop", "front")
    lab = Lab(gateway(), [GATEWAY_POD], {}, live=False, known=name)
    assert "set definition" in lab.wait(present=False, timeout=60).problem


def test_a_cluster_without_istio_is_reported():
    lab = Lab(virtual_service(), [], {})
    lab.facts.installed = False
    assert lab.wait(timeout=60).problem == "the cluster does not serve networking.istio.io: Istio is not installed"
