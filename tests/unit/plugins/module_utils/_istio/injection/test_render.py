# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How istioctl's answers and failures are read."""

from __future__ import annotations

import copy

import pytest
from injection_fakes import NEW, FakeIstioctl, inject_all, make_workload, render_of, rendered

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import inject as inject_module
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import workload
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError, Output


def test_failing_workload_is_named():
    with pytest.raises(IstioctlError, match=r"^Deployment lab/bad: istioctl kube-inject failed") as caught:
        inject_all(
            [make_workload(name="a"), make_workload(name="bad")],
            fake=FakeIstioctl(broken=["bad"]),
            namespace="lab",
        )
    assert (caught.value.rc, caught.value.stderr) == (1, "Error: bad")


@pytest.mark.parametrize("position", [0, 1, 2, 499, 998, 999])
def test_failing_workload_is_found_among_a_thousand_in_a_few_runs(position):
    calls = []

    def render(text):
        calls.append(text)
        if f'"web-{position}"' in text:
            raise IstioctlError("istioctl kube-inject failed", 1, "", "Error: bad", "istioctl ...")
        return Output(0, "", "", "istioctl ...")

    with pytest.raises(IstioctlError, match=rf"^Deployment default/web-{position}: istioctl kube-inject failed$"):
        inject_module.inject([make_workload(name=f"web-{number}") for number in range(1000)], NEW, render)
    assert len(calls) <= 13


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c", "d", "e"]])
def test_failure_of_all_workloads_names_none(names):
    calls = []

    def render(text):
        calls.append(text)
        raise IstioctlError(
            "istioctl kube-inject failed: loading --injectConfigFile", 1, "", "Error: x", "istioctl ..."
        )

    with pytest.raises(IstioctlError, match=r"^istioctl kube-inject failed: loading --injectConfigFile$"):
        inject_module.inject([make_workload(name=name) for name in names], NEW, render)
    assert len(calls) <= 5


def test_failure_of_several_workloads_together_names_none():
    def render(text):
        if text.count('"kind"') > 2:
            raise IstioctlError("istioctl kube-inject failed: too many", 1, "", "Error: too many", "istioctl ...")
        return FakeIstioctl()(text)

    with pytest.raises(IstioctlError, match=r"^istioctl kube-inject failed: too many$"):
        inject_module.inject([make_workload(name=name) for name in "abcdef"], NEW, render)


def test_first_failure_is_reported_if_the_search_times_out():
    def render(text):
        if text.count('"kind"') < 4:
            raise IstioctlError("did not finish within 1 s")
        raise IstioctlError("istioctl kube-inject failed: bad", 1, "", "Error: bad", "istioctl ...")

    with pytest.raises(IstioctlError, match=r"^istioctl kube-inject failed: bad$"):
        inject_module.inject([make_workload(name=name) for name in "abcd"], NEW, render)


@pytest.mark.parametrize(
    ("stdout", "message"),
    [
        ("", "returned nothing for 1 workloads"),
        ("kind: Service\n", "returned Service for 1 workloads"),
        ("kind: [", "returned invalid YAML: the output of istioctl, line "),
    ],
)
def test_output_that_does_not_match_the_workloads_is_an_error(stdout, message):
    with pytest.raises(IstioctlError, match=message):
        inject_module.inject([make_workload()], NEW, render_of(stdout))


def test_injection_configuration_of_another_release_is_detected():
    # istioctl succeeds, and the annotation claims that it injected the workload.
    claimed = make_workload(annotations={workload.STATUS: '{"containers":null}'})
    with pytest.raises(IstioctlError, match=r"rendered Deployment default/web without a container istio-proxy"):
        inject_module.inject([make_workload()], NEW, render_of(_manifests.dump_manifest([claimed])))


@pytest.mark.parametrize(("templates", "injected"), [("grpc-simple", True), ("mine, sidecar", False), ("", False)])
def test_templates_without_a_proxy_are_rendered(templates, injected):
    given = make_workload(annotations={workload.TEMPLATES: templates})
    answer = make_workload(annotations={workload.TEMPLATES: templates, workload.STATUS: "{}"})
    answer["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "GRPC_XDS_BOOTSTRAP", "value": "x"}]
    render = render_of(_manifests.dump_manifest([answer]))
    if not injected:
        with pytest.raises(IstioctlError, match="without a container istio-proxy"):
            inject_module.inject([given], NEW, render)
        return
    injection = inject_module.inject([given], NEW, render)
    assert injection.definitions == [answer]
    assert (injection.results[0]["result"], injection.results[0]["sidecar"]) == ("injected", "")
    assert injection.differences == []


@pytest.mark.parametrize(
    "stderr",
    [
        'Error: could not find valid mutatingWebhookConfiguration "x" from cluster',
        'Error: could not read valid configmap "istio" from namespace "istio-system"',
    ],
)
def test_missing_injection_configuration_is_reported_for_the_cluster(stderr):
    calls = []

    def render(text):
        calls.append(text)
        raise IstioctlError("istioctl kube-inject failed", 1, "", stderr)

    with pytest.raises(
        IstioctlError, match=r"^istioctl found no injection configuration in the cluster: install Istio"
    ):
        inject_module.inject([make_workload(name="a"), make_workload(name="b")], NEW, render)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "stderr",
    [
        'Error: no pods matching selector "app=istiod,istio=pilot" found in namespace "istio-system"',
        'Error: Post "https://localhost:41021/inject": EOF',
        "Error: failure running port forward process: error upgrading connection: pod not found",
        'Error: services "istiod" not found',
    ],
)
def test_unreachable_istiod_is_reported_for_the_cluster(stderr):
    calls = []

    def render(text):
        calls.append(text)
        raise IstioctlError(f"istioctl kube-inject failed with exit code 1: {stderr}", 1, "", stderr, "istioctl ...")

    with pytest.raises(IstioctlError) as caught:
        inject_module.inject([make_workload(name="a"), make_workload(name="b")], NEW, render)
    assert str(caught.value).startswith(
        "istioctl cannot use the injection webhook because the control plane does not respond"
    )
    assert "check that istiod runs" in str(caught.value) and stderr in str(caught.value)
    assert (caught.value.rc, caught.value.stderr, len(calls)) == (1, stderr, 1)


def test_timeout_is_not_repeated_for_each_workload():
    calls = []

    def render(text):
        calls.append(text)
        raise IstioctlError("did not finish within 60 s")

    with pytest.raises(IstioctlError, match="did not finish"):
        inject_module.inject([make_workload(name="a"), make_workload(name="b")], NEW, render)
    assert len(calls) == 1


def test_warnings_of_istioctl_are_returned_but_no_info_messages():
    stdout = inject_all([make_workload()]).definitions
    stderr = (
        "2026-02-01T10:00:00.000000Z\tinfo\tinformation\n"
        "2026-02-01T10:00:00.000000Z\twarn\tsomething odd\n\n"
        '===> Skipping injection because Pod "stranger" has host networking enabled\n'
    )
    injection = inject_module.inject([make_workload()], NEW, render_of(_manifests.dump_manifest(stdout), stderr))
    assert injection.warnings == ["istioctl: something odd", "istioctl: has host networking enabled"]


def skipped(kind="Deployment", name="web"):
    return f'===> Skipping injection because {kind} "{name}" has host networking enabled\n'


def test_workload_is_injected_although_another_of_its_name_is_skipped():
    shop, host = make_workload(), make_workload(hostNetwork=True)
    shop["metadata"]["namespace"] = "shop"
    answer = [rendered().definition, host]
    answer[0]["metadata"]["namespace"] = "shop"
    answer[0]["spec"]["template"]["metadata"]["annotations"] = {workload.STATUS: "{}"}
    render = render_of(_manifests.dump_manifest(answer), skipped())
    injection = inject_module.inject([shop, host], NEW, render)
    assert [(one["namespace"], one["result"]) for one in injection.results] == [
        ("shop", "injected"),
        ("default", "skipped"),
    ]
    assert injection.results[1]["reason"] == "istioctl reports that it has host networking enabled"
    assert injection.definitions == answer
    assert injection.warnings == [
        "Deployment default/web was not injected: istioctl reports that it has host networking enabled"
    ]


def test_jobs_with_generated_names_are_distinguished():
    jobs = [make_workload("Job", version="batch/v1", hostNetwork=host) for host in (False, True)]
    for job in jobs:
        job["metadata"] = {"generateName": "run-"}
    answer = copy.deepcopy(jobs)
    answer[0]["spec"]["template"]["metadata"]["annotations"] = {workload.STATUS: "{}"}
    answer[0]["spec"]["template"]["spec"]["containers"].append({"name": "istio-proxy"})
    render = render_of(_manifests.dump_manifest(answer), skipped("Job", ""))
    injection = inject_module.inject(jobs, NEW, render)
    assert [one["result"] for one in injection.results] == ["injected", "skipped"]
