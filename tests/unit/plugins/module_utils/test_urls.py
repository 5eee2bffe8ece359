# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._urls import is_loopback


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:1", True),
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
