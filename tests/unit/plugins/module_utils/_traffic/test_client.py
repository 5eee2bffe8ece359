# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import (
    DEFAULT_CONTAINER,
    Client,
    find_client,
)
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import SplitError


def pod(name, containers=("app",), ready=True, sidecar="container", phase="Running", owner=None, **metadata):
    spec = {"containers": [{"name": container} for container in containers]}
    status = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}]}
    status["containerStatuses"] = [{"name": container, "ready": True} for container in containers]
    if sidecar == "container":
        spec["containers"].append({"name": "istio-proxy"})
        status["containerStatuses"].append({"name": "istio-proxy", "ready": True})
    elif sidecar == "native":
        spec["initContainers"] = [{"name": "istio-init"}, {"name": "istio-proxy", "restartPolicy": "Always"}]
        status["initContainerStatuses"] = [{"name": "istio-proxy", "ready": True}]
    elif sidecar == "unready":
        spec["containers"].append({"name": "istio-proxy"})
        status["containerStatuses"].append({"name": "istio-proxy", "ready": False})
    if owner:
        metadata["labels"] = {"app": "client", "pod-template-hash": "abc"}
        metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"{owner}-abc"}]
    return {"metadata": {"name": name, **metadata}, "spec": spec, "status": status}


class FakeCluster:
    """Returns objects by path and records the queries."""

    def __init__(self, objects):
        self.objects, self.queries = objects, []

    def get(self, path, **query):
        self.queries.append((path, query))
        return self.objects.get(path)


PODS = "/api/v1/namespaces/default/pods"


def found(*pods, **options):
    cluster = FakeCluster({PODS: {"items": list(pods)}})
    return find_client(cluster, "default", **{"label_selector": "app=client", **options})


@pytest.mark.parametrize(
    ("sidecar", "expected"), [("container", True), ("native", True), ("unready", False), (None, False)]
)
def test_sidecar_is_detected(sidecar, expected):
    assert found(pod("a", sidecar=sidecar)) == Client("default", "a", "app", expected)


def test_the_sidecar_is_never_the_client():
    first = pod("a", containers=("istio-proxy", "one", "two"), sidecar=None)
    assert found(first).container == "one"
    assert found(first, container="two").container == "two"
    assert found(pod("a", ("one", "two"), annotations={DEFAULT_CONTAINER: "two"})).container == "two"
    assert found(pod("a", annotations={DEFAULT_CONTAINER: "istio-proxy"})).container == "app"
    assert found(pod("a", annotations={DEFAULT_CONTAINER: "gone"})).container == "app"
    with pytest.raises(SplitError, match="no container three; its containers are app, istio-proxy"):
        found(pod("a"), container="three")
    with pytest.raises(SplitError, match="no container other than istio-proxy"):
        found(pod("a", containers=("istio-proxy",), sidecar=None))


def test_a_ready_pod_is_preferred():
    terminating = pod("a", deletionTimestamp="2026-02-11T00:00:00Z")
    assert found(terminating, pod("b", phase="Pending"), pod("c", ready=False), pod("e"), pod("d")).pod == "d"
    assert found(terminating, pod("c", ready=False)).pod == "c"
    with pytest.raises(
        SplitError, match=r"no pod of label selector app=client .* is running: a is terminating, b is Pending"
    ):
        found(terminating, pod("b", phase="Pending"))
    with pytest.raises(SplitError, match="none exists"):
        found()


def test_a_pod_by_name():
    cluster = FakeCluster({f"{PODS}/a": pod("a")})
    assert find_client(cluster, "default", pod="a").pod == "a"
    with pytest.raises(SplitError, match="pod b does not exist in namespace default"):
        find_client(cluster, "default", pod="b")


def test_a_pod_of_a_deployment():
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    cluster = FakeCluster(
        {
            f"{deployments}/client": {"spec": {"selector": {"matchLabels": {"tier": "x", "app": "client"}}}},
            PODS: {"items": [pod("a", owner="client-two"), pod("b", owner="client"), pod("c")]},
        }
    )
    assert find_client(cluster, "default", deployment="client").pod == "b"
    assert cluster.queries[-1] == (PODS, {"labelSelector": "app=client,tier=x"})
    with pytest.raises(SplitError, match="deployment server does not exist"):
        find_client(cluster, "default", deployment="server")


@pytest.mark.parametrize(
    "options",
    [{}, {"pod": ""}, {"pod": "../../secrets"}, {"deployment": "a/b"}, {"namespace": "a?b", "pod": "x"}, {"pod": "A"}],
)
def test_invalid_names_are_rejected_without_a_request(options):
    cluster = FakeCluster({})
    with pytest.raises(SplitError, match="client: "):
        find_client(cluster, **{"namespace": "default", **options})
    assert not cluster.queries
