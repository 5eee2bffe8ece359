# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: istio_version_for
short_description: Return the newest Istio version that supports a Kubernetes version
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Returns the newest patch of the newest Istio release that supports a Kubernetes version, from the collection's table
    of releases. For Kubernetes 1.18, this is V(1.7.4).
  - Works offline, so it does not know patches that are newer than the table.
options:
  _input:
    description: Kubernetes version, such as V(v1.33.1).
    type: str
    required: true
  available:
    description:
      - Full versions of Istio to choose from.
      - All versions of the table if not set.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Show the Istio version for a cluster
  ansible.builtin.debug:
    msg: "{{ 'v1.33.1' | meshlab.istio.istio_version_for }}"

- name: Show which of two versions supports a cluster
  ansible.builtin.debug:
    msg: "{{ 'v1.33.1' | meshlab.istio.istio_version_for(['1.26.0', '1.27.0']) }}"
"""

RETURN = r"""
_value:
  description: Full version of Istio. The filter fails if no version supports the Kubernetes version.
  type: str
  sample: 1.30.5
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases


def istio_version_for(kubernetes, available=None):
    """Return the Istio version for a Kubernetes version, out of those available."""
    if available is not None and (isinstance(available, str) or not all(isinstance(x, str) for x in available)):
        raise AnsibleFilterError(f"istio_version_for: available must be a list of full versions, got {available!r}")
    try:
        return releases.version_for(kubernetes, available)
    except releases.ReleaseError as error:
        raise AnsibleFilterError(f"istio_version_for: {error}") from error


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"istio_version_for": istio_version_for}
