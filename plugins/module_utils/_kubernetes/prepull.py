# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on the nodes of a cluster before they are needed, whatever its container runtime is.

A pod for each node names the images, with a command that none of them has: the kubelet pulls each, as it would for a
workload, and nothing runs. All but Prepull work on API objects alone.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable
from functools import partial
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster, ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.events import events_about
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.images import PULL_FAILURES, pull_cause
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.permissions import unless_forbidden
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.selectors import selects
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.waits import poll

OWNER_LABEL = "app.kubernetes.io/managed-by"
OWNER = "meshlab.istio.image_prepull"
RUN_LABEL = "meshlab.istio/prepull"
COMMAND = "/only-the-image-is-wanted"
SECRET_TYPES = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")

# What became of images whose pod went before they were seen to be there.
VANISHED = "its pod is gone: somebody else deleted it, or the node left the cluster"

# What is to be told of an image of which the kubelet tells nothing, and the way out.
# https://kubernetes.io/docs/concepts/containers/images/#serial-and-parallel-image-pulls
NOTHING_SAID = (
    "the kubelet has not said why",
    "It pulls one image after the other, for whatever pod, unless serializeImagePulls is false: one that hangs keeps "
    "those behind it waiting. Give it more time (timeout).",
)

# How long a refusal is not believed where there are pull secrets, in seconds: a kubelet that has not read a Secret yet
# asks without it, and again ten seconds later.
SECRET_SECONDS = 20

# How long a deleted pod may take until it is gone, in seconds.
GONE_SECONDS = 30


def full_name(image: str) -> str:
    """An image's name with its registry and tag, as a node lists it: busybox is docker.io/library/busybox:latest."""
    name, at, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    elif first == "docker.io" and "/" not in rest:
        name = f"docker.io/library/{rest}"
    if not at and ":" not in name.rpartition("/")[2]:
        name += ":latest"
    return name + at + digest


def listed(node: dict) -> set[str]:
    """The names of the images that a node says it has. A kubelet names the 50 largest, unless it is told otherwise."""
    return {
        full_name(name) for row in (node.get("status") or {}).get("images") or () for name in row.get("names") or ()
    }


def missing(node: dict, images: list[str]) -> list[str]:
    """Those of the images that a node does not list."""
    there = listed(node)
    return [x for x in images if full_name(x) not in there]


def not_ready_nodes(nodes: Iterable[dict]) -> list[str]:
    """A line for each node that cannot pull anything."""
    return [f"node {x['metadata']['name']} is not Ready" for x in nodes if not is_ready(x)]


def pod_for(node: str, images: list[str], pull_secrets: list[str], run: str, timeout: int) -> dict:
    """The pod that makes a node pull images. It keeps to the strictest of the Pod Security Standards."""
    container = {
        "command": [COMMAND],
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "image-prepull-",
            "labels": {OWNER_LABEL: OWNER, RUN_LABEL: run, "sidecar.istio.io/inject": "false"},
            "annotations": {"sidecar.istio.io/inject": "false"},  # the only way that old releases know
        },
        "spec": {
            "nodeName": node,  # past the scheduler: a cordoned or tainted node gets them too
            "tolerations": [{"operator": "Exists"}],
            "restartPolicy": "Never",
            "activeDeadlineSeconds": timeout + 60,  # of a run that was killed
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "imagePullSecrets": [{"name": x} for x in pull_secrets],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{"name": f"image-{i}", "image": x, **container} for i, x in enumerate(images)],
        },
    }


def image_states(pod: dict, events: Iterable[dict]) -> dict[str, tuple[str, str]]:
    """What became of a pod's images: {image: (state, message)}; states are pulled, present, failed and pending.

    events: of its namespace. A failure is one that another try may mend, as long as pull_cause does not call it final.
    """
    told = events_about(events, pod["metadata"]["name"])
    status = pod.get("status") or {}
    by_name = {x["name"]: x for x in status.get("containerStatuses") or ()}
    states = {}
    for container in pod["spec"]["containers"]:
        image = container["image"]
        each = by_name.get(container["name"])
        if each is None:
            gone = status.get("phase") == "Failed"
            said = f"{status.get('reason') or 'the pod failed'}: {status.get('message') or 'no message'}"
            states[image] = ("failed", said) if gone else ("pending", "")
            continue
        waiting = (each.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or ""
        if reason in PULL_FAILURES:
            states[image] = ("failed", pull_message(image, waiting, told))
        elif reason in ("ContainerCreating", "PodInitializing"):
            states[image] = ("pending", "")
        else:  # it was to be started, so its image is there
            states[image] = ("pulled" if was_pulled(image, told) else "present", "")
    return states


def pull_message(image: str, waiting: dict, events: Iterable[dict]) -> str:
    """Why an image did not come, in the kubelet's words. Its event says more than a state that waits for a next try."""
    said = [
        x.get("message") or ""
        for x in events
        if x.get("reason") in ("Failed", "InspectFailed") and f'image "{image}"' in (x.get("message") or "")
    ]
    return " ".join((said[-1] if said else waiting.get("message") or waiting.get("reason") or "").split())


def was_pulled(image: str, events: Iterable[dict]) -> bool:
    """Whether the kubelet says that it pulled an image, and did not find it on the node."""
    return any(
        x.get("reason") == "Pulled" and f'Successfully pulled image "{image}"' in (x.get("message") or "")
        for x in events
    )


def over(states: dict) -> bool:
    """Whether there is nothing to wait for: every image is there, or will not come however often it is tried."""
    return all(
        state in ("pulled", "present")
        or (state == "failed" and (message == VANISHED or pull_cause(message)[0] == "final"))
        for state, message in states.values()
    )


def failures(node: str, states: dict) -> list[str]:
    """A line for each image that did not come to a node, with the way out."""
    lines = []
    for image, (state, message) in states.items():
        if state in ("failed", "pending"):
            said, advice = (message, pull_cause(message)[1]) if message else NOTHING_SAID
            lines.append(f"node {node}: {image} did not come: {said}. {advice}".rstrip())
    return lines


class Prepull:
    """One run: what is wanted of a cluster's nodes, and what became of it."""

    def __init__(self, cluster: Cluster, params: dict) -> None:
        """params: images, namespace, node_selector, pull_secrets, timeout (seconds)."""
        self.cluster, self.params = cluster, params
        self.images = list(dict.fromkeys(params["images"]))
        self.path = f"/api/v1/namespaces/{quote(params['namespace'], safe='')}"
        self.pods_path = f"{self.path}/pods"
        self.nodes: list[dict] = []
        self.left: list[str] = []  # names of pods that did not go

    def look(self) -> dict[str, list[str]]:
        """{node: images that it does not list}, of the nodes that are meant. ClusterError where there is none."""
        selector = {"matchLabels": self.params["node_selector"] or {}}
        self.nodes = [x for x in self.cluster.items("/api/v1/nodes") if selects(selector, x["metadata"].get("labels"))]
        if not self.nodes:
            raise ClusterError(f"no node has the labels {self.params['node_selector']} (node_selector)")
        return {x["metadata"]["name"]: missing(x, self.images) for x in self.nodes}

    def check_secrets(self) -> None:
        """ClusterError for a pull secret that is not there: the kubelet overlooks it, and the registry says no."""
        namespace = self.params["namespace"]
        if self.cluster.get(self.path) is None:
            raise ClusterError(f"there is no namespace {namespace}")
        for name in self.params["pull_secrets"]:
            path = f"{self.path}/secrets/{quote(name, safe='')}"
            # A user who may create pods may not always read Secrets.
            secret = unless_forbidden(partial(self.cluster.get, path), {"type": SECRET_TYPES[0]})
            if secret is None:
                raise ClusterError(
                    f"there is no Secret {name} in namespace {namespace}: make one with "
                    f"kubectl --namespace {namespace} create secret docker-registry {name}"
                )
            if secret.get("type") not in SECRET_TYPES:
                raise ClusterError(
                    f"the Secret {name} in namespace {namespace} is of type {secret.get('type')}, "
                    f"not {SECRET_TYPES[0]}: it holds no credentials of a registry"
                )

    def check(self, wanted: dict[str, list[str]]) -> None:
        """ClusterError for what would keep nodes from pulling; wanted is {node: images}."""
        if not any(wanted.values()):
            return
        self.check_secrets()
        lame = not_ready_nodes(x for x in self.nodes if wanted.get(x["metadata"]["name"]))
        if lame:
            raise ClusterError(f"{'; '.join(lame)}: nothing was pulled")

    def pull(self, wanted: dict[str, list[str]]) -> dict[str, dict[str, tuple[str, str]]]:
        """Make nodes pull: wanted is {node: images}. Returns {node: {image: (state, message)}}."""
        run = uuid.uuid4().hex[:16]
        deadline = time.monotonic() + self.params["timeout"]
        self.await_account(deadline)
        believed = time.monotonic() + (SECRET_SECONDS if self.params["pull_secrets"] else 0)
        try:
            for node, images in wanted.items():
                if images:
                    pod = pod_for(node, images, self.params["pull_secrets"], run, self.params["timeout"])
                    self.cluster.create(self.pods_path, pod)

            def read():
                vanished = {node: dict.fromkeys(x, ("failed", VANISHED)) for node, x in wanted.items() if x}
                return {**vanished, **self.read(run)}

            def done(states):
                refused = any(state == "failed" for x in states.values() for state, _message in x.values())
                return all(over(x) for x in states.values()) and not (refused and time.monotonic() < believed)

            return poll(read, done, deadline)
        finally:
            self.remove(run)

    def await_account(self, deadline: float) -> None:
        """Wait for the ServiceAccount of the pods: a controller makes it a moment after the namespace."""
        # A user who may create pods may not always read ServiceAccounts.
        path = f"{self.path}/serviceaccounts/default"
        if not poll(lambda: unless_forbidden(lambda: self.cluster.get(path) is not None, True), bool, deadline):
            raise ClusterError(
                f"namespace {self.params['namespace']} has no ServiceAccount default after {self.params['timeout']} s, "
                "and takes no pod without one: see whether kube-controller-manager runs"
            )

    def read(self, run: str) -> dict[str, dict[str, tuple[str, str]]]:
        """{node: {image: (state, message)}} of a run's pods."""
        pods = list(self.cluster.items(self.pods_path, labelSelector=f"{RUN_LABEL}={run}"))
        events = list(self.cluster.items(f"{self.path}/events"))
        return {x["spec"]["nodeName"]: image_states(x, events) for x in pods}

    def remove(self, run: str) -> None:
        """Delete a run's pods, and wait until they are gone. Those that do not go in time are in left."""

        def remaining():
            pods = list(self.cluster.items(self.pods_path, labelSelector=f"{RUN_LABEL}={run}"))
            for pod in pods:
                with contextlib.suppress(ClusterError):  # the next read tries again
                    self.cluster.delete(f"{self.pods_path}/{pod['metadata']['name']}")
            return [x["metadata"]["name"] for x in pods]

        self.left = poll(remaining, lambda names: not names, time.monotonic() + GONE_SECONDS)


def rows(before: dict[str, list[str]], states: dict, images: list[str]) -> list[dict]:
    """One row for each image on each node: node, image, state (present, pulled, failed or pending), message."""
    result = []
    for node, lacking in before.items():
        for image in images:
            state, message = states.get(node, {}).get(image, ("pending" if image in lacking else "present", ""))
            result.append({"node": node, "image": image, "state": state, "message": message})
    return result
