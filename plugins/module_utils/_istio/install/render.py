# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the objects that istioctl would install in a cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.request import InstallRequest
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Istioctl, IstioctlError, Output
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, Key, key_of

CRD = "CustomResourceDefinition"

# istioctl prints this if a cluster does not issue tokens for an audience.
JWT_FALLBACK = "does not support third party JWT"


@dataclass(frozen=True)
class Document:
    """One rendered object: its text and its head (apiVersion, kind, metadata).

    min_replicas: the minimum that a rendered autoscaler sets; None if none scales the object.
    """

    text: str
    head: dict
    min_replicas: int | None = None

    @cached_property
    def definition(self) -> dict:
        """The whole object, parsed only when needed because CRDs are long."""
        return _manifests.parse_manifest(self.text, "the output of istioctl")[0]

    @property
    def key(self) -> Key:
        """Kind, namespace and name."""
        return key_of(self.head)

    @property
    def serving_replicas(self) -> int:
        """The minimum number of replicas of a Deployment; 0 if it is rendered with 0."""
        if self.min_replicas is not None:
            return self.min_replicas
        return self.definition["spec"].get("replicas", 1)


def read_rendered(text: str) -> list[Document]:
    """The Documents in the output of manifest generate. Raises IstioctlError if it is not a manifest."""
    documents = []
    for part in re.split(r"^---\s*$", text, flags=re.MULTILINE):
        # The spec of a CRD is long and not needed here.
        head, found, _spec = part.partition("\nspec:")
        if not found or not re.search(rf"^kind: {CRD}$", head, re.MULTILINE):
            head = part
        try:
            parsed = _manifests.parse_manifest(head, "the output of istioctl")
        except _manifests.ManifestError as error:
            raise IstioctlError(f"the output of istioctl is not a manifest: {error}", 0, text) from error
        documents += [Document(part, definition) for definition in parsed]
    if not documents:
        raise IstioctlError("istioctl rendered no objects: check whether every component is disabled", 0, text)
    scalers = {
        ("Deployment", x.key[1], x.head["spec"]["scaleTargetRef"]["name"]): x.head["spec"].get("minReplicas", 1)
        for x in documents
        if x.key[0] == "HorizontalPodAutoscaler"
    }
    return [replace(x, min_replicas=scalers.get(x.key)) for x in documents]


def needs_first_party(request: InstallRequest, istioctl: Istioctl, api: Api, warnings: list[str]) -> bool:
    """Whether manifest generate needs a setting for first-party tokens, which install detects itself."""
    if releases.has(istioctl.version, "cluster_specific") or request.mentions("jwtPolicy"):
        return False
    if any(x["name"] == "serviceaccounts/token" for x in api.cluster.get("/api/v1")["resources"]):
        return False
    warnings.append(f"the cluster {JWT_FALLBACK} tokens: Istio falls back to the less secure first-party tokens")
    return True


def render(request: InstallRequest, istioctl: Istioctl, first_party: bool) -> Output:
    """Run istioctl manifest generate for this cluster."""
    settings = ["values.global.jwtPolicy=first-party-jwt"] if first_party else []
    flags = ["--cluster-specific"] if releases.has(istioctl.version, "cluster_specific") else []
    return istioctl.run(*request.arguments("manifest", "generate", settings=settings), *flags, stdin=request.stdin)


def warn_of_fallback(output: Output, warnings: list[str]) -> None:
    """Add a warning where istioctl fell back to first-party tokens."""
    for line in [*output.stderr.splitlines(), *output.stdout.splitlines()]:
        if JWT_FALLBACK in line and not any(JWT_FALLBACK in known for known in warnings):
            warnings.append(f"istioctl: {line.strip()}")
