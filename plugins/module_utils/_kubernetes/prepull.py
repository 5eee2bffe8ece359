# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pre-pulls container images onto the nodes of a cluster, with any container runtime.

One pod per node lists the images with a command that does not exist in any of them: the kubelet pulls each image as
for a workload, but nothing runs. Only Prepull talks to a cluster.
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

# The message for images whose pod disappeared before they were pulled.
POD_DELETED = "its pod was deleted, or its node left the cluster"

# The message and the remedy if the kubelet reports nothing about an image.
# https://kubernetes.io/docs/concepts/containers/images/#serial-and-parallel-image-pulls
NO_REASON = (
    "the kubelet reported no reason",
    "Pulls are serialized unless serializeImagePulls is false, so an earlier pull may be blocking this one: increase "
    "timeout.",
)

# Time during which an authentication failure is not final if there are pull secrets, in seconds: a kubelet that has not
# read a Secret yet pulls without it, and retries ten seconds later.
SECRET_SECONDS = 20

# Time for a deleted pod to terminate, in seconds.
TERMINATION_SECONDS = 30


def full_name(image: str) -> str:
    """Return an image name with registry and tag, as nodes list it: busybox is docker.io/library/busybox:latest."""
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


def listed_images(node: dict) -> set[str]:
    """Return the full names of the images in a node's status. By default, a kubelet lists the 50 largest."""
    return {
        full_name(name) for row in (node.get("status") or {}).get("images") or () for name in row.get("names") or ()
    }


def missing_images(node: dict, images: list[str]) -> list[str]:
    """Return those of the images that a node does not list."""
    listed = listed_images(node)
    return [x for x in images if full_name(x) not in listed]


def not_ready_nodes(nodes: Iterable[dict]) -> list[str]:
    """Return one line for each node that is not Ready and so cannot pull images."""
    return [f"node {x['metadata']['name']} is not Ready" for x in nodes if not is_ready(x)]


def build_pod(node: str, images: list[str], pull_secrets: list[str], run: str, timeout: int) -> dict:
    """Return a pod that makes a node pull images. It meets the restricted Pod Security Standard."""
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
            "annotations": {"sidecar.istio.io/inject": "false"},  # the only form that old Istio releases read
        },
        "spec": {
            "nodeName": node,  # bypasses the scheduler, so that cordoned and tainted nodes are included
            "tolerations": [{"operator": "Exists"}],
            "restartPolicy": "Never",
            "activeDeadlineSeconds": timeout + 60,  # ends the pod if this module is killed
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
    """Return {image: (state, message)} for the images of a pod; states are pulled, present, failed and pending.

    events: of its namespace. A failed pull may be retried, unless pull_cause() calls it final.
    """
    about = events_about(events, pod["metadata"]["name"])
    status = pod.get("status") or {}
    by_name = {x["name"]: x for x in status.get("containerStatuses") or ()}
    states = {}
    for container in pod["spec"]["containers"]:
        image = container["image"]
        container_status = by_name.get(container["name"])
        if container_status is None:
            message = f"{status.get('reason') or 'the pod failed'}: {status.get('message') or 'no message'}"
            states[image] = ("failed", message) if status.get("phase") == "Failed" else ("pending", "")
            continue
        waiting = (container_status.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason") or ""
        if reason in PULL_FAILURES:
            states[image] = ("failed", pull_message(image, waiting, about))
        elif reason in ("ContainerCreating", "PodInitializing"):
            states[image] = ("pending", "")
        else:  # the kubelet tried to start the container, so it has the image
            states[image] = ("pulled" if was_pulled(image, about) else "present", "")
    return states


def pull_message(image: str, waiting: dict, events: Iterable[dict]) -> str:
    """Return the kubelet's message about a failed pull: from its event, as the status may be a mere back-off."""
    messages = [
        x.get("message") or ""
        for x in events
        if x.get("reason") in ("Failed", "InspectFailed") and f'image "{image}"' in (x.get("message") or "")
    ]
    return " ".join((messages[-1] if messages else waiting.get("message") or waiting.get("reason") or "").split())


def was_pulled(image: str, events: Iterable[dict]) -> bool:
    """Whether the kubelet reported that it pulled an image, rather than that the node had it."""
    return any(
        x.get("reason") == "Pulled" and f'Successfully pulled image "{image}"' in (x.get("message") or "")
        for x in events
    )


def is_finished(states: dict) -> bool:
    """Whether every image is on the node or failed for good."""
    return all(
        state in ("pulled", "present")
        or (state == "failed" and (message == POD_DELETED or pull_cause(message)[0] == "final"))
        for state, message in states.values()
    )


def failures(node: str, states: dict) -> list[str]:
    """Return one line for each image that a node does not have, with the remedy."""
    lines = []
    for image, (state, message) in states.items():
        if state in ("failed", "pending"):
            reason, advice = (message, pull_cause(message)[1]) if message else NO_REASON
            lines.append(f"node {node}: image {image} could not be pulled: {reason}. {advice}".rstrip())
    return lines


class Prepull:
    """One run of the module on a cluster."""

    def __init__(self, cluster: Cluster, params: dict) -> None:
        """params: images, namespace, node_selector, pull_secrets, timeout (seconds)."""
        self.cluster, self.params = cluster, params
        self.images = list(dict.fromkeys(params["images"]))
        self.path = f"/api/v1/namespaces/{quote(params['namespace'], safe='')}"
        self.pods_path = f"{self.path}/pods"
        self.nodes: list[dict] = []
        self.remaining_pods: list[str] = []  # names of pods that were not removed in time

    def find_missing(self) -> dict[str, list[str]]:
        """Return {node: images that it does not list} for the selected nodes. Raises ClusterError if there are none."""
        selector = {"matchLabels": self.params["node_selector"] or {}}
        self.nodes = [x for x in self.cluster.items("/api/v1/nodes") if selects(selector, x["metadata"].get("labels"))]
        if not self.nodes:
            raise ClusterError(f"node_selector matches no node, got {self.params['node_selector']}")
        return {x["metadata"]["name"]: missing_images(x, self.images) for x in self.nodes}

    def check_secrets(self) -> None:
        """Raise ClusterError for an unusable pull secret, which the kubelet would silently ignore."""
        namespace = self.params["namespace"]
        if self.cluster.get(self.path) is None:
            raise ClusterError(f"namespace {namespace} does not exist")
        for name in self.params["pull_secrets"]:
            path = f"{self.path}/secrets/{quote(name, safe='')}"
            # The user may be allowed to create pods, but not to read Secrets.
            secret = unless_forbidden(partial(self.cluster.get, path), {"type": SECRET_TYPES[0]})
            if secret is None:
                raise ClusterError(
                    f"Secret {name} does not exist in namespace {namespace}: create it with "
                    f"kubectl --namespace {namespace} create secret docker-registry {name}"
                )
            if secret.get("type") not in SECRET_TYPES:
                raise ClusterError(
                    f"Secret {name} in namespace {namespace} must be of type {SECRET_TYPES[0]}, "
                    f"got {secret.get('type')}"
                )

    def check(self, missing: dict[str, list[str]]) -> None:
        """Raise ClusterError for anything that would prevent a pull. missing: {node: images}."""
        if not any(missing.values()):
            return
        self.check_secrets()
        problems = not_ready_nodes(x for x in self.nodes if missing.get(x["metadata"]["name"]))
        if problems:
            raise ClusterError(f"{'; '.join(problems)}: no image was pulled")

    def pull(self, missing: dict[str, list[str]]) -> dict[str, dict[str, tuple[str, str]]]:
        """Make nodes pull {node: images}. Returns {node: {image: (state, message)}}."""
        run = uuid.uuid4().hex[:16]
        deadline = time.monotonic() + self.params["timeout"]
        self.await_service_account(deadline)
        final_from = time.monotonic() + (SECRET_SECONDS if self.params["pull_secrets"] else 0)
        try:
            for node, images in missing.items():
                if images:
                    pod = build_pod(node, images, self.params["pull_secrets"], run, self.params["timeout"])
                    self.cluster.create(self.pods_path, pod)

            def read():
                deleted = {node: dict.fromkeys(x, ("failed", POD_DELETED)) for node, x in missing.items() if x}
                return {**deleted, **self.read(run)}

            def done(states):
                failed = any(state == "failed" for x in states.values() for state, _message in x.values())
                return all(map(is_finished, states.values())) and not (failed and time.monotonic() < final_from)

            return poll(read, done, deadline)
        finally:
            self.remove(run)

    def await_service_account(self, deadline: float) -> None:
        """Wait for the pods' ServiceAccount, which a controller creates shortly after the namespace."""
        # The user may be allowed to create pods, but not to read ServiceAccounts.
        path = f"{self.path}/serviceaccounts/default"
        if not poll(lambda: unless_forbidden(lambda: self.cluster.get(path) is not None, True), bool, deadline):
            raise ClusterError(
                f"namespace {self.params['namespace']} has no ServiceAccount default after {self.params['timeout']} s, "
                "which pods require: check that kube-controller-manager runs"
            )

    def read(self, run: str) -> dict[str, dict[str, tuple[str, str]]]:
        """Return {node: {image: (state, message)}} from the pods of a run."""
        pods = list(self.cluster.items(self.pods_path, labelSelector=f"{RUN_LABEL}={run}"))
        events = list(self.cluster.items(f"{self.path}/events"))
        return {x["spec"]["nodeName"]: image_states(x, events) for x in pods}

    def remove(self, run: str) -> None:
        """Delete the pods of a run and wait for their removal. remaining_pods lists those that take too long."""

        def remaining():
            pods = list(self.cluster.items(self.pods_path, labelSelector=f"{RUN_LABEL}={run}"))
            for pod in pods:
                with contextlib.suppress(ClusterError):  # retried with the next poll
                    self.cluster.delete(f"{self.pods_path}/{pod['metadata']['name']}")
            return [x["metadata"]["name"] for x in pods]

        self.remaining_pods = poll(remaining, lambda names: not names, time.monotonic() + TERMINATION_SECONDS)


def result_rows(missing: dict[str, list[str]], states: dict, images: list[str]) -> list[dict]:
    """Return one row per node and image: node, image, state (present, pulled, failed or pending) and message."""
    result = []
    for node, not_listed in missing.items():
        for image in images:
            state, message = states.get(node, {}).get(image, ("pending" if image in not_listed else "present", ""))
            result.append({"node": node, "image": image, "state": state, "message": message})
    return result
