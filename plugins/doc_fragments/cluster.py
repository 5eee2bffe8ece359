# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    # Pairs with module_utils/_kubernetes/options.py CONNECTION_ARGS. Listed before kubernetes.core.k8s_auth_options,
    # it replaces that fragment's description of these two options.
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - >-
        Path of a kubeconfig file, several paths separated by C(:), or the dictionary that such a file holds.
        Several files are merged, and missing ones are skipped. O(context) is required where they name different current
        contexts.
      - If not set, the environment variables E(K8S_AUTH_KUBECONFIG) and E(KUBECONFIG) are read, in this order.
      - >-
        If neither is set, and O(host) is not set, the module uses the ServiceAccount of the pod that it runs in.
        Unlike the modules of C(kubernetes.core), it never uses C(~/.kube/config) implicitly: where no
        cluster is named, it fails before any request.
      - >-
        Not used if O(host) is set together with O(api_key), with O(username) and O(password), or with O(client_cert)
        and O(client_key).
      - >-
        Its user, with every credential, is replaced where O(api_key), O(username) and O(password), or O(client_cert)
        and O(client_key) are set. The modules of C(kubernetes.core) would also send its client certificate, which an
        API server prefers to a token.
      - >-
        The paths within a dictionary must be absolute. Its content is neither returned nor logged. For C(istioctl), the
        connection is written to a temporary file that only the user can read, unless O(kubeconfig) is a path and no
        other option changes it.
    type: raw
  context:
    description:
      - Name of the context within O(kubeconfig). Its current context if not set.
      - If not set, the environment variable E(K8S_AUTH_CONTEXT) is read.
    type: str
notes:
  - >-
    The proxy of the environment (E(HTTPS_PROXY)) is not used for the API; set O(proxy). C(istioctl) uses it where
    O(proxy) is not set.
  - The connection is never retried silently.
"""
