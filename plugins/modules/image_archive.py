#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_archive
short_description: Write a container image archive without a container engine
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Writes a container image from files and layer archives to an archive for C(docker load), C(podman load) and
    C(kind load image-archive).
  - For machines without a container registry. The archive is reproducible.
extends_documentation_fragment:
  - meshlab.istio.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: An image has no text to compare.
  idempotent:
    support: full
options:
  name:
    description: File name of the archive in O(cache_dir), without its key.
    type: str
    required: true
  tags:
    description: Full names of the image, such as C(docker.io/istio/pilot:1.27.0).
    type: list
    elements: str
    required: true
  cache_dir:
    description: Directory for the archives.
    type: path
    required: true
  config:
    description:
      - Configuration of the image with the keys of the image specification, such as C(Entrypoint), C(Cmd), C(Env),
        C(User) and C(Labels).
    type: dict
    default: {}
  architecture:
    description: Architecture of the image, as in C(GOARCH).
    type: str
    default: amd64
  key:
    description:
      - Key of the archive, instead of one computed from the parts of the image.
      - For an image whose parts are expensive to build. An existing archive with this key is not written again.
    type: str
  layers:
    description: Layers of the image, lowest first.
    type: list
    elements: dict
    required: true
    suboptions:
      tar:
        description: Path of an existing layer archive. The other options of the layer are ignored.
        type: path
      files:
        description: Files of the layer.
        type: list
        elements: dict
        suboptions:
          src:
            description: Path on this machine.
            type: path
          content:
            description: Content of the file, instead of O(layers[].files[].src).
            type: str
          dest:
            description: Path in the image.
            type: path
            required: true
          mode:
            description: Permissions, as an octal string.
            type: str
            default: "0755"
      links:
        description: Symbolic links of the layer.
        type: list
        elements: dict
        suboptions:
          dest:
            description: Path in the image.
            type: path
            required: true
          target:
            description: Target of the link.
            type: str
            required: true
      directories:
        description: Directories of the layer. Parent directories are created implicitly.
        type: list
        elements: dict
        suboptions:
          path:
            description: Path in the image.
            type: path
            required: true
          mode:
            description: Permissions, as an octal string.
            type: str
            default: "0755"
          uid:
            description: User ID of the owner.
            type: int
            default: 0
          gid:
            description: Group ID.
            type: int
            default: 0
"""

EXAMPLES = r"""
- name: Write an image with a shell script
  meshlab.istio.image_archive:
    name: hello
    tags: [docker.io/meshlab/hello:1]
    cache_dir: ~/.cache/meshlab
    config:
      Entrypoint: [/hello]
    layers:
      - files:
          - dest: /hello
            content: |
              #!/bin/sh
              echo hello
"""

RETURN = r"""
path:
  description:
    - Path of the archive, also in check mode.
    - Empty in check mode if O(key) is not set and parts of the image, on which the path depends, do not exist yet.
  returned: success
  type: str
  sample: /home/me/.cache/meshlab/images/pilot-5c3c9e1f0b7a8d6e4f21.tar
key:
  description: Key of the inputs. Empty if RV(path) is empty.
  returned: success
  type: str
  sample: 5c3c9e1f0b7a8d6e4f21
image_id:
  description: ID of the image, which is the digest of its configuration, as engines and C(crictl) show it.
  returned: if the archive exists
  type: str
  sample: sha256:9c2d5f2a8b1e4c7d6f3a0b9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9c
tags:
  description: Full names of the image.
  returned: success
  type: list
  elements: str
  sample: [docker.io/istio/pilot:1.27.0]
labels:
  description: Labels of the image from O(config).
  returned: success
  type: dict
  sample: {}
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshlab.istio.plugins.module_utils._build.image_archive import (
    ImageError,
    image_id,
    missing_parts,
    recipe_key,
    write_image,
)

MODE = {"type": "str", "default": "0755"}
FILE = {
    "src": {"type": "path"},
    "content": {"type": "str"},
    "dest": {"type": "path", "required": True},
    "mode": MODE,
}
LINK = {"dest": {"type": "path", "required": True}, "target": {"type": "str", "required": True}}
DIRECTORY = {
    "path": {"type": "path", "required": True},
    "mode": MODE,
    "uid": {"type": "int", "default": 0},
    "gid": {"type": "int", "default": 0},
}
LAYER = {
    "tar": {"type": "path"},
    "files": {
        "type": "list",
        "elements": "dict",
        "options": FILE,
        "mutually_exclusive": [("src", "content")],
        "required_one_of": [("src", "content")],
    },
    "links": {"type": "list", "elements": "dict", "options": LINK},
    "directories": {"type": "list", "elements": "dict", "options": DIRECTORY},
}


def with_octal_modes(layers):
    """Convert the mode strings in layers to numbers."""
    for layer in layers:
        for part in (layer.get("files") or []) + (layer.get("directories") or []):
            try:
                part["mode"] = int(part["mode"], 8)
            except ValueError as error:
                raise ImageError(f"mode {part['mode']!r} is not an octal number such as '0755'") from error
    return layers


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "tags": {"type": "list", "elements": "str", "required": True},
            "cache_dir": {"type": "path", "required": True},
            "config": {"type": "dict", "default": {}},
            "architecture": {"type": "str", "default": "amd64"},
            "key": {"type": "str", "no_log": False},
            "layers": {"type": "list", "elements": "dict", "required": True, "options": LAYER},
        },
        supports_check_mode=True,
    )
    tags, config, architecture, key = (module.params[x] for x in ("tags", "config", "architecture", "key"))
    try:
        layers = with_octal_modes(module.params["layers"])
        if not key and module.check_mode and missing_parts(layers):
            # The parts would be built first, so the image would be new.
            module.exit_json(changed=True, path="", key="", tags=tags, labels=config.get("Labels") or {})
        key = key or recipe_key(tags, config, layers, architecture)
        path = os.path.join(module.params["cache_dir"], "images", f"{module.params['name']}-{key}.tar")
        changed = not os.path.exists(path)
        if changed and not module.check_mode:
            write_image(path, tags, config, layers, architecture)
        result = {"path": path, "key": key, "tags": tags, "labels": config.get("Labels") or {}}
        if os.path.exists(path):
            result["image_id"] = image_id(path)
    except ImageError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"cannot read a part of image {module.params['name']}: {error}")
    module.exit_json(changed=changed, **result)


if __name__ == "__main__":
    main()
