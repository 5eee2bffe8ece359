# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest
from install_fakes import (
    ADDED,
    GATEWAY,
    RENDERED,
    FakeCluster,
    FakeIstioctl,
    an_object,
    installed,
    istiod,
    present,
    reported,
    surplus,
    written_by,
)

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import ControlPlane
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.ownership import Installation

NAME, NAMESPACE = "install.operator.istio.io/owning-resource", "install.operator.istio.io/owning-resource-namespace"
PILOT = {"istio.io/rev": "default", "operator.istio.io/component": "Pilot"}
VALIDATOR = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
HOOKS = [{"name": "rev.validation.istio.io", "clientConfig": {"service": {"name": "istiod"}}}]


def rendered_in(namespace):
    """The objects of a control plane in a namespace, as istioctl renders them."""
    named = copy.deepcopy(RENDERED)
    for definition in named:
        if "namespace" in definition["metadata"]:
            definition["metadata"]["namespace"] = namespace
    named[1]["metadata"]["name"] = f"istio-sidecar-injector-{namespace}"
    base = {**PILOT, "operator.istio.io/component": "Base"}
    return [
        *named,
        an_object(*VALIDATOR, "istiod-default-validator", None, base, webhooks=HOOKS),
        an_object(*VALIDATOR, f"istio-validator-{namespace}", None, PILOT, webhooks=HOOKS),
        an_object("v1", "ServiceAccount", "istiod", namespace, PILOT),
        an_object("rbac.authorization.k8s.io/v1", "Role", "istiod", namespace, PILOT),
        an_object("rbac.authorization.k8s.io/v1", "ClusterRole", f"istiod-clusterrole-{namespace}", None, PILOT),
    ]


def first_control_plane(**labels):
    """A cluster with a control plane in istio-system; labels: replaces those of its objects, None removes one."""
    objects = [installed(x) for x in rendered_in("istio-system")]
    for definition in objects:
        changed = {**definition["metadata"]["labels"], **labels}
        definition["metadata"]["labels"] = {key: value for key, value in changed.items() if value}
    return FakeCluster(*objects)


@pytest.mark.parametrize("operator", [None, {"metadata": {"name": "second"}, "spec": {"profile": "minimal"}}])
def test_a_second_control_plane_removes_nothing_of_the_first(operator):
    cluster = first_control_plane()
    first = set(cluster.objects)
    istioctl = FakeIstioctl(cluster, rendered_in("second"))
    check = present(cluster, istioctl, True, namespace="second", operator=operator)
    assert {x.reason for x in check["differences"]} == {"is missing"}
    run = present(cluster, istioctl, namespace="second", operator=operator)
    assert reported(run) == reported(check)
    assert cluster.delete_requests == [] and first <= set(cluster.objects)
    assert [x for x in run["warnings"] if x.startswith("istio-system/istiod also has revision default")]


def test_objects_that_the_second_control_plane_no_longer_renders_are_removed():
    cluster = first_control_plane()
    istioctl = FakeIstioctl(cluster, rendered_in("second"))
    labels = {NAMESPACE: "second", "istio.io/rev": "default", "operator.istio.io/component": "EgressGateways"}
    gateway = an_object("v1", "Service", "istio-egressgateway", "second", {**ADDED, **labels})
    cluster.put(gateway)
    assert reported(present(cluster, istioctl, True, namespace="second"))[-1] == (
        "Service", "istio-egressgateway", "is no longer rendered",
    )  # fmt: skip


def test_objects_with_an_unclear_owner_are_refused_before_any_change():
    cluster = first_control_plane(**{NAME: None, NAMESPACE: None})
    istioctl = FakeIstioctl(cluster, rendered_in("second"))
    for check_mode in (True, False):
        with pytest.raises(InstallError, match=r"^revision default is also installed in another namespace") as caught:
            present(cluster, istioctl, check_mode, namespace="second")
    assert "ClusterRole istiod-clusterrole-istio-system" in str(caught.value)
    assert "ServiceAccount" not in str(caught.value)  # it is in the namespace of the other control plane
    assert istioctl.installs == [] and cluster.delete_requests == []
    named = {"metadata": {"name": "second"}, "spec": {}}
    assert present(cluster, istioctl, namespace="second", operator=named)["changed"]
    assert cluster.delete_requests == []


def test_gateways_from_an_operator_without_a_name_do_not_remove_the_control_plane():
    cluster = first_control_plane()
    gateway = copy.deepcopy(GATEWAY)
    gateway["metadata"]["name"] = "team-gateway"
    istioctl = FakeIstioctl(cluster, [gateway])
    for check_mode in (True, False):
        with pytest.raises(InstallError, match=r"^Deployment istio-system/istiod would be removed"):
            present(cluster, istioctl, check_mode, profile="empty")
    assert istioctl.installs == [] and cluster.delete_requests == []
    assert reported(present(cluster, istioctl, True, operator={"metadata": {"name": "team"}, "spec": {}})) == [
        ("Service", "team-gateway", "is missing")
    ]


HERE = ControlPlane("istio-system", "istiod", "default", "1.27.0")
THERE = ControlPlane("second", "istiod", "default", "1.27.0")


@pytest.mark.parametrize(
    ("labels", "name", "planes", "owned"),
    [
        ({}, "", [HERE, THERE], True),
        ({NAME: None}, "", [HERE], True),
        ({NAME: "installed-state"}, "", [HERE], True),
        ({NAME: "installed-state-default"}, "", [HERE], True),
        ({NAME: "installed-state-mine"}, "mine", [HERE], True),
        ({NAME: "installed-state-mine-default"}, "mine", [HERE], True),
        ({NAME: "mine"}, "mine", [HERE], True),
        ({NAME: "mine"}, "", [HERE], False),
        ({}, "mine", [HERE], False),
        ({NAMESPACE: "second"}, "", [HERE], False),
        ({NAMESPACE: None}, "", [HERE], True),
        ({NAMESPACE: None}, "", [HERE, THERE], True),  # it is in istio-system
        ({"istio.io/rev": "canary"}, "", [HERE], False),
        ({NAME: "installed-state-canary"}, "", [HERE], False),
        ({"operator.istio.io/component": "Base"}, "", [HERE], False),
        ({"operator.istio.io/managed": None}, "", [HERE], False),
        ({"install.operator.istio.io/owning-resource-not-pruned": "true"}, "", [HERE], False),
        ({"istio.io/tag": "prod"}, "", [HERE], False),
    ],
)
def test_revision_name_and_namespace_decide_what_an_installation_owns(labels, name, planes, owned):
    assert Installation("default", name, "istio-system").owns(surplus(**labels), planes) is owned


def test_an_installation_does_not_own_copies_with_its_labels():
    copied = written_by(surplus(), "kubectl-create")
    assert Installation("default", "", "istio-system").owns(copied, [HERE]) is False


def test_the_only_installation_owns_objects_without_an_owner():
    role = an_object("rbac.authorization.k8s.io/v1", "ClusterRole", "istiod-old", None, {**PILOT, **ADDED})
    del role["metadata"]["labels"][NAMESPACE]
    assert Installation("default", "", "istio-system").owns(role, [HERE]) is True
    assert Installation("default", "", "istio-system").owns(role, [HERE, THERE]) is None
    assert istiod()["metadata"]["namespace"] == HERE.namespace


def gateway(name, revision):
    labels = {"istio.io/rev": revision, "operator.istio.io/component": "IngressGateways"}
    return an_object("v1", "Service", name, "istio-system", labels)


@pytest.mark.parametrize("place", ["operator", "set", "option"])
def test_a_gateway_of_another_revision_is_not_pruned_wherever_the_revision_is_given(place):
    cluster = FakeCluster(installed(istiod()), installed(gateway("gw-a", "default")))
    spec = {"profile": "empty", **({"revision": "canary"} if place == "operator" else {})}
    given = {"set": {"set": {"revision": "canary"}}, "option": {"revision": "canary"}}.get(place, {})
    istioctl = FakeIstioctl(cluster, rendered=[gateway("gw-b", "canary")])
    result = present(cluster, istioctl, True, operator={"spec": spec}, **given)
    assert result["revision"] == "canary"
    assert [x.key[2] for x in result["differences"]] == ["gw-b"]


@pytest.mark.parametrize("labels", [{"app": "istiod"}, {**PILOT, "app": "istiod"}])
def test_the_validator_of_the_default_tag_is_not_pruned(labels):
    plane, validator = istiod(), an_object(*VALIDATOR, "istiod-default-validator", None, labels, webhooks=HOOKS)
    cluster = FakeCluster(installed(plane), validator)
    result = present(cluster, FakeIstioctl(cluster, rendered=[plane]), True)
    assert [x.key[2] for x in result["differences"] if x.surplus] == []


def test_objects_of_helm_are_not_overwritten():
    theirs = installed(istiod())
    theirs["metadata"]["annotations"] = {"meta.helm.sh/release-name": "istiod"}
    cluster = FakeCluster(theirs)
    with pytest.raises(InstallError, match=r"Helm installed Deployment istio-system/istiod: .*Nothing was changed"):
        present(cluster, FakeIstioctl(cluster, rendered=[istiod()]))
