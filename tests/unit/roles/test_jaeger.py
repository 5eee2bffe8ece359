# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role jaeger: whether Jaeger serves its web UI."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from role_templates import evaluate

ROLE = Path(__file__).resolve().parents[3] / "roles/jaeger"

PLACEHOLDER_1_18 = """
    <title>Test Page</title>
    <!-- JAEGER_CONFIG=DEFAULT_CONFIG; -->
    <body>
        This is a placeholder for Jaeger UI home page.
        If you are seeing this, you are running a binary
        that was not compiled with the UI assets.
    </body>
"""
PLACEHOLDER_1_70 = """
    <h1>This is not the Jaeger UI you are looking for!</h1>
    <p>
        This is a placeholder for the Jaeger UI home page.
        If you are seeing this, you are running a binary that was not compiled with the UI assets.
"""
UI = '<title>Jaeger UI</title></head><body><div id="jaeger-ui-root"></div></body>'


@pytest.mark.parametrize(
    ("page", "expected"), [(PLACEHOLDER_1_18, False), (PLACEHOLDER_1_70, False), (UI, True)], ids=["1.18", "1.70", "UI"]
)
def test_the_placeholder_is_not_a_web_ui(page, expected):
    variables = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))
    tasks = yaml.safe_load((ROLE / "tasks/present.yml").read_text(encoding="utf-8"))
    [expression] = [
        task["ansible.builtin.set_fact"]["jaeger_ui_available"]
        for task in tasks
        if "jaeger_ui_available" in task.get("ansible.builtin.set_fact", {})
    ]
    found = {"__jaeger_placeholder": variables["__jaeger_placeholder"], "__jaeger_ui_response": {"content": page}}
    assert evaluate(expression, found) is expected
