# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Determine the source of the connection, by the rules of kubernetes.core but without ~/.kube/config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError

try:
    import kubernetes
except ImportError:  # reported by resolve
    kubernetes = None

# Combinations of options that are complete credentials.
_CREDENTIALS = (("api_key",), ("username", "password"), ("client_cert", "client_key"))


class NoClusterError(ClusterError):
    """The options do not specify a cluster."""

    def __init__(self, kubeconfig_option: str = "kubeconfig") -> None:
        super().__init__(
            f"no kubeconfig given: set {kubeconfig_option}, or the environment variable K8S_AUTH_KUBECONFIG or "
            "KUBECONFIG (~/.kube/config is never used implicitly)"
        )


def source_of(given: Mapping[str, Any], kubeconfig_option: str = "kubeconfig") -> str:
    """Return the source of the connection: "host", "kubeconfig", "in_cluster" or "anonymous_host".

    given: the connection options that are set, including those from the environment. An anonymous host has no
    credentials, such as that of kubectl proxy. kubeconfig_option: name of the user's variable, for messages.
    Raises NoClusterError if there is no source.
    """
    if "host" in given and has_credentials(given):
        return "host"
    if "kubeconfig" in given:
        return "kubeconfig"
    # With a context, kubernetes.core reads ~/.kube/config even in a pod.
    if "context" not in given and _in_cluster():
        return "in_cluster"
    if "context" not in given and "host" in given:
        return "anonymous_host"
    raise NoClusterError(kubeconfig_option)


def has_credentials(given: Mapping[str, Any]) -> bool:
    """Return whether the options contain credentials, which then replace those of the kubeconfig or the pod.

    Otherwise, an API server would prefer the client certificate of a kubeconfig to a token in the options.
    """
    return any(all(name in given for name in names) for names in _CREDENTIALS)


def is_named(params: Mapping[str, Any]) -> bool:
    """Return whether a module's options specify a cluster; otherwise, only the cluster of a pod is possible."""
    return bool(params.get("kubeconfig") or params.get("host"))


def _in_cluster() -> bool:
    """Whether the kubernetes library finds the service account of a pod."""
    if kubernetes is None:
        return False
    try:
        kubernetes.config.load_incluster_config(kubernetes.client.Configuration())
    except kubernetes.config.ConfigException:
        return False
    return True
