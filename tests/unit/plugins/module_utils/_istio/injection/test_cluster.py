# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from unittest.mock import Mock

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import cluster as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError

FILES, NO_FILES = {"values_file": "/lab/values"}, {"values_file": None}
HINT = "; set kubeconfig to an empty string to inject without a cluster"


def failing(status=None):
    error = ClusterError("it failed", status)
    return Mock(get=Mock(side_effect=error), items=Mock(side_effect=error))


@pytest.mark.parametrize(("params", "hint"), [(FILES, HINT), (NO_FILES, "")])
def test_failed_request_mentions_how_to_inject_without_a_cluster(params, hint):
    with pytest.raises(ClusterError) as failed:
        subject.read_webhooks(failing(), params)
    assert str(failed.value) == f"it failed{hint}"
    with pytest.raises(ClusterError) as failed:
        subject.read_namespace_labels(failing(403), "shop", params)
    assert (str(failed.value), failed.value.status) == (f"namespace shop: it failed{hint}", 403)


def test_webhooks_are_unknown_without_permission():
    assert subject.read_webhooks(failing(403), FILES) is None
    assert subject.read_webhooks(Mock(items=Mock(return_value=iter([{}]))), FILES) == [{}]


def test_policies_of_the_webhooks_by_revision():
    def webhook(revision, namespace=None):
        service = {"clientConfig": {"service": {"namespace": namespace}}} if namespace else {}
        return {"metadata": {"name": revision, "labels": {"istio.io/rev": revision}}, "webhooks": [service]}

    root = "/api/v1/namespaces"
    config_maps = {
        f"{root}/mesh/configmaps/istio-sidecar-injector": {"data": {"config": "policy: disabled"}},
        f"{root}/other/configmaps/istio-sidecar-injector-canary": {"data": {"config": "policy: enabled"}},
        f"{root}/mesh/configmaps/istio-sidecar-injector-empty": {},
    }
    webhooks = [webhook("default"), webhook("canary", "other"), webhook("empty"), webhook("missing")]
    params = {**NO_FILES, "istio_namespace": "mesh"}
    policies = subject.read_policies(Mock(get=config_maps.get), webhooks, params)
    assert policies == {"default": Policy("disabled"), "canary": Policy()}
    assert subject.read_policies(failing(403), webhooks, params) == subject.read_policies(failing(), None, params) == {}


@pytest.mark.parametrize(
    ("namespace", "labels"), [(None, {}), ({"metadata": {}}, {}), ({"metadata": {"labels": {"a": "b"}}}, {"a": "b"})]
)
def test_labels_of_a_missing_namespace_are_empty(namespace, labels):
    cluster = Mock(get=Mock(return_value=namespace))
    assert subject.read_namespace_labels(cluster, "a/b", NO_FILES) == labels
    cluster.get.assert_called_once_with("/api/v1/namespaces/a%2Fb")


def test_three_files_require_no_cluster():
    with subject.open_cluster(FILES) as found:
        assert found == (None, None)


def test_without_cluster_and_files_both_options_are_mentioned(monkeypatch):
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ClusterError) as failed, subject.open_cluster(NO_FILES):
        pass
    assert str(failed.value).startswith("no kubeconfig given: ")
    assert str(failed.value).endswith(
        "; or set inject_config_file, mesh_config_file, values_file to inject without a cluster"
    )
