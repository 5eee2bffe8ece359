# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects are workloads, and whether they are injected."""

from __future__ import annotations

import pytest
from injection_fakes import ENABLED, NEW, OLD, make_workload, only, sidecar

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import workload


def test_find_workloads_of_every_kind():
    kinds = {"Pod": "v1", "ReplicationController": "v1", "Job": "batch/v1", "CronJob": "batch/v1beta1"}
    kinds["DeploymentConfig"] = "apps.openshift.io/v1"
    known = [make_workload(kind, version=kinds.get(kind, "apps/v1")) for kind in workload.KINDS]
    others = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}},
        {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "spec": {}},
        {"apiVersion": "serving.knative.dev/v1", "kind": "Deployment"},
        {"kind": "Deployment"},
        {"apiVersion": "v1", "kind": "List", "items": None},
    ]
    nested = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": known[:4]}]}
    found = workload.find_workloads([*others, nested, *known[4:]])
    assert [one.kind for one in found] == list(workload.KINDS)
    assert [one.template["spec"]["containers"][0]["name"] for one in found] == ["app"] * len(workload.KINDS)


def test_names_and_namespaces():
    definition = make_workload()
    assert only(definition).title == "Deployment default/web"
    assert only(definition, "lab").title == "Deployment lab/web"
    definition["metadata"] = {"generateName": "web-", "namespace": "own"}
    assert only(definition, "lab").title == "Deployment own/web-*"
    del definition["metadata"]
    assert only(definition).name == "(no name)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("spec"), "Deployment default/web: spec.template must be a dictionary"),
        (lambda d: d.update(spec="x"), "Deployment default/web: spec.template must be a dictionary"),
        (lambda d: d["spec"]["template"].pop("spec"), "Deployment default/web: the pod template has no containers"),
        (lambda d: d["spec"]["template"]["spec"].update(containers={}), "the pod template has no containers"),
        (lambda d: d["spec"]["template"]["spec"].update(containers=["x"]), "containers must be a list of dictionaries"),
        (lambda d: d["spec"]["template"]["spec"].update(initContainers="x"), "initContainers must be a list"),
        (lambda d: d["spec"]["template"].update(metadata=[1]), "metadata of the pod template must be a dictionary"),
        (
            lambda d: d["spec"]["template"]["metadata"].update(labels=["a"]),
            "labels of the pod template must be a dictionary",
        ),
        (
            lambda d: d["spec"]["template"]["metadata"]["annotations"].update({workload.INJECT: False}),
            "value of sidecar.istio.io/inject must be a string, got false; quote it: 'false'",
        ),
        (lambda d: d.update(metadata="web"), "Deployment: metadata must be a dictionary"),
    ],
)
def test_malformed_workload_is_named(change, message):
    definition = make_workload()
    change(definition)
    with pytest.raises(_manifests.ManifestError) as caught:
        workload.find_workloads([definition])
    assert message in str(caught.value)


def test_labels_of_namespaces_in_the_manifest():
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab", "labels": ENABLED}}
    assert workload.namespace_labels([{"apiVersion": "v1", "kind": "List", "items": [namespace]}]) == {"lab": ENABLED}
    unlabeled = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
    assert workload.namespace_labels([unlabeled]) == {"a": {}}


@pytest.mark.parametrize(
    ("definition", "version", "word"),
    [
        (make_workload(), NEW, None),
        (make_workload(annotations={workload.STATUS: "{}"}), NEW, "annotation"),
        (make_workload("Pod", version="v1", annotations={workload.STATUS: "{}"}), OLD, "annotation"),
        (make_workload(containers=[{"name": "app"}, sidecar("proxy", "sidecar", "--domain")]), NEW, "container"),
        (make_workload(initContainers=[sidecar("proxy", "sidecar")]), NEW, "container"),  # a native sidecar
        (make_workload(containers=[{"name": "app"}, sidecar()]), NEW, None),  # customizes the sidecar to come
        (make_workload(containers=[{"name": "app"}, sidecar()]), OLD, "container"),
        (make_workload(containers=[sidecar("proxy", "router")]), NEW, None),  # a gateway
        (make_workload(containers=[sidecar("proxy", "router")]), OLD, None),
        (make_workload(initContainers=[{"name": "istio-init", "restartPolicy": "Always"}]), OLD, None),
    ],
)
def test_injected_by(definition, version, word):
    reason = workload.injected_by(only(definition), version)
    assert (reason is None) if word is None else (word in reason)


def test_a_cron_job_that_istioctl_injected_by_itself_is_known():
    definition = make_workload("CronJob", version="batch/v1")
    definition["spec"]["jobTemplate"]["metadata"] = {"annotations": {workload.STATUS: "{}"}}
    assert "annotation" in workload.injected_by(only(definition), NEW)
