# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_cluster

FILTERS = Path(__file__).resolve().parents[4] / "plugins" / "filter"


@pytest.mark.parametrize("name", sorted(x.stem for x in FILTERS.glob("kind_cluster_*.py")))
def test_filter_has_the_name_of_its_file(name):
    plugin = importlib.import_module(f"ansible_collections.meshlab.istio.plugins.filter.{name}")
    filters = plugin.FilterModule().filters()
    assert list(filters) == [name]
    assert filters[name] == getattr(kind_cluster, name.removeprefix("kind_cluster_"), getattr(plugin, name, None))
