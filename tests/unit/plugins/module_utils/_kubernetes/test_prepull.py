# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import prepull as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.images import pull_cause

# As kubelets of 1.33 with containerd say it (and, where named, of 1.18 with Docker).
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
OTHER_MACHINE = 'failed to pull and unpack image "r.example/a:9": no match for platform in manifest sha256:9: not found'
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
def test_a_short_name_means_what_it_means_in_a_pod(short, full):
    assert subject.full_name(short) == full


def node(*names, ready="True", labels=None):
    return {
        "metadata": {"name": "node-1", "labels": labels or {}},
        "status": {
            "images": [{"names": [x]} for x in names] + [{"sizeBytes": 1}],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def test_what_a_node_lists_by_its_whole_name_is_not_missing():
    there = node(
        "docker.io/library/busybox:1.35.0", "docker.io/istio/pilot@sha256:0123", "docker.io/istio/pilot:1.27.0"
    )
    asked = ["busybox:1.35.0", "istio/pilot:1.27.0", "istio/pilot:1.26.0", "busybox"]
    assert subject.missing(there, asked) == ["istio/pilot:1.26.0", "busybox"]
    assert subject.missing({"metadata": {"name": "new"}}, ["busybox"]) == ["busybox"]


def test_a_node_that_is_not_ready_is_named():
    assert subject.not_ready_nodes([node(), node(ready="Unknown"), {"metadata": {"name": "new"}}]) == [
        "node node-1 is not Ready",
        "node new is not Ready",
    ]


def pod(images=("r.example/a:9",), statuses=(), **status):
    made = subject.pod_for("node-1", list(images), ["regcred"], "run", 60)
    made["metadata"]["name"] = "image-prepull-x"
    made["status"] = {"containerStatuses": list(statuses), **status}
    return made


def waiting(reason, message="", index=0):
    return {"name": f"image-{index}", "state": {"waiting": {"reason": reason, "message": message}}}


def ended(index=0):
    return {"name": f"image-{index}", "state": {"terminated": {"reason": "StartError", "exitCode": 128}}}


def event(reason, message, about="image-prepull-x"):
    return {"reason": reason, "message": message, "involvedObject": {"name": about}}


def test_nothing_of_an_image_runs_and_any_namespace_takes_the_pod():
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


def test_an_image_whose_container_was_to_be_started_is_there():
    made = pod(["r/new:1", "r/old:1"], [ended(0), waiting("RunContainerError", index=1)])
    told = [
        event("Pulled", 'Successfully pulled image "r/new:1" in 1s (1s including waiting). Image size: 5 bytes.'),
        event("Pulled", 'Container image "r/old:1" already present on machine'),
        event("Pulled", 'Successfully pulled image "r/old:1" in 1s', about="another"),
    ]
    states = subject.image_states(made, told)
    assert states == {"r/new:1": ("pulled", ""), "r/old:1": ("present", "")}
    assert subject.over(states)
    assert subject.failures("node-1", states) == []


@pytest.mark.parametrize(
    ("status", "events", "message", "over", "advice"),
    [
        (waiting("ErrImagePull", NOT_FOUND), [], NOT_FOUND, True, "has no such image: correct"),
        (waiting("ErrImagePull", DOCKER_NOT_FOUND), [], DOCKER_NOT_FOUND, True, "has no such image: correct"),
        # What waits for its next try has forgotten why the last one failed; the event has not.
        (waiting("ImagePullBackOff", "Back-off"), [event("Failed", UNAUTHORIZED)], UNAUTHORIZED, True, "make a Secret"),
        (waiting("ErrImagePull", REFUSED), [], REFUSED, False, "does not reach the registry"),
        (waiting("ErrImagePull", LIMITED), [], LIMITED, False, "takes no more pulls for now"),
        (waiting("ErrImagePull", FULL), [], FULL, False, "node's disk is full: make room"),
        (waiting("ErrImagePull", OTHER_MACHINE), [], OTHER_MACHINE, True, "not for the node's kind of machine"),
        (waiting("InvalidImageName", "couldn't parse"), [], "couldn't parse", True, "no image's name"),
        (waiting("ImagePullBackOff", "Back-off"), [], "Back-off", False, "Back-off."),
    ],
)
def test_an_image_that_does_not_come_is_told_in_the_kubelets_words(status, events, message, over, advice):
    states = subject.image_states(pod(statuses=[status]), events)
    assert states == {"r.example/a:9": ("failed", message)}
    assert subject.over(states) is over
    (line,) = subject.failures("node-1", states)
    assert line.startswith(f"node node-1: r.example/a:9 did not come: {message}.") and advice in line


@pytest.mark.parametrize("statuses", [[], [waiting("ContainerCreating")]])
def test_an_image_that_is_on_its_way_is_waited_for(statuses):
    states = subject.image_states(pod(statuses=statuses), [])
    assert states == {"r.example/a:9": ("pending", "")}
    assert not subject.over(states)
    assert "the kubelet has not said why. It pulls one image after the other" in subject.failures("node-1", states)[0]


def test_a_pod_that_the_node_does_not_take_is_told():
    states = subject.image_states(pod(phase="Failed", reason="OutOfpods", message="Node has no room"), [])
    assert states == {"r.example/a:9": ("failed", "OutOfpods: Node has no room")}


def test_digits_of_a_digest_are_no_answer_of_a_registry():
    assert pull_cause("pulling sha256:401403 failed: something else")[0] == "passing"


def test_a_row_for_each_image_on_each_node():
    states = {"node-1": {"b": ("failed", "no")}}
    assert subject.rows({"node-1": ["b"], "node-2": ["a"]}, states, ["a", "b"]) == [
        {"node": "node-1", "image": "a", "state": "present", "message": ""},
        {"node": "node-1", "image": "b", "state": "failed", "message": "no"},
        {"node": "node-2", "image": "a", "state": "pending", "message": ""},
        {"node": "node-2", "image": "b", "state": "present", "message": ""},
    ]


class Cluster:
    """A cluster of two nodes, of which one's pod is taken away by somebody else."""

    def __init__(self):
        self.pods, self.looks = [], 0

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
        self.looks += 1
        return [x for x in self.pods if x["spec"]["nodeName"] != "b"]

    def delete(self, _path):
        self.pods = []


def test_a_pod_that_goes_while_its_images_are_waited_for_is_told():
    params = {"images": ["busybox"], "namespace": "default", "node_selector": {}, "pull_secrets": [], "timeout": 60}
    cluster = Cluster()
    states = subject.Prepull(cluster, params).pull({"a": ["busybox"], "b": ["busybox"], "c": []})
    assert states["a"] == {"busybox": ("present", "")}
    assert states["b"] == {"busybox": ("failed", subject.VANISHED)} and "c" not in states
    assert subject.failures("b", states["b"]) == [f"node b: busybox did not come: {subject.VANISHED}."]
    assert subject.over(states["b"]) and cluster.looks == 3  # once for the states, twice while the pods are removed


PARAMS = {"images": ["busybox"], "namespace": "lab", "node_selector": {}, "pull_secrets": ["regcred"], "timeout": 60}


class Looked:
    """A cluster of one node that lacks the image; answers by path."""

    def __init__(self, ready="True", **objects):
        self.ready, self.objects = ready, objects

    def get(self, path):
        return self.objects.get(path.rpartition("/")[2])

    def items(self, _path):
        return [{"metadata": {"name": "node-1"}, "status": {"conditions": [{"type": "Ready", "status": self.ready}]}}]


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (Looked(), "^there is no namespace lab$"),
        (Looked(lab={}), "^there is no Secret regcred in namespace lab"),
        (Looked(lab={}, regcred={"type": "Opaque"}), "is of type Opaque"),
        (Looked(lab={}, regcred={"type": subject.SECRET_TYPES[0]}, ready="Unknown"), "^node node-1 is not Ready"),
    ],
)
def test_what_keeps_a_node_from_pulling_is_told_before_anything_is_pulled(cluster, said):
    run = subject.Prepull(cluster, PARAMS)
    wanted = run.look()
    with pytest.raises(ClusterError, match=said):
        run.check(wanted)
    run.check({"node-1": []})  # nothing to pull, so nothing that keeps it from doing so


def test_what_keeps_no_node_from_pulling_passes():
    run = subject.Prepull(Looked(lab={}, regcred={"type": subject.SECRET_TYPES[0]}), PARAMS)
    assert run.check(run.look()) is None


def test_pods_that_do_not_go_are_known_by_name(monkeypatch):
    monkeypatch.setattr(subject, "GONE_SECONDS", -1)
    cluster = Cluster()
    cluster.delete = lambda _path: None
    run = subject.Prepull(cluster, PARAMS)
    run.pull({"a": ["busybox"]})
    assert run.left == ["pod-of-a"]
    gone = subject.Prepull(Cluster(), PARAMS)
    monkeypatch.setattr(subject, "GONE_SECONDS", 30)
    gone.pull({"a": ["busybox"]})
    assert gone.left == []


def test_a_namespace_that_is_new_is_given_time_for_its_account(monkeypatch):
    monkeypatch.setattr(subject.time, "sleep", lambda _seconds: None)
    answers = iter([None, None, {"metadata": {}}])

    class Young:
        def get(self, path):
            assert path == "/api/v1/namespaces/lab/serviceaccounts/default"
            return next(answers)

    run = subject.Prepull(Young(), {"images": [], "namespace": "lab", "timeout": 5})
    run.await_account(subject.time.monotonic() + 5)
    assert next(answers, "all were asked for") == "all were asked for"
    answers = iter([None])
    with pytest.raises(ClusterError, match="namespace lab has no ServiceAccount default after 5 s"):
        run.await_account(subject.time.monotonic() - 1)


@pytest.mark.parametrize(("secrets", "became"), [([], "failed"), (["regcred"], "present")])
def test_a_first_refusal_is_believed_only_where_no_secret_may_be_on_its_way(monkeypatch, secrets, became):
    monkeypatch.setattr(subject.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(subject.Prepull, "remove", lambda _self, _run: None)
    refused, there = ("failed", "no basic auth credentials"), ("present", "")
    answers = iter([{"node-1": {"registry/one:1": refused}}, {"node-1": {"registry/one:1": there}}])
    monkeypatch.setattr(subject.Prepull, "read", lambda _self, _run: next(answers))

    class Cluster:
        def get(self, _path):
            return {"metadata": {}}

        def create(self, _path, _pod):
            return {}

    params = {"images": ["registry/one:1"], "namespace": "lab", "timeout": 60, "pull_secrets": secrets}
    states = subject.Prepull(Cluster(), params).pull({"node-1": ["registry/one:1"]})
    assert states["node-1"]["registry/one:1"][0] == became
