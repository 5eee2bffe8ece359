# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_form import duration_seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [("1m30s", 90), ("0.250s", 0.25), ("250ms", 0.25), ("1h", 3600), ("0s", 0), (None, None), ("", None)],
)
def test_duration_seconds(text, value):
    assert duration_seconds(text) == value
