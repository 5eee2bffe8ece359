# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from kube_objects import classic, explained, pod, waiting

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.images import image_advice


def test_failed_pull_shows_the_remedies():
    message = 'Back-off pulling image "docker.io/istio/nowhere:1"'
    stuck = pod(
        [waiting("reviews", "ImagePullBackOff", message), waiting("istio-proxy", "PodInitializing")], phase="Pending"
    )
    stuck["spec"]["containers"][0]["image"] = "docker.io/istio/nowhere:1"
    lines = explained([stuck])
    assert lines[2] == f"    container reviews: ImagePullBackOff: {message}"
    assert lines[4].startswith(
        "    image docker.io/istio/nowhere:1 could not be pulled. If the name is correct, load the image"
    )
    assert len(lines) == 5 and "mirror" in lines[4] and "global.hub" in lines[4]


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"])
def test_one_line_per_image(reason):
    stuck = pod([waiting("a", reason), waiting("b", reason), waiting("c", "CrashLoopBackOff")])
    for container, image in zip(stuck["spec"]["containers"], ("x:1", "x:1", "y:1")):
        container["image"] = image
    assert [x.split(" could")[0] for x in image_advice(stuck)] == ["image x:1"]
    assert image_advice(classic()) == []


def test_failed_pull_is_found_by_its_event():
    early = pod([waiting("a", "PodInitializing"), waiting("b", "PodInitializing")], phase="Pending")
    for container, image in zip(early["spec"]["containers"], ("x:1", "y:1")):
        container["image"] = image
    failed = {
        "reason": "Failed",
        "message": 'Failed to pull image "x:1": no such host',
        "involvedObject": {"name": early["metadata"]["name"]},
    }
    assert [x.split(" could")[0] for x in image_advice(early, [failed])] == ["image x:1"]
    assert image_advice(early, [{**failed, "involvedObject": {"name": "another"}}]) == []
