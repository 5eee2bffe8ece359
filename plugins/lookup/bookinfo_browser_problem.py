# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: bookinfo_browser_problem
short_description: Return why the controller cannot open Bookinfo in a browser
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Looks for the browser, the WebDriver and the Python package that M(meshlab.istio.bookinfo_browse) uses, on the
    controller.
"""

EXAMPLES = r"""
- name: Show why there is no browser
  ansible.builtin.debug:
    msg: "{{ lookup('meshlab.istio.bookinfo_browser_problem') or 'there is a browser' }}"
"""

RETURN = r"""
_raw:
  description: The problem, as the only element of the list. An empty string if there is none.
  type: list
  elements: str
  sample: [WebDriver (chromedriver in PATH) not found]
"""

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.meshlab.istio.plugins.module_utils._browser import browser


class LookupModule(LookupBase):
    """Ansible lookup plugin entry point."""

    def run(self, terms, variables=None, **kwargs):
        if terms or kwargs:
            raise AnsibleLookupError("bookinfo_browser_problem: terms and options are not supported")
        return [browser.problem()]
