#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: image_prepull
short_description: Have images on the nodes of a cluster before they are needed
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Makes every node pull images, by the kubelet itself, so with whatever container runtime and registry credentials the
    cluster has, containerd and Docker alike. Nothing has to be installed on the nodes, and nothing of the images runs.
  - >-
    For each node that lacks an image it makes a pod whose containers name the images, with a command that none of them
    has. The pods are gone when the module ends.
  - >-
    An image that does not come is told with the kubelet's own words, and the way out. Where the registry says no
    (there is no such image, or not for this cluster), the module ends at once; where it does not answer, the kubelet
    tries again until O(timeout).
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
    details: What would keep a run from pulling (no such namespace or Secret, a node that is not Ready) fails here too.
      Else it goes by the images that the nodes list. A kubelet lists the 50 largest, and a new one after some ten
      seconds, so one that is there may be taken for missing.
  diff_mode:
    support: full
    details: Shows the images of O(images) that each node has.
  idempotent:
    support: full
options:
  images:
    description: Names of the images, as a pod would name them.
    type: list
    elements: str
    required: true
  namespace:
    description: Namespace of the pods. Their Secrets are those of O(pull_secrets).
    type: str
    default: default
  node_selector:
    description: Labels of the nodes that are meant, a dictionary. All nodes if empty, tainted and cordoned ones too.
    type: dict
    default: {}
  pull_secrets:
    description: Names of Secrets with credentials of registries, in O(namespace).
    type: list
    elements: str
    default: []
  timeout:
    description: Time for the whole run, in seconds.
    type: int
    default: 600
    aliases: [wait_timeout]
"""

EXAMPLES = r"""
- name: Have Istio's images on every node before the upgrade
  meshlab.istio.image_prepull:
    images:
      - docker.io/istio/pilot:1.27.0
      - docker.io/istio/proxyv2:1.27.0

- name: From a registry that wants a password
  meshlab.istio.image_prepull:
    images: [registry.example.com/istio/proxyv2:1.27.0]
    namespace: istio-system
    pull_secrets: [registry-example]
"""

RETURN = r"""
images:
  description: What became of each image on each node.
  returned: always, once the nodes were looked at
  type: list
  elements: dict
  contains:
    node:
      description: Name of the node.
      returned: always
      type: str
      sample: meshlab-control-plane
    image:
      description: The image, as it was asked for.
      returned: always
      type: str
      sample: docker.io/istio/pilot:1.27.0
    state:
      description: V(present) was there, V(pulled) came now, V(failed) did not come, V(pending) was on its way when the
        time was over. In check mode, V(pending) is what a run would pull.
      returned: always
      type: str
      choices: [present, pulled, failed, pending]
      sample: pulled
    message:
      description: Why it did not come, in the kubelet's words.
      returned: always
      type: str
      sample: ""
elapsed:
  description: Time that it took, in seconds.
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


def lines(rows, states):
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
            wanted = run.look()
            run.check(wanted)
            states = {} if module.check_mode or not any(wanted.values()) else run.pull(wanted)
    except ClusterError as error:
        module.fail_json(msg=str(error))
    if run.left:
        module.warn(
            f"in namespace {module.params['namespace']} pods did not go within {prepull.GONE_SECONDS} s after they "
            f"were deleted: {', '.join(run.left)}; see what keeps them, as their node may be down"
        )
    rows = prepull.rows(wanted, states, run.images)
    coming = ("present", "pulled", "pending") if module.check_mode else ("present", "pulled")
    result = {
        "changed": any(x["state"] in coming and x["state"] != "present" for x in rows),
        "images": rows,
        "diff": {"before": lines(rows, ("present",)), "after": lines(rows, coming)},
    }
    failed = [line for node, images in states.items() for line in prepull.failures(node, images)]
    if failed:
        module.fail_json(msg="\n".join(failed), **result)
    module.exit_json(elapsed=round(time.monotonic() - started, 1), **result)


if __name__ == "__main__":
    main()
