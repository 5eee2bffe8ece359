# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: jaeger_mesh_config
short_description: Compute the mesh configuration with which proxies can send spans to Jaeger
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Returns the C(meshConfig) to install Istio with, so that proxies can send spans to Jaeger: a tracing provider for
    Istio 1.22 and newer, the sampling for older releases.
positional: version
options:
  _input:
    description: Content of the profile to install Istio with. Its tracing providers are kept.
    type: dict
    required: true
  version:
    description: Istio version. The result is empty if the version is empty.
    type: str
    required: true
  provider:
    description: Name of the tracing provider for Istio 1.22 and newer.
    type: str
    required: true
  namespace:
    description: Namespace of Jaeger.
    type: str
    required: true
  sampling:
    description: Requests to trace, in percent. Part of the mesh configuration up to Istio 1.21 only.
    type: float
    required: true
"""

EXAMPLES = r"""
- name: Set the mesh configuration
  ansible.builtin.set_fact:
    mesh_config: >-
      {{ profile | meshlab.istio.jaeger_mesh_config('1.27.0', provider='jaeger', namespace='istio-system',
                                                    sampling=100) }}
"""

RETURN = r"""
_value:
  description: Mesh configuration, as C(spec.meshConfig) of an IstioOperator. Empty if the profile is sufficient.
  type: dict
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.plugin_utils import jaeger_addon


def jaeger_mesh_config(profile, version, provider, namespace, sampling):
    """Call jaeger_addon.mesh_config() and raise AnsibleFilterError for its errors."""
    try:
        return jaeger_addon.mesh_config(profile, version, provider, namespace, sampling)
    except releases.ReleaseError as error:
        raise AnsibleFilterError(f"jaeger_mesh_config: {error}") from error


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"jaeger_mesh_config": jaeger_mesh_config}
