# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that is created for one measurement, where no client exists."""

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
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import NAME, Client, has_sidecar
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Plan, SplitError

EPHEMERAL_CONTAINER = "client"
# Seconds that an ephemeral client may take to be ready, and to be gone.
START_TIMEOUT = 120
END_TIMEOUT = 60
# A container that waits for one of these reasons will not start.
_HOPELESS = {"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError"}


def ephemeral_pod(plan: Plan, namespace: str, name: str, image: str) -> dict[str, Any]:
    """The definition of a pod that sleeps, to send the plan's requests from.

    It ends by itself, so that it does not run on if the module is killed before it can remove it.
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
    """Yield the Client of a pod that is created for this plan, with a sidecar if the namespace injects one.

    cluster: anything with Cluster.create, get and delete. The pod is removed when the block ends, however it ends.
    Raises SplitError if the pod does not become ready or cannot be removed.
    """
    if not NAME.fullmatch(namespace):
        raise SplitError(f"ephemeral_client: {namespace!r} is not a valid namespace name")
    pods_path, name = f"/api/v1/namespaces/{namespace}/pods", f"traffic-split-{secrets.token_hex(4)}"
    before = ""
    try:
        if cluster.create(pods_path, ephemeral_pod(plan, namespace, name, image)) is None:
            raise SplitError(f"ephemeral_client: namespace {namespace} does not exist")
        yield Client(namespace, name, EPHEMERAL_CONTAINER, has_sidecar(_wait_for_pod(cluster, namespace, name)))
    except (SplitError, ClusterError) as error:
        before = f"{error}; besides, "
        raise
    finally:
        # Also if create failed, because the response of a successful create can get lost. The name is unique.
        try:
            _remove_pod(cluster, f"{pods_path}/{name}")
        except (SplitError, ClusterError) as error:
            raise SplitError(
                f"{before}ephemeral_client: pod {namespace}/{name} could not be removed: {error}"
            ) from error


def _wait_for_pod(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    path, until = f"/api/v1/namespaces/{namespace}/pods/{name}", time.monotonic() + START_TIMEOUT
    while True:
        pod = cluster.get(path)
        if pod is None:
            raise SplitError(f"ephemeral_client: pod {namespace}/{name} was deleted by another client")
        if is_ready(pod):
            return pod
        phase = pod.get("status", {}).get("phase")
        if phase in ("Failed", "Succeeded") or _is_hopeless(pod) or time.monotonic() > until:
            events = (cluster.get(f"/api/v1/namespaces/{namespace}/events") or {}).get("items", [])
            reason = "; ".join([*container_reasons(pod), *last_events(events, name)]) or f"its phase is {phase}"
            raise SplitError(
                f"ephemeral_client: pod {namespace}/{name} does not become ready: {' '.join(reason.split())}"
            )
        time.sleep(0.5)


def _is_hopeless(pod: dict[str, Any]) -> bool:
    status = pod.get("status", {})
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return any(((item.get("state") or {}).get("waiting") or {}).get("reason") in _HOPELESS for item in states)


def _remove_pod(cluster: Cluster, path: str) -> None:
    until = time.monotonic() + END_TIMEOUT
    cluster.delete(path)
    while cluster.get(path) is not None:
        if time.monotonic() > until:
            raise SplitError(f"it still exists after {END_TIMEOUT} s")
        time.sleep(0.2)
