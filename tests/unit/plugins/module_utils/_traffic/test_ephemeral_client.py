# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from traffic_support import BACKENDS, URL

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import ephemeral_client as subject
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError

PODS = "/api/v1/namespaces/default/pods"


def pod(sidecar):
    """A running pod with a ready sidecar of this kind, or without one."""
    spec = {"containers": [{"name": "client"}]}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    ready = [{"name": "istio-proxy", "ready": True}]
    if sidecar == "container":
        spec["containers"].append({"name": "istio-proxy"})
        status["containerStatuses"] = ready
    elif sidecar == "native":
        spec["initContainers"] = [{"name": "istio-proxy", "restartPolicy": "Always"}]
        status["initContainerStatuses"] = ready
    return {"spec": spec, "status": status}


class PodCluster:
    """A cluster in which pods are created and deleted. steps: status of the pod for each get; the last one stays."""

    def __init__(self, *steps, error=None, sticky=False):
        self.steps, self.error, self.sticky, self.pods, self.log = list(steps), error, sticky, {}, []

    def create(self, path, definition):
        self.log.append("create")
        if self.error:
            raise self.error
        if path != PODS:
            return None
        self.pods[f"{path}/{definition['metadata']['name']}"] = definition
        return definition

    def get(self, path, **query):
        if path.endswith("/events"):
            name = next(iter(self.pods.values()))["metadata"]["name"]
            return {
                "items": [
                    {"involvedObject": {"name": name}, "reason": "Failed", "message": "no such image", "metadata": {}}
                ]
            }
        if path not in self.pods:
            return None
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return {**pod(step.pop("sidecar", None)), **step, "metadata": {"name": "x"}}

    def delete(self, path):
        self.log.append("delete")
        if not self.sticky:
            self.pods.pop(path, None)


def status(ready, phase="Running", waiting=None, sidecar=None):
    known = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": []}
    if waiting:
        known["containerStatuses"] = [{"name": "client", "state": {"waiting": {"reason": waiting}}}]
    return {"status": known} if not sidecar else {"sidecar": sidecar}


PLAN = Plan(url=URL, backends=BACKENDS)


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(subject.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize("sidecar", [None, "container", "native"])
def test_a_pod_is_created_and_removed(fast, sidecar):
    cluster = PodCluster(status(False, "Pending"), status(False), status(True, sidecar=sidecar))
    with subject.ephemeral_client(cluster, PLAN, "default", "curl:1") as client:
        assert len(cluster.pods) == 1
        path, definition = next(iter(cluster.pods.items()))
        assert path == f"{PODS}/{client.pod}"
        assert (client.namespace, client.container, client.sidecar) == ("default", "client", bool(sidecar))
        (container,) = definition["spec"]["containers"]
        assert (container["name"], container["image"]) == ("client", "curl:1")
        # Longer than the measurement, and not longer than documented.
        assert 335 < definition["spec"]["activeDeadlineSeconds"] <= 300 + 5 + 150
    assert (cluster.pods, cluster.log) == ({}, ["create", "delete"])
    names = {definition["metadata"]["name"], client.pod}
    with subject.ephemeral_client(PodCluster(status(True)), PLAN, "default", "curl:1") as client:
        assert client.pod not in names


@pytest.mark.parametrize("error", [SplitError("no awk"), ClusterError("broke"), KeyboardInterrupt(), SystemExit(1)])
def test_the_pod_is_removed_after_any_error(fast, error):
    cluster = PodCluster(status(True))
    with pytest.raises(type(error)), subject.ephemeral_client(cluster, PLAN, "default", "curl:1"):
        raise error
    assert (cluster.pods, cluster.log) == ({}, ["create", "delete"])


@pytest.mark.parametrize(
    ("cluster", "problem"),
    [
        (
            PodCluster(status(False, "Pending", "ImagePullBackOff")),
            "container client: ImagePullBackOff; event Failed: no",
        ),
        (PodCluster(status(False, "Failed")), "does not become ready: event Failed: no such image"),
        (PodCluster(error=ClusterError("answered 403 Forbidden")), "answered 403 Forbidden"),
    ],
)
def test_a_pod_that_does_not_become_ready_is_explained_and_removed(fast, cluster, problem):
    client = subject.ephemeral_client(cluster, PLAN, "default", "curl:1")
    with pytest.raises((SplitError, ClusterError), match=problem), client:
        pytest.fail("the pod cannot be ready")
    assert (cluster.pods, cluster.log) == ({}, ["create", "delete"])


def test_timeouts_of_start_and_removal_are_reported(fast, monkeypatch):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(subject.time, "monotonic", lambda: next(clock))
    cluster = PodCluster(status(False), sticky=True)
    with pytest.raises(SplitError) as caught, subject.ephemeral_client(cluster, PLAN, "default", "curl:1"):
        pytest.fail("the pod cannot be ready")
    assert "does not become ready" in str(caught.value)
    assert "also, ephemeral_client: pod default/traffic-split-" in str(caught.value)
    assert "could not be removed: it still exists after 60 s" in str(caught.value)


def test_the_namespace_must_exist_and_be_valid(fast):
    cluster = PodCluster(status(True))
    for name, problem in (("nowhere", "namespace nowhere does not exist"), ("a/b", "is not a valid namespace name")):
        with pytest.raises(SplitError, match=problem), subject.ephemeral_client(cluster, PLAN, name, "curl:1"):
            pytest.fail("the namespace does not exist")
