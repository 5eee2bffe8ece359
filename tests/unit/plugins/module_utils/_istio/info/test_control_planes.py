# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from info_objects import istiod, istiod_pod

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.control_planes import (
    describe_control_plane,
    version_number,
)


def test_versions_are_compared_as_numbers():
    assert version_number("1.9.0") < version_number("1.10.0") < version_number("1.10.1-rc.1")
    assert version_number("1.27") == (1, 27, 0)
    assert version_number("unknown") is version_number(None) is None


def test_a_control_plane_that_is_ready():
    described = describe_control_plane(istiod(), [istiod_pod()])
    assert described == {
        "name": "istiod",
        "namespace": "istio-system",
        "revision": "default",
        "version": "1.27.0",
        "image": "docker.io/istio/pilot:1.27.0",
        "ready": True,
        "replicas": 1,
        "ready_replicas": 1,
        "pods": [{"name": "istiod-866fd487f5-xqjzk", "ready": "1/1", "phase": "Running", "restarts": 0}],
        "reasons": [],
    }


def test_version_falls_back_to_the_label_of_istioctl():
    deployment = istiod(tag="latest")
    assert describe_control_plane(deployment, [])["version"] is None
    deployment["metadata"]["labels"]["operator.istio.io/version"] = "1.27.0"
    assert describe_control_plane(deployment, [])["version"] == "1.27.0"


def test_a_control_plane_scaled_to_zero_is_not_ready():
    described = describe_control_plane(istiod(ready=0, replicas=0), [])
    assert (described["ready"], described["reasons"]) == (False, ["Deployment istiod: scaled to 0 replicas"])
