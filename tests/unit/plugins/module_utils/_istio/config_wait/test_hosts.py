# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import covers, full_host, same_host


def test_host_names():
    assert full_host("catalog", "shop") == "catalog.shop.svc"
    assert full_host("catalog.other.svc.cluster.local", "shop") == "catalog.other.svc.cluster.local"
    assert full_host("*", "shop") == "*"
    assert same_host("catalog.shop.svc.cluster.local", "catalog.shop.svc")
    assert not same_host("catalog.shop.svc.cluster.local", "catalog.sho")
    assert not same_host("catalog.example.com", "catalog")
    assert covers("*.example.com", "a.example.com")
    assert covers("*", "*.example.com")
    assert not covers("*.example.com", "example.com")
