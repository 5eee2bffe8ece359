# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_image_source
short_description: Choose where the images of a kind cluster come from
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Chooses between a registry, an archive and building, and explains why a registry does not answer.
options:
  _input:
    description: Requested source, V(auto), V(registry), V(build) or V(archive).
    type: str
    required: true
  archive:
    description: Path of an archive with the node image. Empty if there is none.
    type: str
    required: true
  registry:
    description: Host name of the registry.
    type: str
    required: true
  mirror:
    description: Mirror that replaces the registry. Empty if there is none.
    type: str
    required: true
  answer:
    description:
      - Registered result of the module M(ansible.builtin.uri) for the registry or its mirror. Empty if no request
        was sent.
    type: dict
    required: true
  engine:
    description: What the container engine prints about itself, as JSON. The proxy of Docker is named if there is one.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the source of the images
  ansible.builtin.debug:
    msg: "{{ 'auto' | meshlab.istio.kind_cluster_image_source('', 'registry-1.docker.io', '', answer, {}) }}"
"""

RETURN = r"""
_value:
  description:
    - C(source), V(registry), V(build) or V(archive), and C(reason).
    - C(problem) and C(remedy), why a registry that is requested or the default does not answer and what to do. Empty
      if it answers.
  type: dict
  sample: {source: registry, reason: Docker Hub (registry-1.docker.io) answers, problem: "", remedy: ""}
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import image_source

kind_cluster_image_source = image_source.image_source


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_image_source": kind_cluster_image_source}
