# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads in manifests: objects with a pod template, and their sidecars."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._manifests import ManifestError, objects_in

# Kinds that kube-inject supports: their API groups, and the path of their pod template.
_TEMPLATE = ("spec", "template")
KINDS = {
    "Pod": ({""}, ()),
    "ReplicationController": ({""}, _TEMPLATE),
    "Deployment": ({"apps", "extensions"}, _TEMPLATE),
    "DaemonSet": ({"apps", "extensions"}, _TEMPLATE),
    "ReplicaSet": ({"apps", "extensions"}, _TEMPLATE),
    "StatefulSet": ({"apps"}, _TEMPLATE),
    "Job": ({"batch"}, _TEMPLATE),
    "CronJob": ({"batch"}, ("spec", "jobTemplate", "spec", "template")),
    "DeploymentConfig": ({"", "apps.openshift.io"}, _TEMPLATE),
}

INJECT = "sidecar.istio.io/inject"
STATUS = "sidecar.istio.io/status"
TEMPLATES = "inject.istio.io/templates"
SIDECAR_TEMPLATE = "sidecar"
NATIVE = "sidecar.istio.io/nativeSidecar"
PROXY = "istio-proxy"
DEFAULT_NAMESPACE = "default"


@dataclass
class Workload:
    """An object with a pod template. holder[index] is its definition in the manifest."""

    holder: list[dict[str, Any]]
    index: int
    path: tuple[str, ...]
    namespace: str

    @property
    def definition(self) -> dict[str, Any]:
        return self.holder[self.index]

    @property
    def kind(self) -> str:
        return self.definition["kind"]

    @property
    def name(self) -> str:
        metadata = self.definition.get("metadata") or {}
        return metadata.get("name") or (f"{metadata['generateName']}*" if metadata.get("generateName") else "(no name)")

    @property
    def template(self) -> dict[str, Any]:
        return value_at(self.definition, self.path)

    @property
    def title(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    def labels(self) -> dict[str, str]:
        return metadata_of(self.template, "labels")

    def annotations(self) -> dict[str, str]:
        return metadata_of(self.template, "annotations")


def value_at(definition: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path of keys; None if there is none."""
    for key in path:
        definition = definition.get(key) if isinstance(definition, dict) else None
    return definition


def metadata_of(thing: Any, field: str) -> dict[str, str]:
    """Return the labels or annotations of an object or template, empty if there are none."""
    value = value_at(thing, ("metadata", field))
    return value if isinstance(value, dict) else {}


def find_workloads(definitions: list[dict[str, Any]], namespace: str | None = None) -> list[Workload]:
    """Return the workloads in a list of definitions in their order, including those within kind List.

    namespace: of workloads without one. Raises ManifestError for an invalid pod template.
    """
    found = []
    for holder, index in objects_in(definitions):
        definition = holder[index]
        groups, path = KINDS.get(str(definition.get("kind")), ((), ()))
        if str(definition.get("apiVersion")).rpartition("/")[0] not in groups:
            continue
        metadata = definition.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise ManifestError(f"{definition['kind']}: metadata must be a dictionary")
        workload = Workload(holder, index, path, metadata.get("namespace") or namespace or DEFAULT_NAMESPACE)
        check_workload(workload)
        found.append(workload)
    return found


def check_workload(workload: Workload) -> None:
    """Raise ManifestError if the structure of the pod template is not valid."""

    def refuse(what: str) -> NoReturn:
        raise ManifestError(f"{workload.title}: {what}")

    template = workload.template
    if not isinstance(template, dict):
        refuse(f"{'.'.join(workload.path)} must be a dictionary")
    spec, metadata = template.get("spec"), template.get("metadata") or {}
    if not isinstance(spec, dict) or not spec.get("containers"):
        refuse("the pod template has no containers")
    for field in ("containers", "initContainers"):
        value = spec.get(field) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            refuse(f"{field} must be a list of dictionaries")
    if not isinstance(metadata, dict):
        refuse("metadata of the pod template must be a dictionary")
    for field in ("labels", "annotations"):
        value = metadata.get(field) or {}
        if not isinstance(value, dict):
            refuse(f"{field} of the pod template must be a dictionary")
        for key, entry in value.items():
            if entry is not None and not isinstance(entry, str):
                shown = json.dumps(entry)
                refuse(f"value of {key} must be a string, got {shown}; quote it: '{shown}'")


def namespace_labels(definitions: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the labels of the Namespace objects in a manifest by name."""
    labels = {}
    for holder, index in objects_in(definitions):
        if holder[index].get("kind") == "Namespace" and holder[index].get("apiVersion") == "v1":
            labels[value_at(holder[index], ("metadata", "name"))] = metadata_of(holder[index], "labels")
    return labels


def containers_in(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all containers of a pod, including init containers, as native sidecars are."""
    return [*spec["containers"], *(spec.get("initContainers") or [])]


def sidecar_of(workload: Workload) -> str:
    """Return the kind of a workload's sidecar: "native" (an init container), "container", or "" for none."""
    spec = workload.template["spec"]
    for kind, containers in (("native", spec.get("initContainers") or ()), ("container", spec["containers"])):
        if any(container.get("name") == PROXY for container in containers):
            return kind
    return ""


def injected_by(workload: Workload, version: str) -> str | None:
    """Return the evidence that a workload already has a sidecar, in words; None if it has none.

    version: istioctl's. Since 1.9, a container istio-proxy may only customize the sidecar; only a rendered one has
    the arguments "proxy sidecar".
    """
    places = [workload.template]
    if workload.kind == "CronJob":
        places.append(value_at(workload.definition, ("spec", "jobTemplate")))  # where kube-inject writes it
    if any(STATUS in metadata_of(place, "annotations") for place in places):
        return f"the pod template has the annotation {STATUS}"
    spec = workload.template["spec"]
    for container in containers_in(spec):
        if container.get("name") == PROXY:
            arguments = container.get("args")
            rendered = isinstance(arguments, list) and arguments[:2] == ["proxy", "sidecar"]
            if rendered or (len(spec["containers"]) > 1 and not releases.has(version, "overrides")):
                return f"the pod template has the container {PROXY}"
    return None
