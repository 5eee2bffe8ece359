# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import ephemeral_client as subject
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend, Plan, SplitError

BACKENDS = (Backend("tomcat", 80, "Apache Tomcat"), Backend("httpd", 20, "hello httpd"))
URL = "http://web-svc:8080/"
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
    """A cluster in which pods are created and deleted. steps: the status of a pod, one per get; the last one stays."""

    def __init__(self, *steps, refusal=None, sticky=False):
        self.steps, self.refusal, self.sticky, self.made, self.log = list(steps), refusal, sticky, {}, []

    def create(self, path, definition):
        self.log.append("create")
        if self.refusal:
            raise self.refusal
        if path != PODS:
            return None
        self.made[f"{path}/{definition['metadata']['name']}"] = definition
        return definition

    def get(self, path, **query):
        if path.endswith("/events"):
            name = next(iter(self.made.values()))["metadata"]["name"]
            return {
                "items": [
                    {"involvedObject": {"name": name}, "reason": "Failed", "message": "no such image", "metadata": {}}
                ]
            }
        if path not in self.made:
            return None
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return {**pod(step.pop("sidecar", None)), **step, "metadata": {"name": "x"}}

    def delete(self, path):
        self.log.append("delete")
        if not self.sticky:
            self.made.pop(path, None)


def status(ready, phase="Running", waiting=None, sidecar=None):
    known = {"phase": phase, "conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": []}
    if waiting:
        known["containerStatuses"] = [{"name": "client", "state": {"waiting": {"reason": waiting}}}]
    return {"status": known} if not sidecar else {"sidecar": sidecar}


PLAN = Plan(url=URL, backends=BACKENDS)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(subject.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize("sidecar", [None, "container", "native"])
def test_an_ephemeral_client_is_made_and_removed(quick, sidecar):
    cluster = PodCluster(status(False, "Pending"), status(False), status(True, sidecar=sidecar))
    with subject.ephemeral_client(cluster, PLAN, "default", "curl:1") as client:
        assert len(cluster.made) == 1
        path, definition = next(iter(cluster.made.items()))
        assert path == f"{PODS}/{client.pod}"
        assert (client.namespace, client.container, client.sidecar) == ("default", "client", bool(sidecar))
        (container,) = definition["spec"]["containers"]
        assert (container["name"], container["image"]) == ("client", "curl:1")
        # Longer than anything that may happen in it, and no longer than documented.
        assert 335 < definition["spec"]["activeDeadlineSeconds"] <= 300 + 5 + 150
    assert (cluster.made, cluster.log) == ({}, ["create", "delete"])
    names = {definition["metadata"]["name"], client.pod}
    with subject.ephemeral_client(PodCluster(status(True)), PLAN, "default", "curl:1") as client:
        assert client.pod not in names


@pytest.mark.parametrize("error", [SplitError("no awk"), ClusterError("broke"), KeyboardInterrupt(), SystemExit(1)])
def test_an_ephemeral_client_is_removed_whatever_happens(quick, error):
    cluster = PodCluster(status(True))
    with pytest.raises(type(error)), subject.ephemeral_client(cluster, PLAN, "default", "curl:1"):
        raise error
    assert (cluster.made, cluster.log) == ({}, ["create", "delete"])


@pytest.mark.parametrize(
    ("cluster", "problem"),
    [
        (
            PodCluster(status(False, "Pending", "ImagePullBackOff")),
            "container client: ImagePullBackOff; event Failed: no",
        ),
        (PodCluster(status(False, "Failed")), "does not become ready: event Failed: no such image"),
        (PodCluster(refusal=ClusterError("answered 403 Forbidden")), "answered 403 Forbidden"),
    ],
)
def test_an_ephemeral_client_that_does_not_get_ready_says_why_and_is_removed(quick, cluster, problem):
    made = subject.ephemeral_client(cluster, PLAN, "default", "curl:1")
    with pytest.raises((SplitError, ClusterError), match=problem), made:
        pytest.fail("it is not there")
    assert (cluster.made, cluster.log) == ({}, ["create", "delete"])


def test_an_ephemeral_client_that_takes_too_long_or_stays_is_told(quick, monkeypatch):
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(subject.time, "monotonic", lambda: next(clock))
    cluster = PodCluster(status(False), sticky=True)
    with pytest.raises(SplitError) as caught, subject.ephemeral_client(cluster, PLAN, "default", "curl:1"):
        pytest.fail("it is not ready")
    assert "does not become ready" in str(caught.value)
    assert "besides, ephemeral_client: pod default/traffic-split-" in str(caught.value)
    assert "could not be removed: it still exists after 60 s" in str(caught.value)


def test_an_ephemeral_client_needs_its_namespace(quick):
    cluster = PodCluster(status(True))
    for name, problem in (("nowhere", "namespace nowhere does not exist"), ("a/b", "is not a valid namespace name")):
        with pytest.raises(SplitError, match=problem), subject.ephemeral_client(cluster, PLAN, name, "curl:1"):
            pytest.fail("it is not there")
