# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads in manifests: which objects have a pod template, and which sidecar they carry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._manifests import ManifestError, objects_in

# Kinds that kube-inject knows: the API groups that they come from, and where their pod template is.
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
NATIVE = "sidecar.istio.io/nativeSidecar"
PROXY = "istio-proxy"
DEFAULT_NAMESPACE = "default"


@dataclass
class Workload:
    """One object with a pod template, in its place: holder[index] is its definition."""

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
    """The value at a path of keys; None where there is none."""
    for key in path:
        definition = definition.get(key) if isinstance(definition, dict) else None
    return definition


def metadata_of(thing: Any, field: str) -> dict[str, str]:
    """The labels or annotations of an object or a template, as a dictionary that may be empty."""
    value = value_at(thing, ("metadata", field))
    return value if isinstance(value, dict) else {}


def find_workloads(definitions: list[dict[str, Any]], namespace: str | None = None) -> list[Workload]:
    """Every Workload in a list of definitions, also within kind List, in their order.

    namespace: of those that name none. Raises ManifestError for one that has no usable pod template.
    """
    found = []
    for holder, index in objects_in(definitions):
        definition = holder[index]
        groups, path = KINDS.get(str(definition.get("kind")), ((), ()))
        if str(definition.get("apiVersion")).rpartition("/")[0] not in groups:
            continue
        metadata = definition.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise ManifestError(f"{definition['kind']}: its metadata must be a dictionary")
        workload = Workload(holder, index, path, metadata.get("namespace") or namespace or DEFAULT_NAMESPACE)
        check_workload(workload)
        found.append(workload)
    return found


def check_workload(workload: Workload) -> None:
    """Raise ManifestError if the pod template does not have the shape that everything here relies on."""

    def refuse(what: str) -> NoReturn:
        raise ManifestError(f"{workload.title}: {what}")

    template = workload.template
    if not isinstance(template, dict):
        refuse(f"{'.'.join(workload.path)} is missing or no dictionary")
    spec, metadata = template.get("spec"), template.get("metadata") or {}
    if not isinstance(spec, dict) or not spec.get("containers"):
        refuse("its pods have no containers")
    for field in ("containers", "initContainers"):
        value = spec.get(field) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            refuse(f"{field} must be a list of dictionaries")
    if not isinstance(metadata, dict):
        refuse("the metadata of its pods must be a dictionary")
    for field in ("labels", "annotations"):
        value = metadata.get(field) or {}
        if not isinstance(value, dict):
            refuse(f"{field} of its pods must be a dictionary")
        for key, entry in value.items():
            if entry is not None and not isinstance(entry, str):
                shown = json.dumps(entry)
                refuse(f"{key} is {shown}, which is no text; write it in quotes: '{shown}'")


def namespace_labels(definitions: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """The labels of the Namespace objects in a manifest, by name: applied with it, they hold for its workloads too."""
    labels = {}
    for holder, index in objects_in(definitions):
        if holder[index].get("kind") == "Namespace" and holder[index].get("apiVersion") == "v1":
            labels[value_at(holder[index], ("metadata", "name"))] = metadata_of(holder[index], "labels")
    return labels


def containers_in(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """All containers of a pod, native sidecars (which are init containers) among them."""
    return [*spec["containers"], *(spec.get("initContainers") or [])]


def sidecar_of(workload: Workload) -> str:
    """The kind of sidecar that a workload has: "native" (an init container), "container", or "" for none."""
    spec = workload.template["spec"]
    for kind, containers in (("native", spec.get("initContainers") or ()), ("container", spec["containers"])):
        if any(container.get("name") == PROXY for container in containers):
            return kind
    return ""


def injected_by(workload: Workload, version: str) -> str | None:
    """What shows that a workload carries a sidecar already, in words; None if it carries none.

    version: istioctl's. A container named istio-proxy alone proves nothing since 1.9, where it may customize the
    sidecar to come; the arguments of a rendered one do.
    """
    places = [workload.template]
    if workload.kind == "CronJob":
        places.append(value_at(workload.definition, ("spec", "jobTemplate")))  # where kube-inject itself puts it
    if any(STATUS in metadata_of(place, "annotations") for place in places):
        return f"its pods have the annotation {STATUS}"
    spec = workload.template["spec"]
    for container in containers_in(spec):
        if container.get("name") == PROXY:
            arguments = container.get("args")
            rendered = isinstance(arguments, list) and arguments[:2] == ["proxy", "sidecar"]
            if rendered or (len(spec["containers"]) > 1 and not releases.has(version, "overrides")):
                return f"its pods have the container {PROXY}"
    return None
