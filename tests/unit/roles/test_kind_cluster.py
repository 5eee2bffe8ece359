# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role kind_cluster: which clusters are isolated by default."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from role_templates import evaluate

DEFAULTS = Path(__file__).resolve().parents[3] / "roles/kind_cluster/defaults/main.yml"


@pytest.mark.parametrize(
    ("source", "mirror", "isolated"),
    [
        ("build", "", True),
        ("archive", "", True),
        ("registry", "", False),
        ("registry", "198.19.255.1:5000", True),
        # The packet filter would cut the node off from these.
        ("registry", "mirror.example.com:5000", False),
        ("registry", "10.0.0.5:5000", False),
    ],
)
def test_a_cluster_is_not_cut_off_from_its_mirror(source, mirror, isolated):
    variables = {"kind_cluster_image_source_used": source, "kind_cluster_registry_mirror": mirror}
    expression = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["kind_cluster_isolated"]
    assert evaluate(expression, variables) is isolated
