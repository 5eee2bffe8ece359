# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of Services, and why some are missing: the selector compared with the labels of the pods.

Only find_problems() talks to a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._text import shorten_list

SERVICE_NAME = "kubernetes.io/service-name"
# Versions of the EndpointSlice API. Kubernetes before 1.21 only has v1beta1.
SLICE_VERSIONS = ("v1", "v1beta1")
# Labels that controllers add; no Service selects by them.
_CONTROLLER_LABELS = ("pod-template-hash", "controller-revision-hash", "pod-template-generation")
# Label sets in a message before the rest is only counted.
MAX_LABEL_SETS_SHOWN = 5


def ready_endpoints(slices: Iterable[dict], service: str) -> set[str]:
    """Return the ready endpoints of a Service: pod names, or addresses of endpoints that are not pods."""
    found = set()
    for each in slices:
        if (each["metadata"].get("labels") or {}).get(SERVICE_NAME) != service:
            continue
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False:  # ready if not set
                found.add((endpoint.get("targetRef") or {}).get("name") or endpoint["addresses"][0])
    return found


def matching_pods(selector: dict, pods: list[dict]) -> list[dict]:
    """Return the pods that match a Service's selector and are not terminating; an empty selector matches none."""
    return [
        pod
        for pod in pods
        if selector
        and not pod["metadata"].get("deletionTimestamp")
        and all((pod["metadata"].get("labels") or {}).get(key) == value for key, value in selector.items())
    ]


def show_labels(labels: dict[str, str]) -> str:
    """Format labels as in YAML: "app: web, server: tomcat"."""
    return ", ".join(f"{key}: {labels[key]}" for key in sorted(labels)) or "no labels"


def _own_labels(pod):
    labels = pod["metadata"].get("labels") or {}
    return {
        key: value
        for key, value in labels.items()
        if key not in _CONTROLLER_LABELS
        and not key.partition("/")[0].endswith("istio.io")
        and not key.startswith("topology.")
    }


def describe_labels(selector: dict, pods: list[dict]) -> list[str]:
    """Return "labels (pod names)" for each set of labels of the pods, the most similar to the selector first."""
    pairs = set(selector.items())
    label_sets: dict[str, tuple[dict, list]] = {}
    for pod in pods:
        if not pod["metadata"].get("deletionTimestamp"):
            labels = _own_labels(pod)
            label_sets.setdefault(show_labels(labels), (labels, []))[1].append(pod["metadata"]["name"])

    def distance(item):
        labels = item[1][0]
        same, values = len(pairs & set(labels.items())), len(set(selector.values()) & set(labels.values()))
        return -same, -values, item[0]

    return [
        f"{text} ({shorten_list(sorted(names))})" for text, (_labels, names) in sorted(label_sets.items(), key=distance)
    ]


def suggest_selector(selector: dict, pods: list[dict]) -> dict[str, str] | None:
    """Return the selector that was probably meant, None if unknown: unmatched labels by another key of equal value."""
    found = {}
    for key, value in selector.items():
        labels = [_own_labels(pod) for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        if any(each.get(key) == value for each in labels):
            found[key] = value
            continue
        keys = sorted({other for each in labels for other in each if each[other] == value})
        if not keys:
            return None
        found[keys[0]] = value
    return found if found != selector and matching_pods(found, pods) else None


def explain(name: str, service: dict | None, ready: set[str], expected: int, pods: list[dict]) -> str | None:
    """Return None if a Service has the expected number of ready endpoints, else one line with the reason.

    service: None if it does not exist; ready: the result of ready_endpoints(); pods: all pods of the namespace.
    """
    if service is None:
        return f"Service {name} does not exist"
    if len(ready) == expected:
        return None
    spec = service.get("spec") or {}
    selector, start = spec.get("selector") or {}, f"Service {name}: {len(ready)} of {expected} ready endpoints"
    if spec.get("type") == "ExternalName":
        return f"{start}: it is an ExternalName Service, which has no endpoints"
    if not selector:
        return f"{start}: it has no selector; its endpoints must be managed manually"
    matching = {x["metadata"]["name"] for x in matching_pods(selector, pods)}
    start += f": its selector ({show_labels(selector)})"
    if not matching:
        shown = describe_labels(selector, pods)
        if not shown:
            return f"{start} matches no pod; the namespace has no pods"
        more = len(shown) - MAX_LABEL_SETS_SHOWN
        labels = "; ".join(shown[:MAX_LABEL_SETS_SHOWN]) + (f"; and {more} more label sets" if more > 0 else "")
        meant = suggest_selector(selector, pods)
        hint = f". Probably meant: {show_labels(meant)}" if meant else ""
        return f"{start} matches no pod; the pods have {labels}{hint}"
    unready = matching - ready
    if unready and len(ready) < expected:
        return f"{start} matches pods that are not ready endpoints: {shorten_list(sorted(unready))}"
    return f"{start} matches {shorten_list(sorted(matching))}"


def find_problems(cluster: Cluster, namespace: str, expected: dict[str, int], pods: list[dict]) -> list[str]:
    """Return one line for each Service that does not have its expected number of ready endpoints.

    cluster: anything with Cluster.get; expected: {name of the Service: number}; pods: all pods of the namespace.
    """
    listed = (cluster.get(f"/api/v1/namespaces/{namespace}/services") or {}).get("items") or []
    services = {x["metadata"]["name"]: x for x in listed}
    slices: list[dict] = []
    for version in SLICE_VERSIONS:
        answer = cluster.get(f"/apis/discovery.k8s.io/{version}/namespaces/{namespace}/endpointslices")
        if answer is not None:
            slices = answer.get("items") or []
            break
    lines = [explain(x, services.get(x), ready_endpoints(slices, x), number, pods) for x, number in expected.items()]
    return [line for line in lines if line]
