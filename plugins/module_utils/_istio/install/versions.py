# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release may be installed on a Kubernetes version and over another release."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import ControlPlane
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError


def unsupported(version: str, kubernetes: str) -> str | None:
    """Why an Istio version does not support a Kubernetes version; None if it does or is newer than the table."""
    if releases.minor_of(version) > max(releases.RELEASES) or releases.supported(version, kubernetes):
        return None
    return f"Istio {version} does not support Kubernetes {kubernetes}: {releases.suggestions(version, kubernetes)}"


def skipped(plane: ControlPlane | None, version: str) -> str | None:
    """The reason why a control plane must not be replaced by another version in place; None if it may."""
    if plane is None or plane.version is None:
        return None
    step = releases.next_step(plane.version, version)
    if step is None:
        return None
    return (
        f"Istio {plane.version} is installed (revision {plane.revision} in namespace {plane.namespace}), and an "
        f"in-place upgrade or downgrade to {version} would skip a minor release; install Istio {step} first"
    )


def refuse(reason: Callable[[], str | None], params: dict, warnings: list[str]) -> None:
    """Raise InstallError with a reason, or add it to the warnings if skip_version_check is set."""
    try:
        sentence = reason()
    except releases.ReleaseError as error:
        sentence = str(error)
    if sentence and not params["skip_version_check"]:
        raise InstallError(f"{sentence}. Nothing was changed. Set skip_version_check to override this check.")
    if sentence:
        warnings.append(f"{sentence} (ignored, because skip_version_check is set)")
