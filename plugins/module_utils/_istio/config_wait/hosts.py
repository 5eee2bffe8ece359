# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare host names of rules and of proxies."""

from __future__ import annotations

import re


def answers_to(domain: str, host: str) -> bool:
    if host == "*":
        return True
    return covers(host, domain) if "*" in host else same_host(domain, host)


def full_host(host: str, namespace: str) -> str:
    """Expand a rule's host: a short name is a Service in the rule's namespace.

    Without the cluster domain, as in "reviews.default.svc".
    """
    return host if "." in host or "*" in host else f"{host}.{namespace}.svc"


def same_host(name: str, host: str) -> bool:
    """Whether a name in a proxy (reviews.default.svc.cluster.local) is a host of full_host."""
    name, host = name.lower(), host.lower()
    return name == host or (host.endswith(".svc") and name.startswith(f"{host}."))


def covers(pattern: str, host: str) -> bool:
    """Whether a pattern ("*", "*.example.com", or a name) covers a host, which may be a pattern too."""
    pattern, host = pattern.lower(), host.lower()
    if pattern.endswith(".svc") or host.endswith(".svc"):  # one has no cluster domain, so ignore both
        pattern, host = (re.sub(r"\.svc\..*$", ".svc", x) for x in (pattern, host))
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


def gateway_name(name: str, namespace: str) -> str:
    """Expand a Gateway's name in a VirtualService to "namespace/name"; "mesh" is unchanged."""
    return name if name == "mesh" or "/" in name else f"{namespace}/{name}"
