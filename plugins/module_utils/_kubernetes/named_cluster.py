# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names the cluster, by the rule of kubernetes.core without its ~/.kube/config. All modules and roles use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError

try:
    import kubernetes
except ImportError:  # reported by resolve
    kubernetes = None

# Options that name a user, completely.
_CREDENTIALS = (("api_key",), ("username", "password"), ("client_cert", "client_key"))


class NoClusterError(ClusterError):
    """The options name no cluster."""

    def __init__(self, kubeconfig_option: str = "kubeconfig") -> None:
        super().__init__(
            f"no kubeconfig given: set {kubeconfig_option}, or the environment variable K8S_AUTH_KUBECONFIG or "
            "KUBECONFIG (~/.kube/config is never used implicitly)"
        )


def source_of(given: Mapping[str, Any], kubeconfig_option: str = "kubeconfig") -> str:
    """Return what names the cluster: "host", "kubeconfig", "in_cluster" or "anonymous_host".

    given: the connection options that are set, those of the environment included. An anonymous host is one without
    a user, such as that of kubectl proxy. kubeconfig_option: what the user calls the option kubeconfig, for messages.
    Raises NoClusterError if nothing names one.
    """
    if "host" in given and has_credentials(given):
        return "host"
    if "kubeconfig" in given:
        return "kubeconfig"
    # With a context, kubernetes.core reads ~/.kube/config also within a pod.
    if "context" not in given and _in_cluster():
        return "in_cluster"
    if "context" not in given and "host" in given:
        return "anonymous_host"
    raise NoClusterError(kubeconfig_option)


def has_credentials(given: Mapping[str, Any]) -> bool:
    """Return whether the options name a user, who then replaces the one of the kubeconfig or of the pod.

    Without that, an API server would prefer the client certificate of a kubeconfig to a token of the options.
    """
    return any(all(name in given for name in names) for names in _CREDENTIALS)


def is_named(params: Mapping[str, Any]) -> bool:
    """Return whether a module's options name a cluster; without one, only a pod's own cluster is left."""
    return bool(params.get("kubeconfig") or params.get("host"))


def _in_cluster() -> bool:
    """Whether the kubernetes library finds the ServiceAccount of a pod."""
    if kubernetes is None:
        return False
    try:
        kubernetes.config.load_incluster_config(kubernetes.client.Configuration())
    except kubernetes.config.ConfigException:
        return False
    return True
