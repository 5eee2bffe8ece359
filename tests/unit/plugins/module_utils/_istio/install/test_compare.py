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
    reported,
    surplus,
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


def test_replicas_set_by_an_autoscaler_do_not_differ():
    cluster = lab(istiod=installed(scaled_istiod(3)), scaler=installed(scaler_of("istiod")))
    assert reported(present(cluster, FakeIstioctl(cluster, [*RENDERED, scaler_of("istiod")]), True)) == []
    cluster.answers["istiod"] = installed(istiod())
    assert reported(present(cluster, FakeIstioctl(cluster), True))[0] == (
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
def test_a_deployment_scaled_to_zero_differs_unless_it_is_rendered_with_zero(rendered, scaler, replicas):
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


def test_a_changed_type_is_reported():
    service = installed(GATEWAY)
    service["spec"]["type"] = "LoadBalancer"
    result = present(lab(**{"istio-ingressgateway": service}), check_mode=True)
    assert reported(result) == [("Service", "istio-ingressgateway", "differs in spec.type")]
    shown = result["differences"][0].diff()
    assert "type: LoadBalancer" in shown["before"] and "type: NodePort" in shown["after"]
    assert shown["before_header"] == "Service/istio-system/istio-ingressgateway"
    changed = {x.strip() for x in set(shown["before"].splitlines()) ^ set(shown["after"].splitlines())}
    assert changed == {"type: LoadBalancer", "type: NodePort"}


def test_an_additional_annotation_is_not_a_difference():
    service = installed(GATEWAY)
    service["metadata"]["annotations"] = {"example.com/note": "mine"}
    service["spec"]["sessionAffinity"] = "None"
    cluster = lab(**{"istio-ingressgateway": service})
    assert reported(present(cluster, check_mode=True)) == [] and cluster.applied == []


def test_a_value_that_is_no_longer_rendered_is_decided_by_a_dry_run():
    old = istiod()
    old["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "OLD", "value": "1"})
    live = installed(old)
    cluster = lab(istiod=live)
    cluster.answers["istiod"] = installed(istiod())
    reason = "differs in spec.template.spec.containers[discovery].env[OLD]"
    assert reported(present(cluster, check_mode=True)) == [("Deployment", "istiod", reason)]
    assert cluster.applied == ["istiod"]


def test_quantities_in_another_format_are_decided_by_a_dry_run():
    live = installed(istiod())
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "0.01"
    cluster = lab(istiod=live)
    cluster.answers["istiod"] = live
    assert reported(present(cluster, check_mode=True)) == [] and cluster.applied == ["istiod"]


def test_fields_of_webhooks_that_istiod_and_tags_rewrite_do_not_differ():
    injector = installed(INJECTOR)
    injector["webhooks"][0].update(failurePolicy="Ignore", objectSelector={"matchLabels": {"a": "b"}})
    cluster = lab(**{"istio-sidecar-injector": injector})
    assert reported(present(cluster, check_mode=True)) == [] and cluster.applied == []
    injector["webhooks"][0]["clientConfig"]["service"]["name"] = "elsewhere"
    cluster = lab(**{"istio-sidecar-injector": injector})
    cluster.answers["istio-sidecar-injector"] = installed(INJECTOR)
    reason = "differs in webhooks[namespace.sidecar-injector.istio.io].clientConfig.service.name"
    assert reported(present(cluster, check_mode=True)) == [
        ("MutatingWebhookConfiguration", "istio-sidecar-injector", reason)
    ]


def test_a_missing_default_tag_is_reported_if_an_injector_is_deactivated():
    injector = installed(INJECTOR)
    injector["webhooks"][0]["namespaceSelector"] = {"matchLabels": {"istio.io/deactivated": "never-match"}}
    cluster = lab(**{"istio-sidecar-injector": injector})
    missing = [
        ("MutatingWebhookConfiguration", "istio-revision-tag-default", "is missing"),
        ("ValidatingWebhookConfiguration", "istiod-default-validator", "is missing"),
    ]
    assert reported(present(cluster, check_mode=True)) == missing
    for kind, name, _reason in missing:
        metadata = {"name": name, "labels": {"istio.io/tag": "default"}}
        cluster.put({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata})
    assert reported(present(cluster, check_mode=True)) == []


def test_a_rejected_dry_run_is_a_difference_with_its_reason():
    service = installed(GATEWAY)
    service["spec"]["ports"][0]["nodePort"] = 31000
    cluster = lab(**{"istio-ingressgateway": service})
    cluster.answers["istio-ingressgateway"] = Refusal(
        "422", "spec.ports[0].nodePort: provided port is already allocated"
    )
    reason = reported(present(cluster, check_mode=True))[0][2]
    assert reason.endswith("rejects the rendered object: spec.ports[0].nodePort: provided port is already allocated")


def test_ports_get_a_protocol_for_an_api_server_that_requires_it():
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
    reason = reported(present(cluster, check_mode=True))[0][2]
    assert reason.startswith("differs in spec.ports") and tried == [[None] * len(tried[0]), ["TCP"] * len(tried[0])]


def test_ports_of_a_pod_get_a_protocol_in_a_copy():
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
def test_objects_of_other_owners_are_not_surplus(labels):
    assert reported(present(lab(other=surplus(**labels)), check_mode=True)) == []


@given(VALUES)
def test_an_applied_object_fits_itself(value):
    assert subject._within(value, value)
