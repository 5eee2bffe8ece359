# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the connection of a module to a kubeconfig file for istioctl."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.connection import Connection
from ansible_collections.meshlab.istio.plugins.module_utils._termination import defer_signals

try:
    from kubernetes.client.rest import should_bypass_proxies
except ImportError:  # reported by Cluster
    should_bypass_proxies = None

NAME = "meshlab"  # of the cluster, user and context in a generated file


@dataclass(frozen=True)
class KubeconfigFile:
    """path: one path, or several joined by os.pathsep; context: None for the current one.

    temporary: whether the file is removed when the module ends, so that its path must not be shown.
    """

    path: str
    context: str | None = None
    temporary: bool = False


@contextlib.contextmanager
def kubeconfig_file(connection: Connection) -> Iterator[KubeconfigFile]:
    """Yield a kubeconfig file for a connection.

    It is the user's file if no other option overrides it. Otherwise, it is a temporary file with mode 0600, which is
    removed at the end of the block.
    """
    if isinstance(connection.kubeconfig, str):
        yield KubeconfigFile(connection.kubeconfig, connection.context)
        return
    content = connection.kubeconfig or render(connection)
    path = None
    try:
        with defer_signals():
            handle, path = tempfile.mkstemp(prefix="meshlab-kubeconfig-")  # mkstemp sets mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as target:
            json.dump(content, target, ensure_ascii=False)  # JSON is valid YAML
        yield KubeconfigFile(path, connection.context, temporary=True)
    finally:
        if path:
            with defer_signals():
                os.unlink(path)


def render(connection: Connection) -> dict[str, Any]:
    """Return a kubeconfig with the server and user of a connection, as a dictionary."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "clusters": [{"name": NAME, "cluster": _cluster(connection.configuration)}],
        "users": [{"name": NAME, "user": _user(connection)}],
    }


def _cluster(configuration: Any) -> dict[str, Any]:
    # client-go rejects a CA if certificates are not verified.
    ca_cert = configuration.ssl_ca_cert if configuration.verify_ssl else None
    return _set(
        {
            "server": configuration.host,
            "certificate-authority": os.path.abspath(ca_cert) if ca_cert else None,
            "insecure-skip-tls-verify": None if configuration.verify_ssl else True,
            "tls-server-name": getattr(configuration, "tls_server_name", None),
            "proxy-url": _proxy_url(configuration),
        }
    )


def _user(connection: Connection) -> dict[str, Any]:
    configuration = connection.configuration
    scheme, _space, secret = connection.authorization.partition(" ")
    user: dict[str, Any] = {
        "client-certificate": configuration.cert_file and os.path.abspath(configuration.cert_file),
        "client-key": configuration.key_file and os.path.abspath(configuration.key_file),
        "as": dict(connection.impersonation).get("Impersonate-User"),
        "as-groups": [value for name, value in connection.impersonation if name == "Impersonate-Group"],
    }
    if connection.token_path:  # the token of a pod may be rotated while the module runs
        user["tokenFile"] = connection.token_path
    elif scheme.lower() == "basic":
        user["username"], _colon, user["password"] = base64.b64decode(secret).decode().partition(":")
    elif secret:
        user["token"] = secret.strip()
    return _set(user)


def _proxy_url(configuration: Any) -> str | None:
    """The proxy with its credentials, because a kubeconfig has no headers; None if no_proxy matches the server."""
    proxy = configuration.proxy
    if not proxy or should_bypass_proxies(configuration.host, no_proxy=configuration.no_proxy or ""):
        return None
    scheme, _space, secret = (configuration.proxy_headers or {}).get("proxy-authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return proxy
    user, _colon, password = base64.b64decode(secret).decode().partition(":")
    parts = urlsplit(proxy)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{address}"))


def _set(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
