# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hides secrets from results and logs: those in connection options, and the values of Secrets."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

# Names of secret values in a kubeconfig and in the environment of its exec command.
_SECRET = re.compile(r"token|passw|secret|credential|key-data|(?:api|access|private|account)[-_.]?key", re.IGNORECASE)
# Names that match _SECRET, but contain a path or URL.
_LOCATION = re.compile(r"(?:file|path|dir|url|uri)$", re.IGNORECASE)

# Replace a value of a Secret in a diff, and one that differs from the other side of the diff.
HIDDEN_VALUE, HIDDEN_CHANGED_VALUE = "(hidden)", "(hidden, changed)"

# Replaces a secret, as in ansible-core.
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def holds_secrets(kubeconfig: Any) -> bool:
    """Return whether a kubeconfig is content (a dictionary, or mistakenly text) instead of a path."""
    if isinstance(kubeconfig, str):
        return "\n" in kubeconfig or kubeconfig.lstrip().removeprefix("---").lstrip().startswith("{")
    return bool(kubeconfig) and not isinstance(kubeconfig, os.PathLike)


def secrets_of(kubeconfig: Any) -> set[str]:
    """Return the secrets in a kubeconfig that is a dictionary or text.

    Short words are omitted: hiding "admin" everywhere would hide more than a password.
    """
    return {x for x in _secrets(kubeconfig) if len(x) >= 12 or (len(x) >= 6 and not x.isalpha())}


def secrets_in_options(params: Mapping[str, Any]) -> set[str]:
    """Return the secrets in a module's options that no_log does not hide: in kubeconfig, and passwords in URLs."""
    found = secrets_of(params.get("kubeconfig")) if holds_secrets(params.get("kubeconfig")) else set()
    for name in ("host", "proxy"):
        password = _password_in(params.get(name) or "")
        found |= {x for x in (password, unquote(password)) if x}
    return found


def without_password(url: str) -> str:
    """Return a URL without user and password."""
    return re.sub(r"^([a-z0-9+.-]+://)?[^/@]*@", r"\1", url, flags=re.IGNORECASE)


def _password_in(url: Any) -> str:
    with contextlib.suppress(ValueError):
        return urlsplit(str(url)).password or ""
    return ""


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, str) and holds_secrets(value):
        yield value
    elif isinstance(value, dict):
        yield from _secrets_in_mapping(value)
    elif isinstance(value, list):
        yield from _secrets_in_arguments(value)


def _secrets_in_mapping(value: dict[Any, Any]) -> Iterator[str]:
    # The last pair is an entry of exec.env.
    for name, inner in [*value.items(), (value.get("name"), value.get("value"))]:
        if not isinstance(inner, str):
            yield from _secrets(inner)
        elif _sounds_secret(name):
            yield inner
        elif "://" in inner:
            yield _password_in(inner)


def _secrets_in_arguments(values: list[Any]) -> Iterator[str]:
    """exec.args may contain "--flag VALUE" and "--flag=VALUE"."""
    before = ""
    for inner in values:
        if not isinstance(inner, str):
            yield from _secrets(inner)
            continue
        flag, equals, rest = inner.partition("=")
        if flag.startswith("-") and equals and _sounds_secret(flag):
            yield rest
        elif before.startswith("-") and "=" not in before and _sounds_secret(before):
            yield inner
        before = inner


def _sounds_secret(name: Any) -> bool:
    return isinstance(name, str) and bool(_SECRET.search(name)) and not _LOCATION.search(name)


def hide_secret(secret: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Hide the values of a Secret in place, also those of its annotations: kubectl keeps the whole Secret in one.

    other: the same Secret on the other side of a diff, to mark the values that changed; without a diff, secret itself.
    """
    for field in ("data", "stringData"):
        if field in secret:
            secret[field] = _hidden(secret[field], other.get(field))
    annotations = (secret.get("metadata") or {}).get("annotations") or {}
    annotations.update(_hidden(annotations, (other.get("metadata") or {}).get("annotations")))


def _hidden(value: Any, other: Any) -> Any:
    if isinstance(value, dict):
        other = other if isinstance(other, dict) else {}
        return {key: _hidden(inner, other.get(key)) for key, inner in value.items()}
    return HIDDEN_VALUE if value == other else HIDDEN_CHANGED_VALUE
