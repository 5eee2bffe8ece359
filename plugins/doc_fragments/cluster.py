# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    # Must match module_utils/_kubernetes/options.py CONNECTION_ARGS. Listed before kubernetes.core.k8s_auth_options,
    # it replaces that fragment's description of these two options.
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - >-
        Path of a kubeconfig file, several paths separated by C(:), or the content of a file as a dictionary. Several
        files are merged, and missing files are skipped. O(context) is required if they have different current contexts.
      - If not set, the environment variable E(K8S_AUTH_KUBECONFIG) is used, then E(KUBECONFIG).
      - >-
        If neither these nor O(host) are set, the module uses the service account of the pod in which it runs. Unlike
        the modules of C(kubernetes.core), it never uses C(~/.kube/config) implicitly: if no cluster is specified, it
        fails before any request.
      - >-
        Not used if O(host) is set together with O(api_key), with O(username) and O(password), or with O(client_cert)
        and O(client_key).
      - >-
        If O(api_key), O(username) and O(password), or O(client_cert) and O(client_key) are set, they replace all
        credentials of the kubeconfig. The modules of C(kubernetes.core) would also send its client certificate, which
        an API server prefers to a token.
      - >-
        The paths within a dictionary must be absolute. Its content is neither returned nor logged. For C(istioctl), the
        connection is written to a temporary file that only the user can read, unless O(kubeconfig) is a path and no
        other option overrides it.
    type: raw
  context:
    description:
      - Name of the context in O(kubeconfig).
      - If not set, the environment variable E(K8S_AUTH_CONTEXT) is used, then the current context.
    type: str
notes:
  - >-
    The proxy in E(HTTPS_PROXY) is not used for API requests; set O(proxy) instead. C(istioctl) uses it if O(proxy) is
    not set.
  - Failed connections are not retried silently.
"""
