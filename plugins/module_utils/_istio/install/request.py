# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What istioctl is given, from the options of istio_install."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass

try:
    import yaml
except ImportError:  # the module reports it
    yaml = None

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError


@dataclass(frozen=True)
class Request:
    """What istioctl is given: a file and an IstioOperator over it (either may be None), and --set texts over both."""

    file: str | None
    operator: dict | None
    settings: tuple = ()
    manifests: str | None = None

    def arguments(self, *verb, settings=()):
        """istioctl's arguments for a verb such as "install"; settings: further --set texts, before the user's own."""
        arguments = list(verb)
        for path in (self.file, "-" if self.operator else None):  # standard input has to be the last
            arguments += ["--filename", path] if path else []
        for setting in (*settings, *self.settings):
            arguments += ["--set", setting]
        return arguments + (["--manifests", self.manifests] if self.manifests else [])

    @property
    def stdin(self):
        """The text for istioctl's standard input."""
        return json.dumps(self.operator) if self.operator else None

    def mentions(self, word: str) -> bool:
        """Whether a word is anywhere in what istioctl is given."""
        return word in " ".join([self.stdin or "", *self.settings, self._file_text()])

    def owner(self) -> tuple[str, str]:
        """Name (empty if it has none) and namespace of the IstioOperator, as istioctl labels what it installs.

        Raises InstallError if the file is not an IstioOperator.
        """
        merged = laid_over(self._file_operator(), self.operator or {})
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
            raise InstallError(f"file {self.file} must hold one IstioOperator, got a {type(operator).__name__}")
        return operator


def request_from(params):
    """The Request in a module's parameters. Raises InstallError that names the option."""
    operator = copy.deepcopy(params["operator"]) or {}
    if operator.get("kind", "IstioOperator") != "IstioOperator":
        raise InstallError(f"operator: its kind is {operator['kind']}, not IstioOperator")
    if operator and not isinstance(operator.get("spec"), dict):
        raise InstallError("operator: it has no spec; give a whole IstioOperator, or use values and components")
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
        # Old releases read the first, newer ones the others.
        spec["namespace"] = metadata["namespace"] = params["namespace"]
        spec.setdefault("values", {})
        spec["values"] = laid_over(spec["values"], {"global": {"istioNamespace": params["namespace"]}})
    for option, path in (("file", params["file"]), ("manifests", params["manifests"])):
        if path and not (os.path.isdir(path) if option == "manifests" else os.path.isfile(path)):
            raise InstallError(f"{option} {path}: no such {'folder' if option == 'manifests' else 'file'} is there")
    if operator or spec:
        operator = laid_over(
            {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator"},
            laid_over(operator, {"spec": spec, **({"metadata": metadata} if metadata else {})}),
        )
    return Request(params["file"], operator or None, tuple(_settings(params["set"] or {})), params["manifests"])


def _settings(values):
    for path, value in values.items():
        if isinstance(value, (dict, list)) or value is None:
            kind = "null" if value is None else type(value).__name__
            raise InstallError(f"set: {path} is a {kind}; only texts, numbers and booleans fit, use values instead")
        yield f"{path}={json.dumps(value) if isinstance(value, bool) else value}"


def laid_over(under, over):
    """Two dictionaries as one: what is a dictionary in both is merged, else the second counts."""
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = laid_over(merged[key], value) if both else value
    return merged
