# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: traffic_plan
short_description: Validate a traffic shifting experiment, and plan what to apply and measure
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Validates backends, their weights, match rules and route checks, and plans what the role
    P(meshlab.istio.traffic_shifting#role) applies and measures. Reports all problems at once.
  - >-
    Weights are converted to percentages if all of these are whole numbers (9 and 1 become 90 and 10). Otherwise (1, 1
    and 1) they stay unchanged, which requires Istio 1.15 or newer; they are rejected for an older version.
positional: _input
options:
  _input:
    description:
      - >-
        The backends by name. Each has C(match), a regular expression that only its responses match.
    type: dict
    required: true
  weights:
    description: Weights of the backends by name, as whole numbers. The default weight is 0.
    type: dict
    required: true
  match_rules:
    description:
      - Rules that take precedence over the weights, in order of precedence.
      - >-
        Each has C(name), C(match) (an Istio HTTPMatchRequest), C(backend), and may have C(rewrite) (a path that
        replaces the matched one).
    type: list
    elements: dict
    default: []
  route_checks:
    description:
      - Requests with their expected backend.
      - Each has C(name) and C(backend), and may have C(path) (default C(/)) and C(headers).
    type: list
    elements: dict
    default: []
  istio_version:
    description: The Istio version that must accept the weights. Unknown if empty.
    type: str
    default: ""
  reserved_names:
    description: Names that a backend must not have.
    type: list
    elements: str
    default: []
  max_requests:
    description: The largest number of requests of a measurement.
    type: int
    default: 1000
  significance:
    description: Probability that a correct split is judged V(fail) by chance.
    type: float
    default: 0.001
"""

EXAMPLES = r"""
- name: Show how weights of 4 and 1 are applied
  ansible.builtin.debug:
    msg: "{{ backends | meshlab.istio.traffic_plan({'tomcat': 4, 'httpd': 1}) }}"
  vars:
    backends:
      tomcat: {match: Apache Tomcat}
      httpd: {match: hello httpd}
"""

RETURN = r"""
_value:
  description:
    - C(weights) as applied.
    - C(backends) for M(meshlab.istio.istio_traffic_split) with these weights, and C(even_backends), with equal weights.
    - >-
      C(route_checks), each with C(name), C(path), C(headers), C(backend) (which must get all of these requests),
      C(request) (as text) and C(backends) for M(meshlab.istio.istio_traffic_split).
    - C(requests_without_sidecar), enough requests to show that weights have no effect without a sidecar.
    - C(pages), the files that a backend must serve for the route checks.
  type: dict
  sample:
    weights: {tomcat: 80, httpd: 20}
    requests_without_sidecar: 200
    pages: [/index.html]
    route_checks: []
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.plugin_utils import traffic_plan


def plan(backends, weights, **options):
    """The plan as a dictionary. Raises AnsibleFilterError with all problems of the options."""
    try:
        return traffic_plan.plan(backends, weights, **options)
    except (traffic_plan.PlanError, releases.ReleaseError) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"traffic_plan": plan}
