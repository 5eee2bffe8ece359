# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Istio's injection rule: whether a webhook injects the pods of a workload when they are created.

The API server decides by the selectors of the webhooks, then the injector by the pod and its policy. Used by
istio_kube_inject before a workload is applied, and by istio_info afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import INJECT, Workload
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import DEFAULT, REVISION, labels_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.selectors import selects

# Namespaces that injectors ignore, whatever their labels (IgnoredNamespaces in Istio's source).
IGNORED_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")

NAMESPACE_LABEL = "istio-injection"
NAME_LABEL = "kubernetes.io/metadata.name"

# API path and label of the injectors' configurations.
WEBHOOKS_PATH = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
INJECTOR = "app=sidecar-injector"

# The basis of a decision.
BY_WEBHOOKS, BY_LABELS = "webhooks", "labels"


@dataclass(frozen=True)
class Decision:
    """Whether a webhook injects the pods of a workload.

    decided_by: BY_WEBHOOKS if the webhooks of the cluster are known, else BY_LABELS;
    reason: why, or why not; empty if nothing requests injection;
    namespace_label: the label of the namespace that requests it, such as "istio-injection=enabled"; empty if none does;
    excluded: whether the pod, the name of its namespace or the injector's policy excludes injection, whatever the
    webhooks select.
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
    policies: Mapping[str, Policy] | None = None,
) -> Decision:
    """Decide whether a webhook injects the pods of a workload when they are created.

    labels: of its namespace, None if unknown; version: Istio's; webhooks: the injectors'
    MutatingWebhookConfigurations, None if unknown, so that labels alone decide; policies: by revision, default ones if
    unknown.
    """
    decided_by = BY_LABELS if webhooks is None else BY_WEBHOOKS
    exclusion = _exclusion(workload, version)
    if exclusion:
        return Decision(False, decided_by, exclusion, excluded=True)
    if labels is None:
        return Decision(False, decided_by)
    reason, label = _request(workload, labels, version)
    if webhooks is None:
        key, _equal, value = label.partition("=")
        revision = {REVISION: value, "": workload.labels().get(REVISION)}.get(key)
    else:
        selecting = select_webhooks(webhooks, {NAME_LABEL: workload.namespace, **labels}, workload.labels())
        if not selecting:
            return Decision(False, decided_by, f"no webhook selects the pods, although {reason}" if reason else "")
        reason = reason or f"webhook {selecting[0]['metadata']['name']} selects the pods"
        revision = labels_of(selecting[0]).get(REVISION)
    if not reason:
        return Decision(False, decided_by)
    policy = (policies or {}).get(revision or DEFAULT, Policy())
    refusal = policy.refusal(_requested(workload, version), workload.labels())
    if refusal:
        return Decision(False, decided_by, f"{refusal}, although {reason}", excluded=True)
    return Decision(True, decided_by, reason, label)


def select_webhooks(
    webhooks: Iterable[dict[str, Any]], namespace_labels: dict[str, str], pod_labels: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return the configurations with a webhook that selects a pod by its labels and those of its namespace."""
    return [
        configuration
        for configuration in webhooks
        if any(
            selects(hook.get("namespaceSelector"), namespace_labels) and selects(hook.get("objectSelector"), pod_labels)
            for hook in configuration.get("webhooks") or ()
        )
    ]


def opted_out(workload: Workload, version: str) -> bool:
    """Whether the pod template opts out of injection, as this Istio version reads it."""
    return _requested(workload, version) is False


def _requested(workload, version):
    """Return whether the pod template requests injection; None if it leaves that to the injector's policy."""
    value = workload.annotations().get(INJECT)
    if releases.has(version, "inject_label") and workload.labels().get(INJECT) is not None:
        value = workload.labels()[INJECT]
    if releases.has(version, "strict_inject_values"):
        return {"true": True, "false": False}.get(value)
    return value.lower() in ("y", "yes", "true", "on") if value else None


def _exclusion(workload, version):
    """Return why the pod or the name of its namespace excludes injection; empty if they do not."""
    if workload.namespace in IGNORED_NAMESPACES:
        return f"istiod never injects in namespace {workload.namespace}"
    if workload.template["spec"].get("hostNetwork"):
        return "the pods use the host network"
    label_excludes = releases.has(version, "pod_label") and workload.labels().get(INJECT) == "false"
    if label_excludes or opted_out(workload, version):
        return f"the pod template sets {INJECT}=false"
    return ""


def _request(workload, labels, version):
    """Return the label that requests injection, as a reason, and as "key=value" if it is the namespace's."""
    for key in (NAMESPACE_LABEL, REVISION):  # in order of precedence
        value = labels.get(key)
        if value and (value == "enabled" or key != NAMESPACE_LABEL):
            return f"namespace {workload.namespace} is labeled {key}={value}", f"{key}={value}"
        if value is not None:
            return "", ""
    pod = workload.labels() if releases.has(version, "pod_label") else {}
    if pod.get(INJECT) == "true":
        return f"the pods are labeled {INJECT}=true", ""
    if pod.get(REVISION):
        return f"the pods are labeled {REVISION}={pod[REVISION]}", ""
    return "", ""
