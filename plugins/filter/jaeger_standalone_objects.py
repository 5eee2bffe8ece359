# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: jaeger_standalone_objects
short_description: Find the objects of Jaeger's own all-in-one template
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Returns the objects that have the labels of Jaeger's all-in-one template, except those that an operator manages.
    Istio's own add-on does not have these labels.
options:
  _input:
    description: Deployments and Services as M(kubernetes.core.k8s_info) returns them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the Services
  kubernetes.core.k8s_info:
    kind: Service
    namespace: istio-system
  register: found

- name: Remove the objects of Jaeger's all-in-one template
  kubernetes.core.k8s:
    state: absent
    definition: "{{ found.resources | meshlab.istio.jaeger_standalone_objects }}"
"""

RETURN = r"""
_value:
  description: API version, kind, name and namespace of each object.
  type: list
  elements: dict
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import jaeger_addon


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"jaeger_standalone_objects": jaeger_addon.standalone_objects}
