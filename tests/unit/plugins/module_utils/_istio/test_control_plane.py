# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from unittest.mock import Mock

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio import control_plane as subject


def istiod(image, **labels):
    containers = [{"name": "other", "image": "other:2.0.0"}, {"name": "discovery", "image": image}]
    return {
        "metadata": {"name": "istiod", "namespace": "istio-system", "labels": labels},
        "spec": {"template": {"spec": {"containers": containers}}},
    }


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/istio/pilot:1.27.0", "1.27.0"),
        ("localhost:5000/istio/pilot:1.7.4", "1.7.4"),
        ("registry.example:5000/istio/pilot:1.7.4-distroless", "1.7.4"),
        ("pilot:1.20-alpha.6f4c", "1.20"),
        ("gcr.io/istio-testing/pilot:1.27.0-rc.1-distroless", "1.27.0-rc.1"),
        ("pilot:v1.26.2-debug@sha256:0123", "1.26.2"),
        ("localhost:5000/pilot", None),
        ("pilot@sha256:0123456789", None),
        ("pilot:latest", None),
        ("pilot:1.2.3.4", None),
        ("pilot:2024.5-build", None),
        ("auto", None),
        (None, None),
    ],
)
def test_version_is_read_from_the_tag_of_an_image(image, version):
    assert subject.version_of(image) == version


@pytest.mark.parametrize(
    ("image", "label", "version"),
    [
        ("docker.io/istio/pilot:1.30.1@sha256:0123", "1.26.2", "1.30.1"),
        ("registry.example:5000/pilot@sha256:0123", "1.26.2", "1.26.2"),
        ("registry.example:5000/pilot", "unknown", None),
        ("pilot:latest", None, None),
    ],
)
def test_version_of_an_istiod_falls_back_to_the_label(image, label, version):
    labels = {"operator.istio.io/version": label} if label else {}
    assert subject.istiod_version(istiod(image, **labels)) == version


def test_control_planes_are_listed_with_revision_and_version():
    api = Mock()
    api.list.return_value = [istiod("pilot:1.27.0"), istiod("pilot:latest", **{"istio.io/rev": "canary"})]
    assert subject.control_planes(api) == [
        subject.ControlPlane("istio-system", "istiod", "default", "1.27.0"),
        subject.ControlPlane("istio-system", "istiod", "canary", None),
    ]
    api.list.assert_called_once_with("apps/v1", "Deployment", labelSelector="app=istiod")


@pytest.mark.parametrize(
    ("stdout", "version"),
    [
        ('{"meshVersion": [{"Component": "pilot", "Revision": "default", "Info": {"version": "1.27.0"}}]}', "1.27.0"),
        ('{"meshVersion": [{"Component": "pilot", "Info": {"version": "1.7.4"}}]}', "1.7.4"),
        ('{"meshVersion": [{"Revision": "canary", "Info": {"version": "1.27.0"}}]}', None),
        ('Istio is not present\n{"clientVersion": {"version": "1.7.4"}}', None),
        ("Error: no", None),
    ],
)
def test_mesh_version_is_that_of_the_revision(stdout, version):
    assert subject.mesh_version(stdout, "default") == version
