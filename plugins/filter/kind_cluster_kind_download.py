# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_kind_download
short_description: Compute the URL and the checksum of the kind tool for a machine
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Computes the download of the kind tool for the architecture of a machine.
options:
  _input:
    description: Machine name of the kernel, as printed by C(uname -m).
    type: str
    required: true
  mirror:
    description: URL of a server with the layout of V(https://kind.sigs.k8s.io/dl).
    type: str
    required: true
  version:
    description: Version of kind, without C(v).
    type: str
    required: true
  checksum:
    description: Requested SHA-256 checksum. Empty for the known one.
    type: str
    required: true
  known:
    description: Known SHA-256 checksums of this version, by architecture.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the download of kind
  ansible.builtin.debug:
    msg: "{{ 'aarch64' | meshlab.istio.kind_cluster_kind_download('https://kind.sigs.k8s.io/dl', '0.33.0', '', {}) }}"
"""

RETURN = r"""
_value:
  description:
    - C(machine), C(version), C(url) (empty if kind is not published for the machine), C(file_name) and C(checksum),
      which is the URL of the release's checksum file if no checksum is known.
  type: dict
  sample:
    machine: aarch64
    version: 0.33.0
    url: https://kind.sigs.k8s.io/dl/v0.33.0/kind-linux-arm64
    file_name: kind-v0.33.0-linux-arm64
    checksum: sha256:https://kind.sigs.k8s.io/dl/v0.33.0/kind-linux-arm64.sha256sum
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_tool

kind_cluster_kind_download = kind_tool.download


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_kind_download": kind_cluster_kind_download}
