# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from mesh_objects import gateway, rule, server, virtual_service

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.gateway_servers import gateway_hosts


@pytest.mark.parametrize(
    ("gateway_has", "rule_has", "common"),
    [
        (["*"], ["a.example.com"], ["a.example.com"]),
        (["*.example.com"], ["a.example.com", "b.org"], ["a.example.com"]),
        (["a.example.com"], ["*"], ["a.example.com"]),
        (["./a.example.com", "other/b.example.com"], ["*.example.com"], ["a.example.com"]),
        (["*/a.example.com"], ["a.example.com"], ["a.example.com"]),
        (["*"], ["catalog"], ["catalog.shop.svc"]),
    ],
)
def test_common_hosts_of_a_gateway_and_a_virtual_service(gateway_has, rule_has, common):
    assert gateway_hosts(rule(virtual_service(rule_has)), rule(gateway(server(hosts=gateway_has)))) == common
