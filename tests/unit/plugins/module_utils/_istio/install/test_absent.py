# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from unittest.mock import Mock

import pytest
from install_fakes import (
    COMPONENT,
    DEFAULT_VALIDATOR,
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
    surplus,
)

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

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


USER_SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "namespace": "istio-system"}}


NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}


OTHER_WEBHOOK = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "not-ours"},
    "webhooks": [{"name": "validate.example.com"}],
}


def complete_cluster(*more):
    rest = (CERTIFICATE, LEADER, KEY, USER_SECRET, NAMESPACE, RULE, DEFAULT_VALIDATOR, OTHER_WEBHOOK)
    return FakeCluster(*map(installed, RENDERED), *rest, *more)


def test_absent_removes_what_istioctl_and_istiod_created_and_nothing_else():
    cluster = complete_cluster()
    check = absent(cluster, True)
    assert cluster.deleted == []
    result = absent(cluster)
    assert reported(result) == reported(check) and check["changed"] and result["changed"]
    assert (check["installed"], check["version"]) == (True, "1.27.0")
    assert (result["installed"], result["version"], result["revision"]) == (False, None, None)
    assert cluster.deleted == [
        "istio-sidecar-injector", "istiod-default-validator", "istiod", "istio-ingressgateway",
        "istio-ca-root-cert", "istio-leader", "istio-ca-secret",
    ]  # fmt: skip
    kept = {x["metadata"]["name"] for x in cluster.objects.values()}
    assert kept == {"virtualservices.networking.istio.io", "bookinfo", "istio-system", "mine", "not-ours"}
    assert not absent(cluster)["changed"] and not absent(cluster, True)["changed"]


def test_absent_removes_crds_with_their_objects_and_the_namespace_on_request():
    cluster = complete_cluster()
    result = absent(cluster, remove_crds=True, remove_namespace=True)
    assert ("VirtualService", "bookinfo", "is removed with its CustomResourceDefinition") in reported(result)
    assert cluster.deleted[-2:] == ["virtualservices.networking.istio.io", "istio-system"]
    assert result["objects"] == len(result["differences"]) == 10
    # A real cluster removes the objects with their definition.
    cluster.delete(cluster.path(RULE))
    assert not absent(cluster, remove_crds=True, remove_namespace=True)["changed"]


def test_absent_without_istio_changes_nothing():
    result = absent(FakeCluster(OTHER_WEBHOOK, USER_SECRET))
    assert not result["changed"] and result["differences"] == [] and result["version"] is None


def test_an_unknown_revision_changes_nothing():
    cluster = complete_cluster()
    assert not absent(cluster, revision="canary", remove_crds=True, remove_namespace=True)["changed"]
    assert cluster.deleted == []


def test_removing_one_of_two_revisions_keeps_the_other_and_shared_objects():
    base = surplus("istio-reader", **{"operator.istio.io/component": "Base", "istio.io/rev": "canary"})
    cluster = complete_cluster(installed(istiod(revision="canary")), base)
    result = absent(cluster, revision="canary", remove_crds=True, remove_namespace=True)
    assert cluster.deleted == ["istiod-canary"]
    assert result["warnings"][0] == "objects that all revisions share are kept for revision default"
    result = absent(cluster, revision="default", remove_namespace=True)
    assert "istio-reader" in cluster.deleted and "istio-system" in cluster.deleted and result["warnings"] == []


def test_a_system_namespace_is_never_removed():
    with pytest.raises(InstallError, match="namespace default is never removed"):
        absent(complete_cluster(), namespace="default", remove_namespace=True)


def test_an_installation_by_helm_is_refused():
    deployment = installed(istiod())
    deployment["metadata"]["annotations"] = {"meta.helm.sh/release-name": "istiod"}
    cluster = FakeCluster(deployment)
    with pytest.raises(InstallError, match=r"Helm installed Istio \(release istiod\): uninstall it with Helm"):
        absent(cluster)
    assert cluster.deleted == []


def test_a_deletion_that_times_out_is_reported_with_the_reason():
    cluster = complete_cluster()
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
    assert caught.value.result["changed"] and reported(caught.value.result) == reported(check)
    with pytest.raises(InstallError, match=message) as caught:  # it was already being deleted
        absent(cluster, remove_namespace=True, timeout=-1)
    assert not caught.value.result["changed"]


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


def test_an_error_of_the_cluster_is_raised():
    cluster = complete_cluster()
    cluster.get = Mock(side_effect=ClusterError("cannot reach it"))
    with pytest.raises(ClusterError, match="cannot reach it"):
        absent(cluster)
