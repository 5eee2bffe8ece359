# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods: the containers that keep running, their states, and a summary as kubectl prints it."""

from __future__ import annotations

SIDECAR = "istio-proxy"


def running_statuses(pod: dict) -> list[dict]:
    """Statuses of a pod's containers that keep running: its containers and its native sidecars."""
    status = pod.get("status") or {}
    native = {x["name"] for x in pod["spec"].get("initContainers") or () if x.get("restartPolicy") == "Always"}
    statuses = [x for x in status.get("initContainerStatuses") or () if x["name"] in native]
    return statuses + list(status.get("containerStatuses") or ())


def expected_containers(pod: dict) -> list[str]:
    """Names of the containers that keep running, from the pod's spec."""
    native = [x["name"] for x in pod["spec"].get("initContainers") or () if x.get("restartPolicy") == "Always"]
    return native + [x["name"] for x in pod["spec"]["containers"]]


def summarize_pod(pod: dict) -> dict:
    """One pod as {name, app, ready ("2/2"), phase, restarts, node_ip, sidecar}, as `kubectl get pods` counts it."""
    statuses = running_statuses(pod)
    expected = expected_containers(pod)
    return {
        "name": pod["metadata"]["name"],
        "ready": f"{sum(1 for x in statuses if x.get('ready'))}/{len(expected)}",
        "phase": (pod.get("status") or {}).get("phase", "Unknown"),
        "restarts": sum(x.get("restartCount", 0) for x in statuses),
        "sidecar": SIDECAR in expected,
        "ip": (pod.get("status") or {}).get("podIP"),
    }


def container_reasons(pod: dict) -> list[str]:
    """Why a pod's containers are not ready, a line each."""
    lines = []
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            lines.append(f"not scheduled: {condition.get('message') or condition.get('reason')}")
    for container in list(status.get("initContainerStatuses") or ()) + list(status.get("containerStatuses") or ()):
        state = container.get("state") or {}
        finished = state.get("terminated") or {}
        if container.get("ready") or finished.get("exitCode") == 0:
            continue
        waiting = state.get("waiting")
        if waiting:
            line = f"container {container['name']}: {waiting.get('reason')}"
            if waiting.get("message"):
                line += f": {waiting['message']}"
        elif finished:
            line = f"container {container['name']}: ended with exit code {finished.get('exitCode')}"
        else:
            line = f"container {container['name']}: running, not ready"
        last = (container.get("lastState") or {}).get("terminated")
        if last:
            line += f" (before: exit code {last.get('exitCode')}, {last.get('reason')})"
        lines.append(line)
    return lines
