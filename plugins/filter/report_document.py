# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: report_document
short_description: Build the document of a lab report from facts
version_added: "1.0.0"
description:
  - Builds the document of the report from the facts that the roles of the collection set.
  - Only named fields of the facts get into the document.
  - A chapter whose facts are empty or not set is reported as missing.
positional: _input, created, chapters, images
options:
  _input:
    description: Facts by their names, such as C(lab_report_facts) of the role P(meshlab.istio.lab_report#role).
    type: dict
    required: true
  created:
    description: Time of the report, in ISO 8601.
    type: str
    required: true
  chapters:
    description:
      - Chapters of the lab in the order of the report, such as C(lab_report_chapters) of the role
        P(meshlab.istio.lab_report#role).
      - Each has a C(name), a C(title), and C(ran), the name of a fact that is set only if the chapter ran. Chapters
        without C(ran) are not in the document.
    type: list
    elements: dict
    required: true
  images:
    description: Contents of the screenshots in C(bookinfo_screenshots), in base64, by path.
    type: dict
    default: {}
seealso:
  - plugin: meshlab.istio.report_view
    plugin_type: filter
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Show the verdict of the whole lab
  ansible.builtin.debug:
    msg: "{{ (facts | meshlab.istio.report_document(now(utc=true).isoformat(), chapters)).verdict }}"
  vars:
    chapters:
      - {name: install, title: Istio and its ingress gateway, ran: istio_version}
      - {name: traffic, title: Weights between backends, ran: traffic_shifting_split}
    facts:
      istio_version: "{{ istio_version }}"
      istio_pods: "{{ istio_pods }}"
      traffic_shifting_split: "{{ traffic_shifting_split }}"
"""

RETURN = r"""
_value:
  description: The document. C(docs/report.schema.json) of the collection describes it.
  type: dict
  sample: {schema: 1, verdict: pass, created: "2026-11-27T16:03:12Z"}
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.meshlab.istio.plugins.plugin_utils.report import document


def report_document(
    facts: dict[str, Any], created: str, chapters: list[dict[str, Any]], images: dict[str, str] | None = None
) -> dict[str, Any]:
    """Build the document; marked unsafe, because names of pods and services may look like templates."""
    if not isinstance(facts, dict):
        raise AnsibleFilterError(f"report_document: facts must be a dictionary, got a {type(facts).__name__}")
    return wrap_var(document.build(facts, created, chapters, images))


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"report_document": report_document}
