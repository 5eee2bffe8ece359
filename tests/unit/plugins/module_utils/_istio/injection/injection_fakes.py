# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workloads, and an istioctl that injects them."""

from __future__ import annotations

import copy

import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import inject as inject_module
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import workload
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError, Output

NEW, OLD = "1.27.0", "1.7.4"
ENABLED = {"istio-injection": "enabled"}


def make_workload(
    kind="Deployment", name="web", labels=None, annotations=None, containers=None, version="apps/v1", **pod
):
    """A definition with a pod template at the path of its kind."""
    template = {
        "metadata": {"labels": labels or {}, "annotations": annotations or {}},
        "spec": {"containers": containers or [{"name": "app", "image": "app:1"}], **pod},
    }
    definition = {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
    inner = definition
    path = workload.KINDS[kind][1]
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    if path:
        inner[path[-1]] = template
    else:
        definition["spec"] = template["spec"]
        definition["metadata"].update(template["metadata"])
    return definition


def only(definition, namespace=None):
    (found,) = workload.find_workloads([definition], namespace)
    return found


class FakeIstioctl:
    """Simulates kube-inject: empty fields of Go, skipped workloads on stderr, the metadata of CronJobs."""

    def __init__(self, version=NEW, unknown=(), broken=()):
        self.version, self.unknown, self.broken, self.calls = version, unknown, broken, []

    def __call__(self, text):
        documents = [document for document in yaml.safe_load_all(text) if document]
        self.calls.append(copy.deepcopy(documents))
        skipped = []
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
                skipped.append(reason)
            else:
                self.put_sidecar(metadata, template["spec"], namespace or "default")
        stdout = "---\n".join(yaml.safe_dump(document) for document in documents)
        return Output(0, stdout, "\n".join(skipped), "istioctl ...")

    def skip_reason(self, kind, full, metadata, spec):
        if spec.get("hostNetwork"):
            return f'===> Skipping injection because {kind} "{full}" has host networking enabled\n'
        values = [(metadata.get(field) or {}).get(workload.INJECT) for field in ("labels", "annotations")]
        if "false" in values and self.version != OLD:
            return f'===> Skipping injection because {kind} "{full}" has sidecar injection disabled\n'
        if self.version == OLD and any(item["name"] == "istio-proxy" for item in spec["containers"]):
            return f'Skipping injection because "{full}" has injected "istio-proxy" sidecar already'
        return None

    @staticmethod
    def put_sidecar(metadata, spec, namespace):
        status = {workload.STATUS: '{"containers":["istio-proxy"]}'}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **status}
        metadata["creationTimestamp"] = None
        own = [item for item in spec["containers"] if item["name"] != "istio-proxy"]
        for container in own:
            container.setdefault("resources", {})
            container.pop("newField", None)
        sidecar = {"name": "istio-proxy", "args": ["proxy", "sidecar"], "env": [{"name": "NS", "value": namespace}]}
        spec["containers"] = [*own, sidecar]


def inject_all(definitions, version=NEW, fake=None, **options):
    return inject_module.inject(definitions, version, fake or FakeIstioctl(version), **options)


def sidecar(*args):
    return {"name": "istio-proxy", "image": "auto", "args": list(args)}


NAMED = [{"name": "ISTIO_META_WORKLOAD_NAME", "value": "web"}, {"name": "ISTIO_META_OWNER", "value": "x"}]


def rendered(native=False, env=(), name="web", **options):
    definition = make_workload(name=name, **options)
    spec = definition["spec"]["template"]["spec"]
    proxy = {"name": "istio-proxy", "args": ["proxy", "sidecar"], "env": list(env)}
    if native:
        spec["initContainers"] = [{"name": "istio-init"}, {**proxy, "restartPolicy": "Always"}]
    else:
        spec["containers"].append(proxy)
    return only(definition)


def render_of(stdout, stderr=""):
    return lambda text: Output(0, stdout, stderr, "istioctl ...")
