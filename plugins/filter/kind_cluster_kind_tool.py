# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_kind_tool
short_description: Choose the kind tool of a kind cluster
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Chooses between the kind tool in E(PATH), one that was downloaded or built before, a download and a build.
options:
  _input:
    description: What is known about the kind tool, as described in C(plugins/plugin_utils/kind_tool.py).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the kind tool
  ansible.builtin.debug:
    msg: "{{ state | meshlab.istio.kind_cluster_kind_tool }}"
  vars:
    state:
      output: {stdout: kind v0.33.0 go1.26.0 linux/amd64}
      path: ""
      minimum: 0.27.0
"""

RETURN = r"""
_value:
  description:
    - C(method) (V(path), V(kept), V(built), V(download) or V(build); empty if the input does not suffice for a choice),
      C(path), C(problem) (why the tool in E(PATH) is not used) and C(message).
  type: dict
  sample: {method: path, path: kind, problem: "", message: ""}
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_tool

kind_cluster_kind_tool = kind_tool.choose


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_kind_tool": kind_cluster_kind_tool}
