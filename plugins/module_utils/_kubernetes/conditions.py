# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Status conditions of Kubernetes objects."""

from __future__ import annotations


def is_ready(resource: dict) -> bool:
    """Whether the condition Ready of a pod or node is True. A missing or Unknown condition is not."""
    conditions = (resource.get("status") or {}).get("conditions") or ()
    return any(x.get("type") == "Ready" and x.get("status") == "True" for x in conditions)
