# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Screenshots of Bookinfo: document and view."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import struct

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import Document, Facts, as_dicts, as_text

# Larger images are listed, but not shown.
MAX_BYTES = 4_000_000

_TYPES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def screenshots(facts: Facts, images: dict[str, str]) -> list[Document]:
    """The screenshots of Bookinfo; images: contents in base64, by path."""
    return [_screenshot(shot, images) for shot in as_dicts(facts.get("bookinfo_screenshots"))]


def _screenshot(shot: Document, images: dict[str, str]) -> Document:
    path = as_text(shot.get("path"))
    content, media_type, reason = _image(images.get(path))
    width, height = _png_size(content) if media_type == "image/png" else (None, None)
    return {
        "path": path,
        "title": as_text(shot.get("title")) or posixpath.basename(path),
        "look": as_text(shot.get("look")) or None,
        "type": media_type,
        "bytes": len(content) if media_type else None,
        "sha256": hashlib.sha256(content).hexdigest() if media_type else None,
        "width": width,
        "height": height,
        "reason": reason,
    }


def _image(encoded: str | None) -> tuple[bytes, str | None, str | None]:
    """The content and media type of an image in base64, and the reason if it cannot be shown."""
    if not encoded:
        return b"", None, "the file does not exist"
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b"", None, "the file cannot be read"
    media_type = next((name for magic, name in _TYPES if content.startswith(magic)), None)
    if not media_type:
        return content, None, "the file is not a PNG, JPEG or GIF"
    if len(content) > MAX_BYTES:
        return content, None, f"the file must have at most {MAX_BYTES:,} bytes, got {len(content):,}"
    return content, media_type, None


def _png_size(png: bytes) -> tuple[int | None, int | None]:
    if png[12:16] != b"IHDR" or len(png) < 24:
        return None, None
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def figure(shot: Document, images: dict[str, str], number: int) -> Document:
    """A screenshot as a figure of the page, with its content as a data URL."""
    visible = shot["type"] and shot["path"] in images
    return {
        **shot,
        "number": number,
        "file": posixpath.basename(shot["path"]),
        "data": f"data:{shot['type']};base64,{images[shot['path']]}" if visible else "",
    }
