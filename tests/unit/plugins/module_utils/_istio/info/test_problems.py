# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from info_objects import Client, Lab, healthy, injector, istiod, istiod_pod, namespace_object, status, workload

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.inventory import read_inventory
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.problems import client_problems


def test_a_control_plane_that_is_not_ready_is_reported_with_the_reason():
    found = read_inventory(
        healthy(
            control_planes=[istiod(ready=0)],
            pods=[istiod_pod(ready=False)],
            namespaces=[namespace_object(istio_injection="enabled")],
        ),
        None,
    )
    assert found["control_planes"][0]["ready"] is False
    assert found["problems"][0] == (
        "control plane istio-system/istiod is not ready: Deployment istiod: 0 of 1 pods available; "
        "pod istiod-866fd487f5-xqjzk: container discovery: ErrImagePull"
    )
    assert found["problems"][1] == (
        "webhook istio-revision-tag-default calls an istiod that is not ready; no pod can be created in shop"
    )
    assert found["sync_reason"] == "istioctl is not available; see client_reason"


def test_a_cluster_without_istio_has_one_problem():
    found = read_inventory(Lab(namespaces=[namespace_object()], pods=[workload("web", proxy=None)], apis=[]), Client())
    assert (found["installed"], found["version"], found["control_planes"], found["apis"]) == (False, None, [], {})
    assert (found["proxies"], found["sync_reason"]) == ([], "no istiod is ready")
    assert found["problems"] == [
        "Istio is not installed: no Deployment has the label app=istiod. Install it with the role meshlab.istio.istio."
    ]


def test_remains_of_istio_are_reported():
    lab = Lab(hooks=[injector()], namespaces=[namespace_object(istio_injection="enabled")], pods=[workload("web")])
    assert read_inventory(lab, None)["problems"] == [
        "Istio is not installed: no Deployment has the label app=istiod, but its CRDs exist "
        "(networking.istio.io) and pods have proxies (1): an installation or removal is incomplete. "
        "Install it with the role meshlab.istio.istio.",
        "webhook istio-sidecar-injector serves revision default, which has no istiod; no pod can be created in "
        "shop. Install that revision, or remove the webhook "
        "(kubectl delete mutatingwebhookconfiguration istio-sidecar-injector).",
    ]


def test_an_external_control_plane_is_not_a_problem():
    lab = Lab(hooks=[injector(url="https://istiod.example.com/inject")], namespaces=[namespace_object()])
    found = read_inventory(lab, None)
    assert (found["installed"], found["problems"]) == (False, [])


def test_missing_crds_and_webhooks_are_reported():
    problems = read_inventory(healthy(apis=[], hooks=[], namespaces=[]), None)["problems"]
    assert problems[0].startswith("Istio's CRDs are missing, so no rule can be created")
    assert problems[1].startswith("no webhook injects sidecars; use istioctl kube-inject")


def test_a_webhook_without_a_ca_bundle_is_reported():
    problems = read_inventory(healthy(hooks=[injector(ca=None)]), None)["problems"]
    assert problems == [
        "webhook istio-sidecar-injector has no CA bundle; no pod can be created in shop. istiod sets it when it "
        "starts: check that istiod is ready, and its log for missing permissions."
    ]


def test_a_webhook_that_may_fail_leaves_pods_without_a_sidecar():
    webhook = injector(ca=None)
    webhook["webhooks"][0]["failurePolicy"] = "Ignore"
    problems = read_inventory(healthy(hooks=[webhook]), None)["problems"]
    assert problems[0].startswith(
        "webhook istio-sidecar-injector has no CA bundle; pods are created without a sidecar in shop. istiod"
    )


def test_proxies_are_compared_with_the_control_plane_of_their_revision():
    control_planes = [istiod(tag="1.26.2"), istiod("1-27", "1.27.0")]
    hooks = [injector(), injector("1-27"), injector("1-27", "prod")]
    pods = [
        istiod_pod(),
        istiod_pod("1-27"),
        workload("old", proxy="1.25.0"),
        workload("new", "next", revision="1-27"),
        workload("tagged", "next", revision=None, labels={"istio.io/rev": "prod"}, proxy="1.26.2"),
        workload("lost", "next", revision="1-24", proxy="1.24.0"),
    ]
    namespaces = [namespace_object(istio_injection="enabled"), namespace_object("next", rev="prod")]
    names = ("tagged.next", "lost.next")
    client = Client(
        **{
            "default": status(("old.shop", "SYNCED", "SYNCED")),
            "1-27": status(("new.next", "SYNCED", "SYNCED"), *((x, "SYNCED", "SYNCED") for x in names)),
        }
    )
    found = read_inventory(Lab(control_planes, hooks, namespaces, pods), client)
    assert (found["version"], found["tags"]) == (None, {"prod": "1-27"})
    assert [x["revision"] for x in found["namespaces"]] == ["default", "1-27"]
    assert {x["name"]: x["outdated"] for x in found["proxies"]} == {
        "old": True,
        "new": False,
        "tagged": True,
        "lost": None,
    }
    assert [args[3:5] for args in client.ran] == [("--verbosity", "1"), ("--revision", "1-27")]
    assert found["problems"] == [
        "namespace next: proxies that are older than their control plane: tagged (1.26.2); "
        "restart them (kubectl rollout restart deployment -n next)",
        "namespace next: proxies of revision 1-24, which has no control plane or several: lost; label the namespace "
        "with an installed revision, and restart them (kubectl rollout restart deployment -n next)",
        "namespace shop: proxies that are older than their control plane: old (1.25.0); "
        "restart them (kubectl rollout restart deployment -n shop)",
    ]


def test_two_control_planes_of_one_revision_are_reported():
    control_planes = [istiod(), istiod(namespace="other")]
    problems = read_inventory(healthy(control_planes=control_planes, pods=[]), None)["problems"]
    assert problems == [
        "2 control planes have the revision default: istio-system/istiod, other/istiod; give each a different revision"
    ]


def test_a_proxy_newer_than_its_control_plane_is_reported():
    pods = [istiod_pod(), workload("web", proxy="1.28.1")]
    problems = read_inventory(healthy(pods=pods), None)["problems"]
    assert len(problems) == 1
    assert problems[0].startswith(
        "namespace shop: proxies that are newer than their control plane, which is not supported: web (1.28.1); upgrade"
    )


def test_running_pods_that_missed_injection_are_reported():
    pods = [
        istiod_pod(),
        *(workload(f"old-{i}", proxy=None) for i in range(7)),
        workload("done", proxy=None, phase="Succeeded"),
        workload("failed", phase="Failed"),
    ]
    found = read_inventory(healthy(pods=pods), None)
    assert len(found["namespaces"][0]["without_proxy"]) == 7
    assert found["proxies"] == []
    assert found["problems"] == [
        "namespace shop: pods without a sidecar that would be injected today: "
        "old-0, old-1, old-2, old-3, old-4 and 2 more. "
        "They predate the label or webhook; restart them (kubectl rollout restart deployment -n shop)."
    ]


def test_a_proxy_that_is_not_ready_is_reported():
    problems = read_inventory(healthy(pods=[istiod_pod(), workload("web", ready=False)]), None)["problems"]
    assert problems == ["namespace shop: proxies that are not ready: web; see kubectl logs -n shop web -c istio-proxy"]


@pytest.mark.parametrize(
    ("client", "control_planes", "reported"),
    [
        ("1.27.1", ["1.27.0"], False),
        ("1.26.0", ["1.26.3", "1.27.0"], False),
        ("1.26.0", ["1.27.0"], True),
        ("unknown", ["1.27.0"], False),
        ("1.26.0", [None], False),
        (None, ["1.27.0"], False),
    ],
)
def test_istioctl_must_be_of_the_minor_release_of_a_control_plane(client, control_planes, reported):
    problems = client_problems(client and {"version": client}, [{"version": x} for x in control_planes])
    assert bool(problems) is reported


def test_istioctl_of_another_release_is_reported_with_all_versions():
    control_planes = [{"version": x} for x in ("1.10.0", "1.9.1")]
    assert client_problems({"version": "1.27.0"}, control_planes) == [
        "istioctl has version 1.27.0 and the control plane 1.9.1 and 1.10.0; "
        "use an istioctl of the same minor release (role meshlab.istio.istioctl)"
    ]
