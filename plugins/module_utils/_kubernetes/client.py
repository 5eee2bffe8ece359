# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""API requests to a cluster."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import exec as commands
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.connection import Connection, resolve
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError, Refusal, root_cause
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import without_password

try:
    import kubernetes
    import urllib3
except ImportError:  # reported by resolve
    kubernetes = None

# Seconds for an API server to accept a connection, so that a missing server is reported soon.
CONNECT_SECONDS = 10

# Objects per page of a list.
PAGE = 500


class _RepeatedHeader(str):
    """The name of a header that is sent several times, as separate keys of a dictionary."""

    __slots__ = ()

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class Cluster:
    """A connection to a cluster. Every failure is a ClusterError with the response of the API server."""

    def __init__(self, connection: Connection, timeout: float = 30) -> None:
        """timeout: seconds for one API request."""
        self.connection = connection
        self.timeout = timeout
        if not connection.configuration.verify_ssl:
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.client = kubernetes.client.ApiClient(connection.configuration)
        for name, value in connection.impersonation:
            self.client.set_default_header(_RepeatedHeader(name), value)
        # Its requests are the same in every version of the library, unlike those of ApiClient. Discovery is disabled.
        self.dynamic = kubernetes.dynamic.DynamicClient(self.client, discoverer=lambda *_ignored: None)

    @property
    def server(self) -> str:
        """The URL of the API server, without a password."""
        return without_password(self.connection.configuration.host)

    def another(self) -> Cluster:
        """Return another connection to the same cluster, because exec is not safe for several threads."""
        return Cluster(self.connection, self.timeout)

    def get(self, path: str, **query: Any) -> Any:
        """GET an API path such as /api/v1/namespaces/default; None if it does not exist."""
        return self._request("GET", path, query)

    def dry_run_apply(self, path: str, text: str, manager: str) -> Any:
        """Dry-run a server-side apply of text (YAML or JSON) to the object at path; returns the resulting object.

        manager: field manager; conflicts are forced. None if the namespace or kind does not exist.
        Raises Refusal if the API server rejects it.
        """
        query = {"dryRun": "All", "fieldManager": manager, "force": "true"}
        # With a charset, every version of the library sends the text unchanged.
        return self._request("PATCH", path, query, text.encode(), "application/apply-patch+yaml; charset=utf-8")

    def create(self, path: str, definition: Mapping[str, Any]) -> Any:
        """POST an object to a path such as /api/v1/namespaces/default/pods; returns the created object.

        None if the path does not exist. Raises Refusal if the API server rejects it.
        """
        return self._request("POST", path, {}, definition, "application/json")

    def patch(self, path: str, changes: Mapping[str, Any]) -> Any:
        """Apply a JSON merge patch to an object; returns the changed object, or None if it does not exist.

        Raises Refusal if the API server rejects it.
        """
        return self._request("PATCH", path, {}, changes, "application/merge-patch+json")

    def delete(self, path: str) -> Any:
        """DELETE an object, and in the background its dependents. None if it does not exist."""
        return self._request("DELETE", path, {}, {"propagationPolicy": "Background"}, "application/json")

    def _request(
        self, method: str, path: str, query: Mapping[str, Any], body: Any = None, content_type: str | None = None
    ) -> Any:
        try:
            answer = self.dynamic.request(
                method,
                path,
                body=body,
                query_params=list(query.items()),
                header_params={"Accept": "application/json"},
                content_type=content_type,
                serialize=False,
                # Two values, because the library ignores a single float.
                _request_timeout=(min(self.timeout, CONNECT_SECONDS), self.timeout),
            )
            return _content(answer.data)
        except kubernetes.client.ApiException as error:
            if error.status == 404:
                return None
            raise self._failure(error, method, path) from error
        except Exception as error:
            raise self._unreachable(root_cause(error)) from error

    def _failure(self, error: Any, method: str, path: str) -> ClusterError:
        if not error.status:  # no response, for example because the certificate is not valid
            return self._unreachable(str(error.reason).splitlines()[-1])
        message = f"{self.server} answered {error.status} {error.reason} to {method} {path}"
        sentence = self.connection.redact(_sentence(error))
        if method != "GET":
            return Refusal(f"{message}: {sentence}", sentence)
        return ClusterError(f"{message}: {sentence}" if sentence != error.reason else message, error.status)

    def _unreachable(self, reason: str) -> ClusterError:
        configuration = self.connection.configuration
        through = ""
        if isinstance(self.client.rest_client.pool_manager, urllib3.ProxyManager):
            through = f" through the proxy {without_password(configuration.proxy)}"
        elif any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy")):
            through = " (HTTPS_PROXY is not used; set proxy to go through a proxy)"
        return ClusterError(f"cannot reach {self.server}{through}: {self.connection.redact(reason)}")

    def items(self, path: str, **query: Any) -> Iterator[Any]:
        """Yield the objects of a list such as /api/v1/pods, page by page; none if the path does not exist."""
        while True:
            page = self.get(path, limit=PAGE, **query) or {}
            yield from page.get("items") or ()
            query["continue"] = (page.get("metadata") or {}).get("continue")
            if not query["continue"]:
                return

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        timeout: float,
        stdin: str | None = None,
    ) -> commands.ExecResult:
        """Run argv in a container and return an ExecResult. Raises ClusterError after timeout seconds.

        argv is part of the request's URL, which the API server logs; stdin is not.
        """
        target = (namespace, pod, container)
        attach = stdin is not None
        connect_timeout = min(self.timeout, timeout)
        with commands.open_socket(self.client, self.connection, target, argv, connect_timeout, attach) as socket:
            return commands.run(socket, "/".join(target), timeout, stdin)


def _content(data: bytes) -> Any:
    """The body of a response, parsed if it is JSON, else as text (a log)."""
    text = data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _sentence(error: Any) -> str:
    """The message of the API server in an ApiException, in one line."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return " ".join(json.loads(error.body)["message"].split())
    return str(error.reason)


@contextlib.contextmanager
def connect(params: Mapping[str, Any], timeout: float = 30) -> Iterator[Cluster]:
    """Yield the cluster of a module's options, without a request. timeout: seconds for one API request.

    Raises ClusterError if the options do not specify a cluster.
    """
    yield Cluster(resolve(params), timeout)
