# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import prepull as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.images import pull_cause

# Messages of kubelet 1.33 with containerd; DOCKER_NOT_FOUND is of kubelet 1.18 with Docker.
NOT_FOUND = (
    'Failed to pull image "r.example/a:9": rpc error: code = NotFound desc = failed to pull and unpack image '
    '"r.example/a:9": failed to resolve reference "r.example/a:9": r.example/a:9: not found'
)
UNAUTHORIZED = (
    'Failed to pull image "r.example/a:9": failed to pull and unpack image "r.example/a:9": failed to resolve '
    'reference "r.example/a:9": pull access denied, repository does not exist or may require authorization: '
    "authorization failed: no basic auth credentials"
)
LIMITED = (
    'failed to pull and unpack image "docker.io/library/busybox:1.36": failed to copy: httpReadSeeker: failed open: '
    "unexpected status code https://registry-1.docker.io/v2/library/busybox/manifests/sha256:4014: 429 Too Many "
    "Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit."
)
FULL = (
    'failed to pull and unpack image "r.example/a:9": failed to extract layer sha256:9: write '
    "/var/lib/containerd/usr/lib/x: no space left on device: unknown"
)
OTHER_ARCHITECTURE = (
    'failed to pull and unpack image "r.example/a:9": no match for platform in manifest sha256:9: not found'
)
REFUSED = (
    'Failed to pull image "r.example/a:9": failed to resolve reference "r.example/a:9": failed to do request: '
    'Head "https://r.example/v2/a/manifests/9": dial tcp 198.18.0.9:443: connect: connection refused'
)
DOCKER_NOT_FOUND = (
    "rpc error: code = Unknown desc = Error response from daemon: manifest for r.example/a:9 not found: "
    "manifest unknown"
)


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.35.0", "docker.io/library/busybox:1.35.0"),
        ("docker.io/busybox:1", "docker.io/library/busybox:1"),
        ("istio/pilot:1.27.0", "docker.io/istio/pilot:1.27.0"),
        ("docker.io/istio/pilot:1.27.0", "docker.io/istio/pilot:1.27.0"),
        ("localhost/a", "localhost/a:latest"),
        ("198.19.255.1:5000/a/b", "198.19.255.1:5000/a/b:latest"),
        ("istio/pilot@sha256:0123", "docker.io/istio/pilot@sha256:0123"),
    ],
)
def test_full_name_of_an_image(short, full):
    assert subject.full_name(short) == full


def node(*names, ready="True", labels=None):
    return {
        "metadata": {"name": "node-1", "labels": labels or {}},
        "status": {
            "images": [{"names": [x]} for x in names] + [{"sizeBytes": 1}],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def test_missing_images_compares_full_names():
    listing = node(
        "docker.io/library/busybox:1.35.0", "docker.io/istio/pilot@sha256:0123", "docker.io/istio/pilot:1.27.0"
    )
    images = ["busybox:1.35.0", "istio/pilot:1.27.0", "istio/pilot:1.26.0", "busybox"]
    assert subject.missing_images(listing, images) == ["istio/pilot:1.26.0", "busybox"]
    assert subject.missing_images({"metadata": {"name": "new"}}, ["busybox"]) == ["busybox"]


def test_not_ready_nodes_are_named():
    assert subject.not_ready_nodes([node(), node(ready="Unknown"), {"metadata": {"name": "new"}}]) == [
        "node node-1 is not Ready",
        "node new is not Ready",
    ]


def pod(images=("r.example/a:9",), statuses=(), **status):
    result = subject.build_pod("node-1", list(images), ["regcred"], "run", 60)
    result["metadata"]["name"] = "image-prepull-x"
    result["status"] = {"containerStatuses": list(statuses), **status}
    return result


def waiting(reason, message="", index=0):
    return {"name": f"image-{index}", "state": {"waiting": {"reason": reason, "message": message}}}


def failed_start(index=0):
    return {"name": f"image-{index}", "state": {"terminated": {"reason": "StartError", "exitCode": 128}}}


def event(reason, message, about="image-prepull-x"):
    return {"reason": reason, "message": message, "involvedObject": {"name": about}}


def test_pod_runs_no_program_and_meets_the_restricted_standard():
    spec = pod(["a", "b"])["spec"]
    assert [(x["name"], x["image"], x["command"]) for x in spec["containers"]] == [
        ("image-0", "a", [subject.COMMAND]),
        ("image-1", "b", [subject.COMMAND]),
    ]
    assert spec["imagePullSecrets"] == [{"name": "regcred"}]
    assert spec["nodeName"] == "node-1"
    assert (spec["restartPolicy"], spec["automountServiceAccountToken"]) == ("Never", False)
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["seccompProfile"]
    assert all(x["securityContext"]["capabilities"] == {"drop": ["ALL"]} for x in spec["containers"])


def test_image_of_a_container_that_failed_to_start_is_on_the_node():
    two_images = pod(["r/new:1", "r/old:1"], [failed_start(0), waiting("RunContainerError", index=1)])
    events = [
        event("Pulled", 'Successfully pulled image "r/new:1" in 1s (1s including waiting). Image size: 5 bytes.'),
        event("Pulled", 'Container image "r/old:1" already present on machine'),
        event("Pulled", 'Successfully pulled image "r/old:1" in 1s', about="another"),
    ]
    states = subject.image_states(two_images, events)
    assert states == {"r/new:1": ("pulled", ""), "r/old:1": ("present", "")}
    assert subject.is_finished(states)
    assert subject.failures("node-1", states) == []


@pytest.mark.parametrize(
    ("status", "events", "message", "finished", "advice"),
    [
        (waiting("ErrImagePull", NOT_FOUND), [], NOT_FOUND, True, "has no such image: correct the name"),
        (waiting("ErrImagePull", DOCKER_NOT_FOUND), [], DOCKER_NOT_FOUND, True, "has no such image: correct the name"),
        # A back-off replaces the cause in the status, but not in the event.
        (
            waiting("ImagePullBackOff", "Back-off"),
            [event("Failed", UNAUTHORIZED)],
            UNAUTHORIZED,
            True,
            "create a Secret",
        ),
        (waiting("ErrImagePull", REFUSED), [], REFUSED, False, "cannot reach the registry"),
        (waiting("ErrImagePull", LIMITED), [], LIMITED, False, "pull rate limit of the registry is reached"),
        (waiting("ErrImagePull", FULL), [], FULL, False, "node's disk is full: free space"),
        (
            waiting("ErrImagePull", OTHER_ARCHITECTURE),
            [],
            OTHER_ARCHITECTURE,
            True,
            "does not exist for the node's architecture",
        ),
        (waiting("InvalidImageName", "couldn't parse"), [], "couldn't parse", True, "image name is not valid"),
        (waiting("ImagePullBackOff", "Back-off"), [], "Back-off", False, "Back-off."),
    ],
)
def test_failure_has_the_kubelet_message_and_the_remedy(status, events, message, finished, advice):
    states = subject.image_states(pod(statuses=[status]), events)
    assert states == {"r.example/a:9": ("failed", message)}
    assert subject.is_finished(states) is finished
    (line,) = subject.failures("node-1", states)
    assert line.startswith(f"node node-1: image r.example/a:9 could not be pulled: {message}.") and advice in line


@pytest.mark.parametrize("statuses", [[], [waiting("ContainerCreating")]])
def test_image_without_a_result_is_pending(statuses):
    states = subject.image_states(pod(statuses=statuses), [])
    assert states == {"r.example/a:9": ("pending", "")}
    assert not subject.is_finished(states)
    assert "the kubelet reported no reason. Pulls are serialized" in subject.failures("node-1", states)[0]


def test_pod_rejected_by_the_node_is_a_failure():
    states = subject.image_states(pod(phase="Failed", reason="OutOfpods", message="Node has no room"), [])
    assert states == {"r.example/a:9": ("failed", "OutOfpods: Node has no room")}


def test_digits_of_a_digest_are_not_a_status_code():
    assert pull_cause("pulling sha256:401403 failed: something else")[0] == "passing"


def test_one_row_per_node_and_image():
    states = {"node-1": {"b": ("failed", "no")}}
    assert subject.result_rows({"node-1": ["b"], "node-2": ["a"]}, states, ["a", "b"]) == [
        {"node": "node-1", "image": "a", "state": "present", "message": ""},
        {"node": "node-1", "image": "b", "state": "failed", "message": "no"},
        {"node": "node-2", "image": "a", "state": "pending", "message": ""},
        {"node": "node-2", "image": "b", "state": "present", "message": ""},
    ]


class Cluster:
    """A cluster of two nodes, a and b. The pod on b disappears."""

    def __init__(self):
        self.pods, self.polls = [], 0

    def get(self, _path):
        return {"metadata": {}}

    def create(self, _path, pod):
        pod["metadata"]["name"] = f"pod-of-{pod['spec']['nodeName']}"
        running = {"state": {"terminated": {"reason": "StartError"}}}
        pod["status"] = {"containerStatuses": [{"name": x["name"], **running} for x in pod["spec"]["containers"]]}
        self.pods.append(pod)

    def items(self, path, **_query):
        if path.endswith("/events"):
            return []
        self.polls += 1
        return [x for x in self.pods if x["spec"]["nodeName"] != "b"]

    def delete(self, _path):
        self.pods = []


def test_deleted_pod_is_a_failure():
    params = {"images": ["busybox"], "namespace": "default", "node_selector": {}, "pull_secrets": [], "timeout": 60}
    cluster = Cluster()
    states = subject.Prepull(cluster, params).pull({"a": ["busybox"], "b": ["busybox"], "c": []})
    assert states["a"] == {"busybox": ("present", "")}
    assert states["b"] == {"busybox": ("failed", subject.POD_DELETED)} and "c" not in states
    assert subject.failures("b", states["b"]) == [f"node b: image busybox could not be pulled: {subject.POD_DELETED}."]
    assert subject.is_finished(states["b"]) and cluster.polls == 3  # once for the states, twice during the removal


PARAMS = {"images": ["busybox"], "namespace": "lab", "node_selector": {}, "pull_secrets": ["regcred"], "timeout": 60}


class OneNode:
    """A cluster of one node without the image; objects by the last part of their path."""

    def __init__(self, ready="True", **objects):
        self.ready, self.objects = ready, objects

    def get(self, path):
        return self.objects.get(path.rpartition("/")[2])

    def items(self, _path):
        return [{"metadata": {"name": "node-1"}, "status": {"conditions": [{"type": "Ready", "status": self.ready}]}}]


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        (OneNode(), "^namespace lab does not exist$"),
        (OneNode(lab={}), "^Secret regcred does not exist in namespace lab: create it"),
        (OneNode(lab={}, regcred={"type": "Opaque"}), "must be of type kubernetes.io/dockerconfigjson, got Opaque"),
        (OneNode(lab={}, regcred={"type": subject.SECRET_TYPES[0]}, ready="Unknown"), "^node node-1 is not Ready"),
    ],
)
def test_check_fails_before_anything_is_pulled(cluster, message):
    run = subject.Prepull(cluster, PARAMS)
    missing = run.find_missing()
    with pytest.raises(ClusterError, match=message):
        run.check(missing)
    run.check({"node-1": []})  # no image is missing


def test_check_passes():
    run = subject.Prepull(OneNode(lab={}, regcred={"type": subject.SECRET_TYPES[0]}), PARAMS)
    assert run.check(run.find_missing()) is None


def test_remaining_pods_are_recorded(monkeypatch):
    monkeypatch.setattr(subject, "TERMINATION_SECONDS", -1)
    cluster = Cluster()
    cluster.delete = lambda _path: None
    run = subject.Prepull(cluster, PARAMS)
    run.pull({"a": ["busybox"]})
    assert run.remaining_pods == ["pod-of-a"]
    other = subject.Prepull(Cluster(), PARAMS)
    monkeypatch.setattr(subject, "TERMINATION_SECONDS", 30)
    other.pull({"a": ["busybox"]})
    assert other.remaining_pods == []


def test_waits_for_the_service_account_of_a_new_namespace(monkeypatch):
    monkeypatch.setattr(subject.time, "sleep", lambda _seconds: None)
    answers = iter([None, None, {"metadata": {}}])

    class NewNamespace:
        def get(self, path):
            assert path == "/api/v1/namespaces/lab/serviceaccounts/default"
            return next(answers)

    run = subject.Prepull(NewNamespace(), {"images": [], "namespace": "lab", "timeout": 5})
    run.await_service_account(subject.time.monotonic() + 5)
    assert next(answers, "consumed") == "consumed"
    answers = iter([None])
    with pytest.raises(ClusterError, match="namespace lab has no ServiceAccount default after 5 s"):
        run.await_service_account(subject.time.monotonic() - 1)


@pytest.mark.parametrize(("secrets", "state"), [([], "failed"), (["regcred"], "present")])
def test_first_authentication_failure_is_final_only_without_pull_secrets(monkeypatch, secrets, state):
    monkeypatch.setattr(subject.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(subject.Prepull, "remove", lambda _self, _run: None)
    refused, present = ("failed", "no basic auth credentials"), ("present", "")
    answers = iter([{"node-1": {"registry/one:1": refused}}, {"node-1": {"registry/one:1": present}}])
    monkeypatch.setattr(subject.Prepull, "read", lambda _self, _run: next(answers))

    class Cluster:
        def get(self, _path):
            return {"metadata": {}}

        def create(self, _path, _pod):
            return {}

    params = {"images": ["registry/one:1"], "namespace": "lab", "timeout": 60, "pull_secrets": secrets}
    states = subject.Prepull(Cluster(), params).pull({"node-1": ["registry/one:1"]})
    assert states["node-1"]["registry/one:1"][0] == state
