# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: istioctl_archive_problem
short_description: Check the members of an Istio release archive
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Finds members that must not be unpacked, such as absolute paths, links that leave the release, devices and setuid
    programs.
options:
  _input:
    description: Output of C(tar --list --verbose --numeric-owner).
    type: str
    required: true
  top:
    description: Directory that must contain all members.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fail if the archive is unsafe
  ansible.builtin.assert:
    that: problem | length == 0
    fail_msg: "{{ problem }}"
  vars:
    problem: "{{ listing.stdout | meshlab.istio.istioctl_archive_problem('istio-1.27.0') }}"
"""

RETURN = r"""
_value:
  description: The first problem; empty if the archive can be unpacked.
  type: str
  sample: member '/etc/passwd' has an absolute path
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import istioctl


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"istioctl_archive_problem": istioctl.archive_problem}
