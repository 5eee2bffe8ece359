# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: istioctl_failure
short_description: Explain a failed download or unpacking of an Istio release
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Returns the reason for a failure, without passwords, and how to fix it.
options:
  _input:
    description: An error message, or the registered result of C(ansible.builtin.get_url) or C(ansible.builtin.uri).
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Fail if the download failed
  ansible.builtin.assert:
    that: failure.reason | length == 0
    fail_msg: "{{ failure.reason }}. {{ failure.remedy }}"
  vars:
    failure: "{{ download | meshlab.istio.istioctl_failure }}"
"""

RETURN = r"""
_value:
  description:
    - C(reason) is empty if the task succeeded or was skipped. C(remedy) is empty if the cause is not known.
    - C(is_final) is V(true) if another attempt is useless.
  type: dict
  sample:
    reason: "the disk is full: [Errno 28] No space left on device"
    remedy: Free some disk space.
    is_final: true
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import istioctl


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"istioctl_failure": istioctl.failure}
