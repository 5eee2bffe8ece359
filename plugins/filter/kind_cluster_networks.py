# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_networks
short_description: Choose the address ranges of a kind cluster
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Returns the configured networks, or free private ones if the default networks are used by something else, such as a
    proxy tool that answers DNS queries with addresses from 198.18.0.0/15.
options:
  _input:
    description: Configured networks, C(node), C(pod) and C(service).
    type: dict
    required: true
  facts:
    description:
      - C(route_table), the content of C(/proc/net/route); C(registry_addresses), to which the name of the registry
        resolves; C(own_subnet), of a network that the role created earlier, else empty.
    type: dict
    required: true
  may_change:
    description: Whether another range may replace the default one.
    type: bool
    required: true
"""

EXAMPLES = r"""
- name: Show the networks
  ansible.builtin.debug:
    msg: "{{ configured | meshlab.istio.kind_cluster_networks(facts, true) }}"
"""

RETURN = r"""
_value:
  description: C(node), C(pod) and C(service), and C(reason), empty if they are the configured networks.
  type: dict
  sample: {node: 198.18.0.0/24, pod: 198.18.64.0/18, service: 198.18.32.0/20, reason: ""}
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import cluster_networks

kind_cluster_networks = cluster_networks.choose


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_networks": kind_cluster_networks}
