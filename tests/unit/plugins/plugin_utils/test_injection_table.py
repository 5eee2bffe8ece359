# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.plugin_utils.injection_table import injection_table


def test_columns_are_aligned():
    workloads = [
        {
            "namespace": "default",
            "workload": "web",
            "injected_by": "webhook",
            "sidecar": "native",
            "reason": "labeled",
        },
        {
            "namespace": "istio-system",
            "workload": "istiod",
            "injected_by": "",
            "sidecar": "",
            "reason": "inject: false",
        },
    ]
    assert injection_table(workloads) == [
        "NAMESPACE     WORKLOAD  INJECTED BY  SIDECAR  REASON",
        "default       web       webhook      native   labeled",
        "istio-system  istiod    -            -        inject: false",
    ]


def test_no_workloads():
    assert injection_table([]) == ["NAMESPACE  WORKLOAD  INJECTED BY  SIDECAR  REASON"]
