# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has istioctl render workloads, and puts what it returns into their places in the manifest."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.compare import missing_fields, settle
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.guard import Step
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import opted_out
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import (
    DEFAULT_NAMESPACE,
    INJECT,
    PROXY,
    STATUS,
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
    """Have istioctl render the workloads of steps, and put what it gives into their places; adds to warnings.

    render: called with the text for istioctl's stdin. Raises IstioctlError.
    """
    if not steps:
        return
    prepared = [_prepare(step) for step in steps]
    output = _blame(steps, prepared, render)
    rendered = _read_output(output.stdout, steps)
    skips, logged = _read_stderr(output.stderr)
    for step, given, after in zip(steps, prepared, rendered):
        # istioctl names a skipped workload by its bare name, which others may share: what it returned decides.
        unchanged = settle(given, after) == given
        _restore(step.workload, after)
        reason = _find_reason(skips, step.workload)
        kept = step.again and unchanged and reason
        if not kept and _carries_proxy(step.workload, after, version, may_lack_proxy=bool(reason)):
            _put(step, after, version, warnings)
        else:
            if reason:
                skips.remove(reason)
            _skip(step, reason and f"istioctl says that it {reason[2]}", version, warnings)
    warnings += [f"istioctl: {line}" for line in [*logged, *(text for _kind, _name, text in skips)]]


def _skip(step, skipped, version, warnings):
    """Note that istioctl left a workload as it was. skipped: why, as it said, or None."""
    workload = step.workload
    step.result = "skipped"
    step.reason = skipped or (
        f"istioctl {version} left it as it was and gave no reason; it may not know "
        f"{workload.kind} of {workload.definition.get('apiVersion')}"
    )
    if step.again:
        step.result, step.reason = "already_injected", f"left as it is: {step.reason}"
    if not opted_out(workload, version):
        warnings.append(f"{workload.title} was not injected: {step.reason}")


def _put(step, after, version, warnings):
    """Put what istioctl rendered into the place of a workload."""
    workload, before = step.workload, step.workload.definition
    if not step.again:
        missing = sorted(set(missing_fields(before, after)))
        if missing:
            warnings.append(f"{workload.title}: istioctl {version} does not know and dropped {', '.join(missing)}")
        if opted_out(workload, version):
            warnings.append(f"{workload.title}: the pod template sets {INJECT}=false, which istioctl {version} ignores")
    workload.holder[workload.index] = settle(before, after)
    step.result, step.reason = "injected", "rendered again" if step.again else step.reason
    if step.keep_away:
        metadata = workload.template.setdefault("metadata", {})
        for field in ("labels", "annotations"):  # releases differ in which of the two they read
            metadata[field] = {**(metadata.get(field) or {}), INJECT: "false"}
        step.reason = f"{step.reason}{'; ' if step.reason else ''}the pod template sets {INJECT}=false for the webhook"


def _prepare(step):
    """The definition as istioctl shall see it."""
    workload = step.workload
    definition = copy.deepcopy(workload.definition)
    # Without it, what is rendered says that the workload lives in the namespace default.
    if workload.namespace != DEFAULT_NAMESPACE:
        definition["metadata"] = {**(definition.get("metadata") or {}), "namespace": workload.namespace}
    template = value_at(definition, workload.path)
    if workload.kind == "CronJob":
        # kube-inject reads and writes the metadata of the job template here, not that of the pods.
        job = value_at(definition, ("spec", "jobTemplate"))
        metadata = copy.deepcopy(template.get("metadata") or {})
        if step.again and STATUS not in metadata_of(template, "annotations"):
            for field in ("labels", "annotations"):
                metadata[field] = {**metadata_of(job, field), **metadata_of(template, field)}
        job["metadata"] = metadata
        template = job
    if step.again:
        # Its own mark from an earlier run would keep istioctl from rendering it.
        for field in ("labels", "annotations"):
            metadata_of(template, field).pop(INJECT, None)
    return definition


def _restore(workload, after):
    """Undo in istioctl's answer what _prepare did."""
    before = workload.definition
    if "namespace" not in (before.get("metadata") or {}):
        (after.get("metadata") or {}).pop("namespace", None)
    if workload.kind == "CronJob":
        job, template = value_at(after, ("spec", "jobTemplate")), value_at(after, workload.path)
        if not isinstance(job, dict) or not isinstance(template, dict):
            raise IstioctlError(f"istioctl gave {workload.title} back without its pod template")
        template["metadata"] = job.pop("metadata", None) or {}
        own = value_at(before, ("spec", "jobTemplate", "metadata"))
        if own is not None:
            job["metadata"] = own


def _blame(steps, prepared, render):
    """Render all at once; on failure find the workload that it is about, since istioctl does not say."""
    try:
        return render(to_json_documents(prepared))
    except IstioctlError as error:
        if re.search("mutatingWebhookConfiguration|valid configmap", error.stderr):
            raise _retold(
                error,
                "istioctl found no injection configuration in the cluster: install Istio there, set revision to one "
                f"that is installed, or give inject_config_file, mesh_config_file and values_file. {error}",
            ) from error
        if re.search(_NO_ANSWER, error.stderr):
            raise _retold(
                error,
                "the control plane of the cluster does not answer, so istioctl cannot have its webhook inject: see "
                "whether istiod runs, or inject without it by config_dir, or by inject_config_file, mesh_config_file "
                f"and values_file. {error}",
            ) from error
        if error.rc is None:  # it hung, and would again
            raise
        number, single = _culprit(prepared, render, error)
        if number is None:
            raise
        raise _retold(single, f"{steps[number].workload.title}: {single}") from single


def _culprit(prepared, render, error):
    """The place of a definition that istioctl fails on alone, and how it fails; (None, None) if it fails on any.

    error: how it failed on all of them. Halves them time and again, so that a thousand take ten runs or so.
    Raises this error if there is no time left to find out.
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
    if single and not others_render:  # all that was tried failed, with the first one among it
        others_render = len(prepared) > 1 and not attempt([prepared[1]])
    return (first, single) if single and others_render else (None, None)


# What istioctl reports where the webhook is configured and no istiod serves it.
_NO_ANSWER = (
    r'no pods matching selector|Post "https?://|error upgrading connection|port.?forward|lost connection to pod|'
    r'services "[^"]*" not found'
)


def _retold(error, message):
    return IstioctlError(message, error.rc, error.stdout, error.stderr, error.command)


def _read_output(stdout, steps):
    """istioctl's documents, one per step and in their order. Raises IstioctlError if they are not."""
    try:
        documents = parse_manifest(stdout, "the output of istioctl")
    except ManifestError as error:
        raise IstioctlError(f"istioctl gave no usable YAML: {error}", 0, stdout) from error
    given = [document["kind"] for document in documents]
    if given != [step.workload.kind for step in steps]:
        raise IstioctlError(f"istioctl gave back {', '.join(given) or 'nothing'} for {len(steps)} workloads", 0, stdout)
    return documents


def _carries_proxy(workload, after, version, may_lack_proxy):
    """Whether istioctl's answer for a workload has a sidecar. Raises IstioctlError if it only claims so.

    may_lack_proxy: whether istioctl said that it skipped a workload of this name, so that the claim is the input's own.
    """
    rendered = Workload([after], 0, workload.path, workload.namespace)
    check_workload(rendered)
    if rendered.annotations().get(STATUS) is None:
        # Old releases tell by the container alone.
        return injected_by(rendered, version) is not None
    found = any(container.get("name") == PROXY for container in containers_in(rendered.template["spec"]))
    if not found and not may_lack_proxy:
        raise IstioctlError(
            f"istioctl {version} rendered no container {PROXY} into {workload.title}: "
            "the injection configuration is probably of another Istio release"
        )
    return found


def _read_stderr(stderr):
    """What istioctl said: the skipped workloads as (kind or None, name, reason), and its other warnings as lines."""
    skips, logged = [], []
    for line in stderr.splitlines():
        match = re.search(r'Skipping injection because (?:(\S+) )?"([^"]*)" (.+)', line)
        if match:
            skips.append((match[1], match[2], match[3].strip()))
        elif re.search(r"\t(?:warn|error)\t", line):
            logged.append(line.split("\t", 2)[2].strip())
    return skips, logged


def _find_reason(skips, workload):
    """The entry of skips that is, or may be, about this workload; None if there is none."""
    name = value_at(workload.definition, ("metadata", "name")) or ""
    own = value_at(workload.template, ("metadata", "name")) or name
    names = {name, own, f"{workload.namespace}/{name}", f"{workload.namespace}/{own}"}
    return next((skip for skip in skips if skip[0] in (None, workload.kind) and skip[1] in names), None)
