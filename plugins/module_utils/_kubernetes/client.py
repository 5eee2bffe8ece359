# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster that the user named: its kubeconfig as a file, and the few API calls that modules share."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import time
import traceback
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib

from ansible_collections.meshlab.istio.plugins.module_utils._termination import TemporaryPath, end_orderly, held_back

try:
    import kubernetes
    from kubernetes.stream import stream
    from kubernetes.stream.ws_client import ERROR_CHANNEL

    KUBERNETES_IMPORT_ERROR = None
except ImportError:
    kubernetes = None
    stream = None
    KUBERNETES_IMPORT_ERROR = traceback.format_exc()

# Pairs with doc_fragments/cluster.py.
CLUSTER_ARGS = {
    "kubeconfig": {"type": "raw", "fallback": (env_fallback, ["K8S_AUTH_KUBECONFIG", "KUBECONFIG"])},
    "context": {"type": "str", "fallback": (env_fallback, ["K8S_AUTH_CONTEXT"])},
}

# Names in a kubeconfig, or in the environment of its login helper, of what is a secret; and of what only sounds so.
_SECRET = re.compile(r"token|passw|secret|credential|key-data|(?:api|access|private|account)[-_.]?key", re.IGNORECASE)
_NO_SECRET = re.compile(r"(?:file|path|dir|url|uri)$", re.IGNORECASE)

# What stands where a secret was, in ansible-core's own words.
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

# How long an API server may take to accept a connection; one that does not answer is told soon.
CONNECT_SECONDS = 10

# Objects of a list that are asked for at once.
PAGE = 500


class ClusterError(Exception):
    """What went wrong with the cluster, in words for the user. Never holds a secret.

    status: the HTTP status that the API server answered a GET with, such as 403; None if that is not what went wrong.
    """

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class Refusal(ClusterError):
    """The API server's answer to a change that it does not accept; reason is its own sentence."""

    def __init__(self, message, reason):
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class ExecResult:
    """What a command in a container gave: exit code, both streams as text, and the wall time in seconds."""

    rc: int
    stdout: str
    stderr: str
    seconds: float


def holds_secrets(kubeconfig):
    """Whether a kubeconfig is no path, but what such a file holds: as a dictionary, or by mistake as its text."""
    if isinstance(kubeconfig, str):
        return "\n" in kubeconfig or kubeconfig.startswith("{")
    return bool(kubeconfig) and not isinstance(kubeconfig, os.PathLike)


def secrets_of(kubeconfig):
    """The secrets in a kubeconfig that is a dictionary, or the text of one, as a set of texts.

    Short words are left out: hiding "admin" wherever it is said would hide more than a password.
    """
    return {x for x in _secrets(kubeconfig) if len(x) >= 12 or (len(x) >= 6 and not x.isalpha())}


def _secrets(value):
    if isinstance(value, str) and holds_secrets(value):
        yield value
    elif isinstance(value, dict):
        named = [*value.items(), (value.get("name"), value.get("value"))]  # the second as exec.env has it
        for name, inner in named:
            if isinstance(inner, str):
                if _sounds_secret(name):
                    yield inner
                elif "://" in inner:
                    with contextlib.suppress(ValueError):
                        yield urlsplit(inner).password or ""  # of a proxy
            else:
                yield from _secrets(inner)
    elif isinstance(value, list):
        before = ""
        for inner in value:
            if isinstance(inner, str):  # exec.args: --flag VALUE, or --flag=VALUE
                flag, equals, rest = inner.partition("=")
                if flag.startswith("-") and equals and _sounds_secret(flag):
                    yield rest
                elif before.startswith("-") and "=" not in before and _sounds_secret(before):
                    yield inner
                before = inner
            else:
                yield from _secrets(inner)


def _sounds_secret(name):
    return isinstance(name, str) and bool(_SECRET.search(name)) and not _NO_SECRET.search(name)


class ClusterModule(AnsibleModule):
    """A module that talks to a cluster: it has the options for one, and shows no secret of a kubeconfig.

    no_log of the option would not do: a path would be hidden too, and so would, in all that is returned, every word
    that the dictionary has, such as "default". no_log of AnsibleModule would not do either: what the controller sends
    overrules it.
    """

    def __init__(self, argument_spec, **more):
        super().__init__(argument_spec={**CLUSTER_ARGS, **argument_spec}, **more)
        end_orderly()  # else files with secrets would stay: this collection's, and those of the kubernetes library

    def exit_json(self, **kwargs):
        super().exit_json(**self._without_secrets(kwargs))

    def fail_json(self, msg, **kwargs):
        super().fail_json(msg, **self._without_secrets(kwargs))

    def log(self, msg, log_args=None):
        self._without_secrets({})
        if log_args and holds_secrets(self.params.get("kubeconfig")):  # the invocation, where a secret may be escaped
            msg, log_args = "Invoked with a kubeconfig that is no path, so no more is said here", None
        super().log(msg, log_args)

    def _without_secrets(self, result):
        """A result without the kubeconfig, where that is no path; what is secret in it is hidden everywhere.

        Here and not in __init__, since wrong arguments end the module within AnsibleModule's own.
        """
        params = getattr(self, "params", None) or {}
        if not holds_secrets(params.get("kubeconfig")):
            return result
        self.no_log_values.update(secrets_of(params["kubeconfig"]))
        return {"invocation": {"module_args": {**params, "kubeconfig": HIDDEN}}, **result}


@contextlib.contextmanager
def kubeconfig_file(kubeconfig):
    """Yield the path of a kubeconfig file, for a path or a dictionary.

    A dictionary becomes a temporary file of mode 0600 that is gone when the block ends.
    Raises ClusterError if nothing is named or the path is not a readable file.
    """
    if not kubeconfig:
        raise ClusterError(
            "no cluster is named: set kubeconfig, or the environment variable K8S_AUTH_KUBECONFIG or KUBECONFIG "
            "(a ~/.kube/config that merely lies there is not used)"
        )
    if isinstance(kubeconfig, dict):
        path = None
        try:
            with held_back():
                handle, path = tempfile.mkstemp(prefix="meshlab-kubeconfig-")  # mkstemp makes it 0600
            with os.fdopen(handle, "w", encoding="utf-8") as target:
                json.dump(kubeconfig, target, ensure_ascii=False)  # every reader of YAML reads JSON
            yield TemporaryPath(path)
        finally:
            if path:
                with held_back():
                    os.unlink(path)
        return
    if not isinstance(kubeconfig, (str, os.PathLike)):
        raise ClusterError(f"kubeconfig is a path or a dictionary, not {type(kubeconfig).__name__}")
    if holds_secrets(kubeconfig):
        raise ClusterError(
            "kubeconfig is a path or a dictionary, and this is the text of one: make it a dictionary with the filter "
            "ansible.builtin.from_yaml"
        )
    path = os.path.expanduser(os.path.expandvars(os.fspath(kubeconfig)))
    if not os.access(path, os.R_OK) or os.path.isdir(path):
        raise ClusterError(f"kubeconfig {path}: no readable file is there")
    yield path


class Cluster:
    """A connection to one cluster; every failure is a ClusterError that names the API server's answer."""

    def __init__(self, kubeconfig_path, context=None, timeout=30):
        """kubeconfig_path: a file; context: its current one if None; timeout: seconds for one API request."""
        if kubernetes is None:
            raise ClusterError(missing_required_lib("kubernetes"))
        self.timeout = timeout
        try:
            self.client = kubernetes.config.new_client_from_config(config_file=kubeconfig_path, context=context)
        except Exception as error:
            raise ClusterError(f"kubeconfig {kubeconfig_path}: {error}") from error
        self.server = self.client.configuration.host
        # No silent retries: an API server that does not answer is told after one timeout, not after four.
        self.client.configuration.retries = False
        self.client.rest_client.pool_manager.connection_pool_kw["retries"] = False
        self.core = kubernetes.client.CoreV1Api(self.client)
        # Its requests are the same in every version of the library; the client's own are not. It discovers nothing.
        self.dynamic = kubernetes.dynamic.DynamicClient(self.client, discoverer=lambda *_ignored: None)

    def get(self, path, **query):
        """GET an API path (such as /api/v1/namespaces/default) as a dictionary; None if it does not exist."""
        return self._request("GET", path, query)

    def dry_run_apply(self, path, text, manager):
        """What an object (its path) would be after a server-side apply of text (YAML or JSON) as this field manager.

        Conflicts are overruled, and nothing is changed. None if its namespace or kind does not exist.
        Raises Refusal if the API server does not accept it.
        """
        query = {"dryRun": "All", "fieldManager": manager, "force": "true"}
        # With a character set the library, whatever its version, sends the text as it is.
        return self._request("PATCH", path, query, text.encode(), "application/apply-patch+yaml; charset=utf-8")

    def create(self, path, definition):
        """POST an object to a collection's path (such as /api/v1/namespaces/default/pods); the object as it is then.

        None if there is no such path. Raises Refusal if the API server does not accept it.
        """
        return self._request("POST", path, {}, definition, "application/json")

    def patch(self, path, changes):
        """Merge changes into an object (JSON merge patch); the object as it is then. None if it does not exist.

        Raises Refusal if the API server does not accept it.
        """
        return self._request("PATCH", path, {}, changes, "application/merge-patch+json")

    def delete(self, path):
        """DELETE an object, and in the background what it owns. None if it does not exist."""
        return self._request("DELETE", path, {}, {"propagationPolicy": "Background"}, "application/json")

    def _request(self, method, path, query, body=None, content_type=None):
        try:
            answer = self.dynamic.request(
                method,
                path,
                body=body,
                query_params=list(query.items()),
                header_params={"Accept": "application/json"},
                content_type=content_type,
                serialize=False,
                # Two numbers, since the library overlooks a float that is alone.
                _request_timeout=(min(self.timeout, CONNECT_SECONDS), self.timeout),
            )
            return _content(answer.data)
        except kubernetes.client.ApiException as error:
            if error.status == 404:
                return None
            if not error.status:  # no answer at all, as its certificate does not fit
                raise ClusterError(f"cannot reach {self.server}: {str(error.reason).splitlines()[-1]}") from error
            told = f"{self.server} answered {error.status} {error.reason} to {method} {path}"
            if method == "GET":
                raise ClusterError(told, error.status) from error
            reason = _sentence(error)
            raise Refusal(f"{told}: {reason}", reason) from error
        except Exception as error:
            raise ClusterError(f"cannot reach {self.server}: {_innermost(error)}") from error

    def items(self, path, **query):
        """Yield the objects of a list, such as /api/v1/pods, page by page; none if there is no such path."""
        while True:
            page = self.get(path, limit=PAGE, **query) or {}
            yield from page.get("items") or ()
            query["continue"] = (page.get("metadata") or {}).get("continue")
            if not query["continue"]:
                return

    def exec(self, namespace, pod, container, argv, timeout):
        """Run argv in a container and return an ExecResult; timeout in seconds ends it with a ClusterError."""
        where = f"{namespace}/{pod}/{container}"
        started = time.monotonic()
        try:
            socket = stream(
                self.core.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=container,
                command=list(argv),
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
                _request_timeout=self.timeout,
            )
        except kubernetes.client.ApiException as error:
            raise ClusterError(f"cannot exec in {where} at {self.server}: {_handshake(error)}") from error
        except Exception as error:
            raise ClusterError(f"cannot exec in {where} at {self.server}: {_innermost(error)}") from error
        try:
            socket.run_forever(timeout=timeout)
            if socket.is_open():
                raise ClusterError(f"the command in {where} did not end within {timeout} s")
            return ExecResult(
                rc=_exit_code(socket.read_channel(ERROR_CHANNEL), where),
                stdout=socket.read_stdout() if socket.peek_stdout() else "",
                stderr=socket.read_stderr() if socket.peek_stderr() else "",
                seconds=time.monotonic() - started,
            )
        except ClusterError:
            raise
        except Exception as error:
            raise ClusterError(f"the connection to the command in {where} broke: {_innermost(error)}") from error
        finally:
            socket.close()


def _content(data):
    """An answer's body: what JSON says, or, as of a log, the text."""
    text = data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _exit_code(status, where):
    """The exit code in an exec's final status (a Status object as text); ClusterError if the command never ran.

    The client library's own reading of it ends in a traceback where the container has no such command.
    """
    status = json.loads(status or "{}")
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    said = status.get("message") or "the connection ended without an exit status"
    raise ClusterError(f"cannot run the command in {where}: {said}")


def _sentence(error):
    """The API server's own sentence in an ApiException, in a line."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return " ".join(json.loads(error.body)["message"].split())
    return str(error.reason)


def _handshake(error):
    """Why an exec was refused, in a line. The client library puts the answer into the reason, headers and all."""
    status, _headers, body = [*str(error.reason).split(" -+-+- "), "", ""][:3]
    with contextlib.suppress(ValueError, TypeError, KeyError):
        body = json.loads(body)["message"]
    status = f"{error.status or ''} {status.replace('Handshake status ', '')}".strip()
    return f"{status}: {' '.join(body.split())}" if body else status


def _innermost(error):
    """The first cause in a chain of wrapped exceptions, in a line: urllib3 buries 'connection refused' deep."""
    while True:
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__
        if inner is None:
            return str(error).splitlines()[0] if str(error) else type(error).__name__
        error = inner


@contextlib.contextmanager
def connect(params, timeout=30):
    """Yield (Cluster, kubeconfig path) for a module's parameters."""
    with kubeconfig_file(params["kubeconfig"]) as path:
        yield Cluster(path, params["context"], timeout), path
