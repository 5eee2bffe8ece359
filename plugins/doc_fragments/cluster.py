# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    # Pairs with module_utils/_kubernetes/client.py CLUSTER_ARGS.
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - The cluster, as the path of a kubeconfig file or as the dictionary that such a file holds.
      - >-
        A dictionary is written to a temporary file that only the user can read, and removed afterwards. It is neither
        returned nor logged.
      - >-
        If not set, the environment variables E(K8S_AUTH_KUBECONFIG) and E(KUBECONFIG) are read, in this order.
        There is no other default. A C(~/.kube/config) that merely lies there is never used.
    type: raw
  context:
    description:
      - The context within O(kubeconfig). Its current context if not set.
      - If not set, the environment variable E(K8S_AUTH_CONTEXT) is read.
    type: str
"""
