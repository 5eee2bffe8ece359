# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_health_problems
short_description: List why a kind cluster is not healthy
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Evaluates the state of a cluster's API server, node and DNS.
options:
  _input:
    description: Registered result of the module M(ansible.builtin.uri) for C(/readyz) of the API server.
    type: dict
    required: true
  node:
    description: Registered result of the module M(kubernetes.core.k8s_info) for the node.
    type: dict
    required: true
  stale:
    description: Names of containers whose status is outdated.
    type: list
    elements: str
    required: true
  dns:
    description: Registered result of the module M(meshlab.istio.workload_wait) for the cluster's DNS.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail if the cluster is not healthy
  ansible.builtin.assert:
    that: (api | meshlab.istio.kind_cluster_health_problems(node, [], dns)) == []
"""

RETURN = r"""
_value:
  description: Reasons. Empty if the cluster is healthy.
  type: list
  elements: str
  sample: [the node is not Ready]
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_cluster


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_health_problems": kind_cluster.health_problems}
