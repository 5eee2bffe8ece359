# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.selectors import selects


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, "abc"),
        ({}, "abc"),
        ({"matchLabels": {"app": "web"}}, "ab"),
        ({"matchLabels": {"app": "web", "server": "httpd"}}, "b"),
        ({"matchExpressions": [{"key": "server", "operator": "In", "values": ["httpd", "tomcat"]}]}, "bc"),
        ({"matchExpressions": [{"key": "server", "operator": "NotIn", "values": ["httpd"]}]}, "ac"),
        ({"matchExpressions": [{"key": "server", "operator": "Exists"}]}, "bc"),
        ({"matchExpressions": [{"key": "server", "operator": "DoesNotExist"}]}, "a"),
        ({"matchExpressions": [{"key": "app", "operator": "Like", "values": ["web"]}]}, ""),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "server", "operator": "Exists"},
                    {"key": "app", "operator": "NotIn", "values": ["db"]},
                ],
            },
            "b",
        ),
    ],
)
def test_selects(selector, selected):
    labels = {"a": {"app": "web"}, "b": {"app": "web", "server": "httpd"}, "c": {"app": "db", "server": "tomcat"}}
    assert "".join(x for x in labels if selects(selector, labels[x])) == selected
    assert selects(selector, None) == selects(selector, {})
