# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import os
import subprocess
import sys
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import kube_inject as ki
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError, Output

NEW, OLD = "1.27.0", "1.7.4"
ENABLED = {"istio-injection": "enabled"}


def workload(kind="Deployment", name="web", labels=None, annotations=None, containers=None, version="apps/v1", **pod):
    """A definition with a pod template where its kind has it."""
    template = {
        "metadata": {"labels": labels or {}, "annotations": annotations or {}},
        "spec": {"containers": containers or [{"name": "app", "image": "app:1"}], **pod},
    }
    definition = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    inner = definition
    path = ki.KINDS[kind][1]
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    if path:
        inner[path[-1]] = template
    else:
        definition["spec"] = template["spec"]
        definition["metadata"].update(template["metadata"])
    return definition


def only(definition, namespace=None):
    (found,) = ki.find_workloads([definition], namespace)
    return found


class FakeIstioctl:
    """Injects the way istioctl does as far as this module can tell: Go's noise, skips on stderr, CronJob's metadata."""

    def __init__(self, version=NEW, unknown=(), broken=()):
        self.version, self.unknown, self.broken, self.calls = version, unknown, broken, []

    def __call__(self, text):
        documents = [document for document in yaml.safe_load_all(text) if document]
        self.calls.append(copy.deepcopy(documents))
        said = []
        for document in documents:
            name = document["metadata"].get("name", "")
            if name in self.broken:
                raise IstioctlError("istioctl kube-inject failed with exit code 1", 1, "", "Error: bad", "istioctl ...")
            document["metadata"]["creationTimestamp"] = None
            document["status"] = {}
            if document["apiVersion"] in self.unknown:
                continue
            job = document["spec"].get("jobTemplate")
            template = job["spec"]["template"] if job else document["spec"].get("template", document)
            holder = job if job else template
            metadata = holder.setdefault("metadata", {})
            namespace = document["metadata"].get("namespace")
            full = f"{namespace}/{name}" if namespace else name
            reason = self.skip_reason(document["kind"], full, metadata, template["spec"])
            if reason:
                said.append(reason)
            else:
                self.put_sidecar(metadata, template["spec"], namespace or "default")
        stdout = "---\n".join(yaml.safe_dump(document) for document in documents)
        return Output(0, stdout, "\n".join(said), "istioctl ...")

    def skip_reason(self, kind, full, metadata, spec):
        if spec.get("hostNetwork"):
            return f'===> Skipping injection because {kind} "{full}" has host networking enabled\n'
        values = [(metadata.get(field) or {}).get(ki.INJECT) for field in ("labels", "annotations")]
        if "false" in values and self.version != OLD:
            return f'===> Skipping injection because {kind} "{full}" has sidecar injection disabled\n'
        if self.version == OLD and any(item["name"] == "istio-proxy" for item in spec["containers"]):
            return f'Skipping injection because "{full}" has injected "istio-proxy" sidecar already'
        return None

    @staticmethod
    def put_sidecar(metadata, spec, namespace):
        metadata["annotations"] = {**(metadata.get("annotations") or {}), ki.STATUS: '{"containers":["istio-proxy"]}'}
        metadata["creationTimestamp"] = None
        own = [item for item in spec["containers"] if item["name"] != "istio-proxy"]
        for container in own:
            container.setdefault("resources", {})
            container.pop("newField", None)
        sidecar = {"name": "istio-proxy", "args": ["proxy", "sidecar"], "env": [{"name": "NS", "value": namespace}]}
        spec["containers"] = [*own, sidecar]


def inject(definitions, version=NEW, fake=None, **options):
    return ki.inject(definitions, version, fake or FakeIstioctl(version), **options)


# --- workloads ---------------------------------------------------------------------------------------------------


def test_every_kind_is_found_also_in_lists_and_nothing_else():
    kinds = {"Pod": "v1", "ReplicationController": "v1", "Job": "batch/v1", "CronJob": "batch/v1beta1"}
    kinds["DeploymentConfig"] = "apps.openshift.io/v1"
    known = [workload(kind, version=kinds.get(kind, "apps/v1")) for kind in ki.KINDS]
    others = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}},
        {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "spec": {}},
        {"apiVersion": "serving.knative.dev/v1", "kind": "Deployment"},
        {"kind": "Deployment"},
        {"apiVersion": "v1", "kind": "List", "items": None},
    ]
    nested = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": known[:4]}]}
    found = ki.find_workloads([*others, nested, *known[4:]])
    assert [one.kind for one in found] == list(ki.KINDS)
    assert [one.template["spec"]["containers"][0]["name"] for one in found] == ["app"] * len(ki.KINDS)


def test_names_and_namespaces():
    definition = workload()
    assert only(definition).title == "Deployment default/web"
    assert only(definition, "lab").title == "Deployment lab/web"
    definition["metadata"] = {"generateName": "web-", "namespace": "own"}
    assert only(definition, "lab").title == "Deployment own/web-*"
    del definition["metadata"]
    assert only(definition).name == "(no name)"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("spec"), "Deployment default/web: spec.template is missing or no dictionary"),
        (lambda d: d.update(spec="x"), "Deployment default/web: spec.template is missing or no dictionary"),
        (lambda d: d["spec"]["template"].pop("spec"), "Deployment default/web: its pods have no containers"),
        (lambda d: d["spec"]["template"]["spec"].update(containers={}), "its pods have no containers"),
        (lambda d: d["spec"]["template"]["spec"].update(containers=["x"]), "containers must be a list of dictionaries"),
        (lambda d: d["spec"]["template"]["spec"].update(initContainers="x"), "initContainers must be a list"),
        (lambda d: d["spec"]["template"].update(metadata=[1]), "the metadata of its pods must be a dictionary"),
        (lambda d: d["spec"]["template"]["metadata"].update(labels=["a"]), "labels of its pods must be a dictionary"),
        (
            lambda d: d["spec"]["template"]["metadata"]["annotations"].update({ki.INJECT: False}),
            "sidecar.istio.io/inject is false, which is no text; write it in quotes: 'false'",
        ),
        (lambda d: d.update(metadata="web"), "Deployment: its metadata must be a dictionary"),
    ],
)
def test_a_workload_of_the_wrong_shape_is_named(change, message):
    definition = workload()
    change(definition)
    with pytest.raises(_manifests.ManifestError) as caught:
        ki.find_workloads([definition])
    assert message in str(caught.value)


def test_namespaces_of_the_manifest_give_their_labels():
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab", "labels": ENABLED}}
    assert ki.namespace_labels([{"apiVersion": "v1", "kind": "List", "items": [namespace]}]) == {"lab": ENABLED}
    assert ki.namespace_labels([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}]) == {"a": {}}


def sidecar(*args):
    return {"name": "istio-proxy", "image": "auto", "args": list(args)}


@pytest.mark.parametrize(
    ("definition", "version", "word"),
    [
        (workload(), NEW, None),
        (workload(annotations={ki.STATUS: "{}"}), NEW, "annotation"),
        (workload("Pod", version="v1", annotations={ki.STATUS: "{}"}), OLD, "annotation"),
        (workload(containers=[{"name": "app"}, sidecar("proxy", "sidecar", "--domain")]), NEW, "container"),
        (workload(initContainers=[sidecar("proxy", "sidecar")]), NEW, "container"),  # a native sidecar
        (workload(containers=[{"name": "app"}, sidecar()]), NEW, None),  # customizes the sidecar to come
        (workload(containers=[{"name": "app"}, sidecar()]), OLD, "container"),
        (workload(containers=[sidecar("proxy", "router")]), NEW, None),  # a gateway
        (workload(containers=[sidecar("proxy", "router")]), OLD, None),
        (workload(initContainers=[{"name": "istio-init", "restartPolicy": "Always"}]), OLD, None),
    ],
)
def test_injected_by(definition, version, word):
    reason = ki.injected_by(only(definition), version)
    assert (reason is None) if word is None else (word in reason)


def test_a_cron_job_that_istioctl_injected_by_itself_is_known():
    definition = workload("CronJob", version="batch/v1")
    definition["spec"]["jobTemplate"]["metadata"] = {"annotations": {ki.STATUS: "{}"}}
    assert "annotation" in ki.injected_by(only(definition), NEW)


@pytest.mark.parametrize(
    ("labels", "annotations", "version", "expected"),
    [
        ({}, {}, NEW, False),
        ({}, {ki.INJECT: "false"}, NEW, True),
        ({ki.INJECT: "false"}, {ki.INJECT: "true"}, NEW, True),  # the label wins since 1.16
        ({ki.INJECT: "true"}, {ki.INJECT: "false"}, NEW, False),
        ({ki.INJECT: "false"}, {}, "1.15.0", False),
        ({}, {ki.INJECT: "no"}, "1.26.0", True),
        ({}, {ki.INJECT: "no"}, NEW, False),  # only true and false since 1.27
        ({}, {ki.INJECT: "Yes"}, OLD, False),
        ({}, {ki.INJECT: ""}, OLD, False),
    ],
)
def test_opted_out(labels, annotations, version, expected):
    assert ki.opted_out(only(workload(labels=labels, annotations=annotations)), version) is expected


@pytest.mark.parametrize(
    ("labels", "pod", "version", "reason"),
    [
        (None, {}, NEW, None),
        ({}, {}, NEW, None),
        (ENABLED, {}, NEW, "namespace lab is labelled istio-injection=enabled"),
        (ENABLED, {}, OLD, "namespace lab is labelled istio-injection=enabled"),
        ({"istio.io/rev": "canary"}, {}, NEW, "namespace lab is labelled istio.io/rev=canary"),
        ({"istio-injection": "disabled", "istio.io/rev": "canary"}, {}, NEW, None),
        ({**ENABLED, "istio.io/rev": "canary"}, {}, NEW, "namespace lab is labelled istio-injection=enabled"),
        ({"istio.io/rev": ""}, {}, NEW, None),
        ({"istio-injection": "disabled"}, {"labels": {ki.INJECT: "true"}}, NEW, None),
        ({}, {"labels": {ki.INJECT: "true"}}, NEW, "its pods are labelled sidecar.istio.io/inject=true"),
        ({}, {"labels": {ki.INJECT: "true"}}, OLD, None),
        ({}, {"labels": {"istio.io/rev": "canary"}}, NEW, "its pods are labelled istio.io/rev=canary"),
        (ENABLED, {"labels": {ki.INJECT: "false"}}, NEW, None),
        (ENABLED, {"labels": {ki.INJECT: "false"}}, "1.10.0", None),
        (ENABLED, {"labels": {ki.INJECT: "false"}}, OLD, "namespace lab is labelled istio-injection=enabled"),
        (ENABLED, {"annotations": {ki.INJECT: "false"}}, OLD, None),
        (ENABLED, {"hostNetwork": True}, NEW, None),
    ],
)
def test_webhook_reason(labels, pod, version, reason):
    assert ki.webhook_reason(only(workload(**pod), "lab"), labels, version) == reason


def test_the_webhook_leaves_system_namespaces_alone():
    assert ki.webhook_reason(only(workload(), "kube-system"), ENABLED, NEW) is None


# --- injection ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "revision", "files", "expected"),
    [
        (NEW, None, None, "--istioNamespace mesh"),
        (NEW, "canary", None, "--revision canary --istioNamespace mesh"),
        ("1.9.0", None, None, "--istioNamespace mesh"),
        ("1.9.0", "default", None, "--revision default --istioNamespace mesh"),
        (
            "1.9.0",
            "x",
            None,
            "--revision x --istioNamespace mesh --meshConfigMapName istio-x "
            "--injectConfigMapName istio-sidecar-injector-x",
        ),
        (OLD, None, "abc", "--injectConfigFile a --meshConfigFile b --valuesFile c"),
    ],
)
def test_arguments(version, revision, files, expected):
    assert ki.arguments(version, revision, files, "mesh") == ["kube-inject", "-f", "-", *expected.split()]


def test_only_workloads_change_and_the_input_stays():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"x": {}, "y": None}}
    definitions = [
        service,
        {"apiVersion": "v1", "kind": "List", "items": [service, workload("DaemonSet", name="in")]},
        workload(),
    ]
    original, fake = copy.deepcopy(definitions), FakeIstioctl()
    injection = inject(definitions, fake=fake)
    assert definitions == original
    assert injection.definitions[0] == injection.definitions[1]["items"][0] == service
    assert [result["result"] for result in injection.results] == ["injected", "injected"]
    assert [[document["metadata"]["name"] for document in call] for call in fake.calls] == [["in", "web"]]
    for done in ki.find_workloads(injection.definitions):
        assert ki.injected_by(done, NEW)
    assert injection.warnings == []


def test_what_only_gos_types_brought_in_is_taken_out_and_the_order_of_the_input_is_kept():
    definition = workload()
    definition["spec"] = {"template": definition["spec"]["template"], "replicas": 2}
    (done,) = inject([definition]).definitions
    assert list(done) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(done["spec"]) == ["template", "replicas"]
    assert done["metadata"] == {"name": "web"}
    assert done["spec"]["template"]["spec"]["containers"][0] == {"name": "app", "image": "app:1"}
    assert "creationTimestamp" not in done["spec"]["template"]["metadata"]


def test_the_namespace_is_rendered_and_not_written():
    injection = inject([workload()], namespace="lab")
    (done,) = injection.definitions
    assert done["metadata"] == {"name": "web"}
    assert done["spec"]["template"]["spec"]["containers"][1]["env"] == [{"name": "NS", "value": "lab"}]
    assert injection.results[0]["namespace"] == "lab"


def test_a_cron_jobs_pods_get_the_metadata_that_istioctl_puts_on_the_job():
    definition = workload("CronJob", version="batch/v1", labels={"app": "cron"})
    definition["spec"]["jobTemplate"]["metadata"] = {"labels": {"of": "job"}}
    (done,) = inject([definition]).definitions
    job = done["spec"]["jobTemplate"]
    assert job["metadata"] == {"labels": {"of": "job"}}
    assert job["spec"]["template"]["metadata"]["labels"] == {"app": "cron"}
    assert ki.STATUS in job["spec"]["template"]["metadata"]["annotations"]


def test_a_cron_job_whose_pods_opt_out_is_skipped():
    definition = workload("CronJob", version="batch/v1", annotations={ki.INJECT: "false"})
    injection = inject([definition])
    assert injection.definitions == [definition]
    assert injection.results[0]["result"] == "skipped"


def test_skipped_workloads_stay_untouched_and_tell_why():
    definitions = [
        workload(name="host", hostNetwork=True),
        workload(name="out", annotations={ki.INJECT: "false"}),
        workload(name="old", version="extensions/v1beta1"),
        workload(name="web"),
    ]
    injection = inject(definitions, fake=FakeIstioctl(unknown=("extensions/v1beta1",)), namespace="lab")
    assert injection.definitions[:3] == definitions[:3]
    assert [(one["result"], one["reason"]) for one in injection.results] == [
        ("skipped", "istioctl says that it has host networking enabled"),
        ("skipped", "istioctl says that it has sidecar injection disabled"),
        (
            "skipped",
            "istioctl 1.27.0 left it as it was and gave no reason; it may not know Deployment of extensions/v1beta1",
        ),
        ("injected", ""),
    ]
    # What the manifest itself asks for needs no warning.
    assert [warning.split(" was not injected")[0] for warning in injection.warnings] == [
        "Deployment lab/host",
        "Deployment lab/old",
    ]


def test_without_a_workload_istioctl_does_not_run():
    fake = FakeIstioctl()
    assert inject([{"apiVersion": "v1", "kind": "Service"}], fake=fake).results == []
    assert fake.calls == []


def test_a_field_that_istioctl_does_not_know_is_told():
    definition = workload(containers=[{"name": "app", "image": "app:1", "newField": {"a": 1}}])
    (warning,) = inject([definition]).warnings
    assert warning == (
        "Deployment default/web: istioctl 1.27.0 does not know and dropped spec.template.spec.containers[app].newField"
    )


def test_a_labelled_namespace_is_refused_with_reason_and_cure():
    asked = []

    def labels_of(name):
        asked.append(name)
        return ENABLED if name == "lab" else {}

    definitions = [workload(name="a"), workload(name="b"), workload(name="c")]
    definitions[2]["metadata"]["namespace"] = "plain"
    fake = FakeIstioctl()
    with pytest.raises(ki.DoubleInjection) as caught:
        inject(definitions, fake=fake, namespace="lab", labels_of=labels_of)
    message = str(caught.value)
    assert message.startswith(
        "Deployment lab/a would be injected twice: namespace lab is labelled istio-injection=enabled"
    )
    for words in ("Deployment lab/b", "Apply the plain manifest", "kubectl label namespace lab istio-injection-"):
        assert words in message
    assert "crash loop" not in message and "plain/c" not in message
    assert [one["result"] for one in caught.value.results] == ["refused", "refused", ""]
    assert (asked, fake.calls) == (["lab", "plain"], [])


def test_the_crash_loop_is_named_where_the_release_has_it():
    with pytest.raises(ki.DoubleInjection, match=r"crash loop \(application port is the same as agent port\)"):
        inject([workload()], OLD, labels_of=lambda name: ENABLED)


def test_a_namespace_within_the_manifest_counts_even_without_a_cluster():
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab", "labels": ENABLED}}
    with pytest.raises(ki.DoubleInjection, match="namespace lab is labelled"):
        inject([namespace, workload()], namespace="lab")


def test_skip_leaves_the_plain_workload_to_the_webhook():
    injection = inject([workload()], on_double="skip", labels_of=lambda name: ENABLED)
    assert injection.definitions == [workload()]
    assert injection.results[0]["result"] == "skipped"
    assert "the webhook injects its pods when it is applied" in injection.results[0]["reason"]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_replace_injects_and_keeps_the_webhook_away(version):
    injection = inject([workload(labels={"app": "web"})], version, on_double="replace", labels_of=lambda name: ENABLED)
    (done,) = ki.find_workloads(injection.definitions)
    assert done.labels() == {"app": "web", ki.INJECT: "false"}
    assert done.annotations()[ki.INJECT] == "false"
    assert injection.results[0]["result"] == "injected"
    assert ki.webhook_reason(done, ENABLED, version) is None


def test_an_injected_workload_is_refused_skipped_or_rendered_again():
    once = inject([workload()]).definitions
    with pytest.raises(ki.DoubleInjection, match=r"Deployment default/web is injected already: .*Start from the plain"):
        inject(once)
    skipped = inject(once, on_double="skip")
    assert (skipped.definitions, skipped.results[0]["result"]) == (once, "already_injected")
    again = inject(once, on_double="replace")
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
def test_what_replace_made_can_be_replaced_again_and_stays_the_same(kind):
    definition = workload(kind, version="batch/v1" if kind == "CronJob" else "apps/v1")
    options = {"on_double": "replace", "labels_of": lambda name: ENABLED}
    once = inject([definition], **options).definitions
    assert inject(once, **options).definitions == once


def test_a_release_that_does_not_render_again_says_so():
    once = inject([workload()], "1.16.0").definitions
    with pytest.raises(ki.DoubleInjection, match=r"istioctl 1\.16\.0 does not render an injected workload again"):
        inject(once, "1.16.0", on_double="replace")


def test_a_sidecar_without_its_annotation_is_not_rendered_again_since_istioctl_would_keep_the_old_one():
    definition = workload(containers=[{"name": "app"}, sidecar("proxy", "sidecar")])
    with pytest.raises(ki.DoubleInjection, match=r"istioctl does not know what to render again\. Start"):
        inject([definition], on_double="replace")


def test_a_stray_annotation_on_a_workload_that_istioctl_skips_is_no_wrong_configuration():
    definition = workload(annotations={ki.STATUS: "{}"}, hostNetwork=True)
    injection = inject([definition], on_double="replace")
    assert injection.definitions == [definition]
    assert injection.results[0]["result"] == "already_injected"


def test_skipping_an_injected_one_in_a_labelled_namespace_warns():
    once = inject([workload()]).definitions
    (warning,) = inject(once, on_double="skip", labels_of=lambda name: ENABLED).warnings
    assert warning.startswith("Deployment default/web is left as it is, but the webhook injects it again")


def test_without_a_cluster_the_releases_that_crash_warn():
    (warning,) = inject([workload()], OLD, namespace="lab").warnings
    assert warning.startswith("no cluster was named") and "namespace lab" in warning
    assert inject([workload()], OLD, labels_of=lambda name: {}).warnings == []
    assert inject([workload()], NEW).warnings == []


def test_the_old_release_that_ignores_an_opt_out_is_told():
    injection = inject([workload(annotations={ki.INJECT: "false"})], OLD, labels_of=lambda name: ENABLED)
    assert injection.results[0]["result"] == "injected"
    assert injection.warnings == [
        "Deployment default/web: its pods say sidecar.istio.io/inject: false, which istioctl 1.7.4 ignores"
    ]


def test_the_workload_that_istioctl_fails_on_is_named():
    with pytest.raises(IstioctlError, match=r"^Deployment lab/bad: istioctl kube-inject failed") as caught:
        inject([workload(name="a"), workload(name="bad")], fake=FakeIstioctl(broken=["bad"]), namespace="lab")
    assert (caught.value.rc, caught.value.stderr) == (1, "Error: bad")


@pytest.mark.parametrize("place", [0, 1, 2, 499, 998, 999])
def test_the_workload_is_found_among_a_thousand_in_a_few_runs(place):
    calls = []

    def render(text):
        calls.append(text)
        if f'"web-{place}"' in text:
            raise IstioctlError("istioctl kube-inject failed", 1, "", "Error: bad", "istioctl ...")
        return Output(0, "", "", "istioctl ...")

    with pytest.raises(IstioctlError, match=rf"^Deployment default/web-{place}: istioctl kube-inject failed$"):
        ki.inject([workload(name=f"web-{number}") for number in range(1000)], NEW, render)
    assert len(calls) <= 13


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c", "d", "e"]])
def test_what_istioctl_fails_on_for_all_is_blamed_on_none(names):
    calls = []

    def render(text):
        calls.append(text)
        raise IstioctlError(
            "istioctl kube-inject failed: loading --injectConfigFile", 1, "", "Error: x", "istioctl ..."
        )

    with pytest.raises(IstioctlError, match=r"^istioctl kube-inject failed: loading --injectConfigFile$"):
        ki.inject([workload(name=name) for name in names], NEW, render)
    assert len(calls) <= 5


def test_workloads_that_only_fail_together_are_blamed_on_none():
    def render(text):
        if text.count('"kind"') > 2:
            raise IstioctlError("istioctl kube-inject failed: too many", 1, "", "Error: too many", "istioctl ...")
        return FakeIstioctl()(text)

    with pytest.raises(IstioctlError, match=r"^istioctl kube-inject failed: too many$"):
        ki.inject([workload(name=name) for name in "abcdef"], NEW, render)


def test_when_the_time_is_over_the_first_failure_is_told():
    def render(text):
        if text.count('"kind"') < 4:
            raise IstioctlError("did not end within 1 s")
        raise IstioctlError("istioctl kube-inject failed: bad", 1, "", "Error: bad", "istioctl ...")

    with pytest.raises(IstioctlError, match=r"^istioctl kube-inject failed: bad$"):
        ki.inject([workload(name=name) for name in "abcd"], NEW, render)


def test_a_command_is_told_with_the_places_that_files_come_to():
    told = ki.in_place("istioctl --valuesFile /tmp/x --meshConfigFile '/my lab/m'", {"/my lab/v": "/tmp/x"})
    assert told == "istioctl --valuesFile '/my lab/v' --meshConfigFile '/my lab/m'"


def render_of(stdout, stderr=""):
    return lambda text: Output(0, stdout, stderr, "istioctl ...")


@pytest.mark.parametrize(
    ("stdout", "message"),
    [
        ("", "gave back nothing for 1 workloads"),
        ("kind: Service\n", "gave back Service for 1 workloads"),
        ("kind: [", "gave no usable YAML: the output of istioctl, line "),
    ],
)
def test_an_answer_that_is_no_manifest_of_the_same_workloads_is_refused(stdout, message):
    with pytest.raises(IstioctlError, match=message):
        ki.inject([workload()], NEW, render_of(stdout))


def test_an_injection_configuration_of_another_release_is_found_out():
    # istioctl exits with 0 and claims in the annotation that it has injected.
    claimed = workload(annotations={ki.STATUS: '{"containers":null}'})
    with pytest.raises(IstioctlError, match=r"rendered no container istio-proxy into Deployment default/web"):
        ki.inject([workload()], NEW, render_of(_manifests.dump_manifest([claimed])))


@pytest.mark.parametrize(
    "stderr",
    [
        'Error: could not find valid mutatingWebhookConfiguration "x" from cluster',
        'Error: could not read valid configmap "istio" from namespace "istio-system"',
    ],
)
def test_a_cluster_without_istio_is_told_as_such_and_not_blamed_on_a_workload(stderr):
    calls = []

    def render(text):
        calls.append(text)
        raise IstioctlError("istioctl kube-inject failed", 1, "", stderr)

    with pytest.raises(
        IstioctlError, match=r"^istioctl found no injection configuration in the cluster: install Istio"
    ):
        ki.inject([workload(name="a"), workload(name="b")], NEW, render)
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
def test_an_istiod_that_is_down_is_told_as_such_and_not_blamed_on_a_workload(stderr):
    calls = []

    def render(text):
        calls.append(text)
        raise IstioctlError(f"istioctl kube-inject failed with exit code 1: {stderr}", 1, "", stderr, "istioctl ...")

    with pytest.raises(IstioctlError) as caught:
        ki.inject([workload(name="a"), workload(name="b")], NEW, render)
    assert str(caught.value).startswith("the control plane of the cluster does not answer")
    assert "whether istiod runs" in str(caught.value) and stderr in str(caught.value)
    assert (caught.value.rc, caught.value.stderr, len(calls)) == (1, stderr, 1)


def test_a_run_that_hangs_is_not_repeated_for_each_workload():
    calls = []

    def render(text):
        calls.append(text)
        raise IstioctlError("did not end within 60 s")

    with pytest.raises(IstioctlError, match="did not end"):
        ki.inject([workload(name="a"), workload(name="b")], NEW, render)
    assert len(calls) == 1


def test_other_warnings_of_istioctl_are_passed_on_and_its_chatter_is_not():
    stdout = inject([workload()]).definitions
    stderr = (
        "2026-02-01T10:00:00.000000Z\tinfo\tchatter\n"
        "2026-02-01T10:00:00.000000Z\twarn\tsomething odd\n\n"
        '===> Skipping injection because Pod "stranger" has host networking enabled\n'
    )
    injection = ki.inject([workload()], NEW, render_of(_manifests.dump_manifest(stdout), stderr))
    assert injection.warnings == ["istioctl: something odd", "istioctl: has host networking enabled"]


NAMES = st.sampled_from(["a", "b", "c"])
MARKS = st.sampled_from(["true", "false", "no", "{}"])


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            workload,
            kind=st.sampled_from(["Deployment", "StatefulSet", "DaemonSet"]),
            name=NAMES,
            labels=st.dictionaries(st.sampled_from([ki.INJECT, "istio.io/rev", "app"]), MARKS),
            annotations=st.dictionaries(st.sampled_from([ki.INJECT, ki.STATUS]), MARKS),
            hostNetwork=st.booleans(),
        ),
        max_size=4,
    ),
    st.sampled_from([OLD, "1.9.0", "1.16.0", "1.17.0", NEW]),
    st.sampled_from(["fail", "skip", "replace"]),
    st.sampled_from([None, {}, ENABLED, {"istio.io/rev": "x"}]),
)
def test_no_plain_workload_ends_up_injected_by_both(definitions, version, on_double, labels):
    try:
        injection = inject(
            definitions, version, on_double=on_double, labels_of=None if labels is None else lambda name: labels
        )
    except (ki.DoubleInjection, IstioctlError):
        return
    before, after = ki.find_workloads(definitions), ki.find_workloads(injection.definitions)
    assert len(injection.results) == len(before) == len(after)
    for plain, done, result in zip(before, after, injection.results):
        if result["result"] == "injected":
            assert ki.injected_by(done, version)
            assert ki.webhook_reason(done, labels, version) is None
        else:
            assert done.definition == plain.definition


# --- the configuration of injection ------------------------------------------------------------------------------

MAPS = "/api/v1/namespaces/istio-system/configmaps"


def config_map(name, **data):
    return {"metadata": {"name": name}, "data": data}


def live(revision=None, **maps):
    """live_configuration of a cluster with these ConfigMaps, _ in place of - in their names."""
    objects = {
        f"{MAPS}/{name.replace('_', '-')}": config_map(name.replace("_", "-"), **data) for name, data in maps.items()
    }
    return ki.live_configuration({**objects, MAPS: {"items": list(objects.values())}}.get, revision)


def test_the_live_configuration_is_three_files_in_the_order_of_the_arguments():
    texts = live(istio={"mesh": "M", "meshNetworks": "N"}, istio_sidecar_injector={"values": "{}", "config": "C\r\n"})
    assert list(texts.items()) == [
        ("inject-config.yaml", "C\r\n"), ("mesh-config.yaml", "M"), ("inject-values.yaml", "{}")
    ]  # fmt: skip
    maps = {"istio_canary": {"mesh": "m"}, "istio_sidecar_injector_canary": {"values": "v", "config": "c"}}
    assert list(live("canary", **maps).values()) == ["c", "m", "v"]
    assert live("default", istio={"mesh": "M"}, istio_sidecar_injector={"values": "{}", "config": "C"})


def test_the_live_configuration_is_read_where_the_control_plane_is():
    maps = {"istio": {"mesh": "M"}, "istio-sidecar-injector": {"values": "{}", "config": "C"}}
    objects = {f"/api/v1/namespaces/mesh/configmaps/{name}": config_map(name, **data) for name, data in maps.items()}
    assert list(ki.live_configuration(objects.get, namespace="mesh").values()) == ["C", "M", "{}"]
    with pytest.raises(
        ki.ConfigurationError, match=r"^there is no ConfigMap istio-sidecar-injector in namespace other"
    ):
        ki.live_configuration(objects.get, namespace="other")


@pytest.mark.parametrize(
    ("revision", "maps", "message"),
    [
        (
            None,
            {},
            "there is no ConfigMap istio-sidecar-injector in namespace istio-system: "
            "install Istio there first, or set istio_namespace to where it is",
        ),
        (
            "blue",
            {"istio_sidecar_injector_green": {}, "istio_sidecar_injector": {}, "other": {}},
            "there is no ConfigMap istio-sidecar-injector-blue in namespace istio-system: "
            "set revision to one that is there: default, green",
        ),
        (
            None,
            {"istio_sidecar_injector": {"config": "c", "values": "v"}},
            "there is no ConfigMap istio in namespace istio-system: set revision to one that is there: default",
        ),
        (
            None,
            {"istio_sidecar_injector": {"config": "c"}, "istio": {"mesh": "m"}},
            "ConfigMap istio-sidecar-injector in namespace istio-system has no values",
        ),
        (
            None,
            {"istio_sidecar_injector": {}},
            "ConfigMap istio-sidecar-injector in namespace istio-system has no config",
        ),
    ],
)
def test_a_configuration_that_is_not_there_is_named_with_the_cure(revision, maps, message):
    with pytest.raises(ki.ConfigurationError) as caught:
        live(revision, **maps)
    assert str(caught.value) == message


# --- the two ways of rendering -----------------------------------------------------------------------------------

NAMED = [{"name": "ISTIO_META_WORKLOAD_NAME", "value": "web"}, {"name": "ISTIO_META_OWNER", "value": "x"}]


def rendered(native=False, env=(), name="web", **options):
    definition = workload(name=name, **options)
    spec = definition["spec"]["template"]["spec"]
    proxy = {"name": "istio-proxy", "args": ["proxy", "sidecar"], "env": list(env)}
    if native:
        spec["initContainers"] = [{"name": "istio-init"}, {**proxy, "restartPolicy": "Always"}]
    else:
        spec["containers"].append(proxy)
    return only(definition)


def different(workloads, version=NEW, by_files=True):
    return [(one["what"], one["here"], one["workloads"]) for one in ki.differences(workloads, version, by_files)]


def test_by_files_the_cluster_may_have_made_it_native_and_nameless():
    both = [rendered(env=NAMED, name="a"), rendered(env=NAMED, name="b")]
    titles = ["Deployment default/a", "Deployment default/b"]
    assert different(both) == [
        ("sidecar", "an ordinary container", titles),
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "set", titles),
    ]
    assert "the control plane decides" in ki.differences(both, NEW, True)[0]["otherwise"]
    assert [what for what, _here, _of in different(both, "1.18.0")] == ["ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER"]


def test_by_the_webhook_the_files_give_an_ordinary_container_with_a_name():
    assert different([rendered(native=True)], by_files=False) == [
        ("sidecar", "a native sidecar (init container)", ["Deployment default/web"]),
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "missing", ["Deployment default/web"]),
    ]
    assert different([rendered()], by_files=False) == [
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "missing", ["Deployment default/web"]),
    ]


def test_where_both_ways_give_the_same_there_is_no_difference():
    assert different([rendered(env=NAMED)], "1.9.0") == different([rendered()], OLD, by_files=False) == []
    assert different([], by_files=True) == []
    decided = rendered(annotations={"sidecar.istio.io/nativeSidecar": "false"})
    assert different([decided]) == []


def test_the_kind_of_sidecar_is_told_of_each_workload():
    assert [ki.sidecar_of(one) for one in (rendered(), rendered(native=True), only(workload()))] == [
        "container", "native", ""
    ]  # fmt: skip
    injection = inject([workload(), workload(name="host", hostNetwork=True)], by_files=True)
    assert [one["sidecar"] for one in injection.results] == ["container", ""]
    assert injection.differences[0]["workloads"] == ["Deployment default/web"]


# --- large manifests ---------------------------------------------------------------------------------------------


def seconds(work):
    started = time.process_time()
    work()
    return time.process_time() - started


def test_a_thousand_workloads_take_time_in_proportion():
    def work(count):
        definitions = [workload(name=f"web-{number}") for number in range(count)]
        answer = _manifests.dump_manifest([rendered(name=f"web-{number}").definition for number in range(count)])
        text = _manifests.dump_manifest(definitions)

        def run():
            injection = ki.inject(_manifests.parse_manifest(text, "x"), NEW, render_of(answer))
            assert {one["result"] for one in injection.results} == {"injected"}
            assert _manifests.holds(_manifests.dump_manifest(injection.definitions), injection.definitions)

        return seconds(run)

    few = work(250)
    assert work(1000) < 8 * few + 0.5


# A module's work without a cluster and istioctl, on so many workloads of ten kilobytes each. Prints the bytes that came
# in, the bytes that the process held at most, and the CPU seconds that it took.
WORK = """
import json, re, sys, time
from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import kube_inject as ki
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output

def render(text):
    given = [json.loads(x) for x in text.split("\\n---\\n") if x]
    del text
    for document in given:
        template = document["spec"]["template"]
        template["metadata"] = {"annotations": {ki.STATUS: "x"}}
        template["spec"]["containers"].append({"name": "istio-proxy", "args": ["proxy", "sidecar"]})
    return Output(0, "".join(f"---\\n{json.dumps(x)}\\n" for x in given), "", "istioctl ...")

def manifest(count):
    env = "".join(f"        - name: KEY_{n}\\n          value: {'x' * 470}\\n" for n in range(20))
    for number in range(count):
        yield f"---\\napiVersion: apps/v1\\nkind: Deployment\\nmetadata:\\n  name: web-{number}\\n"
        yield f"spec:\\n  template:\\n    spec:\\n      containers:\\n      - name: web\\n        env:\\n{env}"

text = "".join(manifest(int(sys.argv[1])))
injection = ki.inject(_manifests.parse_manifest(text, "x"), "1.27.0", render, labels_of=lambda _name: {})
assert all(x["result"] == "injected" for x in injection.results) and len(injection.results) == int(sys.argv[1])
assert _manifests.holds(_manifests.dump_manifest(injection.definitions), injection.definitions)
# Not getrusage: that counts what the process had before it became this one.
held = re.search("VmHWM: *([0-9]+) kB", open("/proc/self/status").read().replace("\\t", " "))[1]
print(len(text), int(held) * 1024, time.process_time())
"""


def test_ten_megabytes_of_a_thousand_workloads_take_memory_and_time_in_proportion():
    def work(count):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", WORK, str(count)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return [float(x) for x in done.stdout.split()]

    (_bytes, held, took), quarter, whole = work(0), work(250), work(1000)
    assert whole[0] > 10_000_000
    # Without what Python itself needs. A manifest is held as text, as nodes of YAML and as objects, some times over.
    assert whole[1] - held < 20 * whole[0]
    assert whole[1] - held < 6 * (quarter[1] - held)
    assert whole[2] - took < 10 * (quarter[2] - took)
