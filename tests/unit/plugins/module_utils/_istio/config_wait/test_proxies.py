# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from mesh_objects import GATEWAY_POD, plain_pod, pod

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import proxies_in


def test_running_sidecars_and_gateways_are_found():
    pods = [
        pod("b"),
        pod("a", native=True),
        plain_pod("plain"),
        GATEWAY_POD,
        pod("waypoint", type_="waypoint"),
        pod("ending", deletionTimestamp="2026-02-01T10:00:00Z"),
        pod("crashing", running=False),
    ]
    assert [(x.title, x.type) for x in proxies_in(pods)] == [
        ("istio-system/gateway", "router"),
        ("shop/a", "sidecar"),
        ("shop/b", "sidecar"),
    ]
