# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from unittest.mock import Mock

import pytest
from install_fakes import PARAMS, RENDERED, FakeCluster, installed, istiod, surplus, told

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import absent as subject
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
        "annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"},
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
    "metadata": {"name": "istiod-default-validator"},
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
    assert ("VirtualService", "bookinfo", "goes with its custom resource definition") in told(result)
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
    assert result["warnings"] == ["what all revisions share stays, since there is revision default too"]
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
    told_why = "still there when the time is over: Namespace istio-system Some content has finalizers remaining"
    check = absent(cluster, True, remove_namespace=True)
    with pytest.raises(InstallError, match=told_why) as caught:
        absent(cluster, remove_namespace=True, timeout=-1)
    assert caught.value.result["changed"] and told(caught.value.result) == told(check)
    with pytest.raises(InstallError, match=told_why) as caught:  # as it was stuck before
        absent(cluster, remove_namespace=True, timeout=-1)
    assert not caught.value.result["changed"]


def test_a_cluster_that_fails_is_told():
    cluster = whole()
    cluster.get = Mock(side_effect=ClusterError("cannot reach it"))
    with pytest.raises(ClusterError, match="cannot reach it"):
        absent(cluster)
