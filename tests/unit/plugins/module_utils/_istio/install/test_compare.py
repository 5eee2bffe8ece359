# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from install_fakes import (
    DEFINITION,
    GATEWAY,
    INJECTOR,
    LABELS,
    RENDERED,
    FakeIstioctl,
    installed,
    istiod,
    lab,
    present,
    surplus,
    told,
)

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import compare as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Refusal

VALUES = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", "y"]), below, max_size=3),
    max_leaves=8,
)


def scaler_of(name, **spec):
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": "istio-system", "labels": LABELS},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": name}, **spec},
    }


def scaled_istiod(replicas):
    """An istiod; replicas: None to leave the number out."""
    deployment = istiod()
    deployment["spec"].update({"replicas": replicas} if replicas is not None else {})
    if replicas is None:
        del deployment["spec"]["replicas"]
    return deployment


def test_an_autoscaler_sets_the_replicas():
    cluster = lab(istiod=installed(scaled_istiod(3)), scaler=installed(scaler_of("istiod")))
    assert told(present(cluster, FakeIstioctl(cluster, [*RENDERED, scaler_of("istiod")]), True)) == []
    cluster.answers["istiod"] = installed(istiod())
    assert told(present(cluster, FakeIstioctl(cluster), True))[0] == (
        "Deployment",
        "istiod",
        "differs in spec.replicas",
    )


@pytest.mark.parametrize(
    ("rendered", "scaler", "replicas"),
    [
        (None, {}, 1),
        (None, {"minReplicas": 2}, 2),
        (1, {"minReplicas": 2}, 2),
        (None, None, 1),
        (0, None, None),
        (None, {"minReplicas": 0}, None),
    ],
)
def test_a_deployment_that_is_scaled_to_zero_differs_unless_it_is_rendered_so(rendered, scaler, replicas):
    scalers = [] if scaler is None else [scaler_of("istiod", **scaler)]
    live = installed(scaled_istiod(rendered))
    live["spec"]["replicas"] = 0
    cluster = lab(istiod=live, **{x["kind"]: installed(x) for x in scalers})
    documents = [DEFINITION, INJECTOR, scaled_istiod(rendered), GATEWAY, *scalers]
    differences = present(cluster, FakeIstioctl(cluster, documents), True)["differences"]
    assert [(x.key[2], x.reason, x.replicas) for x in differences] == (
        [("istiod", "is scaled to 0 replicas", replicas)] if replicas else []
    )
    if replicas:
        shown = differences[0].diff()
        assert "replicas: 0" in shown["before"] and f"replicas: {replicas}" in shown["after"]


def test_a_patched_type_is_seen_and_named():
    service = installed(GATEWAY)
    service["spec"]["type"] = "LoadBalancer"
    result = present(lab(**{"istio-ingressgateway": service}), check_mode=True)
    assert told(result) == [("Service", "istio-ingressgateway", "differs in spec.type")]
    shown = result["differences"][0].diff()
    assert "type: LoadBalancer" in shown["before"] and "type: NodePort" in shown["after"]
    assert shown["before_header"] == "Service/istio-system/istio-ingressgateway"
    changed = {x.strip() for x in set(shown["before"].splitlines()) ^ set(shown["after"].splitlines())}
    assert changed == {"type: LoadBalancer", "type: NodePort"}


def test_an_annotation_of_somebody_else_is_no_difference():
    service = installed(GATEWAY)
    service["metadata"]["annotations"] = {"example.com/note": "mine"}
    service["spec"]["sessionAffinity"] = "None"
    cluster = lab(**{"istio-ingressgateway": service})
    assert told(present(cluster, check_mode=True)) == [] and cluster.applied == []


def test_a_value_that_is_no_longer_rendered_asks_the_api_server():
    old = istiod()
    old["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "OLD", "value": "1"})
    live = installed(old)
    cluster = lab(istiod=live)
    cluster.answers["istiod"] = installed(istiod())
    what = "differs in spec.template.spec.containers[discovery].env[OLD]"
    assert told(present(cluster, check_mode=True)) == [("Deployment", "istiod", what)]
    assert cluster.applied == ["istiod"]


def test_quantities_that_are_written_otherwise_are_left_to_the_api_server():
    live = installed(istiod())
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "0.01"
    cluster = lab(istiod=live)
    cluster.answers["istiod"] = live
    assert told(present(cluster, check_mode=True)) == [] and cluster.applied == ["istiod"]


def test_webhooks_may_be_rewritten_by_istiod_and_by_a_tag():
    injector = installed(INJECTOR)
    injector["webhooks"][0].update(failurePolicy="Ignore", objectSelector={"matchLabels": {"a": "b"}})
    cluster = lab(**{"istio-sidecar-injector": injector})
    assert told(present(cluster, check_mode=True)) == [] and cluster.applied == []
    injector["webhooks"][0]["clientConfig"]["service"]["name"] = "elsewhere"
    cluster = lab(**{"istio-sidecar-injector": injector})
    cluster.answers["istio-sidecar-injector"] = installed(INJECTOR)
    what = "differs in webhooks[namespace.sidecar-injector.istio.io].clientConfig.service.name"
    assert told(present(cluster, check_mode=True)) == [("MutatingWebhookConfiguration", "istio-sidecar-injector", what)]


def test_the_tag_that_an_injector_stepped_back_for_is_missed():
    injector = installed(INJECTOR)
    injector["webhooks"][0]["namespaceSelector"] = {"matchLabels": {"istio.io/deactivated": "never-match"}}
    cluster = lab(**{"istio-sidecar-injector": injector})
    missed = [
        ("MutatingWebhookConfiguration", "istio-revision-tag-default", "is missing"),
        ("ValidatingWebhookConfiguration", "istiod-default-validator", "is missing"),
    ]
    assert told(present(cluster, check_mode=True)) == missed
    for kind, name, _what in missed:
        metadata = {"name": name, "labels": {"istio.io/tag": "default"}}
        cluster.put({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata})
    assert told(present(cluster, check_mode=True)) == []


def test_a_refused_dry_run_is_a_difference_with_the_reason():
    service = installed(GATEWAY)
    service["spec"]["ports"][0]["nodePort"] = 31000
    cluster = lab(**{"istio-ingressgateway": service})
    cluster.answers["istio-ingressgateway"] = Refusal(
        "422", "spec.ports[0].nodePort: provided port is already allocated"
    )
    what = told(present(cluster, check_mode=True))[0][2]
    assert what.endswith("rejects what is rendered: spec.ports[0].nodePort: provided port is already allocated")


def test_ports_without_a_protocol_are_named_one_for_an_api_server_that_asks_for_it():
    service = installed(GATEWAY)
    service["spec"]["ports"][0]["nodePort"] = 31000
    cluster, tried = lab(**{"istio-ingressgateway": service}), []
    dry_run = cluster.dry_run_apply

    def old(path, text, manager):
        tried.append([x.get("protocol") for x in yaml.safe_load(text)["spec"]["ports"]])
        if None in tried[-1]:
            reason = ".spec.ports: element 0: associative list with keys has an element that omits key field"
            raise Refusal("500", f'failed to create typed patch object: {reason} "protocol"')
        return dry_run(path, text, manager)

    cluster.dry_run_apply = old
    what = told(present(cluster, check_mode=True))[0][2]
    assert what.startswith("differs in spec.ports") and tried == [[None] * len(tried[0]), ["TCP"] * len(tried[0])]


def test_a_pods_ports_are_named_a_protocol_too_and_the_object_stays_as_it_is():
    pod = {"initContainers": [{"name": "a"}], "containers": [{"name": "b", "ports": [{"containerPort": 1}]}]}
    pod["containers"].append({"name": "c", "ports": [{"containerPort": 2, "protocol": "UDP"}]})
    whole = {"kind": "Deployment", "spec": {"template": {"spec": pod}}}
    before = copy.deepcopy(whole)
    named = subject.with_protocols(whole)["spec"]["template"]["spec"]["containers"]
    assert [x["ports"][0]["protocol"] for x in named] == ["TCP", "UDP"]
    assert whole == before and subject.with_protocols({"kind": "ConfigMap"}) == {"kind": "ConfigMap"}


@pytest.mark.parametrize(
    "labels",
    [
        {"istio.io/rev": "canary"},
        {"install.operator.istio.io/owning-resource": "gateways-of-another-team"},
        {"install.operator.istio.io/owning-resource-not-pruned": "true"},
        {"istio.io/tag": "prod"},
        {"operator.istio.io/component": "Base"},
        {"operator.istio.io/managed": None},
        {"operator.istio.io/component": None},
    ],
)
def test_what_belongs_to_others_stays(labels):
    assert told(present(lab(other=surplus(**labels)), check_mode=True)) == []


@given(VALUES)
def test_what_somebody_applied_fits_himself(value):
    assert subject._within(value, value)
