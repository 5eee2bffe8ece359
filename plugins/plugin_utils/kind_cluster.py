# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluates the state of a kind cluster for the role kind_cluster.

The arguments are registered results of Ansible tasks with the modules command, uri, k8s_info and workload_wait.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready

Result = Mapping[str, Any]

OWNER_LABEL = "meshlab.istio/owner"
# Podman's default limit of processes is too low for a node, which runs the processes of all pods.
MIN_PROCESSES = 8192


def _inspected(result: Result) -> dict[str, Any]:
    """Return the object from "docker inspect" or "podman inspect"; empty if there is none."""
    if result.get("rc") != 0:
        return {}
    found = json.loads(result.get("stdout") or "[]")
    return found[0] if found else {}


def _labels(thing: Result) -> dict[str, str]:
    """Return the labels of a network. Docker names them Labels, Podman labels; both may be null."""
    return thing.get("Labels") or thing.get("labels") or {}


def _subnet(network: Result) -> str:
    """Return the first subnet of a network of Podman or Docker."""
    podman = [x.get("subnet") for x in network.get("subnets") or ()]
    docker = [x.get("Subnet") for x in (network.get("IPAM") or {}).get("Config") or ()]
    return next((x for x in podman + docker if x), "")


def discovery(node_result: Result, network_result: Result, network_name: str) -> dict[str, Any]:
    """Return the state of the cluster's node container and network.

    node_id and running: of the container, "" and False if there is none; network_exists and subnet: of the network,
    False and "" if there is none; foreign: "container" or "network" if the role did not create it, else "".
    """
    node, network = _inspected(node_result), _inspected(network_result)
    owned = OWNER_LABEL in _labels(network)
    attached = network_name in (node.get("NetworkSettings", {}).get("Networks") or {})
    foreign = ""
    if node and not (owned and attached):
        foreign = "container"
    elif network and not owned:
        foreign = "network"
    return {
        "node_id": node.get("Id", ""),
        "running": bool(node.get("State", {}).get("Running", False)),
        "network_exists": bool(network),
        "subnet": _subnet(network),
        "foreign": foreign,
    }


def engine_needs(probe: Result) -> list[str]:
    """Return the required changes of Podman's configuration.

    probe: result of a container that was started with the options of kind and printed its limit of processes.
    runtime: crun does not support the machine's cgroups; limits: one of Podman's limits exceeds the machine's;
    processes: the limit of processes is too low.
    """
    errors, printed = probe.get("stderr") or "", (probe.get("stdout") or "").strip()
    limit = int(printed) if re.fullmatch("[0-9]+", printed) else MIN_PROCESSES  # "max": no limit
    needs = {
        "runtime": "cgroup" in errors,
        "limits": "rlimit" in errors,
        "processes": probe.get("rc") == 0 and limit < MIN_PROCESSES,
    }
    return [name for name, needed in needs.items() if needed]


def stale_containers(pods: Result, restarted: str) -> list[str]:
    """Return the names of containers whose reported start is before the restart of the node (a UTC time).

    Until the kubelet has updated a pod's status, the API server returns the status from before the restart.
    """
    statuses = (y for x in pods.get("resources") or () for y in x.get("status", {}).get("containerStatuses") or ())
    started = ((x["name"], (x.get("state", {}).get("running") or {}).get("startedAt") or "") for x in statuses)
    return sorted({name for name, since in started if since and since < restarted})


def health_problems(api: Result, node: Result, stale: list[str], dns: Result) -> list[str]:
    """Return why a cluster is not healthy; empty if it is.

    api: result of GET /readyz; node: of k8s_info; stale: names of containers with an outdated status; dns: of
    workload_wait.
    """
    if api.get("status") != 200:
        return [f"the API server does not answer: {api.get('msg') or 'no message'}"]
    found = node.get("resources") or [{}]
    reasons = [] if is_ready(found[0]) else ["the node is not Ready"]
    if stale:
        reasons.append(f"the kubelet has not refreshed the status of {', '.join(stale)}")
    # If DNS could not be checked, the cluster is not recreated; verify.yml queries DNS.
    return reasons + list(dns.get("reasons") or ())
