# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of URLs."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def _address(url: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address of the host of a URL; None for a name that is not of the loopback interface."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return ipaddress.ip_address("127.0.0.1")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_loopback(url: str) -> bool:
    """Whether the host of a URL is a loopback address or name."""
    address = _address(url)
    return address is not None and address.is_loopback


def is_private(url: str) -> bool:
    """Whether the host of a URL is an address that is not routed on the internet, such as that of a node."""
    address = _address(url)
    return address is not None and not address.is_global
