# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments, pods and events as Kubernetes 1.33 returns them, reduced to the fields that are read."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.deployments import explain_readiness


def deployment(name="reviews-v1", replicas_wanted=1, **status):
    """A Deployment that is rolled out, unless status overrides its status."""
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas_wanted)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default", "generation": 2, "labels": {"app": name}},
        "spec": {
            "replicas": replicas_wanted,
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
    """The status of a running container."""
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
    """A pod with one container per status. inits: its init containers, native sidecars with restartPolicy Always."""
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
    """A pod with Istio's sidecar as an ordinary container, and a completed init container."""
    return pod(
        [running("reviews", app_ready), running("istio-proxy")],
        inits=[{"name": "istio-init"}],
        init_statuses=[{**ended("istio-init", 0), "ready": True}],
        **rest,
    )


def native(proxy_ready=True, **rest):
    """A pod with Istio's sidecar as a native one (an init container with restartPolicy Always)."""
    return pod(
        [running("reviews")],
        inits=[{"name": "istio-init"}, {"name": "istio-proxy", "restartPolicy": "Always"}],
        init_statuses=[{**ended("istio-init", 0), "ready": True}, running("istio-proxy", proxy_ready)],
        **rest,
    )


def event(reason, message, time, kind="Warning", about="reviews-v1-7b5d4c9c6b-x2x5s", field="lastTimestamp"):
    result = {"type": kind, "reason": reason, "message": message, "metadata": {}, "involvedObject": {"name": about}}
    if field == "creationTimestamp":
        result["metadata"][field] = time
    else:
        result[field] = time
    return result


MISSING = {"availableReplicas": 0, "readyReplicas": 0}


def explained(pods, events=(), sidecars=False, **status):
    return explain_readiness([deployment(**{**MISSING, **status})], pods, list(events), ["reviews-v1"], sidecars)
