# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Injection state of namespaces, and problems with their labels."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.reader import Reader
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.webhooks import describe_webhook
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import (
    IGNORED_NAMESPACES,
    NAMESPACE_LABEL,
    select_webhooks,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import DEFAULT, REVISION, labels_of


def namespace_state(namespace: dict[str, Any], configurations: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Describe one namespace for the result of the module, without what depends on its pods.

    configurations: the injectors' MutatingWebhookConfigurations, or None without permission to read them. Their
    selectors are evaluated for a pod without labels, as the API server does.
    """
    name, all_labels = namespace["metadata"]["name"], labels_of(namespace)
    labels = {key: all_labels[key] for key in (NAMESPACE_LABEL, REVISION) if key in all_labels}
    found: dict[str, Any] = {
        "name": name,
        "injection": "none",
        "revision": None,
        "labels": labels,
        "webhooks": [],
        "warnings": [],
    }
    if name in IGNORED_NAMESPACES:
        if labels.get(NAMESPACE_LABEL) == "enabled" or REVISION in labels:
            found["warnings"].append(f"labeled for injection, but istiod never injects in {name}")
        return found
    if configurations is None:
        if labels.get(NAMESPACE_LABEL) == "enabled":
            found.update(injection="enabled")
        elif NAMESPACE_LABEL in labels:
            found.update(injection="disabled")
        elif REVISION in labels:
            found.update(injection="enabled", revision=labels[REVISION])
        return found
    selecting = select_webhooks(configurations, all_labels)
    found["webhooks"] = [configuration["metadata"]["name"] for configuration in selecting]
    if selecting:
        found.update(injection="enabled", revision=describe_webhook(selecting[0])["revision"])
    elif labels.get(NAMESPACE_LABEL, "enabled") != "enabled":
        found["injection"] = "disabled"
    found["warnings"] = _label_warnings(name, labels, configurations, selecting)
    return found


def _label_warnings(name, labels, configurations, selecting):
    """Problems with the labels of a namespace, and how to fix them."""
    injection, revision = labels.get(NAMESPACE_LABEL), labels.get(REVISION)
    hooks = [x for x in map(describe_webhook, configurations) if x["active"]]
    served = sorted({x["tag"] or x["revision"] for x in hooks})
    available = f"available: {', '.join(served) or 'none'}"
    warnings = []
    if injection not in (None, "enabled", "disabled"):
        warnings.append(f"{NAMESPACE_LABEL} must be enabled or disabled, got {injection}")
    if injection is not None and revision is not None:
        expected = {x["revision"] for x in hooks if revision in (x["tag"], x["revision"])}
        if not selecting or describe_webhook(selecting[0])["revision"] not in expected:
            warnings.append(
                f"{NAMESPACE_LABEL}={injection} and {REVISION}={revision} contradict each other; the former takes "
                f"precedence; remove one (kubectl label namespace {name} {REVISION}-)"
            )
    elif revision is not None and not selecting:
        warnings.append(
            f"{REVISION}={revision}, but no webhook serves this revision or tag ({available}), so nothing is injected"
            + (f"; set the label to {served[0]}, or install that revision" if served else "")
        )
    if injection == "enabled" and not selecting:
        fix = ""
        if served:
            fix = f"; label it {REVISION}={served[0]} instead, or run istioctl tag set {DEFAULT} --revision {served[0]}"
        warnings.append(
            f"{NAMESPACE_LABEL}=enabled, but no webhook serves the default revision ({available}), "
            f"so nothing is injected{fix}"
        )
    if len(selecting) > 1:
        names = ", ".join(x["metadata"]["name"] for x in selecting)
        warnings.append(f"{len(selecting)} webhooks inject in this namespace, one after the other: {names}")
    return warnings


def read_namespaces(reader: Reader, names: list[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """The Namespace objects with these names (all if names is empty), and the names that do not exist."""
    if not names:
        return reader.items("/api/v1/namespaces") or [], []
    objects, unknown = [], []
    for name in names:
        refused = len(reader.refused)
        found = reader.get(f"/api/v1/namespaces/{quote(name, safe='')}")
        if found:
            objects.append(found)
        elif len(reader.refused) == refused:
            unknown.append(name)
    return objects, unknown
