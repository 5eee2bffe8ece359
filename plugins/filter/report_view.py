# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: report_view
short_description: Prepare the document of a lab report for an HTML page
version_added: "1.0.0"
description:
  - Returns the texts, the geometry of charts, and the images (as data URLs) that an HTML page shows.
  - >-
    Every string in the result is already escaped for HTML text and attributes. A template must not escape it again.
positional: _input, images
options:
  _input:
    description: The document, as P(meshlab.istio.report_document#filter) returns it.
    type: dict
    required: true
  images:
    description: Contents of the screenshots in base64, by path.
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
  description: The view that the role's template renders.
  type: dict
  sample: {title: "6 chapters ran, and every check passed.", verdict: pass}
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import document as report_document
from ansible_collections.meshlab.istio.plugins.plugin_utils.report import view


def report_view(document: dict[str, Any], images: dict[str, str] | None = None) -> dict[str, Any]:
    """Build the view; marked unsafe, because names of pods and services may look like templates."""
    if not isinstance(document, dict) or document.get("schema") != report_document.SCHEMA:
        got = f"schema {document.get('schema')}" if isinstance(document, dict) else f"a {type(document).__name__}"
        expected = f"a document of report_document with schema {report_document.SCHEMA}"
        raise AnsibleFilterError(f"report_view: the input must be {expected}, got {got}")
    return wrap_var(view.build(document, images))


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"report_view": report_view}
