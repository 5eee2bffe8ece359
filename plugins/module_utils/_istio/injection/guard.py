# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans what to do with each workload, so that none is injected twice."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import Decision, opted_out
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import (
    PROXY,
    STATUS,
    Workload,
    injected_by,
)


class DoubleInjection(Exception):
    """Workloads would be injected twice. results: the module's result of every workload."""

    def __init__(self, message: str, results: list[dict[str, str]]):
        super().__init__(message)
        self.results = results


@dataclass
class Step:
    """What to do with one workload, and the result."""

    workload: Workload
    decision: Decision
    render: bool = False
    again: bool = False  # injected already, and rendered once more
    exclude: bool = False  # label the pods afterwards, so that the webhook ignores them
    sidecar: str = ""
    result: str = ""
    reason: str = ""
    problem: str = ""

    def report(self) -> dict[str, str]:
        """Return the module's result of the workload."""
        workload = self.workload
        return {
            "kind": workload.kind,
            "namespace": workload.namespace,
            "name": workload.name,
            "sidecar": self.sidecar,
            "result": self.result,
            "reason": self.reason,
        }


def plan_step(workload: Workload, decision: Decision, version: str, on_already_injected: str) -> Step:
    """Plan what to do with a workload. decision: whether a webhook injects it when it is applied; version: istioctl's.

    on_already_injected: "fail", "skip" or "replace".
    """
    step, injected = Step(workload, decision), injected_by(workload, version)
    if injected:
        _plan_injected(step, injected, version, on_already_injected)
    elif decision.injected and on_already_injected == "skip":
        step.result, step.reason = (
            "skipped",
            f"{decision.reason}, so the webhook injects the pods when the manifest is applied",
        )
    elif decision.injected and on_already_injected == "fail":
        step.result, step.reason = "refused", decision.reason
        step.problem = _double_problem(step, version)
    else:
        step.render = True
        step.exclude = decision.injected
        step.reason = decision.reason if decision.injected else ""
    return step


def _plan_injected(step, injected, version, on_already_injected):
    """Plan for a workload that already has a sidecar. injected: the evidence."""
    title = step.workload.title
    step.result, step.reason = "refused", injected
    if on_already_injected == "skip":
        step.result, step.reason = "already_injected", f"{injected}; left unchanged"
    elif on_already_injected == "fail":
        step.problem = (
            f"{title} is already injected: {injected}. Start from the original manifest, or set on_already_injected to "
            "skip (leave it unchanged) or replace (render it again)."
        )
    elif STATUS in injected and releases.has(version, "renders_again"):
        step.result, step.reason, step.render, step.again = "", "", True, True
        step.exclude = step.decision.injected or opted_out(step.workload, version)
    else:
        cause = f"istioctl {version} cannot render an injected workload again"
        if releases.has(version, "renders_again"):
            cause = f"istioctl needs the annotation {STATUS} to render it again"
        step.reason = f"{injected}, and {cause}"
        step.problem = f"{title} is already injected: {step.reason}. Start from the original manifest."


def _double_problem(step, version):
    """Return why a workload that the webhook injects is refused, and what to do."""
    crash, unlabel, label = "", "", step.decision.namespace_label
    if not releases.has(version, "repairs_double"):
        crash = f", which puts {PROXY} into a crash loop (application port is the same as agent port)"
    if label:
        key, namespace = label.partition("=")[0], step.workload.namespace
        unlabel = f" or unlabel the namespace (kubectl label namespace {namespace} {key}-),"
    return (
        f"{step.workload.title} would be injected twice: {step.reason}, so the webhook also injects the pods{crash}. "
        f"Apply the original manifest,{unlabel} or set on_already_injected to skip (leave it uninjected) "
        "or replace (inject it and exclude it from the webhook)."
    )
