# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
import re
from unittest.mock import Mock

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import install as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.install import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError, Output
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError, Refusal

# ---- objects as istioctl 1.27 renders them, and as an API server of Kubernetes 1.33 keeps them ----

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
    "metadata": {"name": "virtualservices.networking.istio.io", "labels": {"release": "istio"}},
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
    """The managed fields of an applier that applied this value, as the API server notes them."""
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
    """An object as it is in the cluster after istioctl installed it."""
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


# ---- a cluster and an istioctl that hold what they are given ----

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
    "autoscaling/v2": {"HorizontalPodAutoscaler": "horizontalpodautoscalers"},
    "apiextensions.k8s.io/v1": {"CustomResourceDefinition": "customresourcedefinitions"},
    "admissionregistration.k8s.io/v1": {
        "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
        "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
    },
    "networking.istio.io/v1": {"VirtualService": "virtualservices"},
}
GLOBAL = {"Namespace", "CustomResourceDefinition", *subject.WEBHOOKS}


class FakeCluster:
    """An API server in a dictionary: paths to objects."""

    def __init__(self, *objects):
        self.objects = {}
        self.deleted = []
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
            versions = [version for version in RESOURCES if "/" in version]
            return {"groups": [{"name": x.split("/")[0], "preferredVersion": {"groupVersion": x}} for x in versions]}
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
        return answer or subject._laid_over(self.objects[path], without_null(yaml.safe_load(text)))

    def delete(self, path):
        self.deleted.append(path.rpartition("/")[2])
        return self.objects.pop(path, None)


class FakeIstioctl:
    """Renders what it is given, and installs it."""

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


def present(cluster, istioctl=None, check_mode=False, **params):
    return subject.present({**PARAMS, **params}, cluster, istioctl or FakeIstioctl(cluster), check_mode)


def lab(**changed):
    """A cluster with Istio; changed replaces objects by name, None takes one away."""
    objects = {x["metadata"]["name"]: installed(x) for x in RENDERED}
    return FakeCluster(*(x for x in {**objects, **changed}.values() if x))


def told(result):
    return [(x.key[0], x.key[2], x.what) for x in result["differences"]]


# ---- what istioctl is given ----


def test_without_options_istioctl_decides():
    request = subject.request_from(PARAMS)
    assert request.arguments("install") == ["install"] and request.stdin is None


def test_options_become_an_istio_operator_on_standard_input():
    request = subject.request_from(
        {
            **PARAMS,
            "profile": "demo",
            "hub": "registry.example/istio",
            "tag": "1.27.0-debug",
            "revision": "canary",
            "values": {"pilot": {"env": {"A": "b"}}},
            "components": {"pilot": {"enabled": True}},
            "mesh_config": {"accessLogFile": "/dev/stdout"},
            "set": {"values.pilot.traceSampling": 100, "components.cni.enabled": True, "meshConfig.trustDomain": "a=b"},
        }
    )
    assert json.loads(request.stdin) == {
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "spec": {
            "profile": "demo",
            "hub": "registry.example/istio",
            "tag": "1.27.0-debug",
            "revision": "canary",
            "values": {"pilot": {"env": {"A": "b"}}},
            "components": {"pilot": {"enabled": True}},
            "meshConfig": {"accessLogFile": "/dev/stdout"},
        },
    }
    assert request.arguments("manifest", "generate", settings=["x=y"]) == [
        "manifest", "generate", "--filename", "-", "--set", "x=y", "--set", "values.pilot.traceSampling=100",
        "--set", "components.cni.enabled=true", "--set", "meshConfig.trustDomain=a=b",
    ]  # fmt: skip


def test_a_file_comes_before_what_is_laid_over_it(tmp_path):
    file = tmp_path / "operator.yml"
    file.write_text("spec: {}")
    request = subject.request_from({**PARAMS, "file": str(file), "manifests": str(tmp_path)})
    assert request.arguments() == ["--filename", str(file), "--manifests", str(tmp_path)]
    request = subject.request_from({**PARAMS, "file": str(file), "tag": "1.27.1"})
    assert request.arguments() == ["--filename", str(file), "--filename", "-"]
    assert json.loads(request.stdin)["spec"] == {"tag": "1.27.1"}


def test_an_operator_is_merged_and_stays_as_it_is():
    operator = {
        "kind": "IstioOperator",
        "metadata": {"name": "lab"},
        "spec": {"values": {"pilot": {"a": 1}}, "tag": "x"},
    }
    before = copy.deepcopy(operator)
    request = subject.request_from({**PARAMS, "operator": operator, "tag": "y", "values": {"pilot": {"b": 2}}})
    assert json.loads(request.stdin) == {
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "metadata": {"name": "lab"},
        "spec": {"values": {"pilot": {"a": 1, "b": 2}}, "tag": "y"},
    }
    assert operator == before


def test_another_namespace_is_told_in_the_way_of_every_release():
    request = subject.request_from({**PARAMS, "namespace": "mesh", "values": {"global": {"network": "n"}}})
    made = json.loads(request.stdin)
    assert made["metadata"] == {"namespace": "mesh"}
    assert made["spec"] == {
        "namespace": "mesh",
        "values": {"global": {"network": "n", "istioNamespace": "mesh"}},
    }


def test_the_default_revision_has_no_name():
    assert subject.request_from({**PARAMS, "revision": "default"}).stdin is None


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"operator": {"kind": "Deployment"}}, "operator: its kind is Deployment, not IstioOperator"),
        ({"operator": {"profile": "demo"}}, "operator: it has no spec"),
        ({"file": "/no/such.yml"}, "file /no/such.yml: no such file is there"),
        ({"manifests": "/no/such"}, "manifests /no/such: no such folder is there"),
        ({"set": {"values.pilot": {"a": 1}}}, "set: values.pilot is a dict"),
        ({"set": {"values.pilot": None}}, "set: values.pilot is a null"),
    ],
)
def test_bad_input_is_named_before_anything_runs(params, says):
    cluster = lab()
    istioctl = FakeIstioctl(cluster)
    with pytest.raises(InstallError, match=f"^{re.escape(says)}"):
        present(cluster, istioctl, **params)
    assert istioctl.runs == []


# ---- what istioctl renders ----


def test_rendered_text_is_read_and_only_heads_of_definitions_are_parsed():
    documents = subject.read_rendered("---\n" + yaml.dump_all(RENDERED, sort_keys=True) + "\n---\n")
    assert [document.key for document in documents] == [
        ("CustomResourceDefinition", "", "virtualservices.networking.istio.io"),
        ("MutatingWebhookConfiguration", "", "istio-sidecar-injector"),
        ("Deployment", "istio-system", "istiod"),
        ("Service", "istio-system", "istio-ingressgateway"),
    ]
    assert "spec" not in documents[0].head
    assert [document.definition for document in documents] == RENDERED


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "rendered nothing"), ("a: b: c", "gave no usable YAML"), ("just words", "gave no usable YAML")],
)
def test_what_is_no_manifest_is_told(text, says):
    with pytest.raises(IstioctlError, match=says) as caught:
        subject.read_rendered(text)
    assert caught.value.stdout == text


def test_an_autoscaler_decides_on_the_replicas():
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "istiod", "namespace": "istio-system", "labels": LABELS},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "istiod"}},
    }
    live = installed(istiod())
    live["spec"]["replicas"] = 3
    cluster = lab(istiod=live, scaler=installed(scaler))
    assert told(present(cluster, FakeIstioctl(cluster, [*RENDERED, scaler]), True)) == []
    cluster.answers["istiod"] = installed(istiod())
    assert told(present(cluster, FakeIstioctl(cluster), True))[0] == (
        "Deployment",
        "istiod",
        "differs in spec.replicas",
    )


# ---- versions ----


def test_a_version_that_only_istiod_knows_is_asked_for():
    cluster = lab(istiod=installed(istiod("registry.example/pilot:mine")))
    del cluster.objects[cluster.path(istiod())]["metadata"]["labels"]["operator.istio.io/version"]
    rendered = [istiod("registry.example/pilot:mine")]
    assert present(cluster, FakeIstioctl(cluster, rendered), check_mode=True)["version"] == "1.26.3"


@pytest.mark.parametrize(
    ("kubernetes", "installed_version", "version", "says"),
    [
        ("v1.34.0", None, "1.27.0", "Istio 1.27.0 does not support Kubernetes v1.34.0: Istio 1.27 supports"),
        ("v1.34.0", None, "1.27.0", "Kubernetes 1.34 is supported by Istio 1.30, 1.29, 1.28"),
        ("v1.33.0", None, "1.6.0", "Istio 1.6.0 is not in the table"),
        ("v1.33.0", "1.27.0", "1.29.1", "install Istio 1.28 first"),
        ("v1.33.0", "1.29.0", "1.27.0", "install Istio 1.28 first"),
        ("v1.33.0", "1.26.5", "1.27.0", None),
        ("v1.33.0", "1.28.5", "1.27.0", None),
        ("v1.33.0", "1.30.0", "1.31.0", None),
    ],
)
def test_versions_that_do_not_fit_are_refused_before_anything_changes(kubernetes, installed_version, version, says):
    objects = [installed(istiod(f"docker.io/istio/pilot:{installed_version}"))] if installed_version else []
    cluster = FakeCluster(*objects)
    cluster.kubernetes = kubernetes
    istioctl = FakeIstioctl(cluster, version=version)
    if says is None:
        assert present(cluster, istioctl)["warnings"] == []
        return
    for check_mode in (True, False):
        with pytest.raises(InstallError) as caught:
            present(cluster, istioctl, check_mode)
        assert says in str(caught.value) and "Set skip_version_check to overrule this." in str(caught.value)
    assert istioctl.installs == [] and cluster.applied == []
    if version != "1.6.0":  # too old for the commands that the runner knows
        result = present(cluster, istioctl, skip_version_check=True)
        assert says in result["warnings"][0] and len(istioctl.installs) == 1


# ---- what differs ----


def test_an_install_that_is_as_it_should_be_needs_neither_istioctl_install_nor_a_dry_run():
    cluster = lab()
    istioctl = FakeIstioctl(cluster)
    for check_mode in (True, False):
        result = present(cluster, istioctl, check_mode)
        assert not result["changed"] and told(result) == []
        assert (result["version"], result["revision"], result["installed"], result["objects"]) == (
            "1.27.0", "default", True, 4,
        )  # fmt: skip
        assert "command" not in result
    assert istioctl.installs == [] and cluster.applied == [] and cluster.deleted == []


def test_an_empty_cluster_misses_everything_and_a_run_installs_it():
    cluster = FakeCluster()
    istioctl = FakeIstioctl(cluster)
    check = present(cluster, istioctl, True)
    assert [x.what for x in check["differences"]] == ["is missing"] * 4
    assert (check["changed"], check["installed"], check["version"]) == (True, False, None)
    assert cluster.objects == {} and istioctl.installs == []
    result = present(cluster, istioctl, timeout=5)
    assert told(result) == told(check)
    assert (result["changed"], result["installed"], result["version"]) == (True, True, "1.27.0")
    assert (result["command"], result["stdout"]) == ("istioctl install", "installed")
    assert istioctl.installs[0][2] == 5 + subject.GRACE_SECONDS
    assert not present(cluster, istioctl)["changed"]


def test_a_patched_type_is_seen_and_named():
    service = installed(GATEWAY)
    service["spec"]["type"] = "LoadBalancer"
    result = present(lab(**{"istio-ingressgateway": service}), check_mode=True)
    assert told(result) == [("Service", "istio-ingressgateway", "differs in spec.type")]
    shown = result["differences"][0].diff()
    assert "type: LoadBalancer" in shown["before"] and "type: NodePort" in shown["after"]
    assert shown["before_header"] == "Service/istio-system/istio-ingressgateway"
    changed = {x.strip() for x in set(shown["before"].splitlines()) ^ set(shown["after"].splitlines())}
    assert changed == {"type: LoadBalancer", "type: NodePort"}


def test_an_annotation_of_somebody_else_is_no_difference():
    service = installed(GATEWAY)
    service["metadata"]["annotations"] = {"example.com/note": "mine"}
    service["spec"]["sessionAffinity"] = "None"
    cluster = lab(**{"istio-ingressgateway": service})
    assert told(present(cluster, check_mode=True)) == [] and cluster.applied == []


def test_a_value_that_is_no_longer_rendered_asks_the_api_server():
    old = istiod()
    old["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "OLD", "value": "1"})
    live = installed(old)
    cluster = lab(istiod=live)
    cluster.answers["istiod"] = installed(istiod())
    what = "differs in spec.template.spec.containers[discovery].env[OLD]"
    assert told(present(cluster, check_mode=True)) == [("Deployment", "istiod", what)]
    assert cluster.applied == ["istiod"]


def test_quantities_that_are_written_otherwise_are_left_to_the_api_server():
    live = installed(istiod())
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "0.01"
    cluster = lab(istiod=live)
    cluster.answers["istiod"] = live
    assert told(present(cluster, check_mode=True)) == [] and cluster.applied == ["istiod"]


def test_webhooks_may_be_rewritten_by_istiod_and_by_a_tag():
    injector = installed(INJECTOR)
    injector["webhooks"][0].update(failurePolicy="Ignore", objectSelector={"matchLabels": {"a": "b"}})
    cluster = lab(**{"istio-sidecar-injector": injector})
    assert told(present(cluster, check_mode=True)) == [] and cluster.applied == []
    injector["webhooks"][0]["clientConfig"]["service"]["name"] = "elsewhere"
    cluster = lab(**{"istio-sidecar-injector": injector})
    cluster.answers["istio-sidecar-injector"] = installed(INJECTOR)
    what = "differs in webhooks[namespace.sidecar-injector.istio.io].clientConfig.service.name"
    assert told(present(cluster, check_mode=True)) == [("MutatingWebhookConfiguration", "istio-sidecar-injector", what)]


def test_the_tag_that_an_injector_stepped_back_for_is_missed():
    injector = installed(INJECTOR)
    injector["webhooks"][0]["namespaceSelector"] = {"matchLabels": {"istio.io/deactivated": "never-match"}}
    cluster = lab(**{"istio-sidecar-injector": injector})
    missed = [
        ("MutatingWebhookConfiguration", "istio-revision-tag-default", "is missing"),
        ("ValidatingWebhookConfiguration", "istiod-default-validator", "is missing"),
    ]
    assert told(present(cluster, check_mode=True)) == missed
    for kind, name, _what in missed:
        metadata = {"name": name, "labels": {"istio.io/tag": "default"}}
        cluster.put({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata})
    assert told(present(cluster, check_mode=True)) == []


def test_a_refused_dry_run_is_a_difference_with_the_reason():
    service = installed(GATEWAY)
    service["spec"]["ports"][0]["nodePort"] = 31000
    cluster = lab(**{"istio-ingressgateway": service})
    cluster.answers["istio-ingressgateway"] = Refusal(
        "422", "spec.ports[0].nodePort: provided port is already allocated"
    )
    what = told(present(cluster, check_mode=True))[0][2]
    assert what.endswith("does not accept what is rendered: spec.ports[0].nodePort: provided port is already allocated")


def test_ports_without_a_protocol_are_named_one_for_an_api_server_that_asks_for_it():
    service = installed(GATEWAY)
    service["spec"]["ports"][0]["nodePort"] = 31000
    cluster, tried = lab(**{"istio-ingressgateway": service}), []
    dry_run = cluster.dry_run_apply

    def old(path, text, manager):
        tried.append([x.get("protocol") for x in yaml.safe_load(text)["spec"]["ports"]])
        if None in tried[-1]:
            reason = ".spec.ports: element 0: associative list with keys has an element that omits key field"
            raise Refusal("500", f'failed to create typed patch object: {reason} "protocol"')
        return dry_run(path, text, manager)

    cluster.dry_run_apply = old
    what = told(present(cluster, check_mode=True))[0][2]
    assert what.startswith("differs in spec.ports") and tried == [[None] * len(tried[0]), ["TCP"] * len(tried[0])]


def test_a_pods_ports_are_named_a_protocol_too_and_the_object_stays_as_it_is():
    pod = {"initContainers": [{"name": "a"}], "containers": [{"name": "b", "ports": [{"containerPort": 1}]}]}
    pod["containers"].append({"name": "c", "ports": [{"containerPort": 2, "protocol": "UDP"}]})
    whole = {"kind": "Deployment", "spec": {"template": {"spec": pod}}}
    before = copy.deepcopy(whole)
    named = subject.with_protocols(whole)["spec"]["template"]["spec"]["containers"]
    assert [x["ports"][0]["protocol"] for x in named] == ["TCP", "UDP"]
    assert whole == before and subject.with_protocols({"kind": "ConfigMap"}) == {"kind": "ConfigMap"}


def surplus(name="istio-egressgateway", **labels):
    labels = {**ADDED, "istio.io/rev": "default", "operator.istio.io/component": "EgressGateways", **labels}
    metadata = {"name": name, "namespace": "istio-system", "labels": {k: v for k, v in labels.items() if v}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}}


def test_what_is_no_longer_rendered_is_removed_without_an_install():
    cluster = lab(egress=surplus())
    istioctl = FakeIstioctl(cluster)
    check = present(cluster, istioctl, True)
    assert told(check) == [("Service", "istio-egressgateway", "is no longer part of it")]
    assert check["differences"][0].diff()["after"] == ""
    assert cluster.deleted == []
    result = present(cluster, istioctl)
    assert result["changed"] and cluster.deleted == ["istio-egressgateway"] and istioctl.installs == []
    assert not present(cluster, istioctl)["changed"]


@pytest.mark.parametrize(
    "labels",
    [
        {"istio.io/rev": "canary"},
        {"install.operator.istio.io/owning-resource": "gateways-of-another-team"},
        {"install.operator.istio.io/owning-resource-not-pruned": "true"},
        {"istio.io/tag": "prod"},
        {"operator.istio.io/component": "Base"},
        {"operator.istio.io/managed": None},
        {"operator.istio.io/component": None},
    ],
)
def test_what_belongs_to_others_stays(labels):
    assert told(present(lab(other=surplus(**labels)), check_mode=True)) == []


def test_secrets_and_schemas_are_not_shown():
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"key": "aHVudGVyMg=="}}
    other = {**secret, "data": {"key": "b3RoZXI="}}
    shown = subject.Difference(("Secret", "", "s"), "differs in data.key", secret, other).diff()
    assert "aHVudGVyMg" not in json.dumps(shown) and "b3RoZXI" not in json.dumps(shown)
    assert shown["before"] != shown["after"]
    assert "openAPIV3Schema" not in subject.show(DEFINITION, "after") and "openAPIV3Schema" in json.dumps(DEFINITION)


def test_a_long_list_of_paths_is_cut():
    before = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {str(n): "a" for n in range(9)}}
    after = {**before, "data": {str(n): "b" for n in range(9)}}
    paths = list(subject.changed_paths(before, after))
    assert subject._differs_in(paths) == "differs in data.0, data.1, data.2, data.3 and 5 more"


VALUES = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", "y"]), below, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_changed_paths_names_something_where_and_only_where_values_differ(before, after):
    assert (list(subject.changed_paths(before, after)) == []) == (before == after)


def without_null(value):
    if isinstance(value, dict):
        return {key: without_null(below) for key, below in value.items() if below is not None}
    return [without_null(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_what_somebody_applied_fits_himself(value):
    assert subject._within(value, value)


# ---- running istioctl ----


def test_the_fallback_of_old_releases_is_a_warning():
    cluster = lab()
    line = "Detected that your cluster does not support third party JWT authentication. Falling back to less secure"
    istioctl = FakeIstioctl(cluster, stderr=f"{line}\n", version="1.26.0")
    assert present(cluster, istioctl)["warnings"] == [f"istioctl: {line}"]


def test_an_old_release_is_told_what_its_install_would_find_out():
    cluster = lab()
    cluster.kubernetes = "v1.18.19"
    istioctl = FakeIstioctl(cluster, version="1.7.4")
    params = {"check_mode": True, "skip_version_check": True}
    assert len(present(cluster, istioctl, **params)["warnings"]) == 1  # of 1.27 to 1.7
    assert istioctl.runs[0][0] == ("manifest", "generate")
    get = cluster.get
    cluster.get = lambda path, **query: {"resources": []} if path == "/api/v1" else get(path, **query)
    assert "less secure" in present(cluster, istioctl, **params)["warnings"][0]
    assert istioctl.runs[-1][0][-2:] == ("--set", "values.global.jwtPolicy=first-party-jwt")
    present(cluster, istioctl, values={"global": {"jwtPolicy": "third-party-jwt"}}, **params)
    assert "--set" not in istioctl.runs[-1][0]


def test_a_failed_install_says_what_is_not_ready():
    cluster = FakeCluster()
    error = IstioctlError("istioctl install failed with exit code 1: timed out", 1, "out", "err", "istioctl install")
    with pytest.raises(InstallError) as caught:
        present(cluster, FakeIstioctl(cluster, fails=error))
    assert str(caught.value) == f"{error}\nthere is no namespace istio-system"
    result = caught.value.result
    assert (result["rc"], result["stderr"], result["command"]) == (1, "err", "istioctl install")
    # It may be half done.
    assert result["changed"] and len(told(result)) == 4


def test_a_cluster_that_fails_between_two_changes_is_told_with_what_was_to_change():
    cluster = lab(gateway=surplus())
    cluster.put(surplus("istio-other"))
    delete = cluster.delete

    def fails_later(path):
        if cluster.deleted:
            raise ClusterError("cannot reach it")
        return delete(path)

    cluster.delete = fails_later
    with pytest.raises(InstallError, match=r"^cannot reach it$") as caught:
        present(cluster)
    assert caught.value.result["changed"] and len(told(caught.value.result)) == 2
    cluster.deleted = ["so the first change fails"]
    with pytest.raises(InstallError, match=r"^cannot reach it$") as caught:
        present(cluster)
    assert not caught.value.result["changed"]


def test_a_deployment_that_is_not_rolled_out_fails_with_the_reason_unless_nobody_waits():
    live = installed(istiod())
    live["status"]["availableReplicas"] = 0
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
    cluster = lab(istiod=live, namespace=namespace)
    with pytest.raises(InstallError, match="not ready after 0 s:\nDeployment istiod: 0 of 1 pods available") as caught:
        present(cluster)
    assert caught.value.result["version"] == "1.27.0"
    assert not present(cluster, wait=False)["changed"]
    assert not present(cluster, check_mode=True)["changed"]


# ---- absent ----

CERTIFICATE = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "istio-ca-root-cert", "namespace": "default", "labels": {"istio.io/config": "true"}},
}
LEADER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "istio-leader",
        "namespace": "istio-system",
        "annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"},
    },
}
KEY = {
    "apiVersion": "v1",
    "kind": "Secret",
    "type": "istio.io/ca-root",
    "metadata": {"name": "istio-ca-secret", "namespace": "istio-system"},
}
THEIRS = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "namespace": "istio-system"}}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
RULE = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "bookinfo", "namespace": "default"},
}
UNLABELLED = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "istiod-default-validator"},
    "webhooks": [{"name": "validation.istio.io"}],
}
OTHERS = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "not-ours"},
    "webhooks": [{"name": "validate.example.com"}],
}


def whole(*more):
    left = (CERTIFICATE, LEADER, KEY, THEIRS, NAMESPACE, RULE, UNLABELLED, OTHERS)
    return FakeCluster(*map(installed, RENDERED), *left, *more)


def absent(cluster, check_mode=False, **params):
    return subject.absent({**PARAMS, **params}, cluster, check_mode)


def test_absent_takes_what_istioctl_and_istiod_made_and_keeps_what_is_asked_to_stay():
    cluster = whole()
    check = absent(cluster, True)
    assert cluster.deleted == []
    result = absent(cluster)
    assert told(result) == told(check) and check["changed"] and result["changed"]
    assert (check["installed"], check["version"]) == (True, "1.27.0")
    assert (result["installed"], result["version"], result["revision"]) == (False, None, None)
    assert cluster.deleted == [
        "istio-sidecar-injector", "istiod-default-validator", "istiod", "istio-ingressgateway",
        "istio-ca-root-cert", "istio-leader", "istio-ca-secret",
    ]  # fmt: skip
    kept = {x["metadata"]["name"] for x in cluster.objects.values()}
    assert kept == {"virtualservices.networking.istio.io", "bookinfo", "istio-system", "mine", "not-ours"}
    assert not absent(cluster)["changed"] and not absent(cluster, True)["changed"]


def test_absent_takes_definitions_and_namespace_if_asked_and_says_what_goes_with_them():
    cluster = whole()
    result = absent(cluster, remove_crds=True, remove_namespace=True)
    assert ("VirtualService", "bookinfo", "goes with its custom resource definition") in told(result)
    assert cluster.deleted[-2:] == ["virtualservices.networking.istio.io", "istio-system"]
    assert result["objects"] == len(result["differences"]) == 10
    # The custom objects go with their definition on a real cluster.
    cluster.delete(cluster.path(RULE))
    assert not absent(cluster, remove_crds=True, remove_namespace=True)["changed"]


def test_absent_where_nothing_is_changes_nothing():
    result = absent(FakeCluster(OTHERS, THEIRS))
    assert not result["changed"] and result["differences"] == [] and result["version"] is None


def test_an_unknown_revision_changes_nothing():
    cluster = whole()
    assert not absent(cluster, revision="canary", remove_crds=True, remove_namespace=True)["changed"]
    assert cluster.deleted == []


def test_one_of_two_revisions_leaves_the_other_and_what_they_share():
    base = surplus("istio-reader", **{"operator.istio.io/component": "Base", "istio.io/rev": "canary"})
    cluster = whole(installed(istiod(revision="canary")), base)
    result = absent(cluster, revision="canary", remove_crds=True, remove_namespace=True)
    assert cluster.deleted == ["istiod-canary"]
    assert result["warnings"] == ["what all revisions share stays, since there is revision default too"]
    result = absent(cluster, revision="default", remove_namespace=True)
    assert "istio-reader" in cluster.deleted and "istio-system" in cluster.deleted and result["warnings"] == []


def test_a_namespace_of_the_cluster_itself_is_never_removed():
    with pytest.raises(InstallError, match="namespace default is never removed"):
        absent(whole(), namespace="default", remove_namespace=True)


def test_what_helm_installed_is_left_to_helm():
    deployment = installed(istiod())
    deployment["metadata"]["annotations"] = {"meta.helm.sh/release-name": "istiod"}
    cluster = FakeCluster(deployment)
    with pytest.raises(InstallError, match="Helm installed Istio here: uninstall istiod with it"):
        absent(cluster)
    assert cluster.deleted == []


def test_what_does_not_go_in_time_is_named_with_the_reason():
    cluster = whole()
    conditions = [
        {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "no"},
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers remaining"},
    ]
    stuck = {**NAMESPACE, "status": {"phase": "Terminating", "conditions": conditions}}
    cluster.put(stuck)
    delete = cluster.delete
    cluster.delete = lambda path: None if path.endswith("/namespaces/istio-system") else delete(path)
    told_why = "still there when the time is over: Namespace istio-system Some content has finalizers remaining"
    check = absent(cluster, True, remove_namespace=True)
    with pytest.raises(InstallError, match=told_why) as caught:
        absent(cluster, remove_namespace=True, timeout=-1)
    assert caught.value.result["changed"] and told(caught.value.result) == told(check)
    with pytest.raises(InstallError, match=told_why) as caught:  # as it was stuck before
        absent(cluster, remove_namespace=True, timeout=-1)
    assert not caught.value.result["changed"]


def test_a_cluster_that_fails_is_told():
    cluster = whole()
    cluster.get = Mock(side_effect=ClusterError("cannot reach it"))
    with pytest.raises(ClusterError, match="cannot reach it"):
        absent(cluster)
