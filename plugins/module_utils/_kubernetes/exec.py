# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in containers, by the WebSocket of the kubernetes library."""

from __future__ import annotations

import contextlib
import contextvars
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.connection import Connection
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError, root_cause
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import without_password

try:
    import kubernetes
    from kubernetes.stream import stream, ws_client
    from kubernetes.stream.ws_client import ERROR_CHANNEL, WebSocket
except ImportError:  # reported by Cluster
    kubernetes = ws_client = stream = None
    WebSocket = object

_impersonation: contextvars.ContextVar[Sequence[tuple[str, str]]] = contextvars.ContextVar("headers", default=())


class ImpersonatingWebSocket(WebSocket):
    """A WebSocket that sends the impersonation headers, which the library omits."""

    def connect(self, url: str, **options: Any) -> Any:
        options["header"] = [*options.get("header", ()), *(": ".join(x) for x in _impersonation.get())]
        return super().connect(url, **options)


if ws_client is not None:
    ws_client.WebSocket = ImpersonatingWebSocket


@dataclass(frozen=True)
class ExecResult:
    """The result of a command in a container: exit code, both streams as text, and the wall time in seconds."""

    rc: int
    stdout: str
    stderr: str
    seconds: float


@contextlib.contextmanager
def open_socket(
    client: Any,
    connection: Connection,
    where: tuple[str, str, str],
    argv: Sequence[str],
    timeout: float,
    stdin: bool = False,
) -> Iterator[Any]:
    """Yield the WebSocket of a command in a container.

    where: namespace, pod and container; timeout: seconds to connect; stdin: whether to attach it.
    Raises ClusterError with the server's answer.
    """
    namespace, pod, container = where
    label = f"cannot exec in {'/'.join(where)} at {without_password(connection.configuration.host)}"
    token = _impersonation.set(connection.impersonation)
    try:
        socket = stream(
            kubernetes.client.CoreV1Api(client).connect_get_namespaced_pod_exec,
            pod,
            namespace,
            container=container,
            command=list(argv),
            stdin=stdin,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
            _request_timeout=timeout,
        )
    except kubernetes.client.ApiException as error:
        raise ClusterError(connection.redact(f"{label}: {_handshake(error)}")) from error
    except Exception as error:
        raise ClusterError(f"{label}: {root_cause(error)}") from error
    finally:
        _impersonation.reset(token)
    try:
        yield socket
    finally:
        socket.close()


def run(socket: Any, where: str, timeout: float, stdin: str | None = None) -> ExecResult:
    """Wait for the command of a WebSocket to finish. Raises ClusterError if it takes longer than timeout seconds.

    stdin: text to send first. It is not closed, because the protocol cannot do this.
    """
    started = time.monotonic()
    try:
        if stdin is not None:
            socket.write_stdin(stdin)
        socket.run_forever(timeout=timeout)
        if socket.is_open():
            raise ClusterError(f"the command in {where} did not finish within {round(timeout, 1):g} s")
        return ExecResult(
            rc=_exit_code(socket.read_channel(ERROR_CHANNEL), where),
            stdout=socket.read_stdout() if socket.peek_stdout() else "",
            stderr=socket.read_stderr() if socket.peek_stderr() else "",
            seconds=time.monotonic() - started,
        )
    except ClusterError:
        raise
    except Exception as error:
        raise ClusterError(f"the connection to the command in {where} broke: {root_cause(error)}") from error


def _exit_code(status: str, where: str) -> int:
    """Return the exit code in an exec's final status, a Status object as JSON. Raises ClusterError if it never ran.

    The library's own parser raises an unrelated exception if the container does not have the command.
    """
    parsed = json.loads(status or "{}")
    if parsed.get("status") == "Success":
        return 0
    for cause in (parsed.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    message = parsed.get("message") or "the connection ended without an exit status"
    raise ClusterError(f"cannot run the command in {where}: {message}")


def _handshake(error: Any) -> str:
    """Return why an exec was refused, in one line. The library puts the whole HTTP response into the reason."""
    status, _headers, body = [*str(error.reason).split(" -+-+- "), "", ""][:3]
    with contextlib.suppress(ValueError, TypeError, KeyError):
        body = json.loads(body)["message"]
    status = f"{error.status or ''} {status.replace('Handshake status ', '')}".strip()
    return f"{status}: {' '.join(body.split())}" if body else status
