# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses where the images of the role kind_cluster come from, and explains why a registry does not answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Result = Mapping[str, Any]

# HTTP status codes of a registry; it may require authentication.
REGISTRY_ANSWERS = (200, 401)
DOCKER_HUB = "registry-1.docker.io"
_MIRROR = "set kind_cluster_registry_mirror to a registry that answers"
_PROXY = "Behind a proxy, set https_proxy (sudo drops it: sudo --preserve-env=https_proxy,no_proxy)"
# A fault in the message of the module uri, what it means, and the remedy. The first that matches applies.
_FAULTS = (
    (
        r"407|Proxy Authentication Required",
        "the proxy requires a user name and a password: 407",
        "Set https_proxy=http://USER:PASSWORD@HOST:PORT",
    ),
    (r"Tunnel connection failed: (.+?)(?:>|$)", "the proxy refuses the connection: {}", "Ask for access"),
    (
        r"certificate|SSL|TLS",
        "its TLS certificate cannot be verified",
        "If a proxy inspects TLS, set SSL_CERT_FILE to a file with its certificate authority",
    ),
    (
        r"Name or service not known|name resolution|nodename nor servname|No address associated",
        "its name cannot be resolved",
        _PROXY,
    ),
    (r"Connection refused", "connection refused", _PROXY),
    (r"timed out|timeout", "no answer within 10 s", _PROXY),
    (r"unreachable|No route to host", "there is no route to it", _PROXY),
    (r"Status code was ([1-9]\d+)", "HTTP status {}", _PROXY),
    (r"(?:Request failed: )?(?:<url\w+ error )?(.+?)>?$", "{}", _PROXY),
)


def _name(registry: str, mirror: str) -> str:
    """Return how messages name a registry or its mirror."""
    if mirror:
        return f"the mirror {mirror}"
    return f"Docker Hub ({registry})" if registry == DOCKER_HUB else registry


def fault(answer: Result) -> tuple[str, str]:
    """Return why a registry does not answer, and the remedy; both are empty if it answers.

    answer: result of the module uri.
    """
    if answer.get("status") in REGISTRY_ANSWERS:
        return "", ""
    message = re.sub(r"^Status code was -1 and not \[.*?\]: ", "", str(answer.get("msg") or "no message"))
    for expression, reason, remedy in _FAULTS:
        found = re.search(expression, message, re.IGNORECASE)
        if found:
            return reason.format(*found.groups()), remedy
    return message, _PROXY


def image_source(
    wanted: str, archive: str, registry: str, mirror: str, answer: Result, engine: Result
) -> dict[str, str]:
    """Return the source of the images, the reason, and why the registry cannot be used.

    wanted: kind_cluster_image_source; registry: its host name; mirror: that replaces it, or ""; answer: result of a
    request to the mirror or registry, empty if there was none; engine: what the engine printed about itself.
    source: registry, build or archive; reason: of that source; problem and remedy: of a registry that does not answer
    although it was requested or is the default, else "".
    """
    chosen = {"source": wanted, "reason": f"kind_cluster_image_source is {wanted}", "problem": "", "remedy": ""}
    if wanted == "auto" and archive:
        return {**chosen, "source": "archive", "reason": f"kind_cluster_image_archive is {archive}"}
    if wanted not in ("auto", "registry"):
        return chosen
    name = _name(registry, mirror)
    reason, remedy = fault(answer)
    if not reason:
        return chosen if wanted == "registry" else {**chosen, "source": "registry", "reason": f"{name} answers"}
    proxy = engine.get("HttpsProxy")
    if proxy and remedy == _PROXY:
        remedy = f"Docker uses the proxy {proxy}: set https_proxy to it"
    problem = f"{name} does not answer ({reason})"
    chosen = {**chosen, "problem": problem, "remedy": f"{remedy}, or {_MIRROR}."}
    return chosen if wanted == "registry" else {**chosen, "source": "build", "reason": problem}
