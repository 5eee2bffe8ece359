# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from kube_objects import classic, explained, pod, waiting

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.images import image_advice


def test_an_image_that_cannot_be_pulled_is_named_and_the_ways_out_are_told():
    message = 'Back-off pulling image "docker.io/istio/nowhere:1"'
    stuck = pod(
        [waiting("reviews", "ImagePullBackOff", message), waiting("istio-proxy", "PodInitializing")], phase="Pending"
    )
    stuck["spec"]["containers"][0]["image"] = "docker.io/istio/nowhere:1"
    lines = explained([stuck])
    assert lines[2] == f"    container reviews: ImagePullBackOff: {message}"
    assert lines[4].startswith(
        "    image docker.io/istio/nowhere:1 did not come to the node. If its name is right, load it"
    )
    assert len(lines) == 5 and "mirror" in lines[4] and "global.hub" in lines[4]


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"])
def test_ways_out_are_told_once_for_each_image(reason):
    stuck = pod([waiting("a", reason), waiting("b", reason), waiting("c", "CrashLoopBackOff")])
    for container, image in zip(stuck["spec"]["containers"], ("x:1", "x:1", "y:1")):
        container["image"] = image
    assert [x.split(" did")[0] for x in image_advice(stuck)] == ["image x:1"]
    assert image_advice(classic()) == []


def test_the_kubelet_says_that_an_image_did_not_come_before_the_pods_state_does():
    early = pod([waiting("a", "PodInitializing"), waiting("b", "PodInitializing")], phase="Pending")
    for container, image in zip(early["spec"]["containers"], ("x:1", "y:1")):
        container["image"] = image
    told = {
        "reason": "Failed",
        "message": 'Failed to pull image "x:1": no such host',
        "involvedObject": {"name": early["metadata"]["name"]},
    }
    assert [x.split(" did")[0] for x in image_advice(early, [told])] == ["image x:1"]
    assert image_advice(early, [{**told, "involvedObject": {"name": "another"}}]) == []
