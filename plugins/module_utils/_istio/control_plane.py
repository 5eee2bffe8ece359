# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control planes in a cluster, and their versions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import VERSION, labels_of, revision_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api

ISTIOD = "app=istiod"

_VERSION = re.compile(
    r"v?([0-9]{1,3}\.[0-9]+(?:\.[0-9]+)?(?:-(?:alpha|beta|rc)\.[0-9]+(?![0-9a-z]))?)(?![0-9.])", re.ASCII
)


@dataclass(frozen=True)
class ControlPlane:
    """An istiod in the cluster; version is None if unknown."""

    namespace: str
    name: str
    revision: str
    version: str | None


def control_planes(api: Api) -> list[ControlPlane]:
    """Every istiod in a cluster."""
    return [
        ControlPlane(x["metadata"]["namespace"], x["metadata"]["name"], revision_of(x), istiod_version(x))
        for x in api.list("apps/v1", "Deployment", labelSelector=ISTIOD)
    ]


def version_of(image: str | None) -> str | None:
    """The Istio version in an image's tag, without its variant: pilot:1.27.0-distroless gives "1.27.0". Or None."""
    tag = re.search(r":(?P<tag>[^:/@]+)(?:@|$)", image or "")
    match = _VERSION.match(tag["tag"]) if tag else None
    return match[1] if match else None


def istiod_image(deployment: dict) -> str | None:
    """The image of an istiod, or None."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return next((x for x in containers if x["name"] == "discovery"), containers[0]).get("image")


def istiod_version(deployment: dict) -> str | None:
    """The version of an istiod, from the tag of its image, else from the label that istioctl sets. Or None."""
    match = _VERSION.match(labels_of(deployment).get(VERSION) or "")
    return version_of(istiod_image(deployment)) or (match[1] if match else None)


def mesh_version(stdout: str, revision: str) -> str | None:
    """The version of a revision in the output of 'istioctl version -o json', or None."""
    try:
        entries = json.loads(stdout[stdout.index("{") :]).get("meshVersion") or ()
    except ValueError:
        return None
    for entry in entries:
        if entry.get("Revision", revision) == revision:
            return (entry.get("Info") or {}).get("version") or None
    return None
