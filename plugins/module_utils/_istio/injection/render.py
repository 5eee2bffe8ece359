# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs istioctl on workloads and puts its output into the manifest."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.compare import missing_fields, normalize
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.guard import Step
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import opted_out
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import (
    DEFAULT_NAMESPACE,
    INJECT,
    PROXY,
    SIDECAR_TEMPLATE,
    STATUS,
    TEMPLATES,
    Workload,
    check_workload,
    containers_in,
    injected_by,
    metadata_of,
    value_at,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError, Output
from ansible_collections.meshlab.istio.plugins.module_utils._manifests import (
    ManifestError,
    parse_manifest,
    to_json_documents,
)


def render_steps(steps: list[Step], version: str, render: Callable[[str], Output], warnings: list[str]) -> None:
    """Render the workloads of steps with istioctl and replace them in the manifest. Appends to warnings.

    render: runs istioctl with a text on stdin. Raises IstioctlError.
    """
    if not steps:
        return
    prepared = [_prepare(step) for step in steps]
    output = _run(steps, prepared, render)
    rendered = _read_output(output.stdout, steps)
    skips, logged = _read_stderr(output.stderr)
    for step, before, after in zip(steps, prepared, rendered):
        # Decide by istioctl's output: its log names skipped workloads ambiguously, without their namespace.
        unchanged = normalize(before, after) == before
        _restore(step.workload, after)
        reason = _find_reason(skips, step.workload)
        skipped_again = step.again and unchanged and reason
        if not skipped_again and _is_injected(step.workload, after, version, skipped=bool(reason)):
            _replace(step, after, version, warnings)
        else:
            if reason:
                skips.remove(reason)
            _skip(step, reason and f"istioctl reports that it {reason[2]}", version, warnings)
    warnings += [f"istioctl: {line}" for line in [*logged, *(text for _kind, _name, text in skips)]]


def _skip(step, skipped, version, warnings):
    """Record that istioctl did not inject a workload. skipped: the reason that it logged, or None."""
    workload = step.workload
    step.result = "skipped"
    step.reason = skipped or (
        f"istioctl {version} left it unchanged without a reason; it may not support "
        f"{workload.kind} of {workload.definition.get('apiVersion')}"
    )
    if step.again:
        step.result, step.reason = "already_injected", f"left unchanged: {step.reason}"
    if not opted_out(workload, version):
        warnings.append(f"{workload.title} was not injected: {step.reason}")


def _replace(step, after, version, warnings):
    """Replace a workload by istioctl's output."""
    workload, before = step.workload, step.workload.definition
    if not step.again:
        missing = sorted(set(missing_fields(before, after)))
        if missing:
            warnings.append(f"{workload.title}: istioctl {version} dropped unknown fields: {', '.join(missing)}")
        if opted_out(workload, version):
            warnings.append(f"{workload.title}: the pod template sets {INJECT}=false, which istioctl {version} ignores")
    workload.holder[workload.index] = normalize(before, after)
    step.result, step.reason = "injected", "rendered again" if step.again else step.reason
    if step.exclude:
        metadata = workload.template.setdefault("metadata", {})
        for field in ("labels", "annotations"):  # which of the two is read depends on the release
            metadata[field] = {**(metadata.get(field) or {}), INJECT: "false"}
        exclusion = f"the pod template sets {INJECT}=false to exclude it from the webhook"
        step.reason = f"{step.reason}; {exclusion}" if step.reason else exclusion


def _prepare(step):
    """Return the definition for istioctl."""
    workload = step.workload
    definition = copy.deepcopy(workload.definition)
    # Without a namespace, istioctl renders the workload for the namespace default.
    if workload.namespace != DEFAULT_NAMESPACE:
        definition["metadata"] = {**(definition.get("metadata") or {}), "namespace": workload.namespace}
    template = value_at(definition, workload.path)
    if workload.kind == "CronJob":
        # For a CronJob, kube-inject reads and writes the metadata of the job template, not that of the pods.
        job = value_at(definition, ("spec", "jobTemplate"))
        metadata = copy.deepcopy(template.get("metadata") or {})
        if step.again and STATUS not in metadata_of(template, "annotations"):
            for field in ("labels", "annotations"):
                metadata[field] = {**metadata_of(job, field), **metadata_of(template, field)}
        job["metadata"] = metadata
        template = job
    if step.again:
        # With the label of an earlier run, istioctl would skip it.
        for field in ("labels", "annotations"):
            metadata_of(template, field).pop(INJECT, None)
    return definition


def _restore(workload, after):
    """Revert the changes of _prepare() in istioctl's output."""
    before = workload.definition
    if "namespace" not in (before.get("metadata") or {}):
        (after.get("metadata") or {}).pop("namespace", None)
    if workload.kind == "CronJob":
        job, template = value_at(after, ("spec", "jobTemplate")), value_at(after, workload.path)
        if not isinstance(job, dict) or not isinstance(template, dict):
            raise IstioctlError(f"istioctl returned {workload.title} without its pod template")
        template["metadata"] = job.pop("metadata", None) or {}
        own = value_at(before, ("spec", "jobTemplate", "metadata"))
        if own is not None:
            job["metadata"] = own


def _run(steps, prepared, render):
    """Render all workloads at once. On failure, find the one that causes it, which istioctl does not name."""
    try:
        return render(to_json_documents(prepared))
    except IstioctlError as error:
        if re.search("mutatingWebhookConfiguration|valid configmap", error.stderr):
            raise _reworded(
                error,
                "istioctl found no injection configuration in the cluster: install Istio, set revision to an installed "
                f"one, or set inject_config_file, mesh_config_file and values_file. {error}",
            ) from error
        if re.search(_NO_ANSWER, error.stderr):
            raise _reworded(
                error,
                "istioctl cannot use the injection webhook because the control plane does not respond: check that "
                "istiod runs, or inject without it by setting config_dir, or inject_config_file, mesh_config_file and "
                f"values_file. {error}",
            ) from error
        if error.rc is None:  # timed out, as it would again
            raise
        number, single = _culprit(prepared, render, error)
        if number is None:
            raise
        raise _reworded(single, f"{steps[number].workload.title}: {single}") from single


def _culprit(prepared, render, error):
    """Return the index of the only definition that istioctl fails on, and its error; (None, None) if not only one.

    error: the error for all definitions, raised again if there is no time left for a binary search.
    """

    def attempt(definitions):
        try:
            render(to_json_documents(definitions))
        except IstioctlError as failed:
            if failed.rc is None:
                raise error from failed
            return failed
        return None

    first, end, others_render, failed = 0, len(prepared), False, error
    while end - first > 1:
        middle = (first + end) // 2
        part = attempt(prepared[first:middle])
        if part:
            end, failed = middle, part
        else:
            first, others_render, failed = middle, True, None
    single = failed or attempt([prepared[first]])
    if single and not others_render:  # every attempt failed, and all included the first definition
        others_render = len(prepared) > 1 and not attempt([prepared[1]])
    return (first, single) if single and others_render else (None, None)


# Errors of istioctl if the webhook is configured but no istiod serves it.
_NO_ANSWER = (
    r'no pods matching selector|Post "https?://|error upgrading connection|port.?forward|lost connection to pod|'
    r'services "[^"]*" not found'
)


def _reworded(error, message):
    return IstioctlError(message, error.rc, error.stdout, error.stderr, error.command)


def _read_output(stdout, steps):
    """Return istioctl's documents. Raises IstioctlError unless there is one per step, in the same order."""
    try:
        documents = parse_manifest(stdout, "the output of istioctl")
    except ManifestError as error:
        raise IstioctlError(f"istioctl returned invalid YAML: {error}", 0, stdout) from error
    kinds = [document["kind"] for document in documents]
    if kinds != [step.workload.kind for step in steps]:
        raise IstioctlError(f"istioctl returned {', '.join(kinds) or 'nothing'} for {len(steps)} workloads", 0, stdout)
    return documents


def _is_injected(workload, after, version, skipped):
    """Whether istioctl injected a workload, by its output. Raises IstioctlError if only the annotation says so.

    skipped: whether istioctl logged that it skipped a workload of this name, so the annotation may be the input's own.
    """
    rendered = Workload([after], 0, workload.path, workload.namespace)
    check_workload(rendered)
    if rendered.annotations().get(STATUS) is None:
        # Old releases do not set the annotation.
        return injected_by(rendered, version) is not None
    found = any(container.get("name") == PROXY for container in containers_in(rendered.template["spec"]))
    if not found and not skipped and _expects_proxy(workload):
        raise IstioctlError(
            f"istioctl {version} rendered {workload.title} without a container {PROXY}: "
            "the injection configuration is probably from another Istio release"
        )
    return found or not skipped


def _expects_proxy(workload):
    """Whether the templates of a workload include the sidecar, as by default; others, such as grpc-simple, do not."""
    templates = workload.annotations().get(TEMPLATES)
    return not templates or SIDECAR_TEMPLATE in [name.strip() for name in templates.split(",")]


def _read_stderr(stderr):
    """Return the skipped workloads in istioctl's log as (kind or None, name, reason), and its other warnings."""
    skips, logged = [], []
    for line in stderr.splitlines():
        match = re.search(r'Skipping injection because (?:(\S+) )?"([^"]*)" (.+)', line)
        if match:
            skips.append((match[1], match[2], match[3].strip()))
        elif re.search(r"\t(?:warn|error)\t", line):
            logged.append(line.split("\t", 2)[2].strip())
    return skips, logged


def _find_reason(skips, workload):
    """Return the entry of skips that may be about this workload; None if there is none."""
    name = value_at(workload.definition, ("metadata", "name")) or ""
    own = value_at(workload.template, ("metadata", "name")) or name
    names = {name, own, f"{workload.namespace}/{name}", f"{workload.namespace}/{own}"}
    return next((skip for skip in skips if skip[0] in (None, workload.kind) and skip[1] in names), None)
