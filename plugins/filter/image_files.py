# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: image_files
short_description: Add to each image the path of its archive
version_added: "1.0.0"
author: The meshlab.istio founders
description:
  - Adds to each image the path of its archive in a directory. The file is named after the first tag.
  - The role P(meshlab.istio.artifacts#role) uses it to write and to find archives.
options:
  _input:
    description: Images with C(tags). An existing C(path) is renamed to C(src).
    type: list
    elements: dict
    required: true
  directory:
    description: Path of the directory.
    type: str
    required: true
"""

EXAMPLES = """
- name: Show the path of the archive of an image
  ansible.builtin.debug:
    msg: "{{ [{'tags': ['docker.io/istio/pilot:1.27.0']}] | meshlab.istio.image_files('/srv/artifacts/images') }}"
"""

RETURN = """
_value:
  description: Images with the C(path) of their archives.
  type: list
  elements: dict
  sample:
    - {tags: ["docker.io/istio/pilot:1.27.0"], path: /srv/artifacts/images/docker.io_istio_pilot_1.27.0.tar}
"""


def image_files(images: list[dict], directory: str) -> list[dict]:
    """Return the images with the paths of their archives in a directory. An existing path becomes src."""
    result, seen = [], set()
    for image in images:
        if not image.get("tags"):
            raise AnsibleFilterError(f"image_files: each image must have a tag, got {image}")
        path = f"{directory}/{re.sub('[/:@]', '_', image['tags'][0])}.tar"
        if path in seen:
            raise AnsibleFilterError(f"image_files: {image['tags'][0]} is listed twice")
        seen.add(path)
        moved = {"src": image["path"]} if "path" in image else {}
        result.append({**image, **moved, "path": path})
    return result


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self) -> dict:
        return {"image_files": image_files}
