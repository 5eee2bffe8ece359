# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long-running containers of pods: their states, and a summary as kubectl prints it."""

from __future__ import annotations

SIDECAR = "istio-proxy"


def running_statuses(pod: dict) -> list[dict]:
    """Return the statuses of a pod's long-running containers, native sidecars included."""
    status = pod.get("status") or {}
    native = {x["name"] for x in pod["spec"].get("initContainers") or () if x.get("restartPolicy") == "Always"}
    statuses = [x for x in status.get("initContainerStatuses") or () if x["name"] in native]
    return statuses + list(status.get("containerStatuses") or ())


def expected_containers(pod: dict) -> list[str]:
    """Return the names of a pod's long-running containers, native sidecars included."""
    native = [x["name"] for x in pod["spec"].get("initContainers") or () if x.get("restartPolicy") == "Always"]
    return native + [x["name"] for x in pod["spec"]["containers"]]


def summarize_pod(pod: dict) -> dict:
    """Return name, ready ("2/2"), phase, restarts, sidecar and ip of a pod, counted as by `kubectl get pods`."""
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
    """Return one line for each reason why a pod is not ready."""
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
            line = f"container {container['name']}: exited with code {finished.get('exitCode')}"
        else:
            line = f"container {container['name']}: running, not ready"
        last = (container.get("lastState") or {}).get("terminated")
        if last:
            line += f" (previously: exit code {last.get('exitCode')}, {last.get('reason')})"
        lines.append(line)
    return lines
