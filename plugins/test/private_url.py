# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: private_url
short_description: Test whether a URL leads to a private address
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Whether the host of a URL is an address that is not routed on the internet, such as a loopback or node address, or
    C(localhost). Requests to such a URL must not be sent to a proxy.
  - Other names are not resolved, and are not private.
options:
  _input:
    description: A URL.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Request a page of the lab without a proxy
  ansible.builtin.uri:
    url: "{{ page }}"
    use_proxy: "{{ page is not meshlab.istio.private_url }}"
  vars:
    page: http://127.0.0.1:30080/productpage
"""

RETURN = r"""
_value:
  description: Whether the address is private.
  type: bool
"""

from ansible_collections.meshlab.istio.plugins.module_utils._urls import is_private


class TestModule:
    """Ansible test plugin entry point."""

    def tests(self):
        return {"private_url": is_private}
