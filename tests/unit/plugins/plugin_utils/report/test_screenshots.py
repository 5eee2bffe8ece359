# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Screenshots that cannot be shown."""

from __future__ import annotations

import base64

import pytest
from report_support import IMAGES, build_document, parse_page, render_page

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import screenshots


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "the file does not exist"),
        ("no base64!", "the file cannot be read"),
        (base64.b64encode(b"<svg onload=alert(1)>").decode(), "the file is not a PNG, JPEG or GIF"),
        (
            base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(screenshots.MAX_BYTES)).decode(),
            "the file must have at most 4,000,000 bytes, got 4,000,008",
        ),
    ],
)
def test_the_reason_for_a_screenshot_that_cannot_be_shown(content, reason):
    images = {**IMAGES, "/shots/red.png": content}
    document = build_document(images=images)
    assert reason in document["screenshots"][2]["reason"]
    found = parse_page(render_page(document, images))
    assert found.tags["img"] == 2
