#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: workload_wait
short_description: Wait until Deployments are rolled out and Services have endpoints, and say why when they are not
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Waits until Deployments are rolled out whole and available, with their sidecars where asked, and then until Services
    have their endpoints.
  - >-
    When the time is over it names what is not ready and why: the state of each container and the last events, as
    one would find out with C(kubectl describe). For an image that did not come it names the ways out.
  - >-
    A Service whose selector fits no pod has no endpoints, and no part of Kubernetes says so. Here the message says
    which labels it selects, which ones the pods carry, and which were probably meant.
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
requirements:
  - python >= 3.9
  - kubernetes >= 24.2.0 (Python library)
attributes:
  check_mode:
    support: full
    details: It changes nothing. In check mode it looks once and does not wait or fail, since what it would wait for
      may not have been made.
  diff_mode:
    support: none
    details: It changes nothing.
  idempotent:
    support: full
options:
  namespace:
    description: Namespace of the Deployments.
    type: str
    required: true
  deployments:
    description: Names of the Deployments. All of the namespace if not set, and there must be one then.
    type: list
    elements: str
    default: []
  sidecars:
    description: Whether every pod must have the sidecar C(istio-proxy) too.
    type: bool
    default: false
  without_sidecar:
    description: Names of the Deployments whose pods must not have a sidecar, regardless of O(sidecars).
    type: list
    elements: str
    default: []
  services:
    description: How many ready endpoints each of these Services must have, exactly; a dictionary of names and numbers.
    type: dict
    default: {}
  timeout:
    description: Time to wait, in seconds.
    type: int
    default: 300
    aliases: [wait_timeout]
"""

EXAMPLES = r"""
- name: Wait for the control plane
  meshlab.istio.workload_wait:
    namespace: istio-system
    deployments: [istiod, istio-ingressgateway]

- name: Wait for every workload of Bookinfo, with its sidecar
  meshlab.istio.workload_wait:
    namespace: default
    sidecars: true
    timeout: 600

- name: Wait for two backends, a client without a sidecar, and the endpoints of their Services
  meshlab.istio.workload_wait:
    namespace: shop
    deployments: [catalog-v1, catalog-v2, client-no-sidecar]
    sidecars: true
    without_sidecar: [client-no-sidecar]
    services: {catalog-v1: 1, catalog-v2: 1, catalog: 2}
"""

RETURN = r"""
pods:
  description: The pods of the Deployments.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the pod.
      returned: always
      type: str
      sample: reviews-v1-7b5d4c9c6b-x2x5s
    ready:
      description: Ready containers of all that keep running, as C(kubectl get pods) counts them.
      returned: always
      type: str
      sample: 2/2
    phase:
      description: Phase of the pod.
      returned: always
      type: str
      sample: Running
    restarts:
      description: Number of restarts of its containers.
      returned: always
      type: int
      sample: 0
    sidecar:
      description: Whether it has the sidecar.
      returned: always
      type: bool
      sample: true
    ip:
      description: Address of the pod.
      returned: always
      type: str
      sample: 198.18.64.12
not_ready:
  description: What was not ready. Empty unless in check mode or on failure.
  returned: always
  type: list
  elements: str
  sample: []
elapsed:
  description: Time that it took, in seconds.
  returned: always
  type: float
  sample: 4.1
"""

import time

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.deployments import wait_for_deployments
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers, number_problem


def main():
    module = ClusterModule(
        argument_spec={
            "namespace": {"type": "str", "required": True},
            "deployments": {"type": "list", "elements": "str", "default": []},
            "sidecars": {"type": "bool", "default": False},
            "without_sidecar": {"type": "list", "elements": "str", "default": []},
            "services": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 300, "aliases": ["wait_timeout"]},
        },
        supports_check_mode=True,
    )
    namespace, timeout = module.params["namespace"], module.params["timeout"]
    nothing = {"not_ready": [], "elapsed": 0.0}
    check_numbers(module, {"timeout": (0, DAY)}, **nothing)
    try:
        services = {name: int(number) for name, number in module.params["services"].items()}
    except (TypeError, ValueError):
        module.fail_json(msg=f"services: {module.params['services']}: each name has a number", **nothing)
    for name, number in services.items():
        told = number_problem(f"services: {name}", number, 0)
        if told:
            module.fail_json(msg=told, **nothing)
    started = time.monotonic()
    deadline = started if module.check_mode else started + timeout
    try:
        with connect(module.params) as cluster:
            missing, pods = wait_for_deployments(
                cluster,
                namespace,
                module.params["deployments"],
                module.params["sidecars"],
                deadline,
                explain=not module.check_mode,
                without_sidecar=module.params["without_sidecar"],
                services=services,
            )
    except ClusterError as error:
        module.fail_json(msg=str(error), not_ready=[], elapsed=round(time.monotonic() - started, 1))
    result = {"not_ready": missing, "elapsed": round(time.monotonic() - started, 1)}
    if missing and not module.check_mode:
        module.fail_json(msg=f"not ready in namespace {namespace} after {timeout} s:\n" + "\n".join(missing), **result)
    module.exit_json(changed=False, pods=pods, **result)


if __name__ == "__main__":
    main()
