#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_connection_info
short_description: Find out which cluster is named, or fail if none is
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Returns the kubeconfig that the modules of this collection would use, without connecting to the cluster.
  - >-
    Fails if none is named. The modules of C(kubernetes.core) would use C(~/.kube/config) then, which may lead to any
    cluster. Run this module before them and give them RV(kubeconfig), so that all modules use the same cluster.
  - >-
    Fails also if both O(kubeconfig) and the environment variable E(K8S_AUTH_HOST) are set, because C(kubernetes.core)
    would connect to that host.
  - >-
    A cluster is named by O(kubeconfig), by the environment variables E(K8S_AUTH_KUBECONFIG) and E(KUBECONFIG), by
    E(K8S_AUTH_HOST) with a token, a password or a client certificate in its E(K8S_AUTH_*) variables, or by the
    service account of the pod that the module runs in.
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
    details: It changes nothing.
  diff_mode:
    support: none
    details: It changes nothing.
  idempotent:
    support: full
options:
  kubeconfig_option:
    description: Name of the variable that the user sets for O(kubeconfig). Error messages mention it.
    type: str
    default: kubeconfig
"""

EXAMPLES = r"""
- name: Find out which cluster is named
  meshlab.istio.cluster_connection_info:
    kubeconfig: "{{ shop_kubeconfig | default(omit) }}"
    kubeconfig_option: shop_kubeconfig
  register: shop_cluster

- name: Create a namespace in that cluster, never in the one of ~/.kube/config
  kubernetes.core.k8s:
    kubeconfig: "{{ shop_kubeconfig | default(shop_cluster.kubeconfig) | default(omit, true) }}"
    kind: Namespace
    name: shop
"""

RETURN = r"""
source:
  description: What names the cluster, one of V(kubeconfig), V(host) and V(in_cluster).
  returned: success
  type: str
  sample: kubeconfig
kubeconfig:
  description: >-
    Path of the kubeconfig, or several paths with colons between them. None if RV(source) is not V(kubeconfig), and if
    O(kubeconfig) is a dictionary.
  returned: success
  type: str
  sample: /home/me/lab/kubeconfig
"""

import os

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.named_cluster import NoClusterError, source_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import (
    CONNECTION_ARGS,
    ClusterModule,
    given_options,
    with_variables,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import holds_secrets

# The environment variables are read after that, to tell them from options.
WITHOUT_VARIABLES = {
    name: {key: value for key, value in spec.items() if key != "fallback"} for name, spec in CONNECTION_ARGS.items()
}


def find_cluster(params):
    """Return what names the cluster, and the kubeconfig, a path or a dictionary; None if it is not the source.

    Raises ClusterError if none is named, or if kubernetes.core would connect to another one.
    """
    name, given = params["kubeconfig_option"], given_options(params)
    if "kubeconfig" in given and "host" not in given and os.environ.get("K8S_AUTH_HOST"):
        raise ClusterError(f"{name} and the environment variable K8S_AUTH_HOST name a cluster each: unset one of them")
    given = with_variables(given)
    source = source_of(given, name)
    if source == "anonymous_host":  # kubernetes.core would send it the credentials of ~/.kube/config
        raise NoClusterError(name)
    return source, given["kubeconfig"] if source == "kubeconfig" else None


def main():
    module = ClusterModule(
        argument_spec={
            **WITHOUT_VARIABLES,
            "kubeconfig_option": {"type": "str", "default": "kubeconfig"},
        },
        supports_check_mode=True,
    )
    try:
        source, kubeconfig = find_cluster(module.params)
    except ClusterError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, source=source, kubeconfig=None if holds_secrets(kubeconfig) else kubeconfig)


if __name__ == "__main__":
    main()
