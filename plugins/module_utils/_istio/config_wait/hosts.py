# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names of rules and of proxies, and whether one covers another."""

from __future__ import annotations

import re


def answers_to(domain: str, host: str) -> bool:
    if host == "*":
        return True
    return covers(host, domain) if "*" in host else same_host(domain, host)


def full_host(host: str, namespace: str) -> str:
    """A rule's host as the mesh resolves it: a short name is a Service of the rule's namespace. The cluster's domain is
    left out, as in "reviews.default.svc"."""
    return host if "." in host or "*" in host else f"{host}.{namespace}.svc"


def same_host(name: str, host: str) -> bool:
    """Whether a name of the proxy (reviews.default.svc.cluster.local) is a host as full_host gives it."""
    name, host = name.lower(), host.lower()
    return name == host or (host.endswith(".svc") and name.startswith(f"{host}."))


def covers(pattern: str, host: str) -> bool:
    """Whether a pattern ("*", "*.example.com", or a name) covers a host, which may be a pattern as well."""
    pattern, host = pattern.lower(), host.lower()
    if pattern.endswith(".svc") or host.endswith(".svc"):  # one of them knows no domain, so neither counts
        pattern, host = (re.sub(r"\.svc\..*$", ".svc", x) for x in (pattern, host))
    return host.endswith(pattern[1:]) if pattern.startswith("*") else host == pattern


def gateway_name(name: str, namespace: str) -> str:
    """A Gateway as a VirtualService of a namespace names it: "mesh", or in full as "namespace/name"."""
    return name if name == "mesh" or "/" in name else f"{namespace}/{name}"
