# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels and annotations of Istio."""

from __future__ import annotations

COMPONENT = "operator.istio.io/component"
MANAGED = "operator.istio.io/managed"
VERSION = "operator.istio.io/version"
REVISION = "istio.io/rev"
TAG = "istio.io/tag"
# Name and namespace of the IstioOperator that an object is installed from.
OWNER = ("install.operator.istio.io/owning-resource", "install.operator.istio.io/owning-resource-namespace")
NOT_PRUNED = "install.operator.istio.io/owning-resource-not-pruned"
# Prefixes of labels that istioctl install adds and manifest generate does not render.
ADDED = ("install.operator.istio.io/", "operator.istio.io/")
DEACTIVATED = "istio.io/deactivated"
CONFIG = "istio.io/config"
LEADER = "control-plane.alpha.kubernetes.io/leader"
HELM = "meta.helm.sh/release-name"

DEFAULT = "default"


def labels_of(definition: dict) -> dict:
    """The labels of an object."""
    return definition["metadata"].get("labels") or {}


def annotations_of(definition: dict) -> dict:
    """The annotations of an object."""
    return definition["metadata"].get("annotations") or {}


def revision_of(definition: dict) -> str:
    """The revision of an object, from its label."""
    return labels_of(definition).get(REVISION) or DEFAULT
