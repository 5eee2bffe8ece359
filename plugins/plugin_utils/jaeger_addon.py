# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapt the Jaeger add-on of an Istio release to the lab, and configure the mesh to send spans to it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases

VOLUME_NAME = "meshlab-jaeger"
OTLP_GRPC_PORT = 4317
JAEGER_UID = 10001  # of Jaeger's own images


def collector(namespace: str) -> str:
    """Host name of the Service that receives spans."""
    return f"jaeger-collector.{namespace}.svc.cluster.local"


def objects(
    addon: Iterable[Mapping[str, Any] | None],
    namespace: str,
    node_port: int,
    volume: str = "",
    volume_path: str = "",
    telemetry: Mapping[str, Any] | None = None,
    for_removal: bool = False,
) -> list[dict[str, Any]]:
    """The objects to apply, in order: volume, add-on, Telemetry.

    addon: the documents of the release's samples/addons/jaeger.yaml.
    volume: size of the volume, none if empty. volume_path: directory on the node for it.
    telemetry: provider and sampling (percent) of the Telemetry object; without one if None.
    for_removal: include the volume even if it is not set, because an earlier run may have created it.
    """
    result = _volume_objects(namespace, volume, volume_path, for_removal)
    result += [_changed(each, namespace, int(node_port), volume, volume_path) for each in addon if each]
    if telemetry:
        result.append(_telemetry(namespace, telemetry["provider"], float(telemetry["sampling"])))
    return result


def _volume_objects(namespace, volume, volume_path, for_removal):
    result = []
    name = f"{VOLUME_NAME}-{namespace}"
    if volume_path or for_removal:
        spec = {
            "capacity": {"storage": volume},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": namespace, "name": VOLUME_NAME},
            "hostPath": {"path": volume_path, "type": "DirectoryOrCreate"},
        }
        result.append(_object("v1", "PersistentVolume", {"name": name}, spec if volume_path else None))
    if volume or for_removal:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": volume}}}
        if volume_path:
            spec.update(storageClassName="", volumeName=name)
        metadata = {"name": VOLUME_NAME, "namespace": namespace}
        result.append(_object("v1", "PersistentVolumeClaim", metadata, spec if volume else None))
    return result


def _object(api_version, kind, metadata, spec):
    result = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    return {**result, "spec": spec} if spec else result


def _changed(given, namespace, node_port, volume, volume_path):
    """An object of the add-on, with the node port, the startup probe and the volume."""
    result = copy.deepcopy(dict(given))
    result.setdefault("metadata", {})["namespace"] = namespace
    if result["kind"] == "Service" and result["metadata"]["name"] == "tracing":
        _publish(result["spec"], node_port)
    elif result["kind"] == "Deployment":
        pod = result["spec"]["template"]["spec"]
        _allow_slow_start(pod["containers"][0])
        if volume:
            _mount(result["spec"], pod, volume_path)
    return result


def _publish(spec, node_port):
    """Expose the user interface on a node port, as the first port."""
    page = next(port for port in spec["ports"] if port["port"] == 80)
    spec["type"] = "NodePort"
    spec["ports"] = [{**page, "nodePort": node_port}, *(port for port in spec["ports"] if port["port"] != 80)]


def _allow_slow_start(container):
    """Add a startup probe: after a crash, Jaeger reads its spans for longer than the liveness probe allows."""
    if "livenessProbe" in container:
        probe = {**container["livenessProbe"], "periodSeconds": 5, "failureThreshold": 60}
        container.setdefault("startupProbe", probe)


def _mount(spec, pod, volume_path):
    """Use the volume for the spans, in one pod at a time because the database has a lock."""
    data = {"name": "data", "persistentVolumeClaim": {"claimName": VOLUME_NAME}}
    pod["volumes"] = [*(each for each in pod.get("volumes") or [] if each["name"] != "data"), data]
    # The kubelet creates a hostPath directory that only root can write.
    context = {"runAsUser": 0} if volume_path else {"fsGroup": JAEGER_UID}
    pod["securityContext"] = {**(pod.get("securityContext") or {}), **context}
    spec["strategy"] = {**(spec.get("strategy") or {}), "type": "Recreate", "rollingUpdate": None}


def _telemetry(namespace, provider, sampling):
    tracing = {"providers": [{"name": provider}], "randomSamplingPercentage": sampling}
    metadata = {"name": "jaeger", "namespace": namespace}
    return _object("telemetry.istio.io/v1", "Telemetry", metadata, {"tracing": [tracing]})


def standalone_objects(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The Deployments and Services that Jaeger's own all-in-one template created, as minimal definitions.

    Istio's add-on does not have its labels. Objects of an operator are excluded.
    """
    return [
        _object(each["apiVersion"], each["kind"], {key: each["metadata"][key] for key in ("name", "namespace")}, None)
        for each in found
        if _is_standalone(each["metadata"].get("labels") or {})
    ]


def _is_standalone(labels):
    if "app.kubernetes.io/managed-by" in labels:
        return False
    newer_template = "app.kubernetes.io/component" in labels and labels.get("app") == "jaeger"
    return newer_template or "jaeger-infra" in labels


def mesh_config(
    profile: Mapping[str, Any] | None, version: str, provider: str, namespace: str, sampling: float
) -> dict[str, Any]:
    """The mesh configuration that proxies need to send spans to Jaeger; empty if the profile is sufficient.

    profile: content of the release's profile; its providers are kept. version: the release, empty if unknown.
    """
    if not version:
        return {}
    if releases.has(version, "default_tracer"):
        return {"defaultConfig": {"tracing": {"sampling": float(sampling)}}}
    providers = ((profile or {}).get("meshConfig") or {}).get("extensionProviders") or []
    own = next((each for each in providers if each["name"] == provider), None)
    if own and not _leads_to_other_jaeger((own.get("opentelemetry") or {}).get("service", ""), namespace):
        return {}
    # Helm replaces whole lists, so the profile's providers are listed again.
    opentelemetry = {"service": collector(namespace), "port": OTLP_GRPC_PORT}
    others = [each for each in providers if each["name"] != provider]
    return {"extensionProviders": [*others, {"name": provider, "opentelemetry": opentelemetry}]}


def _leads_to_other_jaeger(service, namespace):
    """Whether a provider sends spans to Jaeger in another namespace, as that of the demo profile (istio-system)."""
    name, _dot, rest = service.partition(".")
    return name == "jaeger-collector" and bool(rest) and not rest.startswith(f"{namespace}.")
