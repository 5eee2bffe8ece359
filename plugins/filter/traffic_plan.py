# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: traffic_plan
short_description: What to apply and to measure for weights between backends
version_added: "0.1.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Checks backends, the weights between them and the rules before these, and works out what the role
    P(meshlab.istio.traffic_shifting#role) applies and measures. What is wrong ends it with a message that names it.
  - >-
    Weights of any sum are turned into per cent where that is exact (9 and 1 give 90 and 10). Where it is not (1, 1 and
    1) they stay as they are, which Istio takes since 1.15; for an older one they are refused.
  - A request is made for each rule, and one that meets two rules where there is one, to show that the first wins.
positional: _input
options:
  _input:
    description:
      - The backends, a dictionary of their names. Each has C(match), the text that tells its answers from others.
    type: dict
    required: true
  weights:
    description: Weights of backends, a dictionary of names and whole numbers. Those without one get nothing.
    type: dict
    required: true
  rules:
    description:
      - Rules before the weights, in the order in which a proxy tries them.
      - >-
        Each has C(name), C(match) (an Istio HTTPMatchRequest with C(uri), C(headers), or both), C(to) (a backend), and
        may have C(rewrite) (the path that takes the place of what matched), and C(request) (C(path) and C(headers) that
        meet it, needed for a C(regex)).
    type: list
    elements: dict
    default: []
  istio_version:
    description: The Istio that is to take it. Not known if empty.
    type: str
    default: ""
  taken:
    description: Names that a backend must not have.
    type: list
    elements: str
    default: []
  most:
    description: As many requests a measurement may have.
    type: int
    default: 1000
  significance:
    description: How often a right split may be called wrong.
    type: float
    default: 0.001
"""

EXAMPLES = r"""
- name: Show what weights of 4 and 1 come to
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
    - C(weights), as Istio takes them.
    - C(backends) for M(meshlab.istio.istio_traffic_split) with these weights, and C(even), with equal weights.
    - >-
      C(requests), those that show the rules: each with C(name), C(path), C(headers), C(to) (the backend that must get
      all of them), C(why), C(request) (in words) and C(backends).
    - C(enough), how many requests show that weights do not act, such as those of a client outside of the mesh.
    - C(pages), the files that a backend has to have to answer them all.
  type: dict
  sample: {weights: {tomcat: 80, httpd: 20}, enough: 200, pages: [/index.html], requests: []}
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.plugin_utils import traffic_plan


def plan(backends, weights, rules=(), istio_version="", taken=(), most=1000, significance=0.001):
    """The plan as a dictionary, in plain words where there is none."""
    try:
        return traffic_plan.plan(backends, weights, rules, istio_version, taken, most, significance)
    except (traffic_plan.PlanError, releases.ReleaseError) as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self):
        return {"traffic_plan": plan}
