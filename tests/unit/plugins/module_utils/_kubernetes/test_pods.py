# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from kube_objects import classic, native, pod, running

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import summarize_pod


@pytest.mark.parametrize(
    ("pod", "ready", "sidecar", "restarts"),
    [
        (classic(), "2/2", True, 0),
        (classic(app_ready=False), "1/2", True, 0),
        (native(), "2/2", True, 0),
        (native(proxy_ready=False), "1/2", True, 0),
        (pod([running("reviews", restarts=3)]), "1/1", False, 3),
        (pod([running("reviews")], unscheduled=True, phase="Pending"), "0/1", False, 0),
        ({"metadata": {"name": "new"}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}}, "0/2", False, 0),
    ],
    ids=["classic", "classic-half", "native", "native-half", "none", "unscheduled", "no-status"],
)
def test_summarize_pod(pod, ready, sidecar, restarts):
    summary = summarize_pod(pod)
    assert (summary["ready"], summary["sidecar"], summary["restarts"]) == (ready, sidecar, restarts)
    assert summary["name"] == pod["metadata"]["name"]
    assert summary["phase"] == pod.get("status", {}).get("phase", "Unknown")
    assert summary["ip"] == pod.get("status", {}).get("podIP")
