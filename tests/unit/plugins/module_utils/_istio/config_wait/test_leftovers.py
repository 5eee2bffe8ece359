# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from mesh_objects import (
    DESTINATION_RULE,
    GATEWAY_POD,
    cluster,
    facts,
    gateway,
    gateway_dump,
    pod,
    routes,
    rule,
    server,
    sidecar_dump,
    virtual_service,
)

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import Dump
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.leftovers import leftovers
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import proxies_in


def test_leftovers_of_each_kind_of_rule():
    [client] = proxies_in([pod("client")])
    [edge] = proxies_in([GATEWAY_POD])
    assert leftovers(rule(virtual_service()), client, sidecar_dump(routes()), facts()) == ["1 route in 8080"]
    assert leftovers(rule(virtual_service()), client, sidecar_dump(routes(name="other")), facts()) == []
    held = Dump(clusters=[cluster("v1"), cluster(name="other")])
    assert leftovers(rule(DESTINATION_RULE), client, held, facts()) == ["catalog.shop:8080 subset v1"]
    front = gateway(server(8080))
    assert leftovers(rule(front), edge, gateway_dump(), facts()) == ["HTTP 8080 on 8080"]
    other = gateway(server(8080), name="other")
    assert leftovers(rule(front), edge, gateway_dump(), facts(front, other)) == []
