# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of the Istio in a cluster: control planes, webhooks, namespaces, proxies, workloads and problems.

It is read from API objects that exist in every release since 1.7, so that it works on a broken installation, too.
Only the sync state of the proxies comes from istioctl.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.control_planes import (
    read_control_planes,
    read_istio_apis,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.namespaces import (
    namespace_state,
    read_namespaces,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.pod_injection import decide_pod
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.problems import problems
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.proxies import (
    compare_versions,
    plane_of,
    read_proxies,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.reader import Reader
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.sync import read_sync_state
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.webhooks import describe_webhook
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.workloads import read_owners, workload_states
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.cluster import injector_policies
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import INJECTOR, WEBHOOKS_PATH
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Istioctl, IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.kubeconfig import KubeconfigFile


def find_istioctl(
    binary_path: str | None, kubeconfig: KubeconfigFile | None, timeout: float
) -> tuple[Istioctl | None, dict[str, Any] | None, str | None]:
    """Return istioctl as (Istioctl, its description in the result, None), or (None, None, reason why it is missing).

    timeout: seconds for one run. Raises IstioctlError if binary_path does not exist.
    """
    try:
        istioctl = Istioctl(binary_path, kubeconfig, timeout)
    except IstioctlError as error:
        if binary_path:
            raise
        return None, None, str(error)
    try:
        return istioctl, {"path": istioctl.path, "version": istioctl.version}, None
    except IstioctlError as error:
        return None, None, str(error)


def read_inventory(
    cluster: Cluster,
    istioctl: Istioctl | None,
    namespaces: Iterable[str] = (),
    proxies: bool = True,
    sync: bool = True,
    workloads: bool = False,
) -> dict[str, Any]:
    """Read a cluster and return the result of the module, without the fields of the client.

    namespaces: names of the namespaces to read, all if empty; workloads requires proxies.
    Raises ClusterError if the cluster cannot be reached, or without permission to read anything.
    """
    reader, names = Reader(cluster), list(dict.fromkeys(namespaces))
    planes = read_control_planes(reader)
    configurations = reader.items(WEBHOOKS_PATH, labelSelector=INJECTOR)
    objects, unknown = read_namespaces(reader, names)
    if not reader.answered:
        raise reader.refused[0]
    found = _without_pods(planes, configurations, objects, read_istio_apis(reader))
    if proxies:
        policies = injector_policies(cluster.get, configurations or ())
        pods = _add_proxies(found, reader, names, objects, configurations, policies, workloads)
        if sync:
            found["sync_reason"] = read_sync_state(found["proxies"], found["control_planes"], istioctl)
        _mark_outdated(found)
        if workloads:
            owners, by_name = read_owners(reader, pods, names), {x["metadata"]["name"]: x for x in objects}
            states = {x["name"]: x for x in found["namespaces"]}
            found["workloads"] = workload_states(
                pods, owners, states, by_name, configurations, found["version"], policies
            )
    found["counts"] = counts(found, proxies)
    found["problems"] = problems(found, planes is not None, configurations is not None)
    found["problems"] += [f"namespace {name} does not exist" for name in unknown]
    found["problems"] += [f"missing permission: {error}" for error in reader.refused]
    return found


def _without_pods(planes, configurations, namespaces, apis):
    """The part of the inventory that needs no pods. None instead of a list: without permission to read it."""
    webhooks = [describe_webhook(x) for x in configurations or ()]
    versions = {x["version"] for x in planes or ()}
    return {
        "installed": None if planes is None else bool(planes),
        "version": versions.pop() if len(versions) == 1 else None,
        "control_planes": planes or [],
        "tags": {x["tag"]: x["revision"] for x in webhooks if x["tag"]},
        "webhooks": webhooks,
        "apis": apis,
        "namespaces": [namespace_state(x, configurations) for x in namespaces],
        "proxies": [],
        "workloads": [],
        "sync_reason": "not requested: sync or proxies is false",
    }


def _add_proxies(found, reader, names, objects, configurations, policies, keep):
    """Add the proxies, and to the namespaces what depends on pods. Returns their pods if keep is set."""
    by_name, kept = {x["metadata"]["name"]: x for x in objects}, []
    states = {x["name"]: x for x in found["namespaces"]}
    for state in states.values():
        state.update(proxies=0, without_proxy=[])
    for pod, proxy in read_proxies(reader, names):
        namespace = pod["metadata"]["namespace"]
        if proxy:
            found["proxies"].append(proxy)
        if namespace not in states:
            continue
        if keep:
            kept.append(pod)
        if proxy:
            states[namespace]["proxies"] += 1
        elif (
            configurations and decide_pod(pod, by_name[namespace], configurations, found["version"], policies).injected
        ):
            states[namespace]["without_proxy"].append(pod["metadata"]["name"])
    return kept


def _mark_outdated(found):
    """Set for each proxy whether it is older than its control plane."""
    for proxy in found["proxies"]:
        compared = compare_versions(proxy, plane_of(proxy, found["control_planes"], found["tags"]))
        proxy["outdated"] = None if compared is None else compared < 0


def counts(found: dict[str, Any], with_proxies: bool = True) -> dict[str, int | None]:
    """The numbers of objects in an inventory; None for proxies that were not read."""
    proxies = found["proxies"]
    proxy_counts = {
        "proxies": len(proxies),
        "proxies_ready": sum(x["ready"] for x in proxies),
        "proxies_outdated": sum(bool(x["outdated"]) for x in proxies),
        "proxies_not_synced": sum(x["synced"] is False for x in proxies),
    }
    return {
        "control_planes": len(found["control_planes"]),
        "namespaces": len(found["namespaces"]),
        "namespaces_injected": sum(x["injection"] == "enabled" for x in found["namespaces"]),
        **(proxy_counts if with_proxies else dict.fromkeys(proxy_counts)),
    }
