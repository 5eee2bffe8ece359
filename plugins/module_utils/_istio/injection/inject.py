# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injects the sidecar into every workload of a manifest.

Callers pass in the functions that talk to a cluster and run istioctl.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.compare import differences
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.guard import (
    DoubleInjection,
    Step,
    plan_step,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.render import render_steps
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import BY_LABELS, BY_WEBHOOKS, decide
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import (
    PROXY,
    find_workloads,
    namespace_labels,
    sidecar_of,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output


@dataclass
class Injection:
    """The injected definitions, a result per workload, warnings, differences from the other way of rendering, and the
    basis of the guard's decisions (BY_WEBHOOKS or BY_LABELS)."""

    definitions: list[dict[str, Any]]
    results: list[dict[str, str]]
    warnings: list[str]
    differences: list[dict[str, Any]]
    decided_by: str


def inject(
    definitions: list[dict[str, Any]],
    version: str,
    render: Callable[[str], Output],
    on_already_injected: str = "fail",
    namespace: str | None = None,
    labels_of: Callable[[str], dict[str, str]] | None = None,
    webhooks: list[dict[str, Any]] | None = None,
    policies: Mapping[str, Policy] | None = None,
    by_files: bool = False,
) -> Injection:
    """Inject every workload in a list of definitions, which is not modified.

    version: istioctl's; render: runs istioctl with a text on stdin; on_already_injected: "fail", "skip" or "replace";
    namespace: of workloads without one; labels_of: returns the labels of a namespace, empty if it does not exist; None
    without a cluster; webhooks, policies: see rule.decide(); by_files: whether istioctl renders with the three files.
    Raises ManifestError, DoubleInjection, IstioctlError, and the errors of labels_of.
    """
    definitions = copy.deepcopy(definitions)
    workloads = find_workloads(definitions, namespace)
    known = _known_labels(workloads, namespace_labels(definitions), labels_of)
    steps = [
        plan_step(
            workload,
            decide(workload, known[workload.namespace], version, webhooks, policies),
            version,
            on_already_injected,
        )
        for workload in workloads
    ]
    problems = [step.problem for step in steps if step.problem]
    if problems:
        raise DoubleInjection(" ".join(problems), [step.report() for step in steps])
    warnings = _warnings(steps, known, version)
    render_steps([step for step in steps if step.render], version, render, warnings)
    for step in steps:
        step.sidecar = sidecar_of(step.workload)
    injected = [step.workload for step in steps if step.result == "injected" and step.sidecar]
    return Injection(
        definitions,
        [step.report() for step in steps],
        warnings,
        differences(injected, version, by_files),
        BY_LABELS if webhooks is None else BY_WEBHOOKS,
    )


def _known_labels(workloads, declared, labels_of):
    """Return {namespace: its labels once the manifest is applied, or None if unknown}."""
    known: dict[str, dict[str, str] | None] = {}
    for name in dict.fromkeys(workload.namespace for workload in workloads):
        live = labels_of(name) if labels_of else None
        known[name] = None if live is None and name not in declared else {**(live or {}), **declared.get(name, {})}
    return known


def _warnings(steps: list[Step], known, version):
    """Return warnings that do not depend on rendering."""
    warnings = [
        f"{step.workload.title} is left unchanged, but the webhook injects it again: {step.decision.reason}"
        for step in steps
        if step.result == "already_injected" and step.decision.injected
    ]
    unknown = sorted(name for name, labels in known.items() if labels is None)
    if unknown and any(step.render for step in steps) and not releases.has(version, "repairs_double"):
        warnings.append(
            "no kubeconfig given, so it is unknown whether the webhook also injects in namespace "
            f"{', '.join(unknown)}; if it does, {PROXY} goes into a crash loop with Istio {version}"
        )
    return warnings
