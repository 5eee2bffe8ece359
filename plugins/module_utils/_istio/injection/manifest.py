# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest in the module's options, and its Secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.files import read_text
from ansible_collections.meshlab.istio.plugins.module_utils._manifests import (
    ManifestError,
    check_definitions,
    parse_manifest,
    secret_titles,
)
from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and


def read_definitions(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the definitions in the option definition, content or src. Raises ManifestError if they are invalid."""
    if params["definition"] is not None:
        definitions = check_definitions(params["definition"])
    elif params["content"] is not None:
        definitions = parse_manifest(params["content"], "content")
    else:
        definitions = parse_manifest(read_text(params["src"], "src"), params["src"])
    if not definitions:
        raise ManifestError(f"{params['src'] or 'the manifest'} contains no objects")
    return definitions


def find_secrets(params: Mapping[str, Any], definitions: list[dict[str, Any]]) -> list[str]:
    """Return the titles of the Secrets in the manifest. Raises ManifestError if their values would be returned."""
    secrets = secret_titles(definitions, params["namespace"])
    if secrets and not (params["dest"] or params["return_secrets"]):
        raise ManifestError(
            f"the manifest contains {join_and(secrets)}, whose values would be logged if returned: set dest to "
            "write the injected manifest to a file, or return_secrets=true together with no_log=true on the task"
        )
    return secrets
