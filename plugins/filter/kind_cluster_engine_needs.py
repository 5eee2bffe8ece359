# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_engine_needs
short_description: List what the configuration of Podman lacks on a machine
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Evaluates the result of starting a container as kind does, which prints the container's limit of processes.
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
    - V(runtime) if the default runtime refuses the machine's cgroups, V(limits) if a limit of Podman's is above
      the machine's own, V(processes) if a container may have too few processes for a node.
  type: list
  elements: str
  sample: [processes]
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_cluster


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_engine_needs": kind_cluster.engine_needs}
