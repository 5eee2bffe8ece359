# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from mesh_objects import SPLIT, raw_route, rule_of, to, wanted, weighted

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_routes import envoy_route
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_texts import show_route


def test_show_route():
    shown = show_route(
        envoy_route(
            raw_route(
                {
                    "path": "/a",
                    "case_sensitive": False,
                    "headers": [{"name": "x", "present_match": True, "invert_match": True}],
                },
                **weighted(v1=80, v2=20),
                retry_policy={"num_retries": 2},
            )
        )
    )
    assert shown == "exact /a (case-insensitive) and no x present -> v1.shop:8080 80%, v2.shop:8080 20%, 2 retries"
    changed = {
        "headers": {"request": {"add": {"x-a": "1"}, "remove": ["x-b"]}},
        "rewrite": {"authority": "y"},
        "route": [to("v1")],
    }
    assert show_route(wanted(rule_of(changed))[0]) == (
        "prefix / -> v1.shop, rewrite host y, headers +request:x-a=1 -request:x-b"
    )
    had = envoy_route(raw_route(**weighted(v1=80, v2=20), retry_policy={"num_retries": 2}))
    assert show_route(had, wanted(rule_of(SPLIT))) == "prefix / -> v1.shop:8080 80%, v2.shop:8080 20%"
    assert show_route(wanted(rule_of({"directResponse": {"status": 418}}))[0]) == "prefix / -> direct response 418"
    assert show_route(wanted(rule_of({"redirect": {"uri": "/b"}}))[0]) == "prefix / -> redirect 301 /b"
