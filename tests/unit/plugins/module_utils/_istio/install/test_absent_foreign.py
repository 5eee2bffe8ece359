# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest
from install_fakes import (
    COMPONENT,
    DEFAULT_VALIDATOR,
    GATEWAY,
    INJECTOR,
    ISTIO_LABELS,
    LEADER_ANNOTATION,
    LOCKS,
    RENDERED,
    RULE,
    FakeCluster,
    absent,
    an_object,
    in_infra,
    installed,
    istiod,
    paths,
    reported,
    written_by,
)

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import key_of

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


def test_objects_that_only_look_like_those_of_istio_stay():
    cluster = FakeCluster(*[in_infra(installed(x)) for x in RENDERED[1:]], *LOCKS, *FOREIGN)
    result = absent(cluster, namespace="infra")
    assert paths(cluster) == sorted(map(cluster.path, FOREIGN))
    assert result["warnings"] == [
        "not removed, because istioctl did not install them: ValidatingWebhookConfiguration acme; "
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
    assert reported(run) == reported(check)


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
    assert result["warnings"] == ["objects that all revisions share are kept for revision default"]


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


EXTERNAL = "https://istiod.example/inject"
FOREIGN_INJECTOR = {
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
            [installed(a_definition()), FOREIGN_INJECTOR],
            "another control plane, with MutatingWebhookConfiguration istio-sidecar-injector-theirs, uses them",
        ),
        (
            [a_definition(HELM_LABELS, HELM_ANNOTATIONS), FOREIGN_INJECTOR],
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


def test_copies_that_have_the_labels_of_istioctl_stay():
    copied = [
        an_object("v1", "ConfigMap", "istio-copy", "istio-system", {**ISTIO_LABELS, COMPONENT: "Pilot"}),
        an_object("apps/v1", "Deployment", "gateway-copy", "shop", {**ISTIO_LABELS, COMPONENT: "IngressGateways"}),
        DEFAULT_VALIDATOR,  # from helm template | kubectl apply
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
        "not removed, because istioctl did not install them: ValidatingWebhookConfiguration istiod-default-validator; "
        "Deployment shop/gateway-copy; ConfigMap istio-system/istio-copy"
    ]


def test_objects_without_the_managed_fields_of_istioctl_are_removed():
    def stripped(definition, manager):
        definition = installed(definition)
        definition["metadata"]["managedFields"] = [{"manager": manager, "operation": "Update", "fieldsV1": {}}]
        return definition

    applied = written_by(an_object("v1", "ConfigMap", "istio", "istio-system", {**ISTIO_LABELS, COMPONENT: "Pilot"}))
    for manager in ("before-first-apply", "ancient-changes"):
        cluster = FakeCluster(
            stripped(istiod(), "kube-controller-manager"),
            stripped(INJECTOR, "pilot-discovery"),
            written_by(applied, manager),
        )
        assert absent(cluster)["warnings"] == []
        assert sorted(cluster.deleted) == ["istio", "istio-sidecar-injector", "istiod"]


def test_a_deployment_of_another_tool_is_refused_beside_a_service_of_the_same_name():
    service = an_object("v1", "Service", "istiod", "istio-system", {**ISTIO_LABELS, COMPONENT: "Pilot"})
    cluster = FakeCluster(written_by(installed(istiod()), "kubectl-client-side-apply"), service)
    with pytest.raises(InstallError, match="istioctl did not install Deployment istio-system/istiod"):
        absent(cluster)
    assert cluster.delete_requests == []


def test_webhooks_of_revision_tags_that_were_applied_with_kubectl_are_removed():
    labels = {"istio.io/tag": "prod", "istio.io/rev": "default"}
    tag = {**INJECTOR, "metadata": {"name": "istio-revision-tag-prod", "labels": labels}}
    cluster = FakeCluster(installed(istiod()), written_by(tag, "kubectl-client-side-apply", "pilot-discovery"))
    assert absent(cluster)["warnings"] == []
    assert sorted(cluster.deleted) == ["istio-revision-tag-prod", "istiod"]


def test_the_revision_label_of_a_copy_does_not_count_as_a_revision():
    labels = {**ISTIO_LABELS, COMPONENT: "Pilot", "istio.io/rev": "canary"}
    copied = written_by(an_object("v1", "ConfigMap", "copy", "istio-system", labels), "kubectl-create")
    cluster = FakeCluster(installed(istiod()), installed(a_definition()), copied)
    absent(cluster, revision="default", remove_crds=True)
    assert sorted(cluster.deleted) == ["istiod", "virtualservices.networking.istio.io"]


def test_warnings_name_what_the_namespace_takes_with_it_and_ignored_options():
    copied = an_object("v1", "ConfigMap", "copy", "istio-system", {**ISTIO_LABELS, COMPONENT: "Pilot"})
    namespace = an_object("v1", "Namespace", "istio-system")
    cluster = FakeCluster(installed(istiod()), namespace, written_by(copied, "kubectl-create"))
    assert absent(cluster, True, remove_namespace=True)["warnings"] == [
        "removed with their namespace, though istioctl did not install them: ConfigMap istio-system/copy"
    ]
    cluster = FakeCluster(installed(istiod()), installed(istiod(revision="canary")), namespace)
    assert absent(cluster, True, revision="canary", remove_crds=True, remove_namespace=True)["warnings"] == [
        "objects that all revisions share are kept for revision default",
        "remove_crds is ignored, because another revision is installed",
        "remove_namespace is ignored, because another revision is installed",
    ]


def test_unlabeled_webhooks_of_a_revision_tag_are_removed():
    hooks = [{"name": "rev.namespace.sidecar-injector.istio.io"}]
    kind = "MutatingWebhookConfiguration"
    tags = [
        an_object("admissionregistration.k8s.io/v1", kind, name, None, {"istio.io/tag": tag}, webhooks=hooks)
        for name, tag in (("istio-revision-tag-prod", "prod"), ("istio-revision-tag-a-mesh", "a"), ("mine", "prod"))
    ]
    cluster = FakeCluster(*tags)
    absent(cluster)
    assert cluster.deleted == ["istio-revision-tag-prod", "istio-revision-tag-a-mesh"]
