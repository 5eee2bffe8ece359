# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: route_check_results
short_description: Summarize the route checks of a traffic shifting experiment
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Joins the route checks of P(meshlab.istio.traffic_plan#filter) with their measurements by
    M(meshlab.istio.istio_traffic_split), and adds the measurement of the requests that match no rule.
positional: _input
options:
  _input:
    description: Results of a loop of M(meshlab.istio.istio_traffic_split) over C(route_checks) of the plan.
    type: list
    elements: dict
    required: true
  split:
    description: Result of M(meshlab.istio.istio_traffic_split) for requests that match no rule.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show where each request went
  ansible.builtin.debug:
    msg: "{{ measured.results | meshlab.istio.route_check_results(split) }}"
"""

RETURN = r"""
_value:
  description:
    - >-
      For each route check C(name), C(request) (as text), C(backend) (the expected backend) and C(measurement). The last
      entry is named C(others), with an empty C(backend), because the weights decide.
  type: list
  elements: dict
  sample:
    - {name: tester, request: "/ with x-user: tester", backend: httpd, measurement: {verdict: pass}}
"""

from ansible_collections.meshlab.istio.plugins.plugin_utils import traffic_plan


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"route_check_results": traffic_plan.route_check_results}
