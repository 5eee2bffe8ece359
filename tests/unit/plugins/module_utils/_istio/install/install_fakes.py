# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as istioctl 1.27 renders them, and a fake cluster and a fake istioctl."""

from __future__ import annotations

import copy
import json
import re

import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import absent as removal
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import diff, request
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import present as run
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output

LABELS = {"app": "istiod", "istio.io/rev": "default", "operator.istio.io/component": "Pilot"}


ADDED = {
    "install.operator.istio.io/owning-resource": "unknown",
    "install.operator.istio.io/owning-resource-namespace": "istio-system",
    "operator.istio.io/managed": "Reconcile",
    "operator.istio.io/version": "1.27.0",
}


def istiod(image="docker.io/istio/pilot:1.27.0", revision="default", **rest):
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "istio-system", "labels": {**LABELS, "istio.io/rev": revision}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"istio": "pilot"}},
            "template": {
                "metadata": {"labels": {"istio": "pilot"}},
                "spec": {
                    "containers": [
                        {
                            "name": "discovery",
                            "image": image,
                            "env": [{"name": "REVISION", "value": revision}, {"name": "PILOT_TRACE_SAMPLING"}],
                            "ports": [{"containerPort": 8080, "protocol": "TCP"}, {"containerPort": 15010}],
                            "resources": {"requests": {"cpu": "10m"}},
                        }
                    ]
                },
            },
        },
        **rest,
    }


GATEWAY = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "istio-ingressgateway",
        "namespace": "istio-system",
        "annotations": None,
        "labels": {"istio.io/rev": "default", "operator.istio.io/component": "IngressGateways"},
    },
    "spec": {
        "type": "NodePort",
        "selector": {"istio": "ingressgateway"},
        "ports": [{"name": "http2", "port": 80, "nodePort": 30080}, {"name": "https", "port": 443}],
    },
}


INJECTOR = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingWebhookConfiguration",
    "metadata": {"name": "istio-sidecar-injector", "labels": {**LABELS, "app": "sidecar-injector"}},
    "webhooks": [
        {
            "name": "namespace.sidecar-injector.istio.io",
            "clientConfig": {"service": {"name": "istiod", "namespace": "istio-system", "path": "/inject"}},
            "failurePolicy": "Fail",
            "namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}},
        }
    ],
}


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "virtualservices.networking.istio.io",
        "labels": {"release": "istio", "operator.istio.io/component": "Base"},
    },
    "spec": {
        "group": "networking.istio.io",
        "names": {"kind": "VirtualService", "plural": "virtualservices"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


RENDERED = [DEFINITION, INJECTOR, istiod(), GATEWAY]


def owned_fields(value):
    """The managed fields of a manager that applied this value, as the API server records them."""
    if isinstance(value, dict):
        return {f"f:{key}": owned_fields(below) for key, below in value.items() if key not in ("apiVersion", "kind")}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        keys = {}
        for item in value:
            key = (
                {"name": item["name"]}
                if "name" in item
                else {"containerPort": item["containerPort"], "protocol": "TCP"}
            )
            keys["k:" + json.dumps(key)] = {".": {}, **owned_fields(item)}
        return keys
    if isinstance(value, list):
        return {"v:" + json.dumps(item): {} for item in value}
    return {}


def installed(definition):
    """An object as it is in the cluster after istioctl has installed it."""
    live = copy.deepcopy(definition)
    live["metadata"]["labels"] = {"istio.io/rev": "default", **live["metadata"]["labels"], **ADDED}
    if live["metadata"].get("annotations", True) is None:
        del live["metadata"]["annotations"]
    fields = owned_fields(live)
    if definition["kind"] == "Deployment":
        live["spec"]["template"]["spec"]["dnsPolicy"] = "ClusterFirst"
        live["spec"]["template"]["spec"]["containers"][0]["ports"][1]["protocol"] = "TCP"
        live["status"] = {
            "observedGeneration": 3,
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1),
        }
    for webhook in live.get("webhooks") or ():
        webhook["clientConfig"]["caBundle"] = "LS0tLS1CRUdJTg=="
    live["metadata"].update(
        uid="a52c4a7d",
        generation=3,
        resourceVersion="1296",
        creationTimestamp="2026-02-01T10:00:00Z",
        managedFields=[
            {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "fieldsV1": {}},
            {"manager": "istio-operator", "operation": "Apply", "fieldsV1": fields},
        ],
    )
    return live


RESOURCES = {
    "v1": {
        "ConfigMap": "configmaps",
        "Namespace": "namespaces",
        "Pod": "pods",
        "Secret": "secrets",
        "Service": "services",
        "ServiceAccount": "serviceaccounts",
        "Event": "events",
    },
    "apps/v1": {"Deployment": "deployments"},
    "rbac.authorization.k8s.io/v1": {"ClusterRole": "clusterroles", "Role": "roles"},
    "coordination.k8s.io/v1": {"Lease": "leases"},
    "install.istio.io/v1alpha1": {"IstioOperator": "istiooperators"},
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": "customresourcedefinitions"},
    "admissionregistration.k8s.io/v1": {
        "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
        "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
    },
    "networking.istio.io/v1": {"VirtualService": "virtualservices", "Gateway": "gateways"},
    "networking.istio.io/v1alpha3": {"EnvoyFilter": "envoyfilters"},
}


GLOBAL = {"ClusterRole", "Namespace", "CustomResourceDefinition", *diff.WEBHOOKS}


class FakeCluster:
    """An API server with its objects in a dictionary by path."""

    def __init__(self, *objects):
        self.objects = {}
        self.deleted = []
        self.delete_requests = []
        self.patched = []
        self.applied = []
        self.answers = {}
        self.kubernetes = "v1.33.13"
        for definition in objects:
            self.put(definition)

    def path(self, definition):
        api_version, kind, metadata = definition["apiVersion"], definition["kind"], definition["metadata"]
        within = "" if kind in GLOBAL else f"/namespaces/{metadata['namespace']}"
        root = "/apis/" if "/" in api_version else "/api/"
        return f"{root}{api_version}{within}/{RESOURCES[api_version][kind]}/{metadata['name']}"

    def put(self, definition):
        self.objects[self.path(definition)] = copy.deepcopy(definition)

    def get(self, path, **query):
        if path == "/version":
            return {"gitVersion": self.kubernetes}
        if path == "/apis":
            versions = {}
            for version in RESOURCES:
                versions.setdefault(version.partition("/")[0], []).append({"groupVersion": version})
            del versions["v1"]
            return {"groups": [{"name": k, "preferredVersion": v[0], "versions": v} for k, v in versions.items()]}
        api_version = re.sub("^/apis?/", "", path)
        if api_version in RESOURCES:
            kinds = RESOURCES[api_version].items()
            listed = [{"kind": kind, "name": name, "namespaced": kind not in GLOBAL} for kind, name in kinds]
            return {"resources": [*listed, {"kind": "TokenRequest", "name": "serviceaccounts/token"}]}
        if path in self.objects:
            return copy.deepcopy(self.objects[path])
        plural = path.rpartition("/")[2]
        if plural not in {name for kinds in RESOURCES.values() for name in kinds.values()}:
            return None
        pattern = re.escape(path.rpartition("/")[0]) + r"(/namespaces/[^/]+)?/" + plural + "/[^/]+"
        found = [x for key, x in self.objects.items() if re.fullmatch(pattern, key)]
        name, _equals, value = query.get("labelSelector", "").partition("=")
        if name:
            labels = [(x, x["metadata"].get("labels") or {}) for x in found]
            found = [x for x, given in labels if name in given and value in ("", given[name])]
        return {
            "items": [{k: v for k, v in x.items() if k not in ("apiVersion", "kind")} for x in copy.deepcopy(found)]
        }

    def dry_run_apply(self, path, text, manager):
        assert manager == "istio-operator"
        self.applied.append(path.rpartition("/")[2])
        answer = self.answers.get(path.rpartition("/")[2])
        if isinstance(answer, Exception):
            raise answer
        return answer or request.merge(self.objects[path], without_null(yaml.safe_load(text)))

    def patch(self, path, changes):
        self.patched.append((path, changes))
        self.objects[path] = request.merge(self.objects[path], changes)
        return self.objects[path]

    def delete(self, path):
        self.deleted.append(path.rpartition("/")[2])
        self.delete_requests.append(path)
        return self.objects.pop(path, None)


class FakeIstioctl:
    """An istioctl that renders and installs predefined objects."""

    def __init__(self, cluster, rendered=None, version="1.27.0", stderr="", fails=None):
        self.cluster, self.rendered, self.version = cluster, rendered or RENDERED, version
        self.stderr, self.fails, self.runs = stderr, fails, []

    def run(self, *arguments, stdin=None, timeout=None, check=True):
        self.runs.append((arguments, stdin, timeout))
        if arguments[0] == "manifest":
            return Output(0, yaml.dump_all(self.rendered), self.stderr, "istioctl manifest generate")
        if arguments[0] == "version":
            return Output(0, json.dumps({"meshVersion": [{"Info": {"version": "1.26.3"}}]}), "", "istioctl version")
        assert arguments[0] == "install" and "--dry-run" not in arguments and "--skip-confirmation" in arguments
        if self.fails:
            raise self.fails
        for definition in self.rendered:
            self.cluster.put(installed(definition))
        return Output(0, "installed", self.stderr, "istioctl install")

    @property
    def installs(self):
        return [run for run in self.runs if run[0][0] == "install"]


PARAMS = {
    **dict.fromkeys(("profile", "values", "set", "components", "mesh_config", "file", "operator", "revision", "hub")),
    **dict.fromkeys(("tag", "manifests")),
    "namespace": "istio-system",
    "wait": True,
    "timeout": 0,
    "skip_version_check": False,
    "remove_crds": False,
    "remove_namespace": False,
}


def lab(**changed):
    """A cluster with Istio; changed replaces objects by name, None removes one."""
    objects = {x["metadata"]["name"]: installed(x) for x in RENDERED}
    return FakeCluster(*(x for x in {**objects, **changed}.values() if x))


def an_object(api_version, kind, name, namespace=None, labels=None, annotations=None, **more):
    metadata = {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations}
    metadata = {key: value for key, value in metadata.items() if value}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def written_by(definition, *managers):
    """An object as the API server returns it after these field managers wrote its labels."""
    definition = copy.deepcopy(definition)
    labels = {f"f:{x}": {} for x in definition["metadata"].get("labels") or {}}
    definition["metadata"]["managedFields"] = [
        {"manager": x, "operation": "Apply", "fieldsV1": {"f:metadata": {"f:labels": labels}}} for x in managers
    ]
    return definition


def surplus(name="istio-egressgateway", **labels):
    labels = {**ADDED, "istio.io/rev": "default", "operator.istio.io/component": "EgressGateways", **labels}
    metadata = {"name": name, "namespace": "istio-system", "labels": {k: v for k, v in labels.items() if v}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}}


def without_null(value):
    if isinstance(value, dict):
        return {key: without_null(below) for key, below in value.items() if below is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


def reported(result):
    """The differences in a result as (kind, name, reason)."""
    return [(x.key[0], x.key[2], x.reason) for x in result["differences"]]


def present(cluster, istioctl=None, check_mode=False, **params):
    """What istio_install returns for state=present with these parameters."""
    return run.present({**PARAMS, **params}, cluster, istioctl or FakeIstioctl(cluster), check_mode)


LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
COMPONENT = "operator.istio.io/component"
ISTIO_LABELS = {"operator.istio.io/managed": "Reconcile", "istio.io/rev": "default"}
LOCKS = [
    an_object("v1", "ConfigMap", "istio-namespace-controller-election", "infra", None, {LEADER_ANNOTATION: "{}"}),
    an_object("coordination.k8s.io/v1", "Lease", "istio-gateway-deployment-default", "infra"),
    an_object("coordination.k8s.io/v1", "Lease", "istio-status-leader", "infra"),
    an_object("install.istio.io/v1alpha1", "IstioOperator", "installed-state", "infra"),
    an_object("v1", "ConfigMap", "istio-ca-root-cert", "shop", {"istio.io/config": "true"}),
    an_object("v1", "Secret", "istio-ca-secret", "infra", type="istio.io/ca-root"),
]
DEFAULT_VALIDATOR = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "istiod-default-validator", "labels": {"app": "istiod"}},
    "webhooks": [{"name": "validation.istio.io"}],
}


RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "bookinfo", "namespace": "default"},
}


def absent(cluster, check_mode=False, **params):
    """What istio_install returns for state=absent with these parameters."""
    return removal.absent({**PARAMS, **params}, cluster, check_mode)


def in_infra(definition):
    """A copy of an object in the namespace infra."""
    definition = copy.deepcopy(definition)
    if "namespace" in definition["metadata"]:
        definition["metadata"]["namespace"] = "infra"
    return definition


def paths(cluster):
    return sorted(cluster.objects)
