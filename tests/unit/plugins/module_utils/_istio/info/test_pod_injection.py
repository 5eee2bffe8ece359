# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from info_objects import MODERN, namespace_object, workload

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.pod_injection import decide_pod

INJECT = "sidecar.istio.io/inject"


@pytest.mark.parametrize(
    ("labels", "pod", "wanted"),
    [
        ({"istio_injection": "enabled"}, {}, True),
        ({}, {}, False),
        ({}, {"labels": {INJECT: "true"}}, True),
        (
            {},
            {"labels": {INJECT: "true"}, "annotations": {INJECT: "false"}},
            True,
        ),  # the label takes precedence since 1.16
        ({"istio_injection": "enabled"}, {"labels": {INJECT: "false"}}, False),
        ({"istio_injection": "enabled"}, {"annotations": {INJECT: "false"}}, False),
        ({"istio_injection": "enabled"}, {"annotations": {INJECT: "no"}}, True),  # an invalid value since 1.27
        ({"istio_injection": "enabled"}, {"spec": {"hostNetwork": True}}, False),
        ({"istio_injection": "enabled"}, {"namespace": "kube-system"}, False),
        ({"istio_injection": "enabled"}, {"namespace": "local-path-storage"}, False),
    ],
)
def test_pods_that_would_get_a_sidecar(labels, pod, wanted):
    namespace = namespace_object(pod.get("namespace", "shop"), **labels)
    decision = decide_pod(workload("web", proxy=None, **pod), namespace, MODERN, "1.27.0")
    assert (decision.injected, decision.decided_by) == (wanted, "webhooks")
