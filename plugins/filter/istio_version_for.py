# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: istio_version_for
short_description: The Istio version for a cluster
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Asks the collection's one table of Istio releases, which its modules go by too, for the newest version of the newest
    Istio that supports a Kubernetes version. Kubernetes 1.18 gives V(1.7.4).
  - Nothing is asked of a network, so a patch that is younger than the table is not known.
options:
  _input:
    description: Version of Kubernetes, such as V(v1.33.1).
    type: str
    required: true
  available:
    description:
      - The whole versions of Istio that can be had. One of them is picked.
      - If not given, any.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Say which Istio goes with a cluster
  ansible.builtin.debug:
    msg: "{{ 'v1.33.1' | meshlab.istio.istio_version_for }}"

- name: Say which of two does
  ansible.builtin.debug:
    msg: "{{ 'v1.33.1' | meshlab.istio.istio_version_for(['1.26.0', '1.27.0']) }}"
"""

RETURN = r"""
_value:
  description: The version of Istio, whole. It fails if none supports the Kubernetes, or none that can be had does.
  type: str
  sample: 1.30.5
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases


def istio_version_for(kubernetes, available=None):
    """The Istio version for a Kubernetes version, of those that can be had."""
    if available is not None and (isinstance(available, str) or not all(isinstance(x, str) for x in available)):
        raise AnsibleFilterError(f"istio_version_for: available is {available!r}; give a list of whole versions")
    try:
        return releases.version_for(kubernetes, available)
    except releases.ReleaseError as error:
        raise AnsibleFilterError(f"istio_version_for: {error}") from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self):
        return {"istio_version_for": istio_version_for}
