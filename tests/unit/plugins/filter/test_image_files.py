# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.filter.image_files import image_files


def test_archive_is_named_after_the_first_tag():
    pilot = {"path": "/cache/pilot-1.tar", "tags": ["docker.io/istio/pilot:1.27.0", "pilot:x"], "image_id": "sha256:1"}
    assert image_files([pilot], "images") == [
        {**pilot, "src": "/cache/pilot-1.tar", "path": "images/docker.io_istio_pilot_1.27.0.tar"}
    ]
    assert pilot["path"] == "/cache/pilot-1.tar"


def test_archives_are_found_in_another_directory():
    written = image_files([{"tags": ["localhost:5000/a/b:1"]}], "images")
    assert written == [{"tags": ["localhost:5000/a/b:1"], "path": "images/localhost_5000_a_b_1.tar"}]
    found = image_files(written, "/srv/images")
    assert found[0]["path"] == "/srv/images/localhost_5000_a_b_1.tar"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([{"tags": []}], "each image must have a tag"),
        # Tags that map to the same file name would overwrite each other.
        ([{"tags": ["a/b:1"]}, {"tags": ["a_b:1"]}], "a_b:1 is listed twice"),
    ],
)
def test_images_without_a_unique_file_name_are_refused(images, message):
    with pytest.raises(AnsibleFilterError, match=message):
        image_files(images, "images")
