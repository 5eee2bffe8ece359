# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest as a whole."""

from __future__ import annotations

import copy
import cProfile
import os
import subprocess
import sys

from injection_fakes import NEW, FakeIstioctl, inject_all, make_workload, render_of, rendered

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import inject as inject_module
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import workload


def test_only_workloads_change_and_the_input_is_not_modified():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"x": {}, "y": None}}
    definitions = [
        service,
        {"apiVersion": "v1", "kind": "List", "items": [service, make_workload("DaemonSet", name="in")]},
        make_workload(),
    ]
    original, fake = copy.deepcopy(definitions), FakeIstioctl()
    injection = inject_all(definitions, fake=fake)
    assert definitions == original
    assert injection.definitions[0] == injection.definitions[1]["items"][0] == service
    assert [result["result"] for result in injection.results] == ["injected", "injected"]
    assert [[document["metadata"]["name"] for document in call] for call in fake.calls] == [["in", "web"]]
    for done in workload.find_workloads(injection.definitions):
        assert workload.injected_by(done, NEW)
    assert injection.warnings == []


def test_empty_fields_of_go_are_removed_and_the_order_of_keys_is_kept():
    definition = make_workload()
    definition["spec"] = {"template": definition["spec"]["template"], "replicas": 2}
    (done,) = inject_all([definition]).definitions
    assert list(done) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(done["spec"]) == ["template", "replicas"]
    assert done["metadata"] == {"name": "web"}
    assert done["spec"]["template"]["spec"]["containers"][0] == {"name": "app", "image": "app:1"}
    assert "creationTimestamp" not in done["spec"]["template"]["metadata"]


def test_namespace_is_rendered_but_not_added():
    injection = inject_all([make_workload()], namespace="lab")
    (done,) = injection.definitions
    assert done["metadata"] == {"name": "web"}
    assert done["spec"]["template"]["spec"]["containers"][1]["env"] == [{"name": "NS", "value": "lab"}]
    assert injection.results[0]["namespace"] == "lab"


def test_pods_of_a_cron_job_get_the_metadata_that_istioctl_adds_to_the_job():
    definition = make_workload("CronJob", version="batch/v1", labels={"app": "cron"})
    definition["spec"]["jobTemplate"]["metadata"] = {"labels": {"of": "job"}}
    (done,) = inject_all([definition]).definitions
    job = done["spec"]["jobTemplate"]
    assert job["metadata"] == {"labels": {"of": "job"}}
    assert job["spec"]["template"]["metadata"]["labels"] == {"app": "cron"}
    assert workload.STATUS in job["spec"]["template"]["metadata"]["annotations"]


def test_cron_job_whose_pods_opt_out_is_skipped():
    definition = make_workload("CronJob", version="batch/v1", annotations={workload.INJECT: "false"})
    injection = inject_all([definition])
    assert injection.definitions == [definition]
    assert injection.results[0]["result"] == "skipped"


def test_skipped_workloads_are_unchanged_and_have_a_reason():
    definitions = [
        make_workload(name="host", hostNetwork=True),
        make_workload(name="out", annotations={workload.INJECT: "false"}),
        make_workload(name="old", version="extensions/v1beta1"),
        make_workload(name="web"),
    ]
    injection = inject_all(definitions, fake=FakeIstioctl(unknown=("extensions/v1beta1",)), namespace="lab")
    assert injection.definitions[:3] == definitions[:3]
    assert [(one["result"], one["reason"]) for one in injection.results] == [
        ("skipped", "istioctl reports that it has host networking enabled"),
        ("skipped", "istioctl reports that it has sidecar injection disabled"),
        (
            "skipped",
            "istioctl 1.27.0 left it unchanged without a reason; it may not support Deployment of extensions/v1beta1",
        ),
        ("injected", ""),
    ]
    # No warning for an opt-out in the manifest.
    assert [warning.split(" was not injected")[0] for warning in injection.warnings] == [
        "Deployment lab/host",
        "Deployment lab/old",
    ]


def test_istioctl_does_not_run_without_workloads():
    fake = FakeIstioctl()
    assert inject_all([{"apiVersion": "v1", "kind": "Service"}], fake=fake).results == []
    assert fake.calls == []


def test_field_that_istioctl_drops_is_a_warning():
    definition = make_workload(containers=[{"name": "app", "image": "app:1", "newField": {"a": 1}}])
    (warning,) = inject_all([definition]).warnings
    assert warning == (
        "Deployment default/web: istioctl 1.27.0 dropped unknown fields: spec.template.spec.containers[app].newField"
    )


def function_calls(work):
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())


def test_work_is_proportional_to_the_number_of_workloads():
    def work(count):
        definitions = [make_workload(name=f"web-{number}") for number in range(count)]
        answer = _manifests.dump_manifest([rendered(name=f"web-{number}").definition for number in range(count)])
        text = _manifests.dump_manifest(definitions)

        def run():
            injection = inject_module.inject(_manifests.parse_manifest(text, "x"), NEW, render_of(answer))
            assert {one["result"] for one in injection.results} == {"injected"}
            assert _manifests.holds(_manifests.dump_manifest(injection.definitions), injection.definitions)

        return function_calls(run)

    assert work(400) < 5 * work(100)


# Injects workloads of ten kilobytes each, without a cluster and istioctl. Prints the size of the input and the
# peak memory of the process in bytes.
WORK = """
import json, re, sys
from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.inject import inject
from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output

def render(text):
    documents = [json.loads(x) for x in text.split("\\n---\\n") if x]
    del text
    for document in documents:
        template = document["spec"]["template"]
        template["metadata"] = {"annotations": {"sidecar.istio.io/status": "x"}}
        template["spec"]["containers"].append({"name": "istio-proxy", "args": ["proxy", "sidecar"]})
    return Output(0, "".join(f"---\\n{json.dumps(x)}\\n" for x in documents), "", "istioctl ...")

def manifest(count):
    env = "".join(f"        - name: KEY_{n}\\n          value: {'x' * 470}\\n" for n in range(20))
    for number in range(count):
        yield f"---\\napiVersion: apps/v1\\nkind: Deployment\\nmetadata:\\n  name: web-{number}\\n"
        yield f"spec:\\n  template:\\n    spec:\\n      containers:\\n      - name: web\\n        env:\\n{env}"

text = "".join(manifest(int(sys.argv[1])))
injection = inject(_manifests.parse_manifest(text, "x"), "1.27.0", render, labels_of=lambda _name: {})
assert all(x["result"] == "injected" for x in injection.results) and len(injection.results) == int(sys.argv[1])
assert _manifests.holds(_manifests.dump_manifest(injection.definitions), injection.definitions)
# Not getrusage, which includes the memory of the parent process before exec.
peak = re.search("VmHWM: *([0-9]+) kB", open("/proc/self/status").read().replace("\\t", " "))[1]
print(len(text), int(peak) * 1024)
"""


def test_memory_is_proportional_to_the_size_of_the_manifest():
    def work(count):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", WORK, str(count)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return [int(x) for x in done.stdout.split()]

    (_bytes, base_memory), quarter, whole = work(0), work(250), work(1000)
    assert whole[0] > 10_000_000
    # Without the memory of Python itself. A manifest is in memory as text, YAML nodes and objects, some of them twice.
    assert whole[1] - base_memory < 20 * whole[0]
    assert whole[1] - base_memory < 6 * (quarter[1] - base_memory)
