# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_discovery
short_description: Find the node and the network of a kind cluster
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Evaluates whether the node and the network of a cluster exist, and whether the role
    P(meshlab.istio.kind_cluster#role) created them.
  - The role created a node if the node is attached to a network with the label C(meshlab.istio/owner).
options:
  _input:
    description: Registered result of C(inspect --type container) of Docker or Podman for the node.
    type: dict
    required: true
  network_result:
    description: Registered result of C(network inspect) for the network.
    type: dict
    required: true
  network_name:
    description: Name of the network.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the state of the cluster meshlab
  ansible.builtin.debug:
    msg: "{{ node | meshlab.istio.kind_cluster_discovery(network, 'meshlab') }}"
"""

RETURN = r"""
_value:
  description:
    - C(node_id) and C(running) of the node's container, empty and V(false) if there is none.
    - C(network_exists) and C(subnet) of the network.
    - C(foreign), V(container) or V(network) if the role did not create the existing one, else empty.
  type: dict
  sample: {node_id: 4f9c, running: true, network_exists: true, subnet: 198.18.0.0/24, foreign: ""}
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_cluster


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_discovery": kind_cluster.discovery}
