# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.filter.istio_version_for import FilterModule
from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases

istio_version_for = FilterModule().filters()["istio_version_for"]


def test_version_from_the_table():
    assert istio_version_for("v1.33.1") == releases.version_for("1.33")
    assert istio_version_for("v1.18.19") == "1.7.4"
    assert istio_version_for("v1.33.1", ["1.26.0", "1.27.0"]) == "1.27.0"


@pytest.mark.parametrize(
    ("kubernetes", "available", "message"),
    [
        ("", None, "'' is not a version"),
        ("1.15.0", None, "no Istio release in the table supports Kubernetes 1.15"),
        ("1.33.1", ["1.7.4"], "available versions: 1.7.4"),
        ("1.33.1", "1.27.0", "available must be a list of full versions, got '1.27.0'"),
        ("1.33.1", [1.27], r"available must be a list of full versions, got \[1.27\]"),
    ],
)
def test_errors(kubernetes, available, message):
    with pytest.raises(AnsibleFilterError, match=f"istio_version_for: .*{message}"):
        istio_version_for(kubernetes, available)
