# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection options, which are those of kubernetes.core, and the base class of modules that have them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.errors import AnsibleFallbackNotFound

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import (
    AUTH_ARG_MAP,
    AUTH_ARG_SPEC,
    AUTH_PROXY_HEADERS_SPEC,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import (
    HIDDEN,
    holds_secrets,
    secrets_in_options,
)
from ansible_collections.meshlab.istio.plugins.module_utils._termination import exit_on_signals

PREFIX = "K8S_AUTH_"


def first_set(*names: str) -> str:
    """Return the value of the first environment variable that is not empty; a fallback of an argument_spec."""
    for name in names:
        if os.environ.get(name):
            return os.environ[name]
    raise AnsibleFallbackNotFound


def _variables(option: str) -> list[str]:
    """The environment variables of an option: the name of the option first, then that of the library."""
    library = [name for name, own in AUTH_ARG_MAP.items() if own == option]
    names = dict.fromkeys(f"{PREFIX}{name.upper()}" for name in [option, *library])
    return [*names, *(["KUBECONFIG"] if option == "kubeconfig" else [])]


def _arguments() -> dict[str, dict[str, Any]]:
    arguments = {name: {**spec, "fallback": (first_set, _variables(name))} for name, spec in AUTH_ARG_SPEC.items()}
    # no_log would hide paths, and every word of a dictionary ("default") in all results. ClusterModule hides secrets.
    arguments["kubeconfig"]["no_log"] = False
    arguments["proxy_headers"].pop("fallback")
    arguments["proxy_headers"].update(
        apply_defaults=True,
        options={
            name: {**spec, "fallback": (first_set, [f"{PREFIX}PROXY_HEADERS_{name.upper()}"])}
            for name, spec in AUTH_PROXY_HEADERS_SPEC.items()
        },
    )
    return arguments


# Must match doc_fragments/cluster.py and the fragment kubernetes.core.k8s_auth_options.
CONNECTION_ARGS = _arguments()


def given_options(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the connection options of a module that are not empty."""
    headers = {name: value for name, value in (params.get("proxy_headers") or {}).items() if value}
    options = {**params, "proxy_headers": headers}
    return {name: options[name] for name in CONNECTION_ARGS if options.get(name) not in (None, "", [], {})}


def with_variables(given: Mapping[str, Any]) -> dict[str, Any]:
    """Add the connection options from the environment, as strings, to those that are set."""
    options = dict(given)
    for name, spec in CONNECTION_ARGS.items():
        if name not in given and "fallback" in spec:
            read, variables = spec["fallback"]
            with contextlib.suppress(AnsibleFallbackNotFound):
                options[name] = read(*variables)
    return options


class ClusterModule(AnsibleModule):
    """A module with connection options, which hides the secrets in them.

    no_log is not sufficient for a kubeconfig, because the controller can override it.
    """

    def __init__(self, argument_spec: dict[str, dict[str, Any]], **more: Any) -> None:
        super().__init__(argument_spec={**CONNECTION_ARGS, **argument_spec}, **more)
        exit_on_signals()  # to remove temporary files with secrets, also those of the kubernetes library

    def exit_json(self, **kwargs: Any) -> None:
        super().exit_json(**self._without_secrets(kwargs))

    def fail_json(self, msg: str, **kwargs: Any) -> None:
        super().fail_json(msg, **self._without_secrets(kwargs))

    def log(self, msg: str, log_args: Mapping[str, Any] | None = None) -> None:
        self._without_secrets({})
        if log_args and holds_secrets(self.params.get("kubeconfig")):  # secrets may be escaped there
            msg, log_args = "Invoked with the content of a kubeconfig; its arguments are not logged", None
        super().log(msg, log_args)

    def _without_secrets(self, result: dict[str, Any]) -> dict[str, Any]:
        """Return a result without the content of a kubeconfig, and register all secrets to be hidden.

        Not called in __init__, because AnsibleModule already exits there if arguments are invalid.
        """
        params = getattr(self, "params", None) or {}
        self.no_log_values.update(secrets_in_options(params))
        if not holds_secrets(params.get("kubeconfig")):
            return result
        return {"invocation": {"module_args": {**params, "kubeconfig": HIDDEN}}, **result}
