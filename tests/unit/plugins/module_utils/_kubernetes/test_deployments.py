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


def test_pods_are_those_that_the_selector_picks_and_that_stay():
    other = classic(name="ratings-v1-1", app="ratings-v1")
    going = classic(name="reviews-v1-old")
    going["metadata"]["deletionTimestamp"] = "2026-02-01T10:00:00Z"
    bare = classic(name="bare")
    del bare["metadata"]["labels"]
    mine = classic()
    assert owned_pods(deployment(), [other, going, bare, mine]) == [mine]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, None),
        ({"observedGeneration": 1}, "the controller has not seen the last change"),
        ({"updatedReplicas": 1}, "1 of 3 pods updated"),
        ({"replicas": 5}, "2 old pods still there"),
        ({"availableReplicas": 2}, "2 of 3 pods available"),
    ],
)
def test_what_a_roll_out_lacks(status, said):
    assert rollout_problem(deployment(wanted=3, **status)) == said


def test_a_deployment_that_the_controller_has_not_touched_is_not_rolled_out():
    fresh = deployment()
    del fresh["status"]
    assert rollout_problem(fresh) == "the controller has not seen the last change"
    fresh["metadata"]["generation"] = 0
    assert rollout_problem(fresh) == "0 of 1 pods updated"


def test_a_deployment_scaled_to_none_is_rolled_out():
    # The API server leaves out counts that are zero.
    resting = deployment(wanted=0)
    resting["status"] = {"observedGeneration": 2}
    assert rollout_problem(resting) is None


COUNTS = st.integers(0, 3)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.booleans())
def test_rolled_out_means_every_pod_new_and_available_and_no_other(wanted, total, updated, available, seen):
    seen_generation = 2 if seen else 1
    made = deployment(
        wanted=wanted,
        replicas=total,
        updatedReplicas=updated,
        availableReplicas=available,
        observedGeneration=seen_generation,
    )
    whole = seen and updated >= wanted and available >= wanted and total <= updated
    assert (rollout_problem(made) is None) is whole


def test_nothing_is_missing_where_all_is_ready():
    deployments = [deployment(), deployment("other", availableReplicas=0)]
    for made in (classic(), native()):
        assert readiness_problems(deployments, [made], ["reviews-v1"], True) == []
        assert explain_readiness(deployments, [made], [], ["reviews-v1"], True) == []


def test_a_deployment_that_is_not_there_is_named():
    lines = readiness_problems([deployment()], [], ["reviews-v2", "reviews-v1", "reviews-v3"], False)
    assert lines == ["Deployment reviews-v2: it does not exist", "Deployment reviews-v3: it does not exist"]


def test_a_missing_sidecar_is_told_only_where_one_is_asked_for():
    made = pod([running("reviews")])
    assert readiness_problems([deployment()], [made], ["reviews-v1"], False) == []
    (line,) = readiness_problems([deployment()], [made], ["reviews-v1"], True)
    assert line.startswith("pod reviews-v1-7b5d4c9c6b-x2x5s: it has no sidecar (container istio-proxy)")
    assert explain_readiness([deployment()], [made], [], ["reviews-v1"], True) == [line]


def test_a_sidecar_where_there_must_be_none_is_told():
    for made in (classic(), native()):
        (line,) = readiness_problems([deployment()], [made], ["reviews-v1"], True, ["reviews-v1"])
        assert line.startswith(
            "pod reviews-v1-7b5d4c9c6b-x2x5s: it has a sidecar (container istio-proxy) and must have none"
        )
    bare = pod([running("reviews")])
    assert readiness_problems([deployment()], [bare], ["reviews-v1"], True, ["reviews-v1"]) == []


def test_a_crash_loop_shows_the_last_end_and_the_newest_warnings():
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
        "(before: exit code 137, OOMKilled)",
        "    event Unhealthy: Readiness probe failed",
        "    event BackOff: Back-off restarting failed container",
    ]


def test_a_pod_that_finds_no_node_says_why_the_scheduler_does_not_place_it():
    message = "0/1 nodes are available: 1 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    lines = explained(
        [pod([running("reviews")], unscheduled=True, phase="Pending", conditions=[condition])],
        [event("FailedScheduling", message, "2026-02-01T10:00:00Z", field="eventTime")],
    )
    assert lines[2:] == [f"    not scheduled: {message}", f"    event FailedScheduling: {message}"]


def test_a_native_sidecar_that_is_not_ready_is_told_and_a_done_init_container_is_not():
    lines = explained([native(proxy_ready=False)], sidecars=True)
    assert lines[2:] == ["    container istio-proxy: running, not ready"]


def test_an_init_container_that_failed_and_those_that_wait_for_it_are_told():
    made = pod(
        [waiting("reviews", "PodInitializing")],
        inits=[{"name": "istio-init"}],
        init_statuses=[ended("istio-init", 126)],
        phase="Pending",
    )
    assert explained([made])[2:] == [
        "    container istio-init: ended with exit code 126",
        "    container reviews: PodInitializing",
    ]


def test_a_controller_that_may_not_make_pods_says_what_refused_it():
    message = "pods is forbidden: exceeded quota"
    conditions = [
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message},
        {"type": "Available", "status": "False"},
    ]
    lines = explained([], conditions=conditions, updatedReplicas=0, replicas=0)
    assert lines == ["Deployment reviews-v1: 0 of 1 pods updated", f"  Deployment reviews-v1: {message}"]


def test_only_pods_with_something_to_say_are_listed():
    new = pod([running("reviews", ready=False)], name="reviews-v1-new")
    lines = explained([classic(), new], wanted=2, updatedReplicas=1)
    assert lines == [
        "Deployment reviews-v1: 1 of 2 pods updated",
        "  pod reviews-v1-new:",
        "    container reviews: running, not ready",
    ]


class Answers:
    """A Cluster whose Deployments become ready at the given look; None: never."""

    def __init__(self, ready_at, namespace=True, deployments=True):
        self.ready_at, self.namespace, self.deployments = ready_at, namespace, deployments
        self.looks = 0

    def get(self, path):
        if path.endswith("/deployments"):
            self.looks += 1
            available = 1 if self.ready_at is not None and self.looks >= self.ready_at else 0
            return {"items": [deployment(availableReplicas=available)] if self.deployments else []}
        if path.endswith("/pods"):
            return {"items": [pod([running("reviews-v1", ready=False)])]}
        if path.endswith("/events"):
            return {"items": []}
        return {} if self.namespace else None


def test_wait_looks_until_everything_is_ready(monkeypatch):
    monkeypatch.setattr(waits, "POLL_SECONDS", 0)
    cluster = Answers(ready_at=3)
    lines, pods = wait_for_deployments(cluster, "default", [], False, float("inf"))
    assert (lines, cluster.looks) == ([], 3)
    assert [x["name"] for x in pods] == ["reviews-v1-7b5d4c9c6b-x2x5s"]


def test_a_hiccup_of_the_api_does_not_end_the_wait(monkeypatch):
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


def test_wait_gives_the_reasons_when_the_time_is_over():
    cluster = Answers(ready_at=None)
    lines, pods = wait_for_deployments(cluster, "default", ["reviews-v1"], False, 0)
    assert cluster.looks == 1 and len(pods) == 1
    assert lines[0] == "Deployment reviews-v1: 0 of 1 pods available"
    assert lines[-1].strip() == "container reviews-v1: running, not ready"
    assert wait_for_deployments(cluster, "default", [], False, 0, explain=False)[0] == lines[:1]


class Endpoints(Answers):
    """One whose Service gets its endpoint at the given look."""

    def __init__(self, ready_at, endpoint_at):
        super().__init__(ready_at)
        self.endpoint_at = endpoint_at
        self.asked = 0

    def get(self, path):
        if path.endswith("/services"):
            self.asked += 1
            return {"items": [{"metadata": {"name": "reviews"}, "spec": {"selector": {"app": "reviews"}}}]}
        if path.endswith("/endpointslices"):
            found = [{"addresses": ["198.18.64.12"]}] if self.asked >= self.endpoint_at else []
            return {"items": [{"metadata": {"labels": {"kubernetes.io/service-name": "reviews"}}, "endpoints": found}]}
        return super().get(path)


def test_wait_looks_at_services_when_the_deployments_are_ready(monkeypatch):
    monkeypatch.setattr(waits, "POLL_SECONDS", 0)
    cluster = Endpoints(ready_at=3, endpoint_at=2)
    assert wait_for_deployments(cluster, "default", [], False, float("inf"), services={"reviews": 1})[0] == []
    assert (cluster.looks, cluster.asked) == (4, 2)


def test_wait_says_which_service_lacks_endpoints_and_why():
    lines, _pods = wait_for_deployments(Endpoints(1, 9), "default", ["reviews-v1"], False, 0, services={"reviews": 1})
    assert lines == [
        "Service reviews: 0 of 1 ready endpoints: it selects app: reviews, which no pod carries; "
        "pods carry app: reviews-v1 (reviews-v1-7b5d4c9c6b-x2x5s)"
    ]
    (line,) = wait_for_deployments(Endpoints(None, 1), "default", [], False, 0, explain=False, services={"reviews": 1})[
        0
    ]
    assert line.startswith("Deployment reviews-v1")


def test_wait_says_what_there_is_not():
    assert wait_for_deployments(Answers(1, namespace=False), "x", ["nowhere"], False, 0)[0] == [
        "there is no namespace x"
    ]
    assert wait_for_deployments(Answers(1, deployments=False), "x", [], False, 0)[0] == [
        "namespace x has no Deployment"
    ]


def test_a_namespace_that_cannot_be_is_told_at_once():
    asked = []
    with pytest.raises(ClusterError, match=r'^namespace "a/b" does not exist and is not a valid name$'):
        wait_for_deployments(Mock(get=asked.append), "a/b", [], False, float("inf"))
    assert asked == ["/apis/apps/v1/namespaces/a%2Fb/deployments"]
