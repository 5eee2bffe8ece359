# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.filter.istio_version_for import FilterModule
from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases

istio_version_for = FilterModule().filters()["istio_version_for"]


def test_the_table_answers():
    assert istio_version_for("v1.33.1") == releases.version_for("1.33")
    assert istio_version_for("v1.18.19") == "1.7.4"
    assert istio_version_for("v1.33.1", ["1.26.0", "1.27.0"]) == "1.27.0"


@pytest.mark.parametrize(
    ("kubernetes", "available", "told"),
    [
        ("", None, "'' is not a version"),
        ("1.15.0", None, "no Istio in the table supports Kubernetes 1.15"),
        ("1.33.1", ["1.7.4"], "what can be had is 1.7.4"),
        ("1.33.1", "1.27.0", "available is '1.27.0'; give a list of whole versions"),
        ("1.33.1", [1.27], r"available is \[1.27\]; give a list of whole versions"),
    ],
)
def test_what_cannot_be_answered(kubernetes, available, told):
    with pytest.raises(AnsibleFilterError, match=f"istio_version_for: .*{told}"):
        istio_version_for(kubernetes, available)
