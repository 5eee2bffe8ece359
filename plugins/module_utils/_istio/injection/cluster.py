# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from a cluster what decides about injection."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.configuration import (
    FILE_OPTIONS,
    ISTIO_NAMESPACE,
    LIVE_FILES,
    revision_suffix,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy, parse_policy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import INJECTOR, WEBHOOKS_PATH
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import DEFAULT, REVISION, labels_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster, connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.kubeconfig import (
    KubeconfigFile,
    kubeconfig_file,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.named_cluster import is_named
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.permissions import unless_forbidden


@contextlib.contextmanager
def open_cluster(params: Mapping[str, Any]) -> Iterator[tuple[Cluster | None, KubeconfigFile | None]]:
    """Yield the cluster of a module's options, and a kubeconfig for istioctl that exists within the context.

    Both are None if the options name no cluster but the three files. Raises ClusterError.
    """
    if params["values_file"] and not is_named(params):
        yield None, None
        return
    with contextlib.ExitStack() as stack:
        try:
            cluster = stack.enter_context(connect(params))
            kubeconfig = stack.enter_context(kubeconfig_file(cluster.connection))
        except ClusterError as error:
            hint = "" if is_named(params) else f"; or set {', '.join(FILE_OPTIONS)} to inject without a cluster"
            raise ClusterError(f"{error}{hint}") from error
        yield cluster, kubeconfig


def read_webhooks(cluster: Cluster, params: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the configurations of the injection webhooks; None if the user lacks permission to list them."""
    with _hint_at_files(params):
        return unless_forbidden(lambda: list(cluster.items(WEBHOOKS_PATH, labelSelector=INJECTOR)))


def read_policies(
    cluster: Cluster, webhooks: list[dict[str, Any]] | None, params: Mapping[str, Any]
) -> dict[str, Policy]:
    """Return the injection policies of the webhooks by revision, without those that this user may not read."""
    with _hint_at_files(params):
        return injector_policies(cluster.get, webhooks or (), params["istio_namespace"])


def injector_policies(
    get: Callable[[str], dict[str, Any] | None], webhooks: Iterable[dict[str, Any]], namespace: str = ISTIO_NAMESPACE
) -> dict[str, Policy]:
    """Return the injection policies of webhooks by revision, without those whose ConfigMap cannot be read.

    get: returns the object at an API path, None if it does not exist; namespace: of control planes without a Service.
    """
    policies = {}
    _file, name, key = LIVE_FILES[0]
    for configuration in webhooks:
        revision = labels_of(configuration).get(REVISION) or DEFAULT
        hooks = configuration.get("webhooks") or [{}]
        service = (hooks[0].get("clientConfig") or {}).get("service") or {}
        quoted = quote(service.get("namespace") or namespace, safe="")
        path = f"/api/v1/namespaces/{quoted}/configmaps/{name}{revision_suffix(revision)}"
        config_map = unless_forbidden(partial(get, path)) or {}
        if (config_map.get("data") or {}).get(key):
            policies[revision] = parse_policy(config_map["data"][key])
    return policies


def read_namespace_labels(cluster: Cluster, namespace: str, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels of a namespace, empty if it does not exist. Raises ClusterError that names it."""
    with _hint_at_files(params, f"namespace {namespace}: "):
        found = cluster.get(f"/api/v1/namespaces/{quote(namespace, safe='')}")
    return labels_of(found) if found else {}


@contextlib.contextmanager
def _hint_at_files(params, subject=""):
    """Prefix the message of a ClusterError and, if the three files are given, add how to inject without a cluster."""
    try:
        yield
    except ClusterError as error:
        hint = "; set kubeconfig to an empty string to inject without a cluster" if params["values_file"] else ""
        raise ClusterError(f"{subject}{error}{hint}", error.status) from error
