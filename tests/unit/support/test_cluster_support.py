from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "support" / "cluster.py"
spec = importlib.util.spec_from_file_location("support_cluster", SOURCE)
cluster = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cluster)

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "own",
        "labels": {"app": "own"},
        "annotations": {"note": "mine", "deployment.kubernetes.io/revision": "1"},
        "resourceVersion": "1",
        "uid": "a",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubectl"}],
    },
    "spec": {"replicas": 0},
    "status": {"observedGeneration": 1},
}


def changed(kind, before, **parts):
    """The line on an object that is other than before, or none; parts: what else it has, by dotted path."""
    now = copy.deepcopy(before)
    for path, value in parts.items():
        *way, last = path.split("__")
        there = now
        for step in way:
            there = there[step]
        there[last] = value
    return cluster.differences({"x": cluster.hashes(kind, before)}, {"x": cluster.hashes(kind, now)})


def test_fields_of_the_user_are_compared():
    assert changed("Deployment", DEPLOYMENT) == []
    assert changed("Deployment", DEPLOYMENT, spec={"replicas": 1}) == ["changed: x: spec"]
    assert changed("Deployment", DEPLOYMENT, metadata__labels={}) == ["changed: x: metadata.labels"]
    assert changed("Deployment", DEPLOYMENT, metadata__annotations={"note": "yours"}, spec={"replicas": 2}) == [
        "changed: x: metadata.annotations, spec"
    ]
    webhook = {"metadata": {"name": "own"}, "webhooks": [{"name": "a"}]}
    assert changed("MutatingWebhookConfiguration", webhook, webhooks=[]) == ["changed: x: webhooks"]
    role = {"metadata": {"name": "own"}, "rules": []}
    assert changed("Role", role, rules=[{"verbs": ["get"]}]) == ["changed: x: rules"]


def test_fields_of_the_server_are_not_compared():
    notes = {
        "note": "mine",
        "deployment.kubernetes.io/revision": "2",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "control-plane.alpha.kubernetes.io/leader": "somebody",
    }
    server = {"resourceVersion": "2", "uid": "b", "generation": 2, "creationTimestamp": None, "managedFields": []}
    later = {f"metadata__{name}": value for name, value in server.items()}
    assert changed("Deployment", DEPLOYMENT, metadata__annotations=notes, status={}, **later) == []
    info = {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": "x", "jws-kubeconfig-abcdef": "y"}}
    assert changed("ConfigMap", info, data={"kubeconfig": "x"}) == []
    assert changed("ConfigMap", info, data={"kubeconfig": "z"}) == ["changed: x: data"]
    assert cluster.hashes("Node", {"metadata": {"name": "n", "labels": {"a": "b"}}, "spec": {"taints": []}}) == {}


def test_no_secret_is_shown():
    secret = {"metadata": {"name": "own"}, "type": "Opaque", "data": {"password": "c2VjcmV0"}}
    hashes = cluster.hashes("Secret", secret)
    assert "c2VjcmV0" not in str(hashes)
    assert changed("Secret", secret, data={"password": "b3RoZXI="}) == ["changed: x: data"]


def test_objects_that_come_and_go():
    before = {"ConfigMap default/own": {"data": "1"}}
    now = {"Pod default/stray": {"spec": "2"}}
    assert cluster.differences(before, now) == ["gone: ConfigMap default/own", "left behind: Pod default/stray"]


@pytest.mark.parametrize(
    ("kind", "meta", "spec", "kept"),
    [
        ("Pod", {}, {}, True),
        ("Pod", {"ownerReferences": [{"kind": "ReplicaSet"}]}, {}, False),
        ("Pod", {"annotations": {"kubernetes.io/config.mirror": "x"}}, {}, False),
        ("ReplicaSet", {}, {}, True),
        ("ReplicaSet", {"ownerReferences": [{"kind": "Deployment"}]}, {}, False),
        ("ConfigMap", {"ownerReferences": [{"kind": "Namespace"}]}, {}, True),
        ("CertificateSigningRequest", {}, {"signerName": "kubernetes.io/kube-apiserver-client-kubelet"}, False),
        ("CertificateSigningRequest", {}, {"signerName": "kubernetes.io/kube-apiserver-client"}, True),
    ],
)
def test_what_is_kept(kind, meta, spec, kept):
    assert cluster.is_kept(kind, {"metadata": {"name": "x", **meta}, "spec": spec}) is kept


def test_each_kind_once_and_only_what_can_be_listed():
    def resource(group, kind, version, preferred=True, verbs=("list",)):
        return SimpleNamespace(group=group, kind=kind, api_version=version, preferred=preferred, verbs=verbs)

    hpa = resource("autoscaling", "HorizontalPodAutoscaler", "v2")
    pod = resource(None, "Pod", "v1")
    served = [
        resource("autoscaling", "HorizontalPodAutoscaler", "v1", preferred=False),
        hpa,
        pod,
        resource("", "PodList", "v1"),
        resource("", "Event", "v1"),
        resource("authorization.k8s.io", "SubjectAccessReview", "v1", verbs=("create",)),
    ]
    assert cluster.resources(SimpleNamespace(resources=SimpleNamespace(search=lambda: served))) == [hpa, pod]
