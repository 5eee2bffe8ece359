# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Screenshots that cannot be shown."""

from __future__ import annotations

import base64

import pytest
from report_support import IMAGES, checked, made, page

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import (
    screenshots,
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "the file does not exist"),
        ("no base64!", "the file cannot be read"),
        (base64.b64encode(b"<svg onload=alert(1)>").decode(), "the file is not a PNG, JPEG or GIF"),
        (
            base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(screenshots.MAX_BYTES)).decode(),
            "bytes, the page takes at most",
        ),
    ],
)
def test_pictures_that_cannot_be_shown(content, why):
    images = {**IMAGES, "/shots/red.png": content}
    document = made(images=images)
    assert why in document["screenshots"][2]["reason"]
    found = checked(page(document, images))
    assert found.tags["img"] == 2
