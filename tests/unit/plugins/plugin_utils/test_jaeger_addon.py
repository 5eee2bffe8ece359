# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest

from ansible_collections.meshlab.istio.plugins.plugin_utils import jaeger_addon as subject

PROBE = {"httpGet": {"path": "/", "port": 14269}}
POD = {
    "containers": [{"name": "jaeger", "livenessProbe": PROBE}, {"name": "other"}],
    "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "jaeger", "namespace": "istio-system"},
    "spec": {"template": {"spec": POD}},
}
PAGE, GRPC = {"name": "http-query", "port": 80, "targetPort": 16686}, {"name": "grpc-query", "port": 16685}
TRACING = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "tracing", "namespace": "istio-system"},
    "spec": {"type": "ClusterIP", "ports": [GRPC, PAGE]},
}
COLLECTOR = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "jaeger-collector"}, "spec": {"ports": [PAGE]}}
ADDON = [DEPLOYMENT, None, TRACING, COLLECTOR]


def objects_by_name(**options):
    """{(kind, name): object} of the objects, in their order."""
    objects = subject.objects(ADDON, "mesh", "30686", **options)
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def test_namespace_node_port_and_startup_probe_are_set():
    given = copy.deepcopy(ADDON)
    found = objects_by_name()
    assert given == ADDON  # not changed in place
    assert list(found) == [("Deployment", "jaeger"), ("Service", "tracing"), ("Service", "jaeger-collector")]
    assert {each["metadata"]["namespace"] for each in found.values()} == {"mesh"}
    assert found["Service", "tracing"]["spec"] == {"type": "NodePort", "ports": [{**PAGE, "nodePort": 30686}, GRPC]}
    assert found["Service", "jaeger-collector"]["spec"] == COLLECTOR["spec"]
    container, other = found["Deployment", "jaeger"]["spec"]["template"]["spec"]["containers"]
    assert container["startupProbe"] == {**PROBE, "periodSeconds": 5, "failureThreshold": 60}
    assert other == {"name": "other"}


def test_a_startup_probe_of_the_release_is_kept():
    deployment = copy.deepcopy(DEPLOYMENT)
    deployment["spec"]["template"]["spec"]["containers"][0]["startupProbe"] = PROBE
    (found,) = subject.objects([deployment], "mesh", 30686)
    assert found["spec"]["template"]["spec"]["containers"][0]["startupProbe"] == PROBE


@pytest.mark.parametrize(("path", "context"), [("", {"fsGroup": 10001}), ("/var/lib/jaeger", {"runAsUser": 0})])
def test_a_volume_replaces_the_empty_directory(path, context):
    found = objects_by_name(volume="1Gi", volume_path=path)
    spec = found["Deployment", "jaeger"]["spec"]
    assert spec["strategy"] == {"type": "Recreate", "rollingUpdate": None}
    assert spec["template"]["spec"]["securityContext"] == context
    assert spec["template"]["spec"]["volumes"] == [
        {"name": "tmp", "emptyDir": {}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "meshlab-jaeger"}},
    ]
    claim = found["PersistentVolumeClaim", "meshlab-jaeger"]["spec"]
    assert claim["resources"] == {"requests": {"storage": "1Gi"}}
    assert ("PersistentVolume", "meshlab-jaeger-mesh") in found if path else "storageClassName" not in claim
    if path:
        volume = found["PersistentVolume", "meshlab-jaeger-mesh"]["spec"]
        assert volume["hostPath"] == {"path": path, "type": "DirectoryOrCreate"}
        assert (claim["storageClassName"], claim["volumeName"]) == ("", "meshlab-jaeger-mesh")


def test_for_removal_the_volume_is_included_without_its_size():
    found = objects_by_name(for_removal=True)
    assert list(found)[:2] == [("PersistentVolume", "meshlab-jaeger-mesh"), ("PersistentVolumeClaim", "meshlab-jaeger")]
    assert all("spec" not in each for each in list(found.values())[:2])


def test_telemetry_has_the_provider_and_the_sampling():
    telemetry = objects_by_name(telemetry={"provider": "jaeger", "sampling": "25"})["Telemetry", "jaeger"]
    assert telemetry["metadata"]["namespace"] == "mesh"
    assert telemetry["spec"] == {"tracing": [{"providers": [{"name": "jaeger"}], "randomSamplingPercentage": 25.0}]}


@pytest.mark.parametrize(
    ("labels", "standalone"),
    [
        ({"app": "jaeger", "app.kubernetes.io/component": "query"}, True),
        ({"jaeger-infra": "collector-service"}, True),
        ({"app": "jaeger"}, False),  # of Istio's add-on
        ({"app": "web", "app.kubernetes.io/component": "query"}, False),
        ({"jaeger-infra": "query", "app.kubernetes.io/managed-by": "jaeger-operator"}, False),
        (None, False),
    ],
)
def test_objects_of_the_all_in_one_template_have_its_labels(labels, standalone):
    metadata = {"name": "jaeger-query", "namespace": "mesh"}
    found = {"apiVersion": "v1", "kind": "Service", "metadata": {**metadata, "labels": labels}, "spec": {}}
    expected = [{"apiVersion": "v1", "kind": "Service", "metadata": metadata}] if standalone else []
    assert subject.standalone_objects([found]) == expected


def profile(*providers):
    return {"meshConfig": {"extensionProviders": list(providers)}}


def opentelemetry(name, service):
    return {"name": name, "opentelemetry": {"service": service, "port": 4317}}


OURS = opentelemetry("jaeger", "jaeger-collector.mesh.svc.cluster.local")
OTHER = opentelemetry("otel", "collector.elsewhere.svc.cluster.local")


@pytest.mark.parametrize(
    ("given", "version", "expected"),
    [
        (None, "", {}),
        (None, "1.21.0", {"defaultConfig": {"tracing": {"sampling": 25.0}}}),
        (None, "1.27.0", {"extensionProviders": [OURS]}),
        (profile(OTHER), "1.27.0", {"extensionProviders": [OTHER, OURS]}),
        (profile(OURS), "1.27.0", {}),
        (
            profile(opentelemetry("jaeger", "collector.tracing.svc.cluster.local")),
            "1.27.0",
            {},
        ),  # another collector on purpose
        (profile({"name": "jaeger", "zipkin": {}}), "1.27.0", {}),
        (
            profile(opentelemetry("jaeger", "jaeger-collector.istio-system.svc.cluster.local"), OTHER),
            "1.27.0",
            {"extensionProviders": [OTHER, OURS]},
        ),
    ],
)
def test_mesh_config_has_a_provider_for_this_jaeger(given, version, expected):
    assert subject.mesh_config(given, version, "jaeger", "mesh", 25) == expected
