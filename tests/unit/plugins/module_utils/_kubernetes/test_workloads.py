# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import workloads as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

# ---- objects as an API server of Kubernetes 1.33 gives them, without what nobody reads ----


def deployment(name="reviews-v1", wanted=1, **status):
    """A Deployment that is rolled out; status overrides what the controller says."""
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "generation": 2, "labels": {"app": name}},
        "spec": {
            "replicas": wanted,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": name}]}},
        },
        "status": {
            "observedGeneration": 2,
            **counts,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            ],
            **status,
        },
    }


def running(name, ready=True, restarts=0, last=None):
    """The status of a container that runs."""
    state = {"running": {"startedAt": "2026-02-01T10:00:00Z"}}
    return {
        "name": name,
        "ready": ready,
        "started": True,
        "restartCount": restarts,
        "state": state,
        "lastState": last or {},
    }


def waiting(name, reason, message=None, restarts=0, last=None):
    state = {"reason": reason, **({"message": message} if message else {})}
    return {
        "name": name,
        "ready": False,
        "restartCount": restarts,
        "state": {"waiting": state},
        "lastState": last or {},
    }


def ended(name, code):
    state = {"exitCode": code, "reason": "Completed" if code == 0 else "Error"}
    return {"name": name, "ready": False, "restartCount": 0, "state": {"terminated": state}, "lastState": {}}


def pod(statuses, name="reviews-v1-7b5d4c9c6b-x2x5s", app="reviews-v1", inits=(), init_statuses=(), **rest):
    """A pod with a container per status. inits: its init containers, a native sidecar with restartPolicy Always."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": app, "pod-template-hash": "7b5d4c9c6b"}},
        "spec": {"containers": [{"name": x["name"]} for x in statuses], "initContainers": list(inits)},
        "status": {
            "phase": rest.get("phase", "Running"),
            "podIP": "198.18.64.12",
            "conditions": rest.get("conditions", [{"type": "PodScheduled", "status": "True"}]),
            "initContainerStatuses": list(init_statuses),
            "containerStatuses": [] if rest.get("unscheduled") else list(statuses),
        },
    }


def classic(app_ready=True, **rest):
    """A pod with Istio's sidecar as a container among others, its init container done."""
    return pod(
        [running("reviews", app_ready), running("istio-proxy")],
        inits=[{"name": "istio-init"}],
        init_statuses=[{**ended("istio-init", 0), "ready": True}],
        **rest,
    )


def native(proxy_ready=True, **rest):
    """A pod with Istio's sidecar as a native one: an init container that keeps running."""
    return pod(
        [running("reviews")],
        inits=[{"name": "istio-init"}, {"name": "istio-proxy", "restartPolicy": "Always"}],
        init_statuses=[{**ended("istio-init", 0), "ready": True}, running("istio-proxy", proxy_ready)],
        **rest,
    )


def event(reason, message, time, kind="Warning", about="reviews-v1-7b5d4c9c6b-x2x5s", field="lastTimestamp"):
    made = {"type": kind, "reason": reason, "message": message, "metadata": {}, "involvedObject": {"name": about}}
    if field == "creationTimestamp":
        made["metadata"][field] = time
    else:
        made[field] = time
    return made


MISSING = {"availableReplicas": 0, "readyReplicas": 0}


def explained(pods, events=(), sidecars=False, **status):
    return subject.explain([deployment(**{**MISSING, **status})], pods, list(events), ["reviews-v1"], sidecars)


# ---- pods ----


@pytest.mark.parametrize(
    ("made", "ready", "sidecar", "restarts"),
    [
        (classic(), "2/2", True, 0),
        (classic(app_ready=False), "1/2", True, 0),
        (native(), "2/2", True, 0),
        (native(proxy_ready=False), "1/2", True, 0),
        (pod([running("reviews", restarts=3)]), "1/1", False, 3),
        (pod([running("reviews")], unscheduled=True, phase="Pending"), "0/1", False, 0),
        ({"metadata": {"name": "new"}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}}, "0/2", False, 0),
    ],
    ids=["classic", "classic-half", "native", "native-half", "none", "unscheduled", "no-status"],
)
def test_summaries_count_as_kubectl_does(made, ready, sidecar, restarts):
    summary = subject.summarize(made)
    assert (summary["ready"], summary["sidecar"], summary["restarts"]) == (ready, sidecar, restarts)
    assert summary["name"] == made["metadata"]["name"]
    assert summary["phase"] == made.get("status", {}).get("phase", "Unknown")
    assert summary["ip"] == made.get("status", {}).get("podIP")


def test_pods_are_those_that_the_selector_picks_and_that_stay():
    other = classic(name="ratings-v1-1", app="ratings-v1")
    going = classic(name="reviews-v1-old")
    going["metadata"]["deletionTimestamp"] = "2026-02-01T10:00:00Z"
    bare = classic(name="bare")
    del bare["metadata"]["labels"]
    mine = classic()
    assert subject.owned_pods(deployment(), [other, going, bare, mine]) == [mine]


# ---- roll-out ----


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
    assert subject.rolled_out(deployment(wanted=3, **status)) == said


def test_a_deployment_that_the_controller_has_not_touched_is_not_rolled_out():
    fresh = deployment()
    del fresh["status"]
    assert subject.rolled_out(fresh) == "the controller has not seen the last change"
    fresh["metadata"]["generation"] = 0
    assert subject.rolled_out(fresh) == "0 of 1 pods updated"


def test_a_deployment_scaled_to_none_is_rolled_out():
    # The API server leaves out counts that are zero.
    resting = deployment(wanted=0)
    resting["status"] = {"observedGeneration": 2}
    assert subject.rolled_out(resting) is None


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
    assert (subject.rolled_out(made) is None) is whole


# ---- not_ready ----


def test_nothing_is_missing_where_all_is_ready():
    deployments = [deployment(), deployment("other", availableReplicas=0)]
    for made in (classic(), native()):
        assert subject.not_ready(deployments, [made], ["reviews-v1"], True) == []
        assert subject.explain(deployments, [made], [], ["reviews-v1"], True) == []


def test_a_deployment_that_is_not_there_is_named():
    lines = subject.not_ready([deployment()], [], ["reviews-v2", "reviews-v1", "reviews-v3"], False)
    assert lines == ["Deployment reviews-v2: it does not exist", "Deployment reviews-v3: it does not exist"]


def test_a_missing_sidecar_is_told_only_where_one_is_asked_for():
    made = pod([running("reviews")])
    assert subject.not_ready([deployment()], [made], ["reviews-v1"], False) == []
    (line,) = subject.not_ready([deployment()], [made], ["reviews-v1"], True)
    assert line.startswith("pod reviews-v1-7b5d4c9c6b-x2x5s: it has no sidecar (container istio-proxy)")
    assert subject.explain([deployment()], [made], [], ["reviews-v1"], True) == [line]


def test_a_sidecar_where_there_must_be_none_is_told():
    for made in (classic(), native()):
        (line,) = subject.not_ready([deployment()], [made], ["reviews-v1"], True, ["reviews-v1"])
        assert line.startswith(
            "pod reviews-v1-7b5d4c9c6b-x2x5s: it has a sidecar (container istio-proxy) and must have none"
        )
    bare = pod([running("reviews")])
    assert subject.not_ready([deployment()], [bare], ["reviews-v1"], True, ["reviews-v1"]) == []


# ---- explain ----


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


def test_an_image_that_cannot_be_pulled_is_named_and_the_ways_out_are_told():
    message = 'Back-off pulling image "docker.io/istio/nowhere:1"'
    stuck = pod(
        [waiting("reviews", "ImagePullBackOff", message), waiting("istio-proxy", "PodInitializing")], phase="Pending"
    )
    stuck["spec"]["containers"][0]["image"] = "docker.io/istio/nowhere:1"
    lines = explained([stuck])
    assert lines[2] == f"    container reviews: ImagePullBackOff: {message}"
    assert lines[4].startswith(
        "    image docker.io/istio/nowhere:1 did not come to the node. If its name is right, load it"
    )
    assert len(lines) == 5 and "mirror" in lines[4] and "global.hub" in lines[4]


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"])
def test_ways_out_are_told_once_for_each_image(reason):
    stuck = pod([waiting("a", reason), waiting("b", reason), waiting("c", "CrashLoopBackOff")])
    for container, image in zip(stuck["spec"]["containers"], ("x:1", "x:1", "y:1")):
        container["image"] = image
    assert [x.split(" did")[0] for x in subject.image_advice(stuck)] == ["image x:1"]
    assert subject.image_advice(classic()) == []


def test_the_kubelet_says_that_an_image_did_not_come_before_the_pods_state_does():
    early = pod([waiting("a", "PodInitializing"), waiting("b", "PodInitializing")], phase="Pending")
    for container, image in zip(early["spec"]["containers"], ("x:1", "y:1")):
        container["image"] = image
    told = {
        "reason": "Failed",
        "message": 'Failed to pull image "x:1": no such host',
        "involvedObject": {"name": early["metadata"]["name"]},
    }
    assert [x.split(" did")[0] for x in subject.image_advice(early, [told])] == ["image x:1"]
    assert subject.image_advice(early, [{**told, "involvedObject": {"name": "another"}}]) == []


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


def test_events_of_every_kind_of_time_are_put_in_order_and_warnings_go_first():
    name = "reviews-v1-7b5d4c9c6b-x2x5s"
    events = [
        event("Third", "c", "2026-02-01T10:00:03Z", kind="Normal", field="creationTimestamp"),
        event("First", "a", "2026-02-01T10:00:01Z", kind="Normal"),
        event("Second", "b", "2026-02-01T10:00:02.000000Z", kind="Normal", field="eventTime"),
        {"type": "Normal", "reason": "Zeroth", "message": None, "metadata": {}, "involvedObject": {"name": name}},
    ]
    assert subject.last_events(events, name) == ["event Second: b", "event Third: c"]
    assert subject.last_events(events, name, count=9)[0] == "event Zeroth: "
    warned = [*events, event("Warned", "w", "2026-02-01T09:00:00Z")]
    assert subject.last_events(warned, name) == ["event Warned: w"]
    assert subject.last_events(events, "other") == []


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, "abc"),
        ({}, "abc"),
        ({"matchLabels": {"app": "web"}}, "ab"),
        ({"matchLabels": {"app": "web", "server": "httpd"}}, "b"),
        ({"matchExpressions": [{"key": "server", "operator": "In", "values": ["httpd", "tomcat"]}]}, "bc"),
        ({"matchExpressions": [{"key": "server", "operator": "NotIn", "values": ["httpd"]}]}, "ac"),
        ({"matchExpressions": [{"key": "server", "operator": "Exists"}]}, "bc"),
        ({"matchExpressions": [{"key": "server", "operator": "DoesNotExist"}]}, "a"),
        ({"matchExpressions": [{"key": "app", "operator": "Like", "values": ["web"]}]}, ""),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "server", "operator": "Exists"},
                    {"key": "app", "operator": "NotIn", "values": ["db"]},
                ],
            },
            "b",
        ),
    ],
)
def test_a_selector_selects_by_all_that_it_says(selector, selected):
    labels = {"a": {"app": "web"}, "b": {"app": "web", "server": "httpd"}, "c": {"app": "db", "server": "tomcat"}}
    assert "".join(x for x in labels if subject.matches(selector, labels[x])) == selected
    assert subject.matches(selector, None) == subject.matches(selector, {})


# ---- waiting ----


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
    monkeypatch.setattr(subject, "POLL_SECONDS", 0)
    cluster = Answers(ready_at=3)
    lines, pods = subject.wait(cluster, "default", [], False, float("inf"))
    assert (lines, cluster.looks) == ([], 3)
    assert [x["name"] for x in pods] == ["reviews-v1-7b5d4c9c6b-x2x5s"]


def test_wait_gives_the_reasons_when_the_time_is_over():
    cluster = Answers(ready_at=None)
    lines, pods = subject.wait(cluster, "default", ["reviews-v1"], False, 0)
    assert cluster.looks == 1 and len(pods) == 1
    assert lines[0] == "Deployment reviews-v1: 0 of 1 pods available"
    assert lines[-1].strip() == "container reviews-v1: running, not ready"
    assert subject.wait(cluster, "default", [], False, 0, why=False)[0] == lines[:1]


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
    monkeypatch.setattr(subject, "POLL_SECONDS", 0)
    cluster = Endpoints(ready_at=3, endpoint_at=2)
    assert subject.wait(cluster, "default", [], False, float("inf"), services={"reviews": 1})[0] == []
    assert (cluster.looks, cluster.asked) == (4, 2)


def test_wait_says_which_service_lacks_endpoints_and_why():
    lines, _pods = subject.wait(Endpoints(1, 9), "default", ["reviews-v1"], False, 0, services={"reviews": 1})
    assert lines == [
        "Service reviews: 0 of 1 ready endpoints: it selects app: reviews, which no pod carries; "
        "pods carry app: reviews-v1 (reviews-v1-7b5d4c9c6b-x2x5s)"
    ]
    (line,) = subject.wait(Endpoints(None, 1), "default", [], False, 0, why=False, services={"reviews": 1})[0]
    assert line.startswith("Deployment reviews-v1")


def test_wait_says_what_there_is_not():
    assert subject.wait(Answers(1, namespace=False), "x", ["nowhere"], False, 0)[0] == ["there is no namespace x"]
    assert subject.wait(Answers(1, deployments=False), "x", [], False, 0)[0] == ["namespace x has no Deployment"]


def test_a_namespace_that_cannot_be_is_told_at_once():
    asked = []
    with pytest.raises(ClusterError, match=r"^there is no namespace a/b, nor can there be one of this name$"):
        subject.wait(Mock(get=asked.append), "a/b", [], False, float("inf"))
    assert asked == ["/apis/apps/v1/namespaces/a%2Fb/deployments"]
