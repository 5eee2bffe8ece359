# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: the ingress gateway and the URLs of what runs."""

from __future__ import annotations

import shlex

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import (
    Document,
    Facts,
    as_count,
    as_dict,
    as_dicts,
    as_text,
)

_VARIABLES = (("INGRESS_HOST", "host"), ("INGRESS_PORT", "port"), ("SECURE_INGRESS_PORT", "secure_port"))


def ingress(facts: Facts) -> Document | None:
    """The address of the ingress gateway, by the names in Istio's documentation; None if it was not determined."""
    if not facts.get("ingress_gateway_local_address"):
        return None
    return {
        "host": as_text(facts.get("ingress_gateway_host")) or None,
        "port": as_count(facts.get("ingress_gateway_port")) or None,
        "secure_port": as_count(facts.get("ingress_gateway_secure_port")) or None,
        "reachable": as_text(facts["ingress_gateway_local_address"]),
        "secure_reachable": as_text(facts.get("ingress_gateway_local_https_address")) or None,
    }


def urls(facts: Facts) -> list[Document]:
    """The URLs of what runs, each with a line on how to use it."""
    found = [_gateway(facts), _bookinfo(facts), _secure_bookinfo(facts), _jaeger(facts)]
    return [url for url in found if url]


def _gateway(facts: Facts) -> Document | None:
    address = as_text(facts.get("ingress_gateway_local_address"))
    if not address:
        return None
    url, how = f"http://{address}", "The entrance to the mesh; the command requests a book as JSON."
    if not facts.get("bookinfo_url"):
        how = "The entrance to the mesh. It answers 404 until a Gateway and a VirtualService configure it."
        return _url("Ingress gateway", url, how)
    return _url("Ingress gateway", url, how, f"curl {shlex.quote(url + '/api/v1/products/200')}")


def _bookinfo(facts: Facts) -> Document | None:
    how = "Reload it several times: three versions of reviews take turns (no stars, black stars, red stars)."
    return _url("Bookinfo", as_text(facts.get("bookinfo_url")), how)


def _secure_bookinfo(facts: Facts) -> Document | None:
    how = "The same over TLS. The certificate is self-signed, so a browser warns about it."
    return _url("Bookinfo by TLS", as_text(facts.get("bookinfo_secure_url")), how)


def _jaeger(facts: Facts) -> Document | None:
    # Releases name the service of a proxy differently.
    roots = as_dicts(as_dict(facts.get("jaeger_trace")).get("tree"))
    service = as_text(roots[0].get("service")) if roots else "of the ingress gateway"
    how = f"Choose the service {service}, then Find Traces; a trace opens as a timeline."
    return _url("Jaeger", as_text(facts.get("jaeger_url")), how)


def _url(name: str, url: str, how: str, command: str | None = None) -> Document | None:
    return {"name": name, "url": url, "how": how, "command": command} if url else None


def exports(data: Document | None) -> Document | None:
    """The gateway's address as variables of a shell, and as text."""
    if not data:
        return None
    secure = data["secure_reachable"]
    return {
        "variables": [f"export {name}={shlex.quote(str(data[key]))}" for name, key in _VARIABLES if data[key]],
        "reachable": f"{data['reachable']}, and {secure} by HTTPS" if secure else data["reachable"],
    }
