# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that an installation owns but no longer renders."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import ControlPlane
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import Difference
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.ownership import Installation
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.render import Document
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import labels_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import key_of, title

REMEDY = (
    "Nothing was changed. Give each installation a unique revision, or an IstioOperator (operator or file) with a "
    "unique metadata.name"
)


def surplus(
    documents: list[Document], found: list[dict], installation: Installation, planes: list[ControlPlane]
) -> list[Difference]:
    """A Difference for each object to remove: one that the installation owns but does not render.

    Never for an object of another installation or a shared one. Raises InstallError if the owner is unclear.
    """
    rendered = {document.key for document in documents}
    owned = [(x, installation.owns(x, planes)) for x in found if key_of(x) not in rendered]
    unclear = [title(x) for x, is_owned in owned if is_owned is None]
    if unclear:
        raise InstallError(
            f"revision {installation.revision} is also installed in another namespace, and no label shows which "
            f"installation owns {', '.join(unclear)}. {REMEDY}."
        )
    objects = [x for x, is_owned in owned if is_owned]
    _refuse_control_planes(objects)
    return [Difference(key_of(x), "is no longer rendered", x) for x in objects]


def _refuse_control_planes(objects: list[dict]) -> None:
    """Raise InstallError if a control plane would be removed, which only state=absent may do."""
    istiods = [title(x) for x in objects if x["kind"] == "Deployment" and labels_of(x).get("app") == "istiod"]
    if istiods:
        raise InstallError(
            f"{', '.join(istiods)} would be removed, because it has the same owner and is not rendered. {REMEDY}; set "
            "state to absent to remove a control plane."
        )
