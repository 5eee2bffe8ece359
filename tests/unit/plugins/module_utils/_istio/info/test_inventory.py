# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from info_objects import SYNCED, Client, Lab, healthy, namespace_object, workload

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.inventory import find_istioctl, read_inventory
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError


def test_inventory_of_a_healthy_mesh():
    client = Client(default=SYNCED)
    found = read_inventory(healthy(), client)
    assert (found["installed"], found["version"], found["problems"], found["sync_reason"]) == (True, "1.27.0", [], None)
    assert found["tags"] == {"default": "default"}
    assert found["apis"] == {"networking.istio.io": ["v1", "v1alpha3"]}
    assert found["namespaces"] == [
        {
            "name": "shop",
            "injection": "enabled",
            "revision": "default",
            "labels": {"istio-injection": "enabled"},
            "webhooks": ["istio-revision-tag-default"],
            "warnings": [],
            "proxies": 2,
            "without_proxy": [],
        }
    ]
    assert [(x["name"], x["outdated"], x["synced"], x["istiod"]) for x in found["proxies"]] == [
        ("web", False, True, "istiod-1"),
        ("db", False, True, "istiod-1"),
    ]
    assert found["counts"] == {
        "control_planes": 1,
        "namespaces": 1,
        "namespaces_injected": 1,
        "proxies": 2,
        "proxies_ready": 2,
        "proxies_outdated": 0,
        "proxies_not_synced": 0,
    }
    assert client.ran == [("proxy-status", "--istioNamespace", "istio-system", "--verbosity", "1")]


@pytest.mark.parametrize(
    ("config", "without_proxy", "reason"),
    [
        (None, ["old"], "the pods predate the label or webhook"),
        ("policy: enabled", ["old"], "the pods predate the label or webhook"),
        ("policy: disabled", [], "the injection policy of the control plane is disabled, although namespace shop is"),
        (
            "policy: enabled\nneverInjectSelector: [{matchLabels: {app: old}}]",
            [],
            "the neverInjectSelector of the control plane matches the pods, although namespace shop is labeled",
        ),
    ],
)
def test_policy_of_the_injector_decides(config, without_proxy, reason):
    lab = healthy(pods=[workload("old", proxy=None)], config=config)
    found = read_inventory(lab, None, workloads=True)
    assert found["namespaces"][0]["without_proxy"] == without_proxy
    assert found["workloads"][0]["reason"].startswith(reason)


def test_injection_policy_without_permission():
    path = "/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector"
    found = read_inventory(healthy(pods=[workload("old", proxy=None)], refused=[path]), None, workloads=True)
    assert found["namespaces"][0]["without_proxy"] == ["old"]
    assert not any("missing permission" in x for x in found["problems"])


def test_only_the_given_namespaces_are_read():
    lab = healthy(namespaces=[namespace_object(), namespace_object("other")])
    found = read_inventory(lab, None, ["shop", "nowhere", "shop"])
    assert [x["name"] for x in found["namespaces"]] == ["shop"]
    assert len(found["proxies"]) == 2
    assert "namespace nowhere does not exist" in found["problems"]
    assert "/api/v1/namespaces" not in lab.requests
    assert lab.requests.count("/api/v1/namespaces/shop/pods") == 1


def test_proxies_and_sync_state_are_read_only_on_request():
    client = Client(default=SYNCED)
    lab = healthy()
    found = read_inventory(lab, client, proxies=False)
    assert (found["proxies"], found["sync_reason"], client.ran) == ([], "not requested: sync or proxies is false", [])
    assert found["counts"]["proxies"] is None
    assert lab.requests.count("/api/v1/pods") == 1  # of istiod alone
    assert "proxies" not in found["namespaces"][0]
    found = read_inventory(healthy(), client, sync=False)
    assert (len(found["proxies"]), found["sync_reason"], client.ran) == (
        2,
        "not requested: sync or proxies is false",
        [],
    )


HOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
DEPLOYMENTS = "/apis/apps/v1/deployments"


@pytest.mark.parametrize(
    ("refused", "installed"), [(HOOKS, True), (DEPLOYMENTS, None), ("/apis", True), ("/api/v1/namespaces", True)]
)
def test_a_forbidden_list_is_reported_and_not_taken_for_an_empty_one(refused, installed):
    found = read_inventory(healthy(refused=[refused]), None)
    assert found["installed"] is installed
    assert found["problems"] == [f"missing permission: it answered 403 Forbidden to GET {refused}"]


def test_forbidden_pods_are_reported():
    found = read_inventory(healthy(refused=["/api/v1/namespaces/shop/pods"]), None, ["shop"])
    assert found["proxies"] == []
    assert found["problems"] == ["missing permission: it answered 403 Forbidden to GET /api/v1/namespaces/shop/pods"]


def test_a_user_without_any_permission_gets_an_error():
    with pytest.raises(ClusterError, match=f"403 Forbidden to GET {DEPLOYMENTS}"):
        read_inventory(healthy(refused=[DEPLOYMENTS, HOOKS, "/api/v1/namespaces"]), None)


def test_a_cluster_that_fails_is_an_error():
    class Broken(Lab):
        def _record(self, path):
            if path == "/api/v1/pods":
                raise ClusterError("cannot reach it")

    with pytest.raises(ClusterError, match="cannot reach it"):
        read_inventory(Broken(namespaces=[namespace_object()]), None)


def script(directory, text):
    path = directory / "istioctl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_istioctl_is_optional_unless_named(tmp_path, monkeypatch):
    istioctl, client, reason = find_istioctl(script(tmp_path, "echo 1.7.4"), None, 5)
    assert (istioctl.version, client, reason) == ("1.7.4", {"path": f"{tmp_path}/istioctl", "version": "1.7.4"}, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    broken = script(tmp_path, "exit 3")
    assert find_istioctl(broken, None, 5)[:2] == (None, None)
    assert "failed with exit code 3" in find_istioctl(None, None, 5)[2]
    monkeypatch.setenv("ISTIOCTL_PATH", f"{tmp_path}/nowhere")
    assert find_istioctl(None, None, 5) == (
        None,
        None,
        f"ISTIOCTL_PATH: {tmp_path}/nowhere is not an executable file",
    )
    with pytest.raises(IstioctlError, match=r"binary_path: .* is not an executable file"):
        find_istioctl(f"{tmp_path}/nowhere", None, 5)


def test_workloads_are_read_only_on_request():
    lab = healthy()
    assert read_inventory(lab, None, sync=False)["workloads"] == []
    assert not any("replicasets" in x for x in lab.requests)
