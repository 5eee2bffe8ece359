# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.filter.waterfall import FilterModule

waterfall = FilterModule().filters()["waterfall"]
SPAN = {"service": "web", "kind": "server", "start_ms": 0.0, "duration_ms": 5.0, "error": False, "children": []}


def test_waterfall():
    assert waterfall({"tree": [SPAN], "duration_ms": 5.0}, "4") == ["web  server      5.0 ms  |====|"]


@pytest.mark.parametrize(("trace", "width"), [({}, 4), ("text", 4), ({"tree": [SPAN], "duration_ms": 5.0}, 0)])
def test_invalid_input(trace, width):
    with pytest.raises(AnsibleFilterError, match="must be a trace of jaeger_trace_info"):
        waterfall(trace, width)
