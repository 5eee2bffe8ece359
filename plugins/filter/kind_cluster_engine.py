# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: kind_cluster_engine
short_description: Choose the container engine of a kind cluster
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Chooses the first engine that answers, and explains why a C(docker) command cannot be used. The C(docker) command of
    the package C(podman-docker) is not Docker.
options:
  _input:
    description:
      - Registered results of C(docker info) and C(podman info) with C(--format) and JSON, with the name of the engine
        as C(item).
    type: list
    elements: dict
    required: true
  docker_version:
    description: Registered result of C(docker --version).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the engine
  ansible.builtin.debug:
    msg: "{{ (infos.results | meshlab.istio.kind_cluster_engine(docker_version)).name }}"
"""

RETURN = r"""
_value:
  description:
    - C(name), V(docker), V(podman) or empty.
    - C(reason) and C(remedy), why a C(docker) command cannot be used and what to do, empty if it can or does not exist.
    - C(error), the error of the first engine, empty if it answers.
    - C(info), what the engine printed about itself, C(memory_mb), the memory that Docker has, V(0) if unknown, and
      C(images_dir), the directory of its images.
  type: dict
  sample:
    name: podman
    reason: "Docker's daemon does not answer: Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    remedy: Start it (sudo systemctl start docker, or Docker Desktop).
    error: "Docker's daemon does not answer: Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    info: {}
    memory_mb: 0
    images_dir: /var/lib/containers/storage
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import container_engine

kind_cluster_engine = container_engine.engine


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"kind_cluster_engine": kind_cluster_engine}
