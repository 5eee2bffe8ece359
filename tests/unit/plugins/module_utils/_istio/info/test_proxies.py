# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from info_objects import workload

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.proxies import proxy_of


@pytest.mark.parametrize("native", [False, True])
def test_a_sidecar_is_found_among_all_containers(native):
    assert proxy_of(workload("web", native=native)) == {
        "namespace": "shop",
        "name": "web",
        "type": "sidecar",
        "revision": "default",
        "version": "1.27.0",
        "ready": True,
        "outdated": None,
        "synced": None,
        "types": None,
        "istiod": None,
    }
    assert proxy_of(workload("web", native=native, ready=False))["ready"] is False
    assert proxy_of(workload("web", proxy=None)) is None


def test_a_pod_that_has_not_started_has_a_proxy_that_is_not_ready():
    pod = workload("web")
    pod["status"] = {"phase": "Pending"}
    assert proxy_of(pod)["ready"] is False


@pytest.mark.parametrize("kind", ["router", "waypoint", "ztunnel"])
def test_the_type_of_a_proxy_is_in_its_arguments(kind):
    pod = workload("gate")
    pod["spec"]["containers"][1]["args"] = ["proxy", kind]
    assert proxy_of(pod)["type"] == kind


@pytest.mark.parametrize(
    ("labels", "annotations", "revision"),
    [
        ({}, {}, None),
        ({"istio.io/rev": "prod"}, {"sidecar.istio.io/status": '{"revision": "1-27"}'}, "1-27"),
        ({"istio.io/rev": ""}, {"sidecar.istio.io/status": '{"version": "0123"}'}, "default"),
        ({"istio.io/rev": "canary"}, {"sidecar.istio.io/status": "broken"}, "canary"),
        ({}, {"istio.io/rev": "default", "sidecar.istio.io/status": "[]"}, "default"),
    ],
)
def test_the_revision_is_found_where_each_release_writes_it(labels, annotations, revision):
    pod = workload("web", revision=None, labels=labels, annotations=annotations)
    assert proxy_of(pod)["revision"] == revision
