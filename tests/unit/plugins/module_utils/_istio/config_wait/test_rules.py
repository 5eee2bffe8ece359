# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from mesh_objects import custom, gateway, virtual_service

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import WaitError, rules_in


def test_rules_are_found_among_other_objects():
    applied = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "catalog"}},
        {"kind": "List", "items": [virtual_service(), {**gateway(), "apiVersion": "gateway.networking.k8s.io/v1"}]},
        None,
        custom("DestinationRule", host="catalog"),
    ]
    del applied[3]["metadata"]["namespace"]
    assert [x.title for x in rules_in(applied, "default")] == [
        "VirtualService shop/catalog",
        "DestinationRule default/catalog",
    ]


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        ("kind: Gateway", "definition must be a dictionary or a list of dictionaries, got a string"),
        ([3], "definition 1: a int is not a Kubernetes object"),
        ([], "got nothing"),
        ({"kind": "Service"}, "definition must contain a DestinationRule, Gateway, VirtualService .* got Service"),
        ({**gateway(), "metadata": {}}, "a Gateway has no metadata.name"),
        ({**gateway(), "spec": None}, "Gateway front has no spec"),
        (virtual_service(hosts=[]), "VirtualService shop/catalog has no hosts: it is a delegate"),
    ],
)
def test_invalid_definitions(definition, problem):
    with pytest.raises(WaitError, match=problem):
        rules_in(definition, "default")
