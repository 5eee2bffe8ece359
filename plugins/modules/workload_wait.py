#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: workload_wait
short_description: Wait for Deployments to be rolled out and Services to have endpoints
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Waits until Deployments are completely rolled out and available, optionally with sidecars, and then until Services
    have the expected number of ready endpoints.
  - >-
    On timeout, the message lists what is not ready and why: the state of each container and its last events, as
    C(kubectl describe) shows them. For an image that could not be pulled, it includes the remedy.
  - >-
    A Service whose selector matches no pod has no endpoints, which Kubernetes does not report. The message shows the
    selector, the labels of the pods, and the selector that was probably meant.
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
    details: The module changes nothing. In check mode, it checks once and neither waits nor fails, because the objects
      may not have been created.
  diff_mode:
    support: none
    details: The module changes nothing.
  idempotent:
    support: full
options:
  namespace:
    description: Namespace of the Deployments.
    type: str
    required: true
  deployments:
    description: Names of the Deployments. If not set, all Deployments of the namespace, which must have at least one.
    type: list
    elements: str
    default: []
  sidecars:
    description: Whether every pod must have the sidecar C(istio-proxy).
    type: bool
    default: false
  without_sidecar:
    description: Names of the Deployments whose pods must not have a sidecar, regardless of O(sidecars).
    type: list
    elements: str
    default: []
  services:
    description: The exact number of ready endpoints that each Service must have, as a dictionary of names and numbers.
    type: dict
    default: {}
  timeout:
    description: Maximum time to wait, in seconds.
    type: int
    default: 300
    aliases: [wait_timeout]
"""

EXAMPLES = r"""
- name: Wait for the control plane to be ready
  meshlab.istio.workload_wait:
    namespace: istio-system
    deployments: [istiod, istio-ingressgateway]

- name: Wait for all Bookinfo Deployments to be ready with sidecars
  meshlab.istio.workload_wait:
    namespace: default
    sidecars: true
    timeout: 600

- name: Wait for two backends, a client without a sidecar, and the endpoints of the Services
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
      description: Number of ready containers out of all long-running ones, as C(kubectl get pods) shows it.
      returned: always
      type: str
      sample: 2/2
    phase:
      description: Phase of the pod.
      returned: always
      type: str
      sample: Running
    restarts:
      description: Number of container restarts.
      returned: always
      type: int
      sample: 0
    sidecar:
      description: Whether the pod has the sidecar.
      returned: always
      type: bool
      sample: true
    ip:
      description: IP address of the pod.
      returned: always
      type: str
      sample: 198.18.64.12
reasons:
  description: Why the workloads are not ready, one line each. Empty on success, except in check mode.
  returned: always
  type: list
  elements: str
  sample: []
elapsed:
  description: Elapsed time in seconds.
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
    no_result = {"reasons": [], "elapsed": 0.0}
    check_numbers(module, {"timeout": (0, DAY)}, **no_result)
    try:
        services = {name: int(number) for name, number in module.params["services"].items()}
    except (TypeError, ValueError):
        module.fail_json(msg=f"services must map names to numbers, got {module.params['services']}", **no_result)
    for name, number in services.items():
        problem = number_problem(f"services: {name}", number, 0)
        if problem:
            module.fail_json(msg=problem, **no_result)
    started = time.monotonic()
    deadline = started if module.check_mode else started + timeout
    try:
        with connect(module.params) as cluster:
            reasons, pods = wait_for_deployments(
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
        module.fail_json(msg=str(error), reasons=[], elapsed=round(time.monotonic() - started, 1))
    result = {"reasons": reasons, "elapsed": round(time.monotonic() - started, 1)}
    if reasons and not module.check_mode:
        module.fail_json(msg=f"not ready in namespace {namespace} after {timeout} s:\n" + "\n".join(reasons), **result)
    module.exit_json(changed=False, pods=pods, **result)


if __name__ == "__main__":
    main()
