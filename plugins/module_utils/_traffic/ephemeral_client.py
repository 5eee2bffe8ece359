# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create a client pod for the duration of one measurement."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.events import last_events
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import container_reasons
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.waits import poll
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import NAME, Client, has_sidecar
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError

EPHEMERAL_CONTAINER = "client"
# Seconds to wait for the pod to be ready, and to be deleted.
START_TIMEOUT = 120
END_TIMEOUT = 60
# Reasons of a waiting container that will not start.
_FATAL_REASONS = {"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}


def ephemeral_pod(plan: Plan, namespace: str, name: str, image: str) -> dict[str, Any]:
    """Definition of a sleeping pod, from which the plan's requests are sent.

    Its lifetime is limited, because the module may be killed before it can remove the pod.
    """
    lifetime = START_TIMEOUT + plan.exec_timeout
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": "traffic-split-client", "app.kubernetes.io/managed-by": "meshlab.istio"},
        },
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "activeDeadlineSeconds": lifetime,
            "containers": [
                {
                    "name": EPHEMERAL_CONTAINER,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", str(lifetime)],
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65534,
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                }
            ],
        },
    }


@contextlib.contextmanager
def ephemeral_client(cluster: Cluster, plan: Plan, namespace: str, image: str) -> Iterator[Client]:
    """Yield the Client for a new pod, which has a sidecar if automatic injection applies to the namespace.

    cluster: anything with Cluster.create, get and delete. The pod is always removed at the end of the block.
    Raises SplitError if the pod does not become ready or cannot be removed.
    """
    if not NAME.fullmatch(namespace):
        raise SplitError(f"ephemeral_client: {namespace!r} is not a valid namespace name")
    pods_path, name = f"/api/v1/namespaces/{namespace}/pods", f"traffic-split-{secrets.token_hex(4)}"
    context = ""
    try:
        if cluster.create(pods_path, ephemeral_pod(plan, namespace, name, image)) is None:
            raise SplitError(f"ephemeral_client: namespace {namespace} does not exist")
        yield Client(namespace, name, EPHEMERAL_CONTAINER, has_sidecar(_wait_for_pod(cluster, namespace, name)))
    except (SplitError, ClusterError) as error:
        context = f"{error}; also, "
        raise
    finally:
        # Even if create failed, because its response may have been lost. The name is unique.
        try:
            _remove_pod(cluster, f"{pods_path}/{name}")
        except (SplitError, ClusterError) as error:
            raise SplitError(
                f"{context}ephemeral_client: pod {namespace}/{name} could not be removed: {error}"
            ) from error


def _wait_for_pod(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """Wait until the pod is ready, and return it."""
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"

    def read() -> dict[str, Any]:
        pod: dict[str, Any] | None = cluster.get(path)
        if pod is None:
            raise SplitError(f"ephemeral_client: pod {namespace}/{name} was deleted by another process")
        return pod

    pod = poll(read, lambda pod: is_ready(pod) or _cannot_start(pod), time.monotonic() + START_TIMEOUT, 0.5)
    if is_ready(pod):
        return pod
    events = (cluster.get(f"/api/v1/namespaces/{namespace}/events") or {}).get("items", [])
    reason = "; ".join([*container_reasons(pod), *last_events(events, name)]) or f"its phase is {_phase(pod)}"
    raise SplitError(f"ephemeral_client: pod {namespace}/{name} does not become ready: {' '.join(reason.split())}")


def _phase(pod: dict[str, Any]) -> Any:
    return pod.get("status", {}).get("phase")


def _cannot_start(pod: dict[str, Any]) -> bool:
    status = pod.get("status", {})
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    reasons = {((item.get("state") or {}).get("waiting") or {}).get("reason") for item in states}
    return _phase(pod) in ("Failed", "Succeeded") or bool(reasons & _FATAL_REASONS)


def _remove_pod(cluster: Cluster, path: str) -> None:
    cluster.delete(path)
    if poll(lambda: cluster.get(path), lambda pod: pod is None, time.monotonic() + END_TIMEOUT, 0.2) is not None:
        raise SplitError(f"it still exists after {END_TIMEOUT} s")
