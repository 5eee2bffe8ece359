# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create the configuration of the kubernetes library from connection options, by the rules of kubernetes.core.

get_api_client of kubernetes.core is not used, because it falls back to ~/.kube/config, and because it sends additional
requests, without a timeout and with retries.
"""

from __future__ import annotations

import contextlib
import logging
import os
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.named_cluster import has_credentials, source_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import given_options
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import HIDDEN, holds_secrets

try:
    import kubernetes
    import urllib3
    from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

    KUBERNETES_IMPORT_ERROR = None
except ImportError:
    kubernetes = None
    KUBERNETES_IMPORT_ERROR = traceback.format_exc()

# Options that select a kubeconfig without overriding its content.
_SOURCE = ("kubeconfig", "context", "persist_config")

# Fields with a path in a cluster or user of a kubeconfig.
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

# Options that are attributes of the library's Configuration.
_ATTRIBUTES = {
    "ca_cert": "ssl_ca_cert",
    "client_cert": "cert_file",
    "client_key": "key_file",
    "validate_certs": "verify_ssl",
    "proxy": "proxy",
    "no_proxy": "no_proxy",
}


@dataclass(frozen=True)
class Connection:
    """The server and the credentials for one cluster.

    configuration: the library's Configuration; impersonation: (name, value) pairs of headers; kubeconfig: its source, a
    dictionary or paths joined by os.pathsep, or None if other options override it; context: the context to select in
    kubeconfig, None for the current one; token_path: the file of an in-cluster token.
    """

    configuration: Any
    impersonation: tuple[tuple[str, str], ...] = ()
    kubeconfig: dict[str, Any] | str | None = None
    context: str | None = None
    token_path: str | None = None

    @property
    def authorization(self) -> str:
        """The value of the authorization header, such as "Bearer ...", or an empty string."""
        keys = self.configuration.api_key
        return keys.get("authorization") or keys.get("BearerToken") or ""

    def redact(self, text: str) -> str:
        """Hide the token in a text, because an API server may repeat it in errors."""
        token = self.authorization.partition(" ")[2].strip()
        return text.replace(token, HIDDEN) if token else text


def resolve(params: Mapping[str, Any]) -> Connection:
    """Return the connection for a module's options. Raises ClusterError, also if they do not specify a cluster."""
    if kubernetes is None:
        raise ClusterError(missing_required_lib("kubernetes"))
    given = given_options(params)
    configuration = kubernetes.client.Configuration()
    # Some versions of the library read a proxy from the environment, and one of them ignores NO_PROXY.
    configuration.proxy = configuration.no_proxy = None
    source = _load(configuration, given)
    _override(configuration, given)
    # Without retries, an unresponsive API server is reported after one timeout instead of four.
    configuration.retries = False
    return Connection(configuration, _impersonation(given), **source)


def _load(configuration: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Load the configuration from its source; returns the fields of Connection for this source."""
    source = source_of(given)
    if source == "kubeconfig":
        kubeconfig, context = _load_kubeconfig(configuration, given["kubeconfig"], given)
        unchanged = not set(given) - set(_SOURCE)
        return {"kubeconfig": kubeconfig, "context": context} if unchanged else {}
    if source == "in_cluster":
        return _load_in_cluster(configuration, given)
    return {}


def _load_in_cluster(configuration: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    replaced = has_credentials(given)
    kubernetes.config.load_incluster_config(configuration, try_refresh_token=not replaced)
    if replaced:
        configuration.api_key = {}
        return {}
    return {"token_path": kubernetes.config.incluster_config.SERVICE_TOKEN_FILENAME}


# ---- kubeconfig ----


def _load_kubeconfig(configuration: Any, kubeconfig: Any, given: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Load the configuration from a kubeconfig; returns the kubeconfig with expanded paths, and the context."""
    context = given.get("context")
    content: Any
    if isinstance(kubeconfig, dict):
        label, content, persist = "kubeconfig", kubeconfig, None
        with _cluster_errors(label):
            _refuse_relative_paths(kubeconfig)
    else:
        kubeconfig = expand_paths(kubeconfig)
        label = f"kubeconfig {kubeconfig}"
        with _cluster_errors(label):
            merger = KubeConfigMerger(kubeconfig)
        context = context or _current_context(merger.config_files, label)
        content, persist = merger.config, merger.save_changes if given.get("persist_config") else None
    with _cluster_errors(label), _logged_errors() as errors:
        loader = KubeConfigLoader(content, context, config_base_path=None, config_persister=persist)
        if has_credentials(given):
            loader._user = None
        loader.load_and_set(configuration)
        configuration.proxy = loader._cluster.safe_get("proxy-url")  # older versions of the library ignore it
    if errors and not configuration.api_key and not configuration.cert_file:
        # The library would continue as an anonymous user.
        raise ClusterError(f"{label}: the exec command of its user could not be run: {_line(errors[-1])}")
    return kubeconfig, context


def expand_paths(kubeconfig: Any) -> str:
    """Return the paths of kubeconfig files, joined by os.pathsep, with ~ and variables expanded.

    Raises ClusterError if it is not a path, or if no file is readable. If there are several, some may be missing.
    """
    if holds_secrets(kubeconfig) and isinstance(kubeconfig, str):
        raise ClusterError(
            "kubeconfig must be a path or a dictionary, got the content of a file: convert it with the filter "
            "ansible.builtin.from_yaml"
        )
    if not isinstance(kubeconfig, (str, os.PathLike)):
        raise ClusterError(f"kubeconfig must be a path or a dictionary, got {type(kubeconfig).__name__}")
    parts = [x for x in os.fspath(kubeconfig).split(os.pathsep) if x]
    paths = [os.path.expanduser(os.path.expandvars(x)) for x in parts]
    readable = [x for x in paths if os.path.isfile(x) and os.access(x, os.R_OK)]
    if not readable:
        raise ClusterError(f"kubeconfig {os.pathsep.join(paths)} is not a readable file")
    unreadable = [x for x in paths if os.path.exists(x) and x not in readable]
    if unreadable:
        raise ClusterError(f"kubeconfig {unreadable[0]} is not a readable file")
    return os.pathsep.join(paths)


def _refuse_relative_paths(kubeconfig: Mapping[str, Any]) -> None:
    """Raise ClusterError if a kubeconfig that is a dictionary contains a relative path.

    The library would resolve it against the working directory, and istioctl against that of the temporary file.
    """
    for entries, kind in (("clusters", "cluster"), ("users", "user")):
        for entry in kubeconfig.get(entries) or ():
            for field, path in _paths_of(entry.get(kind) or {}):
                if not os.path.isabs(path):
                    raise ClusterError(
                        f"kubeconfig: {field} of {kind} {entry.get('name')} must be an absolute path where kubeconfig "
                        f"is a dictionary, got {path}"
                    )


def _paths_of(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields with a path in a cluster or user, and the paths."""
    yield from ((x, entry[x]) for x in _FILES if isinstance(entry.get(x), str) and entry[x])
    command = (entry.get("exec") or {}).get("command")
    if isinstance(command, str) and os.sep in command:  # otherwise it is searched in PATH
        yield "exec.command", command


def _current_context(files: Mapping[str, Any], label: str) -> str | None:
    """Return the current context of several files; None for one file.

    kubectl and istioctl use that of the first file, and the library that of the last: both must use the same cluster.
    """
    if len(files) < 2:
        return None
    contexts = dict.fromkeys(x["current-context"] for x in files.values() if x.get("current-context"))
    if len(contexts) > 1:
        raise ClusterError(f"{label}: the files have different current contexts ({', '.join(contexts)}); set context")
    return next(iter(contexts), None)


@contextlib.contextmanager
def _cluster_errors(label: str) -> Iterator[None]:
    try:
        yield
    except ClusterError:
        raise
    except Exception as error:
        # The library quotes the content of an invalid entry, which may be secret.
        raise ClusterError(f"{label}: {_line(str(error)).partition('{')[0]}") from error


def _line(text: str) -> str:
    return " ".join(text.split())


@contextlib.contextmanager
def _logged_errors() -> Iterator[list[str]]:
    """Yield the errors that are logged: the library only logs failures of exec commands."""
    messages: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        yield messages
    finally:
        logging.getLogger().removeHandler(handler)


# ---- options that override the source ----


def _override(configuration: Any, given: Mapping[str, Any]) -> None:
    """Set the values of the options, again after each token refresh, which resets the configuration."""
    refresh = configuration.refresh_api_key_hook
    _set(configuration, given)
    _set_proxy_headers(configuration, given)
    if refresh:

        def refresh_and_override(configuration: Any) -> None:
            refresh(configuration)
            _set(configuration, given)
            configuration.refresh_api_key_hook = refresh_and_override  # the library has restored its own

        configuration.refresh_api_key_hook = refresh_and_override


def _set(configuration: Any, given: Mapping[str, Any]) -> None:
    if "host" in given:
        configuration.host = given["host"].rstrip("/")
    for option, attribute in _ATTRIBUTES.items():
        if option in given:
            setattr(configuration, attribute, given[option])
    if "api_key" in given:
        configuration.api_key = {"authorization": f"Bearer {given['api_key']}"}
    elif "username" in given and "password" in given:
        # The library has attributes for these options, but does not send them.
        basic = urllib3.util.make_headers(basic_auth=f"{given['username']}:{given['password']}")
        configuration.api_key = {"authorization": basic["authorization"]}


def _set_proxy_headers(configuration: Any, given: Mapping[str, Any]) -> None:
    headers = dict(given.get("proxy_headers", {}))
    user = urlsplit(configuration.proxy or "")
    if user.username and "proxy_basic_auth" not in headers:
        headers["proxy_basic_auth"] = f"{unquote(user.username)}:{unquote(user.password or '')}"
    if headers:
        configuration.proxy_headers = urllib3.util.make_headers(**headers)


def _impersonation(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    user = [("Impersonate-User", given["impersonate_user"])] if "impersonate_user" in given else []
    return (*user, *(("Impersonate-Group", x) for x in given.get("impersonate_groups", ())))
