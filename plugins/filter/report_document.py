# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: report_document
short_description: What the facts of a lab say, as the document of its report
version_added: "0.1.0"
description:
  - Takes the facts that the roles of the collection set, and returns what the report says.
  - Only named fields of the facts get into it. Facts that are empty or not there are reported as missing.
positional: _input, made, images
options:
  _input:
    description: The facts by their names, as C(lab_report_facts) of the role P(meshlab.istio.lab_report#role) has them.
    type: dict
    required: true
  made:
    description: When the report is made, in ISO 8601.
    type: str
    required: true
  images:
    description: The content of the screenshots that C(bookinfo_screenshots) names, in base64, by their paths.
    type: dict
    default: {}
seealso:
  - plugin: meshlab.istio.report_view
    plugin_type: filter
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Say in one word whether everything holds
  ansible.builtin.debug:
    msg: "{{ (facts | meshlab.istio.report_document(now(utc=true).isoformat())).verdict }}"
  vars:
    facts:
      istio_version: "{{ istio_version }}"
      istio_pods: "{{ istio_pods }}"
      traffic_shifting_split: "{{ traffic_shifting_split }}"
"""

RETURN = r"""
_value:
  description: The document. C(docs/report.schema.json) of the collection describes it.
  type: dict
  sample: {schema: 1, verdict: pass, made: "2026-11-27T16:03:12Z"}
"""

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.meshlab.istio.plugins.plugin_utils import report


def report_document(facts, made, images=None):
    """What the facts say; never a template, whatever a pod or a service is called."""
    if not isinstance(facts, dict):
        raise AnsibleFilterError(f"report_document takes a dictionary of facts, not a {type(facts).__name__}")
    return wrap_var(report.document(facts, made, images))


class FilterModule:
    def filters(self):
        return {"report_document": report_document}
