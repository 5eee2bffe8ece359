# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: report_view
short_description: The document of a lab's report as what a page shows of it
version_added: "0.1.0"
description:
  - Adds to a document what a page needs, such as the geometry of charts, numbers in words and images as data URLs.
  - >-
    Every string that it returns is escaped for HTML already, for texts and for attributes. A template must not do it
    again.
positional: _input, images
options:
  _input:
    description: The document, as P(meshlab.istio.report_document#filter) returns it.
    type: dict
    required: true
  images:
    description: The content of the screenshots in base64, by their paths.
    type: dict
    default: {}
seealso:
  - plugin: meshlab.istio.report_document
    plugin_type: filter
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Show the title of the page
  ansible.builtin.debug:
    msg: "{{ (lab_report_document | meshlab.istio.report_view).title }}"
"""

RETURN = r"""
_value:
  description: The view, as the role's template takes it.
  type: dict
  sample: {title: "5 chapters ran, and everything that was checked holds.", verdict: pass}
"""

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.meshlab.istio.plugins.plugin_utils import report


def report_view(document, images=None):
    """The document as a page shows it; never a template, whatever a pod or a service is called."""
    if not isinstance(document, dict) or document.get("schema") != report.SCHEMA:
        raise AnsibleFilterError(f"report_view takes what report_document returns, of schema {report.SCHEMA}")
    return wrap_var(report.view(document, images))


class FilterModule:
    def filters(self):
        return {"report_view": report_view}
