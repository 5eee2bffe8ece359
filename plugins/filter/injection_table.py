# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: injection_table
short_description: Format workloads and their sidecars as a text table
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Returns one line per workload with the way it was injected, or why it has no sidecar.
options:
  _input:
    description: Workloads as M(meshlab.istio.istio_info) returns them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Gather information about the workloads
  meshlab.istio.istio_info:
    workloads: true
  register: mesh

- name: Show the workloads
  ansible.builtin.debug:
    msg: "{{ mesh.workloads | meshlab.istio.injection_table }}"
"""

RETURN = r"""
_value:
  description: A heading and a line for each workload.
  type: list
  elements: str
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils.injection_table import injection_table


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"injection_table": injection_table}
