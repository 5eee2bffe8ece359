# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a webhook injects a workload."""

from __future__ import annotations

import pytest
from injection_fakes import ENABLED, NEW, OLD, make_workload, only

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import rule, workload
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy


@pytest.mark.parametrize(
    ("labels", "annotations", "version", "expected"),
    [
        ({}, {}, NEW, False),
        ({}, {workload.INJECT: "false"}, NEW, True),
        ({workload.INJECT: "false"}, {workload.INJECT: "true"}, NEW, True),  # the label wins since 1.16
        ({workload.INJECT: "true"}, {workload.INJECT: "false"}, NEW, False),
        ({workload.INJECT: "false"}, {}, "1.15.0", False),
        ({}, {workload.INJECT: "no"}, "1.26.0", True),
        ({}, {workload.INJECT: "no"}, NEW, False),  # only true and false since 1.27
        ({}, {workload.INJECT: "Yes"}, OLD, False),
        ({}, {workload.INJECT: ""}, OLD, False),
    ],
)
def test_opted_out(labels, annotations, version, expected):
    assert rule.opted_out(only(make_workload(labels=labels, annotations=annotations)), version) is expected


@pytest.mark.parametrize(
    ("labels", "pod", "version", "reason"),
    [
        (None, {}, NEW, None),
        ({}, {}, NEW, None),
        (ENABLED, {}, NEW, "namespace lab is labeled istio-injection=enabled"),
        (ENABLED, {}, OLD, "namespace lab is labeled istio-injection=enabled"),
        ({"istio.io/rev": "canary"}, {}, NEW, "namespace lab is labeled istio.io/rev=canary"),
        ({"istio-injection": "disabled", "istio.io/rev": "canary"}, {}, NEW, None),
        ({**ENABLED, "istio.io/rev": "canary"}, {}, NEW, "namespace lab is labeled istio-injection=enabled"),
        ({"istio.io/rev": ""}, {}, NEW, None),
        ({"istio-injection": "disabled"}, {"labels": {workload.INJECT: "true"}}, NEW, None),
        ({}, {"labels": {workload.INJECT: "true"}}, NEW, "the pods are labeled sidecar.istio.io/inject=true"),
        ({}, {"labels": {workload.INJECT: "true"}}, OLD, None),
        ({}, {"labels": {"istio.io/rev": "canary"}}, NEW, "the pods are labeled istio.io/rev=canary"),
        (ENABLED, {"labels": {workload.INJECT: "false"}}, NEW, None),
        (ENABLED, {"labels": {workload.INJECT: "false"}}, "1.10.0", None),
        (ENABLED, {"labels": {workload.INJECT: "false"}}, OLD, "namespace lab is labeled istio-injection=enabled"),
        (ENABLED, {"annotations": {workload.INJECT: "false"}}, OLD, None),
        (ENABLED, {"hostNetwork": True}, NEW, None),
    ],
)
def test_labels_decide_without_webhooks(labels, pod, version, reason):
    decision = rule.decide(only(make_workload(**pod), "lab"), labels, version)
    assert (decision.injected, decision.decided_by) == (bool(reason), "labels")
    assert decision.reason == reason or not reason


def hook(namespaces=None, pods=None, name="istio-sidecar-injector"):
    """The configuration of an injector with one webhook with these selectors."""
    return {"metadata": {"name": name}, "webhooks": [{"namespaceSelector": namespaces, "objectSelector": pods}]}


def expression(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


LABELED = hook({"matchLabels": ENABLED}, expression(workload.INJECT, "NotIn", "false"))
CANARY = hook(expression("istio.io/rev", "In", "canary"), name="canary")
NEVER = hook({"matchLabels": {"istio.io/deactivated": "never-match"}})
# enableNamespacesByDefault
AUTO = hook(expression("istio-injection", "DoesNotExist"), expression(workload.INJECT, "DoesNotExist"), name="auto")
BY_POD = hook(expression("istio-injection", "DoesNotExist"), {"matchLabels": {workload.INJECT: "true"}}, name="by-pod")


@pytest.mark.parametrize(
    ("labels", "webhooks", "reason"),
    [
        (ENABLED, [LABELED], "namespace lab is labeled istio-injection=enabled"),
        ({}, [LABELED, CANARY], None),
        ({}, [AUTO], "webhook auto selects the pods"),
        ({"istio-injection": "disabled"}, [AUTO], None),
        ({"istio.io/rev": "canary"}, [LABELED, CANARY], "namespace lab is labeled istio.io/rev=canary"),
        ({"istio.io/rev": "typo"}, [LABELED, CANARY], None),  # no such revision or tag
        (ENABLED, [CANARY], None),  # no default tag
        (ENABLED, [NEVER], None),
        (ENABLED, [], None),
        (ENABLED, None, "namespace lab is labeled istio-injection=enabled"),
        ({"istio.io/rev": "typo"}, None, "namespace lab is labeled istio.io/rev=typo"),
    ],
)
def test_webhooks_decide_if_known(labels, webhooks, reason):
    decision = rule.decide(only(make_workload(), "lab"), labels, NEW, webhooks)
    assert decision.injected is (reason is not None)
    assert decision.decided_by == ("labels" if webhooks is None else "webhooks")
    assert decision.reason == reason or not decision.injected


def test_label_that_no_webhook_serves_is_named():
    decision = rule.decide(only(make_workload(), "lab"), {"istio.io/rev": "typo"}, NEW, [LABELED])
    assert decision.reason == "no webhook selects the pods, although namespace lab is labeled istio.io/rev=typo"
    assert not decision.excluded


def test_webhook_selects_a_namespace_by_its_name():
    by_name = hook({"matchLabels": {"kubernetes.io/metadata.name": "lab"}})
    decisions = [rule.decide(only(make_workload(), name), {}, NEW, [by_name]).injected for name in ("lab", "other")]
    assert decisions == [True, False]


@pytest.mark.parametrize("webhooks", [None, [LABELED]])
@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"])
def test_injectors_ignore_system_namespaces(namespace, webhooks):
    decision = rule.decide(only(make_workload(), namespace), ENABLED, NEW, webhooks)
    assert not decision.injected and decision.excluded
    assert decision.reason == f"istiod never injects in namespace {namespace}"


@pytest.mark.parametrize(
    ("pod", "version", "injected"),
    [
        ({}, NEW, True),
        ({"hostNetwork": True}, NEW, False),
        ({"annotations": {workload.INJECT: "false"}}, NEW, False),
        ({"annotations": {workload.INJECT: "no"}}, NEW, True),  # an invalid value since 1.27: the policy decides
        ({"annotations": {workload.INJECT: "no"}}, "1.26.0", False),
        ({"labels": {workload.INJECT: "true"}, "annotations": {workload.INJECT: "false"}}, NEW, True),
        ({"labels": {workload.INJECT: "true"}, "annotations": {workload.INJECT: "false"}}, "1.15.0", False),
    ],
)
def test_opt_out_depends_on_the_release(pod, version, injected):
    decision = rule.decide(only(make_workload(**pod), "lab"), ENABLED, version, [LABELED])
    assert (decision.injected, decision.excluded) == (injected, not injected)
    alone = rule.decide(only(make_workload(**pod), "lab"), {}, version, [BY_POD])
    assert alone.injected is (injected and "labels" in pod)


CANARY_REVISION = {**CANARY, "metadata": {"name": "canary", "labels": {"istio.io/rev": "canary"}}}
OFF = "the injection policy of the control plane is disabled, although "


@pytest.mark.parametrize(
    ("labels", "webhooks", "reason"),
    [
        (ENABLED, [LABELED], f"{OFF}namespace lab is labeled istio-injection=enabled"),
        (ENABLED, None, f"{OFF}namespace lab is labeled istio-injection=enabled"),
        ({"istio.io/rev": "canary"}, [LABELED, CANARY_REVISION], ""),  # of another revision
        ({"istio.io/rev": "canary"}, None, ""),
        ({}, [LABELED], ""),
    ],
)
def test_policy_of_the_selected_revision_decides(labels, webhooks, reason):
    policies = {"default": Policy("disabled")}
    decision = rule.decide(only(make_workload(), "lab"), labels, NEW, webhooks, policies)
    assert decision.excluded is bool(reason)
    assert decision.reason == reason or not reason
    assert decision.injected is (bool(labels) and not reason)


def test_pod_that_requests_injection_overrides_the_policy():
    policies = {"default": Policy("disabled")}
    for pod in ({"annotations": {workload.INJECT: "true"}}, {"labels": {workload.INJECT: "true"}}):
        assert rule.decide(only(make_workload(**pod), "lab"), ENABLED, NEW, [LABELED], policies).injected
    # Before 1.16, the injector does not read the label.
    labeled = only(make_workload(labels={workload.INJECT: "true"}), "lab")
    assert not rule.decide(labeled, ENABLED, "1.15.0", [LABELED], policies).injected


def test_canary_policy_is_that_of_its_webhook():
    policies = {"canary": Policy(never=({"matchLabels": {"app": "web"}},))}
    web = only(make_workload(labels={"app": "web"}), "lab")
    decision = rule.decide(web, {"istio.io/rev": "canary"}, NEW, [CANARY_REVISION], policies)
    assert not decision.injected and decision.reason.startswith("the neverInjectSelector of the control plane matches")
