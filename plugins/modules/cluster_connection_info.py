#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_connection_info
short_description: Gather information about the configured cluster connection
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Returns the kubeconfig that the modules of this collection would use, without connecting to the cluster.
  - >-
    Fails if no cluster is specified. The modules of C(kubernetes.core) would then use C(~/.kube/config), possibly an
    unintended cluster. Run this module first and pass RV(kubeconfig) to them, so that all modules use the same cluster.
  - >-
    Also fails if both O(kubeconfig) and the environment variable E(K8S_AUTH_HOST) are set, because C(kubernetes.core)
    would connect to that host.
  - >-
    The cluster is specified by O(kubeconfig), by the environment variables E(K8S_AUTH_KUBECONFIG) and E(KUBECONFIG), by
    E(K8S_AUTH_HOST) together with a token, a password or a client certificate in the E(K8S_AUTH_*) variables, or by the
    service account of the pod in which the module runs.
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
    details: The module changes nothing.
  diff_mode:
    support: none
    details: The module changes nothing.
  idempotent:
    support: full
options:
  kubeconfig_option:
    description: Name of the variable from which O(kubeconfig) is set, for error messages.
    type: str
    default: kubeconfig
"""

EXAMPLES = r"""
- name: Fail unless a cluster is specified
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
  description: Source of the connection, V(kubeconfig), V(host) or V(in_cluster).
  returned: success
  type: str
  sample: kubeconfig
kubeconfig:
  description: >-
    Path of the kubeconfig, or several paths separated by C(:). Null if RV(source) is not V(kubeconfig), or if
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

# Without fallbacks, to distinguish options from environment variables, which are read later.
WITHOUT_VARIABLES = {
    name: {key: value for key, value in spec.items() if key != "fallback"} for name, spec in CONNECTION_ARGS.items()
}


def find_cluster(params):
    """Return the source of the connection, and the kubeconfig (path or dictionary) if that is the source, else None.

    Raises ClusterError if no cluster is specified, or if kubernetes.core would connect to another cluster.
    """
    name, given = params["kubeconfig_option"], given_options(params)
    if "kubeconfig" in given and "host" not in given and os.environ.get("K8S_AUTH_HOST"):
        raise ClusterError(
            f"{name} and the environment variable K8S_AUTH_HOST both specify a cluster: unset one of them"
        )
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
