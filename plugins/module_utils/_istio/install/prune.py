# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation owns in a cluster and no longer renders."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import ControlPlane
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import Difference
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.ownership import Installation
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.render import Document
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import labels_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import key_of, title

REMEDY = (
    "Nothing was changed. Give each installation a revision of its own, or an IstioOperator (operator or file) with a "
    "metadata.name of its own"
)


def surplus(
    documents: list[Document], found: list[dict], installation: Installation, planes: list[ControlPlane]
) -> list[Difference]:
    """A Difference for each object that an installation owns and does not render, so that it is removed.

    Never one that another installation owns or shares. Raises InstallError where that cannot be told.
    """
    rendered = {document.key for document in documents}
    owned = [(x, installation.owns(x, planes)) for x in found if key_of(x) not in rendered]
    unclear = [title(x) for x, is_owned in owned if is_owned is None]
    if unclear:
        raise InstallError(
            f"revision {installation.revision} is installed in another namespace, too, and no label tells which "
            f"installation owns {', '.join(unclear)}. {REMEDY}."
        )
    objects = [x for x, is_owned in owned if is_owned]
    _refuse_control_planes(objects)
    return [Difference(key_of(x), "is no longer rendered", x) for x in objects]


def _refuse_control_planes(objects: list[dict]) -> None:
    """Raise InstallError if a control plane would be removed: a request without istiod does not replace one."""
    istiods = [title(x) for x in objects if x["kind"] == "Deployment" and labels_of(x).get("app") == "istiod"]
    if istiods:
        raise InstallError(
            f"{', '.join(istiods)} would be removed, because it has the same owner and is not rendered. {REMEDY}; set "
            "state to absent to remove a control plane."
        )
