# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a cluster, which may fail part-way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.waits import poll


@contextlib.contextmanager
def errors_with_result(api: Api, result: dict) -> Iterator[None]:
    """Turn every error in the block into an InstallError with the result so far, and whether anything changed."""
    try:
        yield
    except (InstallError, IstioctlError, ClusterError, releases.ReleaseError) as error:
        details = error.result() if isinstance(error, IstioctlError) else getattr(error, "result", {})
        details.pop("msg", None)
        raise InstallError(str(error), {**result, **details, "changed": api.changed}) from error


def scale(api: Api, deployment: dict, replicas: int) -> None:
    """Set the number of replicas of a Deployment."""
    path = api.path_of(deployment)
    api.changed = True
    api.cluster.patch(path, {"spec": {"replicas": replicas}})


def delete(api: Api, definitions: list[dict]) -> None:
    """Delete objects in this order, and skip those that do not exist."""
    for definition in definitions:
        if api.cluster.delete(api.path_of(definition)) is not None:
            api.changed = True


def await_gone(deadline: float, remaining: Callable[[], list[str]]) -> None:
    """Poll until remaining() is empty. Raises InstallError with its last result after the deadline."""
    names = poll(remaining, lambda found: not found, deadline)
    if names:
        raise InstallError("timed out waiting for the deletion of " + "; ".join(names))
