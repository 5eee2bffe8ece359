# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The injection configuration: how it is read from a cluster and passed to istioctl."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases

# (file name in Istio's documentation, ConfigMap of the default revision, key), in the order that arguments() expects.
ISTIO_NAMESPACE = "istio-system"
LIVE_FILES = (
    ("inject-config.yaml", "istio-sidecar-injector", "config"),
    ("mesh-config.yaml", "istio", "mesh"),
    ("inject-values.yaml", "istio-sidecar-injector", "values"),
)

# The module's options for these files, in the same order.
FILE_OPTIONS = ("inject_config_file", "mesh_config_file", "values_file")


class ConfigurationError(Exception):
    """A part of the injection configuration is missing in the cluster. The message is for the user."""


def live_configuration(
    get: Callable[[str], dict[str, Any] | None], revision: str | None = None, namespace: str = ISTIO_NAMESPACE
) -> dict[str, str]:
    """Return the texts of the three files of a cluster by their names in LIVE_FILES.

    get: returns the object at an API path, None if it does not exist; revision and namespace: of the control plane.
    Raises ConfigurationError if one is missing.
    """
    suffix = revision_suffix(revision)
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps"
    found: dict[str, dict[str, Any]] = {}
    texts: dict[str, str] = {}
    for file, name, key in LIVE_FILES:
        name += suffix
        config_map = found.get(name) or get(f"{path}/{name}")
        if config_map is None:
            raise ConfigurationError(f"ConfigMap {namespace}/{name} does not exist: {_suggest_revision(get(path))}")
        found[name] = config_map
        texts[file] = (config_map.get("data") or {}).get(key) or ""
        if not texts[file]:
            raise ConfigurationError(f"ConfigMap {namespace}/{name} has no key {key}")
    return texts


def revision_suffix(revision: str | None) -> str:
    """Return the suffix of the names of a revision's ConfigMaps; empty for the default revision."""
    return f"-{revision}" if revision and revision != "default" else ""


def _suggest_revision(config_maps):
    """Return what to do if the ConfigMaps of a revision are missing. config_maps: the list of all, or None."""
    main, revisions = LIVE_FILES[0][1], []
    for config_map in (config_maps or {}).get("items") or ():
        name = config_map["metadata"]["name"]
        if name == main or name.startswith(f"{main}-"):
            revisions.append(name[len(main) + 1 :] or "default")
    if revisions:
        return f"set revision to an installed one: {', '.join(sorted(revisions))}"
    return "install Istio first, or set istio_namespace to its namespace"


def arguments(
    version: str, revision: str | None = None, files: list[str] | None = None, namespace: str = ISTIO_NAMESPACE
) -> list[str]:
    """Return istioctl's arguments to inject a manifest on stdin.

    version: istioctl's; revision and namespace: of the control plane; files: paths of the injection configuration, the
    mesh configuration and the values, in this order, or None if istioctl gets them from the cluster.
    """
    args = ["kube-inject", "-f", "-"]
    if revision:
        args += ["--revision", revision]
    if files:
        for flag, path in zip(("--injectConfigFile", "--meshConfigFile", "--valuesFile"), files):
            args += [flag, path]
        return args
    # istioctl finds the webhook configuration by its label, whatever the namespace of its Service.
    args += ["--istioNamespace", namespace]
    if revision and revision != "default" and not releases.has(version, "by_webhook"):
        # Not all releases that read the ConfigMaps derive their names from the revision.
        args += ["--meshConfigMapName", f"istio-{revision}"]
        args += ["--injectConfigMapName", f"istio-sidecar-injector-{revision}"]
    return args


def with_final_paths(command: str, temporary: dict[str, str]) -> str:
    """Replace temporary paths in a command by the final ones. temporary: {final path: temporary path}."""
    for path, source in temporary.items():
        command = command.replace(shlex.quote(source), shlex.quote(path))
    return command
