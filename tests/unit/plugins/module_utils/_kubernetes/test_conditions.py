# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({"conditions": [{"type": "Initialized", "status": "False"}, {"type": "Ready", "status": "True"}]}, True),
        ({"conditions": [{"type": "Ready", "status": "False"}]}, False),
        ({"conditions": [{"type": "Ready", "status": "Unknown"}]}, False),
        ({"conditions": [{"type": "Initialized", "status": "True"}]}, False),
        ({"conditions": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_is_ready(status, ready):
    assert is_ready({"status": status}) is ready
    assert is_ready({}) is False
