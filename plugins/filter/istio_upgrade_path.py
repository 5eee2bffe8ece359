# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: istio_upgrade_path
short_description: Plan the upgrade to a newer Istio
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Returns the order in which to upgrade the minor releases of Istio and Kubernetes, so that Istio supports every
    intermediate pair. Uses the collection's table of Istio releases.
  - Of all plans with the fewest steps, it returns the one that alternates least often between Istio and Kubernetes.
options:
  _input:
    description: Installed version of Istio, such as V(1.7.4).
    type: str
    required: true
  kubernetes:
    description: Installed version of Kubernetes, such as V(v1.18.19).
    type: str
    required: true
  target:
    description: Version of Istio to upgrade to. The newest release of the table if not set.
    type: str
  target_kubernetes:
    description: Version of Kubernetes to upgrade to. The oldest that O(target) supports if not set.
    type: str
"""

EXAMPLES = r"""
- name: Show the upgrade from Istio 1.7 on Kubernetes 1.18 to Istio 1.27
  ansible.builtin.debug:
    msg: "{{ item.product }} {{ item.from }} to {{ item.to }}"
  loop: "{{ '1.7.4' | meshlab.istio.istio_upgrade_path('v1.18.19', '1.27.0') }}"
"""

RETURN = r"""
_value:
  description:
    - The steps, each an upgrade by one minor release.
    - Each step has C(product) (V(Istio) or V(Kubernetes)), C(from) and C(to). A step of Istio also has C(version) (full
      version) and C(changes) (list of sentences).
    - The filter fails if there is no plan, or if the first or the last pair is not supported.
  type: list
  elements: dict
  sample:
    - product: Kubernetes
      from: "1.18"
      to: "1.19"
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.module_utils._istio.releases import ReleaseError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.upgrade_path import upgrade_path


def istio_upgrade_path(istio, kubernetes, target=None, target_kubernetes=None):
    """Return the steps of an upgrade."""
    try:
        return upgrade_path(istio, kubernetes, target, target_kubernetes)
    except ReleaseError as error:
        raise AnsibleFilterError(f"istio_upgrade_path: {error}") from error


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"istio_upgrade_path": istio_upgrade_path}
