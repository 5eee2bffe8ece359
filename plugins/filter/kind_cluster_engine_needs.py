# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_engine_needs
short_description: List required changes to Podman's configuration
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Evaluates the result of a container that was started with the options of kind and prints its process limit.
options:
  _input:
    description: Registered result of C(podman run).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what Podman needs
  ansible.builtin.debug:
    msg: "{{ probe | meshlab.istio.kind_cluster_engine_needs }}"
"""

RETURN = r"""
_value:
  description:
    - V(runtime) if the default runtime does not support the machine's cgroups, V(limits) if one of Podman's limits
      exceeds the machine's, V(processes) if the process limit is too low for a node.
  type: list
  elements: str
  sample: [processes]
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_cluster


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_engine_needs": kind_cluster.engine_needs}
