# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes label selectors."""

from __future__ import annotations


def selects(selector: dict | None, labels: dict[str, str] | None) -> bool:
    """Whether a label selector, such as that of a Deployment or webhook, matches labels. An empty one matches all."""
    labels, selector = labels or {}, selector or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression_selects(labels, expression) for expression in selector.get("matchExpressions") or ())


def _expression_selects(labels, expression):
    key, values = expression["key"], expression.get("values") or ()
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": key not in labels or labels[key] not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(expression["operator"], False)
