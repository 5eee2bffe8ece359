# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster the options and the environment name, by the rule of kubernetes.core without its ~/.kube/config."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The environment variables that name a kubeconfig, the first one that is not empty.
KUBECONFIG_VARIABLES = ("K8S_AUTH_KUBECONFIG", "KUBECONFIG")

# What kubernetes.core needs beside a host to connect without a kubeconfig: option, then its other variable name.
CREDENTIALS = (
    (("username",), ("password",)),
    (("api_key",),),
    (("client_cert", "cert_file"), ("client_key", "key_file")),
)

SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"


class NoClusterError(Exception):
    """No cluster is named, or two are; the message is for the user."""


@dataclass(frozen=True)
class NamedCluster:
    """source: "kubeconfig", "host" or "in_cluster"; kubeconfig: its path or paths, or its content as a dictionary."""

    source: str
    kubeconfig: Any = None


def named_cluster(
    options: Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
    kubeconfig_option: str = "kubeconfig",
    service_account_dir: str = SERVICE_ACCOUNT_DIR,
) -> NamedCluster:
    """The cluster that the options (those of kubernetes.core) or the environment variables name.

    kubeconfig_option: what the user calls the option kubeconfig, for messages.
    Raises NoClusterError if none is named, or if kubernetes.core would prefer another one to the given kubeconfig.
    """
    environ = os.environ if environ is None else environ
    if options.get("kubeconfig") and environ.get("K8S_AUTH_HOST") and not options.get("host"):
        raise NoClusterError(
            f"{kubeconfig_option} and the environment variable K8S_AUTH_HOST name a cluster each: unset one of them"
        )
    if _value(options, environ, "host") and any(_all_set(options, environ, names) for names in CREDENTIALS):
        return NamedCluster("host")
    kubeconfig = options.get("kubeconfig") or _first(environ, KUBECONFIG_VARIABLES)
    if kubeconfig:
        return NamedCluster("kubeconfig", kubeconfig)
    # With a context, kubernetes.core reads ~/.kube/config also within a pod.
    if not _value(options, environ, "context") and _in_cluster(environ, service_account_dir):
        return NamedCluster("in_cluster")
    raise NoClusterError(
        f"no kubeconfig given: set {kubeconfig_option}, or the environment variable K8S_AUTH_KUBECONFIG or KUBECONFIG "
        "(~/.kube/config is never used implicitly)"
    )


def _value(options, environ, *names):
    """The value of an option, or else of one of its environment variables."""
    return options.get(names[0]) or _first(environ, (f"K8S_AUTH_{name.upper()}" for name in names))


def _all_set(options, environ, names):
    return all(_value(options, environ, *each) for each in names)


def _first(environ, names):
    return next((environ[name] for name in names if environ.get(name)), None)


def _in_cluster(environ, service_account_dir):
    """Whether this process has what the kubernetes library needs within a pod."""
    return all(environ.get(x) for x in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")) and all(
        os.path.isfile(os.path.join(service_account_dir, x)) for x in ("token", "ca.crt")
    )
