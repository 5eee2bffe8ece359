# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The input of istioctl, from the options of istio_install."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

try:
    import yaml
except ImportError:  # the module reports it
    yaml = None  # type: ignore[assignment]

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError

# Fields of an IstioOperator that must be dictionaries, parents first.
_DICTIONARIES = ("metadata", "spec", "spec.values", "spec.values.global", "spec.components", "spec.meshConfig")


@dataclass(frozen=True)
class InstallRequest:
    """The input of istioctl: a file, an IstioOperator merged over it (both optional), and --set settings over both."""

    file: str | None
    operator: dict | None
    settings: tuple[str, ...] = ()
    manifests: str | None = None

    def arguments(self, *verb: str, settings: Iterable[str] = ()) -> list[str]:
        """The arguments of istioctl for a verb such as "install". settings: --set, unless the user overrides it."""
        arguments = list(verb)
        for path in (self.file, "-" if self.operator else None):  # standard input must be last
            arguments += ["--filename", path] if path else []
        for setting in (*settings, *self.settings):
            arguments += ["--set", setting]
        return arguments + (["--manifests", self.manifests] if self.manifests else [])

    @property
    def stdin(self) -> str | None:
        """The text for the standard input of istioctl."""
        return json.dumps(self.operator) if self.operator else None

    def mentions(self, word: str) -> bool:
        """Whether a word occurs anywhere in the input of istioctl."""
        return word in " ".join([self.stdin or "", *self.settings, self._file_text()])

    def owner(self) -> tuple[str, str]:
        """Name (may be empty) and namespace of the IstioOperator, as in the labels that istioctl sets.

        Raises InstallError if the file is not an IstioOperator.
        """
        merged = merge(self._file_operator(), self.operator or {})
        metadata, spec = merged.get("metadata") or {}, merged.get("spec") or {}
        values = (spec.get("values") or {}).get("global") or {}
        settings = dict(setting.partition("=")[::2] for setting in self.settings)
        namespaces = (
            settings.get("values.global.istioNamespace"),
            values.get("istioNamespace"),
            metadata.get("namespace"),
            spec.get("namespace"),
            "istio-system",
        )
        return metadata.get("name") or "", next(x for x in namespaces if x)

    def _file_text(self) -> str:
        if not self.file:
            return ""
        with open(self.file, encoding="utf-8", errors="replace") as source:
            return source.read()

    def _file_operator(self) -> dict:
        try:
            operator = yaml.safe_load(self._file_text()) or {}
        except yaml.YAMLError as error:
            raise InstallError(f"file {self.file} is not valid YAML: {' '.join(str(error).split())}") from error
        if not isinstance(operator, dict):
            raise InstallError(f"file {self.file} must contain one IstioOperator, got a {type(operator).__name__}")
        _check_dictionaries(operator, f"file {self.file}: ", _DICTIONARIES)
        return operator


def request_from(params: dict) -> InstallRequest:
    """Create the InstallRequest from the parameters of the module. Raises InstallError that names the option."""
    operator = copy.deepcopy(params["operator"]) or {}
    _check_dictionaries(operator, "operator.", _DICTIONARIES)
    _check_dictionaries(params, "", ("values.global",))
    if operator.get("kind", "IstioOperator") != "IstioOperator":
        raise InstallError(f"operator must be an IstioOperator, got kind {operator['kind']}")
    if operator and not isinstance(operator.get("spec"), dict):
        raise InstallError("operator must have a spec; use values and components to set only parts of it")
    spec = {
        "profile": params["profile"],
        "revision": None if params["revision"] == "default" else params["revision"],
        "hub": params["hub"],
        "tag": params["tag"],
        "values": params["values"],
        "components": params["components"],
        "meshConfig": params["mesh_config"],
    }
    spec = {key: value for key, value in spec.items() if value}
    metadata = {}
    if params["namespace"] and params["namespace"] != "istio-system":
        # Old releases read spec.namespace, newer ones the others.
        spec["namespace"] = metadata["namespace"] = params["namespace"]
        spec.setdefault("values", {})
        spec["values"] = merge(spec["values"], {"global": {"istioNamespace": params["namespace"]}})
    for option, path in (("file", params["file"]), ("manifests", params["manifests"])):
        if path and not (os.path.isdir(path) if option == "manifests" else os.path.isfile(path)):
            raise InstallError(f"{option}: {path} is not a {'directory' if option == 'manifests' else 'file'}")
    if operator or spec:
        operator = merge(
            {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator"},
            merge(operator, {"spec": spec, **({"metadata": metadata} if metadata else {})}),
        )
    return InstallRequest(params["file"], operator or None, tuple(_settings(params["set"] or {})), params["manifests"])


def _check_dictionaries(root: dict, prefix: str, paths: Iterable[str]) -> None:
    """Raise InstallError if a value at one of these dotted paths is set and is not a dictionary."""
    for path in paths:
        value: Any = root
        for name in path.split("."):
            value = (value or {}).get(name)
            if not isinstance(value, (dict, type(None))):
                raise InstallError(f"{prefix}{path} must be a dictionary, got {type(value).__name__}")


def _settings(values: dict) -> Iterator[str]:
    for path, value in values.items():
        if isinstance(value, (dict, list)) or value is None:
            kind = "null" if value is None else type(value).__name__
            raise InstallError(f"set: {path} must be a string, a number or a boolean, got {kind}; use values instead")
        yield f"{path}={json.dumps(value) if isinstance(value, bool) else value}"


def merge(base: dict, over: dict) -> dict:
    """Merge two dictionaries recursively; all values that are not dictionaries in both come from the second."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged
