# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_stale_containers
short_description: List containers whose status is older than the restart of their node
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - After a restart of the node, the API server returns the old status of a pod until the kubelet has updated it.
options:
  _input:
    description: Registered result of the module M(kubernetes.core.k8s_info) for pods.
    type: dict
    required: true
  restarted:
    description: UTC time of the node's restart.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Wait for the kubelet to refresh the status of all pods
  kubernetes.core.k8s_info:
    kind: Pod
  register: pods
  until: (pods | meshlab.istio.kind_cluster_stale_containers('2026-01-01T12:00:00Z')) == []
  retries: 30
  delay: 1
"""

RETURN = r"""
_value:
  description: Names of the containers. Empty if there are none.
  type: list
  elements: str
  sample: [coredns]
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_cluster


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_stale_containers": kind_cluster.stale_containers}
