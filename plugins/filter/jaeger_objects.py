# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: jaeger_objects
short_description: Adapt the Jaeger add-on of an Istio release to the lab
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Exposes the user interface on a node port and adds a startup probe to the pod.
  - Adds a volume and a Telemetry object if they are set.
positional: namespace
options:
  _input:
    description: Documents of the release's C(samples/addons/jaeger.yaml).
    type: list
    elements: dict
    required: true
  namespace:
    description: Namespace of Jaeger.
    type: str
    required: true
  node_port:
    description: Node port of the user interface.
    type: int
    required: true
  volume:
    description: Size of a volume for the spans, such as V(1Gi). No volume is used if empty.
    type: str
    default: ""
  volume_path:
    description: Directory on the node for the volume. If empty, the default storage class provides the volume.
    type: str
    default: ""
  telemetry:
    description: C(provider) (name) and C(sampling) (in percent) of a Telemetry object. By default, none is created.
    type: dict
  for_removal:
    description: Whether to include the objects of the volume even if O(volume) is empty.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Apply Jaeger
  kubernetes.core.k8s:
    definition: "{{ addon | from_yaml_all | meshlab.istio.jaeger_objects('istio-system', node_port=30686) }}"
  vars:
    addon: "{{ lookup('ansible.builtin.file', '/opt/istio/current/samples/addons/jaeger.yaml') }}"
"""

RETURN = r"""
_value:
  description: Objects in the order of creation.
  type: list
  elements: dict
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import jaeger_addon


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"jaeger_objects": jaeger_addon.objects}
