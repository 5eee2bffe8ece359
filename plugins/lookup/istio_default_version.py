# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: istio_default_version
short_description: Return the default Istio version
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Returns the default version of the role P(meshlab.istio.istioctl#role), from the collection's table of releases.
  - To get the version for a cluster, use the filter P(meshlab.istio.istio_version_for#filter).
"""

EXAMPLES = r"""
- name: Show the default Istio version
  ansible.builtin.debug:
    msg: "{{ lookup('meshlab.istio.istio_default_version') }}"
"""

RETURN = r"""
_raw:
  description: Full version, as the only element of the list.
  type: list
  elements: str
  sample: [1.27.0]
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases


class LookupModule(LookupBase):
    """Ansible lookup plugin entry point."""

    def run(self, terms, variables=None, **kwargs):
        if terms or kwargs:
            raise AnsibleLookupError("istio_default_version: terms and options are not supported")
        return [releases.DEFAULT]
