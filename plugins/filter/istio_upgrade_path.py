# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: istio_upgrade_path
short_description: The way from one pair of Istio and Kubernetes to a newer Istio
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Asks the collection's one table of Istio releases for the order in which the minors of Istio and of Kubernetes have
    to be upgraded, so that each pair on the way is one that Istio supports.
  - It is a plan and touches nothing. Of all ways of the fewest steps it changes between the two least often.
options:
  _input:
    description: Version of Istio that is there, such as V(1.7.4).
    type: str
    required: true
  kubernetes:
    description: Version of Kubernetes that is there, such as V(v1.18.19).
    type: str
    required: true
  wanted:
    description: Version of Istio to arrive at. The newest of the table if not given.
    type: str
  wanted_kubernetes:
    description: Version of Kubernetes to arrive at. The oldest that O(wanted) supports if not given.
    type: str
"""

EXAMPLES = r"""
- name: Say how to come from Istio 1.7 on Kubernetes 1.18 to Istio 1.27
  ansible.builtin.debug:
    msg: "{{ item.what }} {{ item.from }} to {{ item.to }}"
  loop: "{{ '1.7.4' | meshlab.istio.istio_upgrade_path('v1.18.19', '1.27.0') }}"
"""

RETURN = r"""
_value:
  description:
    - The steps, of one minor each.
    - Each has C(what) (V(Istio) or V(Kubernetes)), C(from) and C(to). One of Istio has C(version) (whole) and
      C(changes) (a list of sentences) too.
    - It fails if there is no such way, or the pair to begin with or to end with is not supported.
  type: list
  elements: dict
  sample:
    - what: Kubernetes
      from: "1.18"
      to: "1.19"
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.module_utils._istio.releases import ReleaseError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.upgrade_path import upgrade_path


def istio_upgrade_path(istio, kubernetes, wanted=None, wanted_kubernetes=None):
    """The steps from a pair of Istio and Kubernetes to a newer Istio, as module_utils plans them."""
    try:
        return upgrade_path(istio, kubernetes, wanted, wanted_kubernetes)
    except ReleaseError as error:
        raise AnsibleFilterError(f"istio_upgrade_path: {error}") from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self):
        return {"istio_upgrade_path": istio_upgrade_path}
