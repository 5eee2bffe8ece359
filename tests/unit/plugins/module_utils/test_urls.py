# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._urls import is_loopback, is_private


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1", True),
        ("http://shop.localhost:80", True),
        ("http://127.8.9.1/", True),
        ("https://[::1]:8443/", True),
        ("http://localhost/x", True),
        ("//[::1]:80", True),
        ("http://198.18.0.2:30686", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://jaeger.example.com", False),
        ("//[2001:db8::1]:80", False),
        ("no URL", False),
    ],
)
def test_is_loopback(url, loopback):
    assert is_loopback(url) is loopback


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("http://127.0.0.1:30080/productpage", True),
        ("http://localhost:30686", True),
        ("http://198.18.0.2:30686", True),  # a node of the lab
        ("https://10.1.2.3:443", True),
        ("http://172.18.0.2:30080", True),
        ("https://[fd00::1]:443", True),
        ("http://8.8.8.8", False),
        ("http://jaeger.example.com", False),
        ("http://10.1.2.3.example.com", False),
        ("no URL", False),
    ],
)
def test_is_private(url, private):
    assert is_private(url) is private
