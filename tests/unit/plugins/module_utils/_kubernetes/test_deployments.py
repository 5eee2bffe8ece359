# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kube_objects import classic, deployment, ended, event, explained, native, pod, running, waiting

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import waits
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.deployments import (
    explain_readiness,
    owned_pods,
    readiness_problems,
    rollout_problem,
    wait_for_deployments,
)


def test_owned_pods_match_the_selector_and_are_not_terminating():
    other = classic(name="ratings-v1-1", app="ratings-v1")
    terminating = classic(name="reviews-v1-old")
    terminating["metadata"]["deletionTimestamp"] = "2026-02-01T10:00:00Z"
    bare = classic(name="bare")
    del bare["metadata"]["labels"]
    mine = classic()
    assert owned_pods(deployment(), [other, terminating, bare, mine]) == [mine]


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({}, None),
        ({"observedGeneration": 1}, "the controller has not observed the latest change"),
        ({"updatedReplicas": 1}, "1 of 3 pods updated"),
        ({"replicas": 5}, "2 old pods not yet terminated"),
        ({"availableReplicas": 2}, "2 of 3 pods available"),
    ],
)
def test_rollout_problem(status, problem):
    assert rollout_problem(deployment(replicas_wanted=3, **status)) == problem


def test_deployment_without_status_is_not_rolled_out():
    new = deployment()
    del new["status"]
    assert rollout_problem(new) == "the controller has not observed the latest change"
    new["metadata"]["generation"] = 0
    assert rollout_problem(new) == "0 of 1 pods updated"


def test_deployment_scaled_to_zero_is_rolled_out():
    # The API server omits counts of zero.
    scaled = deployment(replicas_wanted=0)
    scaled["status"] = {"observedGeneration": 2}
    assert rollout_problem(scaled) is None


COUNTS = st.integers(0, 3)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.booleans())
def test_rolled_out_if_all_pods_are_updated_and_available(wanted, total, updated, available, observed):
    item = deployment(
        replicas_wanted=wanted,
        replicas=total,
        updatedReplicas=updated,
        availableReplicas=available,
        observedGeneration=2 if observed else 1,
    )
    rolled_out = observed and updated >= wanted and available >= wanted and total <= updated
    assert (rollout_problem(item) is None) is rolled_out


def test_ready_deployments_have_no_problem():
    deployments = [deployment(), deployment("other", availableReplicas=0)]
    for item in (classic(), native()):
        assert readiness_problems(deployments, [item], ["reviews-v1"], True) == []
        assert explain_readiness(deployments, [item], [], ["reviews-v1"], True) == []


def test_missing_deployments_are_named():
    lines = readiness_problems([deployment()], [], ["reviews-v2", "reviews-v1", "reviews-v3"], False)
    assert lines == ["Deployment reviews-v2 does not exist", "Deployment reviews-v3 does not exist"]


def test_missing_sidecar_is_a_problem_only_if_sidecars_are_required():
    item = pod([running("reviews")])
    assert readiness_problems([deployment()], [item], ["reviews-v1"], False) == []
    (line,) = readiness_problems([deployment()], [item], ["reviews-v1"], True)
    assert line.startswith("pod reviews-v1-7b5d4c9c6b-x2x5s has no sidecar (container istio-proxy)")
    assert explain_readiness([deployment()], [item], [], ["reviews-v1"], True) == [line]


def test_unexpected_sidecar_is_a_problem():
    for item in (classic(), native()):
        (line,) = readiness_problems([deployment()], [item], ["reviews-v1"], True, ["reviews-v1"])
        assert line.startswith(
            "pod reviews-v1-7b5d4c9c6b-x2x5s has a sidecar (container istio-proxy) but must not have one"
        )
    bare = pod([running("reviews")])
    assert readiness_problems([deployment()], [bare], ["reviews-v1"], True, ["reviews-v1"]) == []


def test_crash_loop_shows_the_last_exit_and_the_newest_warnings():
    crashed = waiting(
        "reviews",
        "CrashLoopBackOff",
        "back-off 40s restarting failed container=reviews",
        restarts=4,
        last={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    )
    events = [
        event("BackOff", "Back-off restarting failed container\n", "2026-02-01T10:00:09Z"),
        event("Pulled", "Container image already present", "2026-02-01T10:00:30Z", kind="Normal"),
        event("Unhealthy", "Readiness probe failed", "2026-02-01T10:00:05Z"),
        event("FailedMount", "long ago", "2026-02-01T09:00:00Z"),
        event("BackOff", "of another pod", "2026-02-01T10:00:40Z", about="ratings-v1-1"),
    ]
    assert explained([pod([crashed, running("istio-proxy")])], events) == [
        "Deployment reviews-v1: 0 of 1 pods available",
        "  pod reviews-v1-7b5d4c9c6b-x2x5s:",
        "    container reviews: CrashLoopBackOff: back-off 40s restarting failed container=reviews "
        "(previously: exit code 137, OOMKilled)",
        "    event Unhealthy: Readiness probe failed",
        "    event BackOff: Back-off restarting failed container",
    ]


def test_unschedulable_pod_shows_the_scheduler_message():
    message = "0/1 nodes are available: 1 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    lines = explained(
        [pod([running("reviews")], unscheduled=True, phase="Pending", conditions=[condition])],
        [event("FailedScheduling", message, "2026-02-01T10:00:00Z", field="eventTime")],
    )
    assert lines[2:] == [f"    not scheduled: {message}", f"    event FailedScheduling: {message}"]


def test_native_sidecar_that_is_not_ready_is_shown_but_no_completed_init_container():
    lines = explained([native(proxy_ready=False)], sidecars=True)
    assert lines[2:] == ["    container istio-proxy: running, not ready"]


def test_failed_init_container_and_waiting_containers_are_shown():
    item = pod(
        [waiting("reviews", "PodInitializing")],
        inits=[{"name": "istio-init"}],
        init_statuses=[ended("istio-init", 126)],
        phase="Pending",
    )
    assert explained([item])[2:] == [
        "    container istio-init: exited with code 126",
        "    container reviews: PodInitializing",
    ]


def test_replica_failure_shows_the_controller_message():
    message = "pods is forbidden: exceeded quota"
    conditions = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message},
        {"type": "Available", "status": "False"},
    ]
    lines = explained([], conditions=conditions, updatedReplicas=0, replicas=0)
    assert lines == ["Deployment reviews-v1: 0 of 1 pods updated", f"  Deployment reviews-v1: {message}"]


def test_only_pods_with_reasons_are_listed():
    new = pod([running("reviews", ready=False)], name="reviews-v1-new")
    lines = explained([classic(), new], replicas_wanted=2, updatedReplicas=1)
    assert lines == [
        "Deployment reviews-v1: 1 of 2 pods updated",
        "  pod reviews-v1-new:",
        "    container reviews: running, not ready",
    ]


class Answers:
    """A Cluster whose Deployments are ready from the given poll on; None: never."""

    def __init__(self, ready_at, namespace=True, deployments=True):
        self.ready_at, self.namespace, self.deployments = ready_at, namespace, deployments
        self.polls = 0

    def get(self, path):
        if path.endswith("/deployments"):
            self.polls += 1
            available = 1 if self.ready_at is not None and self.polls >= self.ready_at else 0
            return {"items": [deployment(availableReplicas=available)] if self.deployments else []}
        if path.endswith("/pods"):
            return {"items": [pod([running("reviews-v1", ready=False)])]}
        if path.endswith("/events"):
            return {"items": []}
        return {} if self.namespace else None


def test_wait_polls_until_everything_is_ready(monkeypatch):
    monkeypatch.setattr(waits, "POLL_SECONDS", 0)
    cluster = Answers(ready_at=3)
    lines, pods = wait_for_deployments(cluster, "default", [], False, float("inf"))
    assert (lines, cluster.polls) == ([], 3)
    assert [x["name"] for x in pods] == ["reviews-v1-7b5d4c9c6b-x2x5s"]


def test_transient_api_error_does_not_end_the_wait(monkeypatch):
    monkeypatch.setattr(waits, "POLL_SECONDS", 0)
    cluster = Answers(ready_at=3)
    errors, get = [None, None, ClusterError("answered 503", 503)], cluster.get

    def unsteady(path):
        error = errors.pop(0) if errors else None
        if error:
            raise error
        return get(path)

    cluster.get = unsteady
    assert wait_for_deployments(cluster, "default", [], False, float("inf"))[0] == []


def test_wait_returns_the_reasons_on_timeout():
    cluster = Answers(ready_at=None)
    lines, pods = wait_for_deployments(cluster, "default", ["reviews-v1"], False, 0)
    assert cluster.polls == 1 and len(pods) == 1
    assert lines[0] == "Deployment reviews-v1: 0 of 1 pods available"
    assert lines[-1].strip() == "container reviews-v1: running, not ready"
    assert wait_for_deployments(cluster, "default", [], False, 0, explain=False)[0] == lines[:1]


class Endpoints(Answers):
    """A Cluster whose Service has its endpoint from the given poll on."""

    def __init__(self, ready_at, endpoint_at):
        super().__init__(ready_at)
        self.endpoint_at = endpoint_at
        self.service_polls = 0

    def get(self, path):
        if path.endswith("/services"):
            self.service_polls += 1
            return {"items": [{"metadata": {"name": "reviews"}, "spec": {"selector": {"app": "reviews"}}}]}
        if path.endswith("/endpointslices"):
            found = [{"addresses": ["198.18.64.12"]}] if self.service_polls >= self.endpoint_at else []
            return {"items": [{"metadata": {"labels": {"kubernetes.io/service-name": "reviews"}}, "endpoints": found}]}
        return super().get(path)


def test_wait_checks_services_once_the_deployments_are_ready(monkeypatch):
    monkeypatch.setattr(waits, "POLL_SECONDS", 0)
    cluster = Endpoints(ready_at=3, endpoint_at=2)
    assert wait_for_deployments(cluster, "default", [], False, float("inf"), services={"reviews": 1})[0] == []
    assert (cluster.polls, cluster.service_polls) == (4, 2)


def test_wait_explains_missing_endpoints():
    lines, _pods = wait_for_deployments(Endpoints(1, 9), "default", ["reviews-v1"], False, 0, services={"reviews": 1})
    assert lines == [
        "Service reviews: 0 of 1 ready endpoints: its selector (app: reviews) matches no pod; "
        "the pods have app: reviews-v1 (reviews-v1-7b5d4c9c6b-x2x5s)"
    ]
    (line,) = wait_for_deployments(Endpoints(None, 1), "default", [], False, 0, explain=False, services={"reviews": 1})[
        0
    ]
    assert line.startswith("Deployment reviews-v1")


def test_wait_names_a_missing_namespace_or_deployment():
    assert wait_for_deployments(Answers(1, namespace=False), "x", ["nowhere"], False, 0)[0] == [
        "namespace x does not exist"
    ]
    assert wait_for_deployments(Answers(1, deployments=False), "x", [], False, 0)[0] == [
        "namespace x has no Deployment"
    ]


def test_invalid_namespace_fails_immediately():
    paths = []
    with pytest.raises(ClusterError, match=r'^namespace "a/b" does not exist and is not a valid name$'):
        wait_for_deployments(Mock(get=paths.append), "a/b", [], False, float("inf"))
    assert paths == ["/apis/apps/v1/namespaces/a%2Fb/deployments"]
