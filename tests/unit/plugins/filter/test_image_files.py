# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.filter.image_files import image_files


def test_an_archive_is_named_after_the_first_tag_and_where_it_was_is_kept():
    pilot = {"path": "/cache/pilot-1.tar", "tags": ["docker.io/istio/pilot:1.27.0", "pilot:x"], "image_id": "sha256:1"}
    assert image_files([pilot], "images") == [
        {**pilot, "src": "/cache/pilot-1.tar", "path": "images/docker.io_istio_pilot_1.27.0.tar"}
    ]
    assert pilot["path"] == "/cache/pilot-1.tar"


def test_it_finds_what_it_named():
    there = image_files([{"tags": ["localhost:5000/a/b:1"]}], "images")
    assert there == [{"tags": ["localhost:5000/a/b:1"], "path": "images/localhost_5000_a_b_1.tar"}]
    found = image_files(there, "/srv/images")
    assert found[0]["path"] == "/srv/images/localhost_5000_a_b_1.tar"


@pytest.mark.parametrize(
    ("images", "says"),
    [
        ([{"tags": []}], "has no tag"),
        # Two that differ in what a file's name cannot have would overwrite one another.
        ([{"tags": ["a/b:1"]}, {"tags": ["a_b:1"]}], "a_b:1 is listed twice"),
    ],
)
def test_what_has_no_place_of_its_own_is_refused(images, says):
    with pytest.raises(AnsibleFilterError, match=says):
        image_files(images, "images")
