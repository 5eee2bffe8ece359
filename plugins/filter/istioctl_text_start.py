# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: istioctl_text_start
short_description: Get the text at the start of a file that should be a gzip archive
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Shows whether a server sent an HTML page in place of an archive.
options:
  _input:
    description: Output of C(od -A n -v -t x1 -N 80).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the start of the file
  ansible.builtin.debug:
    msg: "{{ dump.stdout | meshlab.istio.istioctl_text_start }}"
"""

RETURN = r"""
_value:
  description: The printable characters; empty if the file is a gzip archive.
  type: str
  sample: <!doctype html> <title>Sign in</title>
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import istioctl


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"istioctl_text_start": istioctl.text_start}
