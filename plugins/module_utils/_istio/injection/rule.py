# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio's rule of injection: whether a webhook injects the pods of a workload when they are created.

The API server decides by the selectors of the webhooks, the injector behind them by the pod itself. The one
implementation for istio_kube_inject, which asks before a workload is applied, and istio_info, which asks afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import INJECT, Workload
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.selectors import selects

# Injectors never inject in these, whatever their labels (IgnoredNamespaces in Istio's source).
IGNORED_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")

REVISION, NAMESPACE_LABEL = "istio.io/rev", "istio-injection"
NAME_LABEL = "kubernetes.io/metadata.name"

# Where the configurations of injectors are, and the label that all of them have.
WEBHOOKS_PATH = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
INJECTOR = "app=sidecar-injector"

# What a decision goes by.
BY_WEBHOOKS, BY_LABELS = "webhooks", "labels"


@dataclass(frozen=True)
class Decision:
    """Whether a webhook injects the pods of a workload.

    decided_by: BY_WEBHOOKS if the webhooks of the cluster were known, else BY_LABELS;
    reason: why, or why not, in words; empty if nothing asks for injection;
    namespace_label: the label of the namespace that asks for it, as in "istio-injection=enabled"; empty if none does;
    excluded: whether the pod itself or the name of its namespace rules injection out, whatever the webhooks select.
    """

    injected: bool
    decided_by: str
    reason: str = ""
    namespace_label: str = ""
    excluded: bool = False


def decide(
    workload: Workload,
    labels: dict[str, str] | None,
    version: str,
    webhooks: Iterable[dict[str, Any]] | None = None,
) -> Decision:
    """Decide whether a webhook injects the pods of a workload when they are created.

    labels: those of its namespace, or None if they are not known; version: Istio's; webhooks: the injectors'
    MutatingWebhookConfigurations, or None if they are not known, so that labels alone decide.
    """
    decided_by = BY_LABELS if webhooks is None else BY_WEBHOOKS
    exclusion = _exclusion(workload, version)
    if exclusion:
        return Decision(False, decided_by, exclusion, excluded=True)
    if labels is None:
        return Decision(False, decided_by)
    reason, label = _asked_for(workload, labels, version)
    if webhooks is None:
        return Decision(bool(reason), decided_by, reason, label)
    selecting = select_webhooks(webhooks, {NAME_LABEL: workload.namespace, **labels}, workload.labels())
    if not selecting:
        return Decision(False, decided_by, f"no webhook selects its pods, although {reason}" if reason else "")
    reason = reason or f"webhook {selecting[0]['metadata']['name']} selects its pods"
    return Decision(True, decided_by, reason, label)


def select_webhooks(
    webhooks: Iterable[dict[str, Any]], namespace_labels: dict[str, str], pod_labels: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """The configurations with a webhook that selects a pod with these labels in a namespace with these."""
    return [
        configuration
        for configuration in webhooks
        if any(
            selects(hook.get("namespaceSelector"), namespace_labels) and selects(hook.get("objectSelector"), pod_labels)
            for hook in configuration.get("webhooks") or ()
        )
    ]


def opted_out(workload: Workload, version: str) -> bool:
    """Whether the pod template tells the injector of this Istio version to leave it alone."""
    value = workload.annotations().get(INJECT)
    if releases.has(version, "inject_label") and workload.labels().get(INJECT) is not None:
        value = workload.labels()[INJECT]
    if releases.has(version, "strict_inject_values"):
        return value == "false"
    return value is not None and value != "" and value.lower() not in ("y", "yes", "true", "on")


def _exclusion(workload, version):
    """Why no webhook injects this workload, whatever its namespace says; empty if nothing excludes it."""
    if workload.namespace in IGNORED_NAMESPACES:
        return f"istiod never injects in namespace {workload.namespace}"
    if workload.template["spec"].get("hostNetwork"):
        return "its pods use the host network"
    label_excludes = releases.has(version, "pod_label") and workload.labels().get(INJECT) == "false"
    if label_excludes or opted_out(workload, version):
        return f"the pod template sets {INJECT}=false"
    return ""


def _asked_for(workload, labels, version):
    """Which label asks for injection, in words, and as in "istio-injection=enabled" if it is the namespace's."""
    for key in (NAMESPACE_LABEL, REVISION):  # the first one beats the second
        value = labels.get(key)
        if value and (value == "enabled" or key != NAMESPACE_LABEL):
            return f"namespace {workload.namespace} is labelled {key}={value}", f"{key}={value}"
        if value is not None:
            return "", ""
    pod = workload.labels() if releases.has(version, "pod_label") else {}
    if pod.get(INJECT) == "true":
        return f"its pods are labelled {INJECT}=true", ""
    if pod.get(REVISION):
        return f"its pods are labelled {REVISION}={pod[REVISION]}", ""
    return "", ""
