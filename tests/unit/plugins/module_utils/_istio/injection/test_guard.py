# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No workload is injected twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from injection_fakes import ENABLED, NEW, OLD, FakeIstioctl, inject_all, make_workload, sidecar

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import guard, rule, workload
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError


def test_labeled_namespace_is_refused_with_reason_and_remedy():
    namespaces = []

    def labels_of(name):
        namespaces.append(name)
        return ENABLED if name == "lab" else {}

    definitions = [make_workload(name="a"), make_workload(name="b"), make_workload(name="c")]
    definitions[2]["metadata"]["namespace"] = "plain"
    fake = FakeIstioctl()
    with pytest.raises(guard.DoubleInjection) as caught:
        inject_all(definitions, fake=fake, namespace="lab", labels_of=labels_of)
    message = str(caught.value)
    assert message.startswith(
        "Deployment lab/a would be injected twice: namespace lab is labeled istio-injection=enabled"
    )
    for words in ("Deployment lab/b", "Apply the original manifest", "kubectl label namespace lab istio-injection-"):
        assert words in message
    assert "crash loop" not in message and "plain/c" not in message
    assert [one["result"] for one in caught.value.results] == ["refused", "refused", ""]
    assert (namespaces, fake.calls) == (["lab", "plain"], [])


def test_crash_loop_of_old_releases_is_mentioned():
    with pytest.raises(guard.DoubleInjection, match=r"crash loop \(application port is the same as agent port\)"):
        inject_all([make_workload()], OLD, labels_of=lambda name: ENABLED)


def test_namespace_in_the_manifest_decides_without_a_cluster():
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab", "labels": ENABLED}}
    with pytest.raises(guard.DoubleInjection, match="namespace lab is labeled"):
        inject_all([namespace, make_workload()], namespace="lab")


def test_skip_leaves_the_workload_to_the_webhook():
    injection = inject_all([make_workload()], on_already_injected="skip", labels_of=lambda name: ENABLED)
    assert injection.definitions == [make_workload()]
    assert injection.results[0]["result"] == "skipped"
    assert "the webhook injects the pods when the manifest is applied" in injection.results[0]["reason"]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_replace_injects_and_excludes_from_the_webhook(version):
    injection = inject_all(
        [make_workload(labels={"app": "web"})],
        version,
        on_already_injected="replace",
        labels_of=lambda name: ENABLED,
    )
    (done,) = workload.find_workloads(injection.definitions)
    assert done.labels() == {"app": "web", workload.INJECT: "false"}
    assert done.annotations()[workload.INJECT] == "false"
    assert injection.results[0]["result"] == "injected"
    assert not rule.decide(done, ENABLED, version).injected


def test_injected_workload_is_refused_skipped_or_rendered_again():
    once = inject_all([make_workload()]).definitions
    with pytest.raises(
        guard.DoubleInjection, match=r"Deployment default/web is already injected: .*Start from the original"
    ):
        inject_all(once)
    skipped = inject_all(once, on_already_injected="skip")
    assert (skipped.definitions, skipped.results[0]["result"]) == (once, "already_injected")
    again = inject_all(once, on_already_injected="replace")
    assert again.definitions == once
    assert again.results[0] == {
        "kind": "Deployment",
        "namespace": "default",
        "name": "web",
        "sidecar": "container",
        "result": "injected",
        "reason": "rendered again",
    }


@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
def test_replace_is_idempotent(kind):
    definition = make_workload(kind, version="batch/v1" if kind == "CronJob" else "apps/v1")
    options = {"on_already_injected": "replace", "labels_of": lambda name: ENABLED}
    once = inject_all([definition], **options).definitions
    assert inject_all(once, **options).definitions == once


def test_release_that_cannot_render_again_is_named():
    once = inject_all([make_workload()], "1.16.0").definitions
    with pytest.raises(guard.DoubleInjection, match=r"istioctl 1\.16\.0 cannot render an injected workload again"):
        inject_all(once, "1.16.0", on_already_injected="replace")


def test_sidecar_without_its_annotation_is_not_rendered_again():
    definition = make_workload(containers=[{"name": "app"}, sidecar("proxy", "sidecar")])
    with pytest.raises(
        guard.DoubleInjection,
        match=r"istioctl needs the annotation sidecar\.istio\.io/status to render it again\. Start",
    ):
        inject_all([definition], on_already_injected="replace")


def test_annotation_of_a_skipped_workload_is_not_a_wrong_configuration():
    definition = make_workload(annotations={workload.STATUS: "{}"}, hostNetwork=True)
    injection = inject_all([definition], on_already_injected="replace")
    assert injection.definitions == [definition]
    assert injection.results[0]["result"] == "already_injected"


def test_skipping_an_injected_workload_in_a_labeled_namespace_warns():
    once = inject_all([make_workload()]).definitions
    (warning,) = inject_all(once, on_already_injected="skip", labels_of=lambda name: ENABLED).warnings
    assert warning.startswith("Deployment default/web is left unchanged, but the webhook injects it again")


def test_releases_with_a_crash_loop_warn_without_a_cluster():
    (warning,) = inject_all([make_workload()], OLD, namespace="lab").warnings
    assert warning.startswith("no kubeconfig given") and "namespace lab" in warning
    assert inject_all([make_workload()], OLD, labels_of=lambda name: {}).warnings == []
    assert inject_all([make_workload()], NEW).warnings == []


def test_ignored_opt_out_is_a_warning():
    injection = inject_all([make_workload(annotations={workload.INJECT: "false"})], OLD, labels_of=lambda name: ENABLED)
    assert injection.results[0]["result"] == "injected"
    assert injection.warnings == [
        "Deployment default/web: the pod template sets sidecar.istio.io/inject=false, which istioctl 1.7.4 ignores"
    ]


SELECTING = [{"metadata": {"name": "x"}, "webhooks": [{"namespaceSelector": {"matchLabels": ENABLED}}]}]


@pytest.mark.parametrize(("webhooks", "result"), [(None, "skipped"), ([], "injected"), (SELECTING, "injected")])
def test_skip_injects_if_no_webhook_serves_the_label(webhooks, result):
    options = {"on_already_injected": "skip", "labels_of": lambda name: {"istio.io/rev": "typo"}}
    injection = inject_all([make_workload()], webhooks=webhooks, **options)
    assert injection.results[0]["result"] == result
    assert injection.decided_by == ("labels" if webhooks is None else "webhooks")


def test_skip_injects_if_the_policy_is_disabled():
    options = {"on_already_injected": "skip", "labels_of": lambda name: ENABLED}
    injection = inject_all([make_workload()], webhooks=SELECTING, policies={"default": Policy("disabled")}, **options)
    assert injection.results[0]["result"] == "injected"


def test_selecting_webhook_is_named():
    options = {"labels_of": lambda name: {}, "webhooks": [{"metadata": {"name": "auto"}, "webhooks": [{}]}]}
    with pytest.raises(guard.DoubleInjection) as caught:
        inject_all([make_workload()], **options)
    assert "would be injected twice: webhook auto selects the pods, so the webhook also injects" in str(caught.value)
    assert "kubectl label namespace" not in str(caught.value)


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from(["true", "false", "no", "{}"])


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            make_workload,
            kind=st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]),
            name=NAMES,
            labels=st.dictionaries(st.sampled_from([workload.INJECT, "istio.io/rev", "app"]), VALUES),
            annotations=st.dictionaries(st.sampled_from([workload.INJECT, workload.STATUS]), VALUES),
            hostNetwork=st.booleans(),
        ),
        max_size=4,
    ),
    st.sampled_from([OLD, "1.9.0", "1.16.0", "1.17.0", NEW]),
    st.sampled_from(["fail", "skip", "replace"]),
    st.sampled_from([None, {}, ENABLED, {"istio.io/rev": "x"}]),
)
def test_no_workload_is_injected_twice(definitions, version, on_already_injected, labels):
    try:
        labels_of = None if labels is None else lambda name: labels
        injection = inject_all(definitions, version, on_already_injected=on_already_injected, labels_of=labels_of)
    except (guard.DoubleInjection, IstioctlError):
        return
    before, after = workload.find_workloads(definitions), workload.find_workloads(injection.definitions)
    assert len(injection.results) == len(before) == len(after)
    for plain, done, result in zip(before, after, injection.results):
        if result["result"] == "injected":
            assert workload.injected_by(done, version)
            assert not rule.decide(done, labels, version).injected
        else:
            assert done.definition == plain.definition
