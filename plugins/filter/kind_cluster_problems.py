# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_problems
short_description: List unmet requirements of a kind cluster on a machine
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Checks the facts that the role P(meshlab.istio.kind_cluster#role) gathered about a machine against all requirements
    of the cluster.
options:
  _input:
    description:
      - Facts as described in C(plugins/plugin_utils/preflight.py). The filter fails if one is missing.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail if the machine cannot run the cluster
  ansible.builtin.assert:
    that: (machine | meshlab.istio.kind_cluster_problems) == []
"""

RETURN = r"""
_value:
  description: Problems with their remedies, root causes first. Empty if there are none.
  type: list
  elements: str
  sample:
    - >-
      port 30080 on 127.0.0.1: already in use. Stop the process that listens there, or choose another port in
      kind_cluster_ports.
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.plugin_utils import preflight


def kind_cluster_problems(facts: dict) -> list[str]:
    """Return preflight.problems(). Raises AnsibleFilterError."""
    try:
        return preflight.problems(facts)
    except preflight.FactsError as error:
        raise AnsibleFilterError(f"kind_cluster_problems: {error}") from error


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_problems": kind_cluster_problems}
