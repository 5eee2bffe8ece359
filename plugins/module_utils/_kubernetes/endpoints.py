# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Services have the endpoints that they must have, and if not, why: which labels they select, and who has them.

All but not_ready work on API objects alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._text import shorten_list

SERVICE_NAME = "kubernetes.io/service-name"
# Kubernetes before 1.21 has the older one only.
SLICES = ("v1", "v1beta1")
# Labels that nobody selects by: controllers and injectors put them on.
_MADE = ("pod-template-hash", "controller-revision-hash", "pod-template-generation")
# Kinds of pods in a sentence.
MAX_KINDS_SHOWN = 5


def ready_of(slices: Iterable[dict], service: str) -> set[str]:
    """The names of the pods (or addresses, where no pod is behind it) that are ready endpoints of a Service."""
    found = set()
    for each in slices:
        if (each["metadata"].get("labels") or {}).get(SERVICE_NAME) != service:
            continue
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False:  # not told counts as ready
                found.add((endpoint.get("targetRef") or {}).get("name") or endpoint["addresses"][0])
    return found


def selected(selector: dict, pods: list[dict]) -> list[dict]:
    """The live pods that a Service's selector fits. It fits none if it is empty."""
    return [
        pod
        for pod in pods
        if selector
        and not pod["metadata"].get("deletionTimestamp")
        and all((pod["metadata"].get("labels") or {}).get(key) == value for key, value in selector.items())
    ]


def show_labels(labels: dict[str, str]) -> str:
    """Labels as one writes them in YAML: "app: web, server: tomcat"."""
    return ", ".join(f"{key}: {labels[key]}" for key in sorted(labels)) or "no labels"


def _own_labels(pod):
    labels = pod["metadata"].get("labels") or {}
    return {
        key: value
        for key, value in labels.items()
        if key not in _MADE and not key.partition("/")[0].endswith("istio.io") and not key.startswith("topology.")
    }


def carried(selector: dict, pods: list[dict]) -> list[str]:
    """What the live pods carry, a clause for each set of labels, those nearest to the selector first."""
    wanted = set(selector.items())
    kinds: dict[str, tuple[dict, list]] = {}
    for pod in pods:
        if not pod["metadata"].get("deletionTimestamp"):
            kinds.setdefault(show_labels(_own_labels(pod)), (_own_labels(pod), []))[1].append(pod["metadata"]["name"])

    def far(item):
        labels = item[1][0]
        same, values = len(wanted & set(labels.items())), len(set(selector.values()) & set(labels.values()))
        return -same, -values, item[0]

    return [f"{text} ({shorten_list(sorted(names))})" for text, (_labels, names) in sorted(kinds.items(), key=far)]


def instead(selector: dict, pods: list[dict]) -> dict[str, str] | None:
    """The labels that were probably meant: what no pod has, by another key that has the same value. None if unknown."""
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
    return found if found != selector and selected(found, pods) else None


def explain(name: str, service: dict | None, ready: set[str], wanted: int, pods: list[dict]) -> str | None:
    """None if a Service has as many ready endpoints as it must have, else what it has, and why, in a line.

    service: the object, or None; ready: what ready_of gives; wanted: how many there must be; pods: of its namespace.
    """
    if service is None:
        return f"Service {name}: it does not exist"
    if len(ready) == wanted:
        return None
    spec = service.get("spec") or {}
    selector, start = spec.get("selector") or {}, f"Service {name}: {len(ready)} of {wanted} ready endpoints"
    if spec.get("type") == "ExternalName":
        return f"{start}: it is an ExternalName, which has none"
    if not selector:
        return f"{start}: it has no selector, so that somebody has to make its endpoints"
    fitting = selected(selector, pods)
    start += f": it selects {show_labels(selector)}"
    if not fitting:
        clauses = carried(selector, pods)
        more = f"; and {len(clauses) - MAX_KINDS_SHOWN} other kinds" if len(clauses) > MAX_KINDS_SHOWN else ""
        line = (
            f"{start}, which no pod carries; "
            f"pods carry {'; '.join(clauses[:MAX_KINDS_SHOWN]) or 'nothing: there is none'}{more}"
        )
        meant = instead(selector, pods)
        return line + (f". Probably meant: {show_labels(meant)}" if meant else "")
    late = {x["metadata"]["name"] for x in fitting} - ready
    if late and len(ready) < wanted:
        return f"{start}, and of the pods that carry it these are not ready endpoints: {shorten_list(sorted(late))}"
    return f"{start}, which these pods carry: {shorten_list(sorted(x['metadata']['name'] for x in fitting))}"


def not_ready(cluster: Cluster, namespace: str, wanted: dict[str, int], pods: list[dict]) -> list[str]:
    """A line for each Service that has not as many ready endpoints as wanted ({name: number}) says.

    cluster: anything with Cluster.get; pods: those of the namespace.
    """
    listed = (cluster.get(f"/api/v1/namespaces/{namespace}/services") or {}).get("items") or []
    services = {x["metadata"]["name"]: x for x in listed}
    slices: list[dict] = []
    for version in SLICES:
        answer = cluster.get(f"/apis/discovery.k8s.io/{version}/namespaces/{namespace}/endpointslices")
        if answer is not None:
            slices = answer.get("items") or []
            break
    lines = [explain(x, services.get(x), ready_of(slices, x), number, pods) for x, number in wanted.items()]
    return [line for line in lines if line]
