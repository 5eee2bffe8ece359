# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done with each workload, so that none is injected twice."""

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
    """Workloads that would end up injected twice; results is what the module returns of every workload."""

    def __init__(self, message: str, results: list[dict[str, str]]):
        super().__init__(message)
        self.results = results


@dataclass
class Step:
    """What is to be done with one workload, and what became of it."""

    workload: Workload
    decision: Decision
    render: bool = False
    again: bool = False  # it is injected and is rendered once more
    keep_away: bool = False  # its pods are marked afterwards, so that the webhook leaves them alone
    sidecar: str = ""
    result: str = ""
    reason: str = ""
    problem: str = ""

    def report(self) -> dict[str, str]:
        """What the module returns of the workload."""
        workload = self.workload
        return {
            "kind": workload.kind,
            "namespace": workload.namespace,
            "name": workload.name,
            "sidecar": self.sidecar,
            "result": self.result,
            "reason": self.reason,
        }


def plan(workload: Workload, decision: Decision, version: str, on_already_injected: str) -> Step:
    """Plan what to do with a workload. decision: whether a webhook injects it when it is applied; version: istioctl's.

    on_already_injected: "fail", "skip" or "replace".
    """
    step, injected = Step(workload, decision), injected_by(workload, version)
    if injected:
        _plan_injected(step, injected, version, on_already_injected)
    elif decision.injected and on_already_injected == "skip":
        step.result, step.reason = "skipped", f"{decision.reason}, so the webhook injects its pods when it is applied"
    elif decision.injected and on_already_injected == "fail":
        step.result, step.reason = "refused", decision.reason
        step.problem = _double_problem(step, version)
    else:
        step.render = True
        step.keep_away = decision.injected
        step.reason = decision.reason if decision.injected else ""
    return step


def _plan_injected(step, injected, version, on_already_injected):
    """Plan for a workload that carries a sidecar already. injected: what shows that."""
    title = step.workload.title
    step.result, step.reason = "refused", injected
    if on_already_injected == "skip":
        step.result, step.reason = "already_injected", f"{injected}; left as it is"
    elif on_already_injected == "fail":
        step.problem = (
            f"{title} is injected already: {injected}. Start from the plain manifest, "
            "or set on_already_injected to skip (leave it as it is) or replace (render it again)."
        )
    elif STATUS in injected and releases.has(version, "renders_again"):
        step.result, step.reason, step.render, step.again = "", "", True, True
        step.keep_away = step.decision.injected or opted_out(step.workload, version)
    else:
        cause = f"istioctl {version} does not render an injected workload again"
        if releases.has(version, "renders_again"):
            cause = f"without the annotation {STATUS} istioctl does not know what to render again"
        step.reason = f"{injected}, and {cause}"
        step.problem = f"{title} is injected already: {step.reason}. Start from the plain manifest."


def _double_problem(step, version):
    """Why a plain workload is refused that the webhook injects too, and what to do."""
    crash, unlabel, label = "", "", step.decision.namespace_label
    if not releases.has(version, "repairs_double"):
        crash = f", and {PROXY} then ends in a crash loop (application port is the same as agent port)"
    if label:
        key, namespace = label.partition("=")[0], step.workload.namespace
        unlabel = f" or unlabel the namespace (kubectl label namespace {namespace} {key}-),"
    return (
        f"{step.workload.title} would be injected twice: {step.reason}, so the webhook injects its pods too{crash}. "
        f"Apply the plain manifest,{unlabel} or set on_already_injected to skip (leave it plain) "
        "or replace (inject it here and keep the webhook away)."
    )
