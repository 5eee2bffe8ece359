# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a cluster that may end half-way."""

from __future__ import annotations

import contextlib
import time

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, key_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

POLL_SECONDS = 1.0


@contextlib.contextmanager
def half_done(api, result):
    """Make an InstallError of what goes wrong once there may be a change: it carries the result as far as it came."""
    try:
        yield
    except (InstallError, IstioctlError, ClusterError, releases.ReleaseError) as error:
        told = error.result() if isinstance(error, IstioctlError) else {}
        told.pop("msg", None)
        raise InstallError(str(error), {**result, **told, "changed": api.changed}) from error


def scale(api: Api, deployment: dict, replicas: int) -> None:
    """Set the number of replicas of a Deployment."""
    path = api.path(deployment["apiVersion"], *key_of(deployment))
    api.changed = True
    api.cluster.patch(path, {"spec": {"replicas": replicas}})


def delete(api: Api, definitions: list[dict]) -> None:
    """Delete objects in their order; those that do not exist are skipped."""
    for definition in definitions:
        if api.cluster.delete(api.path(definition["apiVersion"], *key_of(definition))) is not None:
            api.changed = True


def await_gone(deadline, look):
    """Poll until look names nothing more. Raises InstallError with what it named when the time is over."""
    while True:
        left = look()
        if not left:
            return
        if time.monotonic() > deadline:
            raise InstallError("timed out waiting for the deletion of " + "; ".join(left))
        time.sleep(POLL_SECONDS)
