# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sync state of proxies, read with istioctl proxy-status."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info import proxy_status
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Istioctl, IstioctlError


def read_sync_state(
    proxies: list[dict[str, Any]], control_planes: list[dict[str, Any]], istioctl: Istioctl | None
) -> str | None:
    """Set synced, types and istiod of the proxies, as each ready control plane reports them.

    Returns the reason why the state of some proxies is unknown; None if it is known for all.
    """
    if istioctl is None:
        return "istioctl is not available; see client_reason"
    ready = [x for x in control_planes if x["ready_replicas"]]
    if not ready:
        return "no istiod is ready"
    reasons = [f"{x['namespace']}/{x['name']} is not ready" for x in control_planes if x not in ready]
    rows = _read_rows(ready, istioctl, reasons)
    for proxy in proxies:
        row = rows.get((proxy["namespace"], proxy["name"]))
        if row:
            proxy.update(types=row["types"], istiod=row["istiod"], version=proxy["version"] or row["version"])
            proxy["synced"] = None if row["types"] is None else not proxy_status.unsynced(row["types"])
        elif not reasons and proxy["type"] != "ztunnel":
            proxy["synced"] = False
    return "; ".join(reasons) or None


def _read_rows(control_planes, istioctl, reasons):
    """The rows of proxy-status by (namespace, name). Appends the errors of control planes to reasons."""
    rows = {}
    for plane in control_planes:
        try:
            output = istioctl.run(*proxy_status.arguments(istioctl.version, plane["namespace"], plane["revision"]))
            for row in proxy_status.parse(output.stdout):
                key = (row["namespace"], row["name"])
                # A proxy that has just switched to another istiod may be listed by both.
                if key not in rows or (row["types"] and not proxy_status.unsynced(row["types"])):
                    rows[key] = row
        except (IstioctlError, proxy_status.ProxyStatusError, releases.ReleaseError) as error:
            if "no proxies found" not in str(error):
                reasons.append(f"istioctl proxy-status for {plane['namespace']}/{plane['name']}: {error}")
    return rows
