# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role kind_cluster concludes from answers of the container engine, the registry and the cluster.

The arguments are registered results of Ansible tasks: of the modules command, uri, k8s_info and workload_wait.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready

Result = Mapping[str, Any]

OWNER_LABEL = "meshlab.istio/owner"
# A registry that asks for a login is a registry that answers.
REGISTRY_ANSWERS = (200, 401)
# Podman's own limit of processes in a container is too low for a node, which holds the processes of all pods.
MIN_PROCESSES = 8192


def _inspected(result: Result) -> dict[str, Any]:
    """The object that "docker inspect" or "podman inspect" printed; empty if there is none."""
    if result.get("rc") != 0:
        return {}
    found = json.loads(result.get("stdout") or "[]")
    return found[0] if found else {}


def _labels(thing: Result) -> dict[str, str]:
    """The labels of a network: Docker writes Labels, Podman labels, and both may write null."""
    return thing.get("Labels") or thing.get("labels") or {}


def _subnet(network: Result) -> str:
    """The first subnet of a network, as Podman or Docker writes it."""
    podman = [x.get("subnet") for x in network.get("subnets") or ()]
    docker = [x.get("Subnet") for x in (network.get("IPAM") or {}).get("Config") or ()]
    return next((x for x in podman + docker if x), "")


def discovery(node_result: Result, network_result: Result, network_name: str) -> dict[str, Any]:
    """What the engine has of the cluster's name.

    Returns node_id and running (of the node's container; "" and False if there is none), network_exists and
    subnet (of the network; False and "" if there is none), and foreign: "container" or "network" if the role
    did not create it, else "".
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


def image_source(wanted: str, archive: str, registry: str, answer: Result) -> dict[str, str]:
    """Where images come from (source: registry, build or archive), and why (reason).

    wanted is kind_cluster_image_source; answer is the result of asking the registry, empty if it was not asked.
    """
    if wanted != "auto":
        return {"source": wanted, "reason": f"kind_cluster_image_source is {wanted}"}
    if archive:
        return {"source": "archive", "reason": f"kind_cluster_image_archive is {archive}"}
    if answer.get("status") in REGISTRY_ANSWERS:
        return {"source": "registry", "reason": f"{registry} answers"}
    return {"source": "build", "reason": f"{registry} does not answer ({answer.get('msg') or 'no message'})"}


def engine_needs(probe: Result) -> list[str]:
    """What Podman's configuration lacks on this machine, from the result of starting a container as kind does.

    The probe prints the container's limit of processes. runtime: crun refuses the machine's cgroups; limits: a limit
    of Podman's is above the machine's own; processes: the limit of processes is too low.
    """
    errors, printed = probe.get("stderr") or "", (probe.get("stdout") or "").strip()
    limit = int(printed) if re.fullmatch("[0-9]+", printed) else MIN_PROCESSES  # "max": no limit
    lacking = {
        "runtime": "cgroup" in errors,
        "limits": "rlimit" in errors,
        "processes": probe.get("rc") == 0 and limit < MIN_PROCESSES,
    }
    return [need for need, lacks in lacking.items() if lacks]


def stale_containers(pods: Result, restarted: str) -> list[str]:
    """Names of containers that are reported as running since before the node was restarted (a time in UTC).

    Until the kubelet has refreshed a pod's status, the API server reports what was true before the node was killed.
    """
    statuses = (y for x in pods.get("resources") or () for y in x.get("status", {}).get("containerStatuses") or ())
    started = ((x["name"], (x.get("state", {}).get("running") or {}).get("startedAt") or "") for x in statuses)
    return sorted({name for name, since in started if since and since < restarted})


def health_problems(api: Result, node: Result, stale: list[str], dns: Result) -> list[str]:
    """Why a cluster is not healthy; empty if it is.

    api: of GET /readyz; node: of k8s_info; stale: names of containers whose status is outdated; dns: of workload_wait.
    """
    if api.get("status") != 200:
        return [f"the API server does not answer: {api.get('msg') or 'no message'}"]
    found = node.get("resources") or [{}]
    reasons = [] if is_ready(found[0]) else ["the node is not Ready"]
    if stale:
        reasons.append(f"the kubelet has not refreshed the status of {', '.join(stale)}")
    # A DNS that could not be checked is not a reason to create the cluster again; verify.yml queries it.
    return reasons + list(dns.get("reasons") or ())
