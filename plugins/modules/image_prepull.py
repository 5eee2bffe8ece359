#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_prepull
short_description: Pre-pull container images onto cluster nodes
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Makes the kubelet of every node pull images, with the container runtime and the registry credentials of the cluster.
    Nothing is installed on the nodes, and no program of the images runs.
  - >-
    On each node that does not have an image, the module creates a pod whose containers use the images with a command
    that does not exist in them. The module deletes these pods before it ends.
  - >-
    For an image that cannot be pulled, the message contains the kubelet's message and the remedy. If the registry
    rejects the pull, because the image does not exist or access is denied, the module fails immediately. If the
    registry does not respond, the kubelet retries until O(timeout).
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
    details: Fails for anything that would prevent a pull (missing namespace or Secret, a node that is not Ready).
      Otherwise predicts the change from the images that the nodes list. By default, a kubelet lists only the 50 largest
      images, and lists a new one only after about ten seconds, so an image may be reported as missing although the
      node has it.
  diff_mode:
    support: full
    details: Shows which of the images each node has.
  idempotent:
    support: full
options:
  images:
    description: Names of the images, as in the spec of a pod.
    type: list
    elements: str
    required: true
  namespace:
    description: Namespace for the pods. The Secrets in O(pull_secrets) must be in it.
    type: str
    default: default
  node_selector:
    description: Labels of the nodes to select. All nodes if empty, including tainted and cordoned ones.
    type: dict
    default: {}
  pull_secrets:
    description: Names of Secrets in O(namespace) that hold registry credentials.
    type: list
    elements: str
    default: []
  timeout:
    description: Maximum time for all pulls together, in seconds.
    type: int
    default: 600
    aliases: [wait_timeout]
"""

EXAMPLES = r"""
- name: Pre-pull Istio's images onto every node before an upgrade
  meshlab.istio.image_prepull:
    images:
      - docker.io/istio/pilot:1.27.0
      - docker.io/istio/proxyv2:1.27.0

- name: Pre-pull an image from a registry that requires credentials
  meshlab.istio.image_prepull:
    images: [registry.example.com/istio/proxyv2:1.27.0]
    namespace: istio-system
    pull_secrets: [registry-example]
"""

RETURN = r"""
images:
  description: State of each image on each node.
  returned: always, once the nodes have been read
  type: list
  elements: dict
  contains:
    node:
      description: Name of the node.
      returned: always
      type: str
      sample: meshlab-control-plane
    image:
      description: Name of the image as in O(images).
      returned: always
      type: str
      sample: docker.io/istio/pilot:1.27.0
    state:
      description:
        - V(present) if the node already had the image, V(pulled) if it was pulled, V(failed) if it could not be pulled,
          V(pending) if the pull was not finished at O(timeout).
        - In check mode, V(pending) if it would be pulled.
      returned: always
      type: str
      choices: [present, pulled, failed, pending]
      sample: pulled
    message:
      description: The kubelet's message if the image could not be pulled, else empty.
      returned: always
      type: str
      sample: ""
elapsed:
  description: Elapsed time in seconds.
  returned: success
  type: float
  sample: 12.3
"""

import time

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import prepull
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers


def diff_text(rows, states):
    """Return the images in one of these states as text for the diff, one per line."""
    return "".join(f"{x['node']}: {x['image']}\n" for x in rows if x["state"] in states)


def main():
    module = ClusterModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "namespace": {"type": "str", "default": "default"},
            "node_selector": {"type": "dict", "default": {}},
            "pull_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "timeout": {"type": "int", "default": 600, "aliases": ["wait_timeout"]},
        },
        supports_check_mode=True,
    )
    check_numbers(module, {"timeout": (1, DAY)})
    started = time.monotonic()
    try:
        with connect(module.params) as cluster:
            run = prepull.Prepull(cluster, module.params)
            missing = run.find_missing()
            run.check(missing)
            states = {} if module.check_mode or not any(missing.values()) else run.pull(missing)
    except ClusterError as error:
        module.fail_json(msg=str(error))
    if run.remaining_pods:
        module.warn(
            f"pods in namespace {module.params['namespace']} did not terminate within {prepull.TERMINATION_SECONDS} s: "
            f"{', '.join(run.remaining_pods)}; check whether their node is down"
        )
    rows = prepull.result_rows(missing, states, run.images)
    after = ("present", "pulled", "pending") if module.check_mode else ("present", "pulled")
    result = {
        "changed": any(x["state"] in after and x["state"] != "present" for x in rows),
        "images": rows,
        "diff": {"before": diff_text(rows, ("present",)), "after": diff_text(rows, after)},
    }
    failed = [line for node, images in states.items() for line in prepull.failures(node, images)]
    if failed:
        module.fail_json(msg="\n".join(failed), **result)
    module.exit_json(elapsed=round(time.monotonic() - started, 1), **result)


if __name__ == "__main__":
    main()
