# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of injection: how istioctl is called with it, and how it is read from a cluster."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases

# What injection needs to know, as the control plane keeps it in the cluster: the names that Istio's documentation gives
# the files, the ConfigMaps (of the default revision) and their keys. In the order that arguments() wants.
ISTIO_NAMESPACE = "istio-system"
LIVE_FILES = (
    ("inject-config.yaml", "istio-sidecar-injector", "config"),
    ("mesh-config.yaml", "istio", "mesh"),
    ("inject-values.yaml", "istio-sidecar-injector", "values"),
)

# The module's options for such files, in the same order.
FILE_OPTIONS = ("inject_config_file", "mesh_config_file", "values_file")


class ConfigurationError(Exception):
    """What the cluster lacks of the configuration of injection, in words for the user."""


def live_configuration(
    get: Callable[[str], dict[str, Any] | None], revision: str | None = None, namespace: str = ISTIO_NAMESPACE
) -> dict[str, str]:
    """The three files of a cluster: a dictionary of texts by the names in LIVE_FILES.

    get: called with an API path, returns the object, or None if there is none; revision: of the control plane, or None;
    namespace: its own. Raises ConfigurationError if the cluster does not have all of it.
    """
    suffix = f"-{revision}" if revision and revision != "default" else ""
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps"
    found: dict[str, dict[str, Any]] = {}
    texts: dict[str, str] = {}
    for file, name, key in LIVE_FILES:
        name += suffix
        config_map = found.get(name) or get(f"{path}/{name}")
        if config_map is None:
            raise ConfigurationError(
                f"there is no ConfigMap {name} in namespace {namespace}: {_other_revisions(get(path))}"
            )
        found[name] = config_map
        texts[file] = (config_map.get("data") or {}).get(key) or ""
        if not texts[file]:
            raise ConfigurationError(f"ConfigMap {name} in namespace {namespace} has no {key}")
    return texts


def _other_revisions(config_maps):
    """What to do where a revision's ConfigMaps are missing; config_maps: the list of all, or None."""
    main, revisions = LIVE_FILES[0][1], []
    for config_map in (config_maps or {}).get("items") or ():
        name = config_map["metadata"]["name"]
        if name == main or name.startswith(f"{main}-"):
            revisions.append(name[len(main) + 1 :] or "default")
    if revisions:
        return f"set revision to one that is there: {', '.join(sorted(revisions))}"
    return "install Istio there first, or set istio_namespace to where it is"


def arguments(
    version: str, revision: str | None = None, files: list[str] | None = None, namespace: str = ISTIO_NAMESPACE
) -> list[str]:
    """istioctl's arguments to inject what comes on stdin.

    version: istioctl's; revision: of the control plane, or None; files: the paths of the injection configuration, the
    mesh configuration and the values, in this order, or None to have istioctl ask the cluster; namespace: of the
    control plane.
    """
    args = ["kube-inject", "-f", "-"]
    if revision:
        args += ["--revision", revision]
    if files:
        for flag, path in zip(("--injectConfigFile", "--meshConfigFile", "--valuesFile"), files):
            args += [flag, path]
        return args
    # The webhook's own configuration is found by its label, in whichever namespace its service is.
    args += ["--istioNamespace", namespace]
    if revision and revision != "default" and not releases.has(version, "by_webhook"):
        # Releases that read the ConfigMaps do not all look for those of the revision by themselves.
        args += ["--meshConfigMapName", f"istio-{revision}"]
        args += ["--injectConfigMapName", f"istio-sidecar-injector-{revision}"]
    return args


def with_final_paths(command: str, temporary: dict[str, str]) -> str:
    """A command as it can be pasted once its files are in place. temporary: {final path: path until then}."""
    for path, source in temporary.items():
        command = command.replace(shlex.quote(source), shlex.quote(path))
    return command
