# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from info_objects import healthy, istiod, namespace_object, workload

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.inventory import read_inventory


def owned(pod, kind, name, **template):
    """A pod with an owner, and that owner, which has this pod template (metadata and spec)."""
    pod["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "controller": True}]
    return {
        "metadata": {"name": name, "namespace": pod["metadata"]["namespace"], "ownerReferences": []},
        "spec": {"template": {"metadata": {}, "spec": {"containers": [{"name": "app"}]}, **template}},
    }


def deployment_of(pod, name, **template):
    replicas = owned(pod, "ReplicaSet", f"{name}-5d4f", **template)
    replicas["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": name, "controller": True}]
    return replicas


INJECTED = {"metadata": {"annotations": {"sidecar.istio.io/status": "{}"}}}
MARK = "the pod template has the annotation sidecar.istio.io/status already in the manifest"


@pytest.mark.parametrize(
    ("labels", "pod", "template", "injected", "injected_by", "reason"),
    [
        ({"istio_injection": "enabled"}, {}, {}, True, "webhook", "namespace shop is labeled istio-injection=enabled"),
        ({"rev": "default"}, {}, {}, True, "webhook", "namespace shop is labeled istio.io/rev=default"),
        (
            {},
            {"labels": {"sidecar.istio.io/inject": "true"}},
            {},
            True,
            "webhook",
            "the pods are labeled sidecar.istio.io/inject=true",
        ),
        ({}, {}, {}, True, "webhook", "it was injected when its pods were created; nothing would inject them today"),
        ({}, {}, INJECTED, True, "kube-inject", MARK),
        (
            {"istio_injection": "enabled"},
            {},
            INJECTED,
            True,
            "kube-inject and webhook",
            f"{MARK}, and namespace shop is labeled istio-injection=enabled",
        ),
        (
            {"istio_injection": "enabled"},
            {"labels": {"sidecar.istio.io/inject": "false"}},
            INJECTED,
            True,
            "kube-inject",
            MARK,
        ),
        (
            {},
            {"proxy": None},
            {},
            False,
            "",
            "namespace shop has neither the label istio-injection nor istio.io/rev",
        ),
        (
            {"istio_injection": "disabled"},
            {"proxy": None},
            {},
            False,
            "",
            "namespace shop is labeled istio-injection=disabled",
        ),
        (
            {"istio_injection": "enabled"},
            {"proxy": None},
            {},
            False,
            "",
            "the pods predate the label or webhook; restart them (kubectl rollout restart deployment -n shop)",
        ),
        (
            {"istio_injection": "enabled"},
            {"proxy": None, "labels": {"sidecar.istio.io/inject": "false"}},
            {},
            False,
            "",
            "the pod template sets sidecar.istio.io/inject=false",
        ),
        (
            {"istio_injection": "enabled"},
            {"proxy": None, "annotations": {"sidecar.istio.io/inject": "false"}},
            {},
            False,
            "",
            "the pod template sets sidecar.istio.io/inject=false",
        ),
        (
            {"istio_injection": "enabled"},
            {"proxy": None, "spec": {"hostNetwork": True}},
            {},
            False,
            "",
            "the pods use the host network",
        ),
        (
            {"rev": "canary"},
            {"proxy": None},
            {},
            False,
            "",
            "namespace shop: istio.io/rev=canary, but no webhook serves this revision or tag (available: default), so "
            "nothing is injected; set the label to default, or install that revision",
        ),
    ],
)
def test_each_workload_has_a_reason(labels, pod, template, injected, injected_by, reason):
    pod = workload("web-5d4f-x", **pod)
    lab = healthy(namespaces=[namespace_object(**labels)], pods=[pod])
    lab.lists["/apis/apps/v1/namespaces/shop/replicasets"] = [deployment_of(pod, "web", **template)]
    row = read_inventory(lab, None, ["shop"], sync=False, workloads=True)["workloads"]
    sidecar = "container" if injected else ""
    names = {"namespace": "shop", "workload": "web", "kind": "Deployment"}
    assert row == [{**names, "injected": injected, "injected_by": injected_by, "sidecar": sidecar, "reason": reason}]


def test_a_workload_is_named_after_its_topmost_owner():
    night, agent, lone, static = (
        workload(name, native=True) for name in ("night-1-x", "agent-x", "lone", "static-node")
    )
    strange = workload("clone-0")
    job = owned(night, "Job", "night-1")
    job["metadata"]["ownerReferences"] = [{"kind": "CronJob", "name": "night", "controller": True}]
    daemons = owned(agent, "DaemonSet", "agent")
    owned(static, "Node", "node")
    owned(strange, "CloneSet", "clone")
    lab = healthy(pods=[night, agent, lone, static, strange])
    lab.lists |= {"/apis/batch/v1/jobs": [job], "/apis/apps/v1/daemonsets": [daemons]}
    rows = read_inventory(lab, None, sync=False, workloads=True)["workloads"]
    assert [(x["kind"], x["workload"], x["sidecar"]) for x in rows] == [
        ("DaemonSet", "agent", "native"),
        ("CloneSet", "clone", "container"),
        ("Pod", "lone", "native"),
        ("CronJob", "night", "native"),
        ("Pod", "static-node", "native"),
    ]
    assert {x["injected_by"] for x in rows} == {"webhook"}


def test_what_injected_a_pod_without_an_owner_is_unknown():
    lab = healthy(namespaces=[namespace_object()], pods=[workload("lone")])
    (row,) = read_inventory(lab, None, sync=False, workloads=True)["workloads"]
    assert (row["injected"], row["injected_by"]) == (True, "unknown")


def test_one_pod_without_a_sidecar_makes_the_workload_not_injected():
    pods = [workload("web-5d4f-x"), workload("web-5d4f-y", proxy=None), workload("web-5d4f-z")]
    replicas = [deployment_of(pod, "web") for pod in pods]
    lab = healthy(pods=pods)
    lab.lists["/apis/apps/v1/replicasets"] = replicas[:1]
    (row,) = read_inventory(lab, None, sync=False, workloads=True)["workloads"]
    assert not row["injected"]
    assert row["reason"].startswith("1 of 3 pods: the pods predate the label")


@pytest.mark.parametrize(("name", "injected"), [("ingress", False), ("gateway", True)])
def test_a_gateway_is_injected_only_if_the_webhook_injected_it(name, injected):
    pod = workload(name, revision="default" if injected else None)
    pod["spec"]["containers"] = [{"name": "istio-proxy", "image": "proxyv2:1.27.0", "args": ["proxy", "router"]}]
    template = {"spec": {"containers": [{"name": "istio-proxy", "image": "auto"}]}}
    lab = healthy(pods=[pod])
    lab.lists["/apis/apps/v1/replicasets"] = [deployment_of(pod, name, **template)]
    (row,) = read_inventory(lab, None, sync=False, workloads=True)["workloads"]
    assert (row["injected"], row["injected_by"]) == (injected, "webhook" if injected else "")
    assert injected or row["reason"] == "it is a gateway (router), not an injected workload"


def test_system_namespaces_have_their_own_reason():
    lab = healthy(namespaces=[namespace_object("kube-system")], pods=[workload("dns", "kube-system", proxy=None)])
    (row,) = read_inventory(lab, None, sync=False, workloads=True)["workloads"]
    assert row["reason"] == "istiod never injects in namespace kube-system"


@pytest.mark.parametrize("version", ["latest", "1.6.14", "1.8.6", "1.99.0"])
def test_workloads_are_described_for_every_release(version):
    lab = healthy(control_planes=[istiod(tag=version)])
    rows = read_inventory(lab, None, sync=False, workloads=True)["workloads"]
    assert [x["injected_by"] for x in rows] == ["webhook", "webhook"]


def test_pods_of_forbidden_owners_are_kept():
    pod = workload("web-5d4f-x")
    deployment_of(pod, "web", **INJECTED)
    hooks = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    lab = healthy(pods=[pod], refused=("/apis/apps/v1/replicasets", hooks))
    found = read_inventory(lab, None, sync=False, workloads=True)
    (row,) = found["workloads"]
    assert (row["kind"], row["workload"], row["injected_by"]) == ("ReplicaSet", "web-5d4f", "webhook")
    assert any("replicasets" in x for x in found["problems"])
