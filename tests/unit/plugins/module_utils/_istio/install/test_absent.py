# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from unittest.mock import Mock

import pytest
from install_fakes import (
    GATEWAY,
    PARAMS,
    RENDERED,
    FakeCluster,
    an_object,
    installed,
    istiod,
    surplus,
    told,
)

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import absent as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import key_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
CERTIFICATE = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "istio-ca-root-cert", "namespace": "default", "labels": {"istio.io/config": "true"}},
}


LEADER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "istio-leader",
        "namespace": "istio-system",
        "annotations": {LEADER_ANNOTATION: "{}"},
    },
}


KEY = {
    "apiVersion": "v1",
    "kind": "Secret",
    "type": "istio.io/ca-root",
    "metadata": {"name": "istio-ca-secret", "namespace": "istio-system"},
}


THEIRS = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "namespace": "istio-system"}}


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}


RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "bookinfo", "namespace": "default"},
}


UNLABELLED = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "istiod-default-validator", "labels": {"app": "istiod"}},
    "webhooks": [{"name": "validation.istio.io"}],
}


OTHERS = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "not-ours"},
    "webhooks": [{"name": "validate.example.com"}],
}


def whole(*more):
    left = (CERTIFICATE, LEADER, KEY, THEIRS, NAMESPACE, RULE, UNLABELLED, OTHERS)
    return FakeCluster(*map(installed, RENDERED), *left, *more)


def absent(cluster, check_mode=False, **params):
    return subject.absent({**PARAMS, **params}, cluster, check_mode)


def test_absent_takes_what_istioctl_and_istiod_made_and_keeps_what_is_asked_to_stay():
    cluster = whole()
    check = absent(cluster, True)
    assert cluster.deleted == []
    result = absent(cluster)
    assert told(result) == told(check) and check["changed"] and result["changed"]
    assert (check["installed"], check["version"]) == (True, "1.27.0")
    assert (result["installed"], result["version"], result["revision"]) == (False, None, None)
    assert cluster.deleted == [
        "istio-sidecar-injector", "istiod-default-validator", "istiod", "istio-ingressgateway",
        "istio-ca-root-cert", "istio-leader", "istio-ca-secret",
    ]  # fmt: skip
    kept = {x["metadata"]["name"] for x in cluster.objects.values()}
    assert kept == {"virtualservices.networking.istio.io", "bookinfo", "istio-system", "mine", "not-ours"}
    assert not absent(cluster)["changed"] and not absent(cluster, True)["changed"]


def test_absent_takes_definitions_and_namespace_if_asked_and_says_what_goes_with_them():
    cluster = whole()
    result = absent(cluster, remove_crds=True, remove_namespace=True)
    assert ("VirtualService", "bookinfo", "is removed with its CustomResourceDefinition") in told(result)
    assert cluster.deleted[-2:] == ["virtualservices.networking.istio.io", "istio-system"]
    assert result["objects"] == len(result["differences"]) == 10
    # The custom objects go with their definition on a real cluster.
    cluster.delete(cluster.path(RULE))
    assert not absent(cluster, remove_crds=True, remove_namespace=True)["changed"]


def test_absent_where_nothing_is_changes_nothing():
    result = absent(FakeCluster(OTHERS, THEIRS))
    assert not result["changed"] and result["differences"] == [] and result["version"] is None


def test_an_unknown_revision_changes_nothing():
    cluster = whole()
    assert not absent(cluster, revision="canary", remove_crds=True, remove_namespace=True)["changed"]
    assert cluster.deleted == []


def test_one_of_two_revisions_leaves_the_other_and_what_they_share():
    base = surplus("istio-reader", **{"operator.istio.io/component": "Base", "istio.io/rev": "canary"})
    cluster = whole(installed(istiod(revision="canary")), base)
    result = absent(cluster, revision="canary", remove_crds=True, remove_namespace=True)
    assert cluster.deleted == ["istiod-canary"]
    assert result["warnings"] == ["objects that all revisions share are kept, because of revision default"]
    result = absent(cluster, revision="default", remove_namespace=True)
    assert "istio-reader" in cluster.deleted and "istio-system" in cluster.deleted and result["warnings"] == []


def test_a_namespace_of_the_cluster_itself_is_never_removed():
    with pytest.raises(InstallError, match="namespace default is never removed"):
        absent(whole(), namespace="default", remove_namespace=True)


def test_what_helm_installed_is_left_to_helm():
    deployment = installed(istiod())
    deployment["metadata"]["annotations"] = {"meta.helm.sh/release-name": "istiod"}
    cluster = FakeCluster(deployment)
    with pytest.raises(InstallError, match="Helm installed Istio here: uninstall istiod with it"):
        absent(cluster)
    assert cluster.deleted == []


def test_what_does_not_go_in_time_is_named_with_the_reason():
    cluster = whole()
    conditions = [
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "no"},
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers remaining"},
    ]
    stuck = {**NAMESPACE, "status": {"phase": "Terminating", "conditions": conditions}}
    cluster.put(stuck)
    delete = cluster.delete
    cluster.delete = lambda path: None if path.endswith("/namespaces/istio-system") else delete(path)
    message = "timed out waiting for the deletion of Namespace istio-system Some content has finalizers remaining"
    check = absent(cluster, True, remove_namespace=True)
    with pytest.raises(InstallError, match=message) as caught:
        absent(cluster, remove_namespace=True, timeout=-1)
    assert caught.value.result["changed"] and told(caught.value.result) == told(check)
    with pytest.raises(InstallError, match=message) as caught:  # as it was stuck before
        absent(cluster, remove_namespace=True, timeout=-1)
    assert not caught.value.result["changed"]


COMPONENT = "operator.istio.io/component"
ISTIO_LABELS = {"operator.istio.io/managed": "Reconcile", "istio.io/rev": "default"}
LOCKS = [
    an_object("v1", "ConfigMap", "istio-namespace-controller-election", "infra", None, {LEADER_ANNOTATION: "{}"}),
    an_object("coordination.k8s.io/v1", "Lease", "istio-gateway-deployment-default", "infra"),
    an_object("coordination.k8s.io/v1", "Lease", "istio-status-leader", "infra"),
    an_object("install.istio.io/v1alpha1", "IstioOperator", "installed-state", "infra"),
    an_object("v1", "ConfigMap", "istio-ca-root-cert", "shop", {"istio.io/config": "true"}),
    an_object("v1", "Secret", "istio-ca-secret", "infra", type="istio.io/ca-root"),
]
VALIDATOR = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
FOREIGN = [
    an_object("v1", "ConfigMap", "ingress-controller-leader", "infra", None, {LEADER_ANNOTATION: "{}"}),
    an_object("v1", "ConfigMap", "istio-leader-of-team-a", "infra", None, {LEADER_ANNOTATION: "{}"}),
    an_object("v1", "ConfigMap", "istio-status-leader", "infra"),
    an_object("coordination.k8s.io/v1", "Lease", "istio-cert-rotator-of-team-a", "infra"),
    an_object("coordination.k8s.io/v1", "Lease", "istio-leader", "shop"),
    an_object("v1", "ConfigMap", "team-settings", "shop", {"istio.io/config": "true"}),
    an_object("v1", "ConfigMap", "labeled", "shop", {COMPONENT: "anything"}),
    an_object("networking.istio.io/v1", "Gateway", "user-gw", "shop", {COMPONENT: "IngressGateways"}),
    an_object("v1", "Secret", "cacerts", "infra", type="Opaque"),
    an_object("v1", "Secret", "another", "infra", type="istio.io/ca-root"),
    an_object("install.istio.io/v1alpha1", "IstioOperator", "of-a-user", "infra"),
    {
        **an_object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "acme-policy"),
        "webhooks": [{"name": "validate.acme.istio.io"}, {"name": "pods.acme.example"}],
    },
    {
        **an_object(
            "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "acme", None, {"app": "istiod"}
        ),
        "webhooks": [{"name": "validation.istio.io"}],
    },
]


def in_infra(definition):
    definition = copy.deepcopy(definition)
    if "namespace" in definition["metadata"]:
        definition["metadata"]["namespace"] = "infra"
    return definition


def paths(cluster):
    return sorted(cluster.objects)


def test_objects_of_others_stay_also_where_they_look_like_istios():
    cluster = FakeCluster(*[in_infra(installed(x)) for x in RENDERED[1:]], *LOCKS, *FOREIGN)
    result = absent(cluster, namespace="infra")
    assert paths(cluster) == sorted(map(cluster.path, FOREIGN))
    assert result["warnings"] == [
        "not removed, because istioctl did not install it: ValidatingWebhookConfiguration acme; "
        "Gateway shop/user-gw; ConfigMap shop/labeled"
    ]


@pytest.mark.parametrize(
    "params",
    [{}, {"revision": "default"}, {"revision": "canary"}, {"remove_crds": True}, {"remove_namespace": True}],
)
def test_check_mode_lists_exactly_what_a_run_deletes(params):
    more = {} if params.get("remove_crds") else {"other": installed(istiod(revision="canary"))}
    objects = [in_infra(installed(x)) for x in RENDERED] + [in_infra(x) for x in more.values()]
    # With the webhooks of another control plane, remove_crds is refused.
    foreign = [x for x in FOREIGN if x["metadata"]["name"] != "acme"]
    objects += [*LOCKS, *foreign, RULE, an_object("v1", "Namespace", "infra")]
    cluster = FakeCluster(*objects)
    found = {key_of(x): cluster.path(x) for x in objects}
    check = absent(cluster, True, namespace="infra", **params)
    assert cluster.delete_requests == []
    planned = [x for x in check["differences"] if x.reason != "is removed with its CustomResourceDefinition"]
    run = absent(cluster, namespace="infra", **params)
    assert [found[x.key] for x in planned] == cluster.delete_requests != []
    assert told(run) == told(check)


def test_a_revision_whose_istiod_is_in_another_cluster_keeps_its_objects():
    hooks = [{"name": "namespace.sidecar-injector.istio.io", "clientConfig": {"url": "https://istiod.example/inject"}}]
    labels = {**ISTIO_LABELS, COMPONENT: "Pilot"}
    kind = "MutatingWebhookConfiguration"
    webhook = an_object("admissionregistration.k8s.io/v1", kind, "istio-sidecar-injector", None, labels, webhooks=hooks)
    gateway = an_object(
        "v1", "Service", "istio-ingressgateway", "istio-system", {**labels, COMPONENT: "IngressGateways"}
    )
    role = an_object("rbac.authorization.k8s.io/v1", "ClusterRole", "istio-reader", None, {**labels, COMPONENT: "Base"})
    cluster = FakeCluster(installed(istiod(revision="canary")), webhook, gateway, role)
    result = absent(cluster, revision="canary")
    assert cluster.deleted == ["istiod-canary"]
    assert result["warnings"] == ["objects that all revisions share are kept, because of revision default"]


def test_a_control_plane_that_istioctl_did_not_install_is_refused():
    deployment = istiod()
    cluster = FakeCluster(deployment, installed(GATEWAY), *LOCKS)
    for check_mode in (True, False):
        with pytest.raises(InstallError, match="istioctl did not install Deployment istio-system/istiod"):
            absent(cluster, check_mode)
    assert cluster.delete_requests == []


def a_definition(labels=None, annotations=None):
    """Istio's CustomResourceDefinition with additional labels and annotations."""
    definition = copy.deepcopy(RENDERED[0])
    definition["metadata"]["labels"].update(labels or {})
    definition["metadata"]["annotations"] = annotations
    return definition


def written_by(definition, *managers):
    """An object as the API server returns it after these field managers wrote it."""
    definition = copy.deepcopy(definition)
    definition["metadata"]["managedFields"] = [{"manager": x, "operation": "Apply", "fieldsV1": {}} for x in managers]
    return definition


EXTERNAL = "https://istiod.example/inject"
INJECTOR_OF_OTHERS = {
    **an_object("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "istio-sidecar-injector-theirs"),
    "webhooks": [{"name": "namespace.sidecar-injector.istio.io", "clientConfig": {"url": EXTERNAL}}],
}
HELM_ANNOTATIONS = {"meta.helm.sh/release-name": "istio-base"}
HELM_LABELS = {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "base-1.27.0"}


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ([a_definition(HELM_LABELS, HELM_ANNOTATIONS)], "Helm release istio-base owns virtualservices"),
        ([a_definition(HELM_LABELS)], "istioctl did not install virtualservices.networking.istio.io"),
        ([written_by(installed(a_definition()), "kubectl-create")], "istioctl did not install virtualservices"),
        (
            [installed(a_definition()), INJECTOR_OF_OTHERS],
            "another control plane, with MutatingWebhookConfiguration istio-sidecar-injector-theirs, uses them",
        ),
        (
            [a_definition(HELM_LABELS, HELM_ANNOTATIONS), INJECTOR_OF_OTHERS],
            "another control plane.* uses them; Helm release istio-base owns",
        ),
        (
            [
                {
                    **installed(a_definition()),
                    "metadata": {**installed(a_definition())["metadata"], "annotations": HELM_ANNOTATIONS},
                }
            ],
            "Helm release istio-base owns",
        ),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_crds_of_another_installation_are_never_deleted(objects, reason, check_mode):
    cluster = FakeCluster(installed(GATEWAY), RULE, *objects)
    with pytest.raises(InstallError, match=rf"{reason}.*\. Nothing was removed\. Set remove_crds to false"):
        absent(cluster, check_mode, remove_crds=True)
    assert cluster.delete_requests == []
    absent(cluster)
    assert cluster.deleted == ["istio-ingressgateway"]


def test_kinds_that_the_preferred_version_does_not_serve_are_removed():
    labels = {**ISTIO_LABELS, COMPONENT: "Telemetry"}
    envoy_filter = an_object("networking.istio.io/v1alpha3", "EnvoyFilter", "stats-filter-1.13", "istio-system", labels)
    cluster = FakeCluster(envoy_filter)
    absent(cluster)
    assert cluster.deleted == ["stats-filter-1.13"]


@pytest.mark.parametrize("params", [{}, {"revision": "default"}])
def test_a_second_run_finishes_an_interrupted_removal(params):
    owner = {"install.operator.istio.io/owning-resource-namespace": "infra"}
    role = an_object(
        "rbac.authorization.k8s.io/v1", "ClusterRole", "istiod", None, {**ISTIO_LABELS, COMPONENT: "Pilot", **owner}
    )
    pod = an_object("v1", "Pod", "istiod-1", "infra", {"app": "istiod"})
    cluster = FakeCluster(*[in_infra(installed(x)) for x in RENDERED], role, *LOCKS, pod)
    with pytest.raises(InstallError, match="timed out waiting for the deletion of pod infra/istiod-1"):
        absent(cluster, timeout=-1, remove_crds=True, **params)
    assert "istiod" in cluster.deleted and "istio-ca-secret" not in cluster.deleted
    cluster.delete(cluster.path(pod))
    absent(cluster, remove_crds=True, **params)
    assert paths(cluster) == [] and cluster.deleted[-1] == "istiod"
    assert not absent(cluster, remove_crds=True, **params)["changed"]


def test_copies_with_the_labels_of_istioctl_stay():
    copied = [
        an_object("v1", "ConfigMap", "istio-copy", "istio-system", {**ISTIO_LABELS, COMPONENT: "Pilot"}),
        an_object("apps/v1", "Deployment", "gateway-copy", "shop", {**ISTIO_LABELS, COMPONENT: "IngressGateways"}),
        UNLABELLED,  # from helm template | kubectl apply
    ]
    copies = [written_by(x, "kubectl-client-side-apply") for x in copied]
    own = [
        written_by(an_object("v1", "ConfigMap", name, "istio-system", {**ISTIO_LABELS, COMPONENT: "Pilot"}), *managers)
        for name, managers in (
            ("istio", ["kubectl-edit", "istio-operator"]),
            ("istio-1-7", ["istioctl-1.7.4"]),
            ("istio-1-7-operator", ["operator"]),
        )
    ]
    cluster = FakeCluster(*copies, *own)
    warnings = absent(cluster)["warnings"]
    assert cluster.deleted == ["istio", "istio-1-7", "istio-1-7-operator"]
    assert warnings == [
        "not removed, because istioctl did not install it: ValidatingWebhookConfiguration istiod-default-validator; "
        "Deployment shop/gateway-copy; ConfigMap istio-system/istio-copy"
    ]


def test_webhooks_of_a_revision_tag_are_removed_also_where_they_are_not_labeled():
    hooks = [{"name": "rev.namespace.sidecar-injector.istio.io"}]
    kind = "MutatingWebhookConfiguration"
    tags = [
        an_object("admissionregistration.k8s.io/v1", kind, name, None, {"istio.io/tag": tag}, webhooks=hooks)
        for name, tag in (("istio-revision-tag-prod", "prod"), ("istio-revision-tag-a-mesh", "a"), ("mine", "prod"))
    ]
    cluster = FakeCluster(*tags)
    absent(cluster)
    assert cluster.deleted == ["istio-revision-tag-prod", "istio-revision-tag-a-mesh"]


def test_a_cluster_that_fails_is_told():
    cluster = whole()
    cluster.get = Mock(side_effect=ClusterError("cannot reach it"))
    with pytest.raises(ClusterError, match="cannot reach it"):
        absent(cluster)
