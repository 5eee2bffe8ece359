# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: the ingress gateway, and URLs with commands that use them."""

from __future__ import annotations

import shlex
from urllib.parse import quote, urlsplit

from ansible_collections.meshlab.istio.plugins.plugin_utils.report.cluster import has_standin, images
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.trace import jaeger_base
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import (
    Document,
    Facts,
    as_count,
    as_dict,
    as_dicts,
    as_text,
)

# A path of Bookinfo that answers in JSON.
_BOOK = "/api/v1/products/200"
_LOOKS = "Reload the page several times: three versions of reviews take turns (no stars, black stars, red stars)."


def ingress(facts: Facts) -> Document | None:
    """The address of the ingress gateway; None if it was not determined."""
    local = as_text(facts.get("ingress_gateway_local_address"))
    if not local:
        return None
    local_https = as_text(facts.get("ingress_gateway_local_https_address")) or None
    return {
        "host": as_text(facts.get("ingress_gateway_host")) or None,
        "port": as_count(facts.get("ingress_gateway_port")) or None,
        "secure_port": as_count(facts.get("ingress_gateway_secure_port")) or None,
        "local_address": local,
        "local_https_address": local_https,
        "commands": _exports(local, local_https),
    }


def _exports(local: str, local_https: str | None) -> list[str]:
    """Shell commands that set the variables of Istio's documentation to an address that this host reaches."""
    host, _colon, port = local.rpartition(":")
    variables = {"INGRESS_HOST": host, "INGRESS_PORT": port}
    https_host, _colon, https_port = (local_https or "").rpartition(":")
    if https_host == host:
        variables["SECURE_INGRESS_PORT"] = https_port
    variables["GATEWAY_URL"] = local
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def urls(facts: Facts) -> list[Document]:
    """The URLs of what runs, each with a description and a command."""
    found = [_gateway(facts), _bookinfo(facts), _secure_bookinfo(facts), _jaeger(facts)]
    return [url for url in found if url]


def _gateway(facts: Facts) -> Document | None:
    address = as_text(facts.get("ingress_gateway_local_address"))
    url = f"http://{address}" if address else ""
    if not facts.get("bookinfo_url"):
        description = "The entrance to the mesh. Without a Gateway and a VirtualService it serves nothing."
        return _url("Ingress gateway", url, description)
    description = "The entrance to the mesh. The command requests a book as JSON."
    return _url("Ingress gateway", url, description, _curl(facts, url + _BOOK))


def _bookinfo(facts: Facts) -> Document | None:
    url, host = as_text(facts.get("bookinfo_url")), as_text(facts.get("bookinfo_host_header"))
    has_standins = has_standin(images(facts), "examples-bookinfo-")
    standins = " Its services are stand-ins for the originals." if has_standins else ""
    if not host:
        return _url("Bookinfo", url, _LOOKS + standins, browsable=True)
    description = f"The Gateway serves only the host {host}, which a request must name in its Host header.{standins}"
    return _url("Bookinfo", url, description, _curl(facts, url))


def _curl(facts: Facts, url: str) -> str:
    host = as_text(facts.get("bookinfo_host_header"))
    return shlex.join(["curl", *(["--header", f"Host: {host}"] if host else []), url])


def _secure_bookinfo(facts: Facts) -> Document | None:
    url, address = (as_text(facts.get(x)) for x in ("bookinfo_https_url", "ingress_gateway_local_https_address"))
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if not address or not host:
        return _url("Bookinfo over HTTPS", url, "The certificate is self-signed.")
    # Port 443 in the URL, because an old proxy compares the Host header with the port of its own listener.
    connect_to = ["--connect-to", f"{host}:443:{address}"]
    entry = f"{address.rpartition(':')[0].strip('[]')} {host}"
    description = (
        "The same page, with a self-signed certificate. The command needs no DNS entry for the host; "
        f'a browser needs the line "{entry}" in the hosts file, and warns about the certificate.'
    )
    command = shlex.join(["curl", "--insecure", *connect_to, f"https://{host}/productpage"])
    return _url("Bookinfo over HTTPS", url, description, command)


def _jaeger(facts: Facts) -> Document | None:
    base, trace = jaeger_base(facts), as_dict(facts.get("jaeger_trace"))
    return _jaeger_ui(base, trace) if facts.get("jaeger_ui_available") else _jaeger_api(facts, base, trace)


def _jaeger_ui(base: str, trace: Document) -> Document | None:
    # Releases name the service of a proxy differently.
    roots = as_dicts(trace.get("tree"))
    service = as_text(roots[0].get("service")) if roots else "of the ingress gateway"
    description = f"Choose the service {service}, then Find Traces. A trace opens as a timeline."
    return _url("Jaeger", base and f"{base}/search", description, browsable=True)


def _jaeger_api(facts: Facts, base: str, trace: Document) -> Document | None:
    path, description = "services", "The URL lists the services that have traces."
    if facts.get("jaeger_ui_available") is False:
        description = f"This image of Jaeger was built without the web UI. {description}"
    if trace.get("trace_id"):
        path = f"traces/{quote(as_text(trace['trace_id']), safe='')}"
        description += " The command requests the trace that the report shows as a waterfall."
    command = shlex.join(["curl", f"{base}/api/{path}?prettyPrint=true"])
    return _url("Jaeger's query API", base and f"{base}/api/services", description, command, browsable=True)


def _url(name: str, url: str, description: str, command: str | None = None, browsable: bool = False) -> Document | None:
    if not url:
        return None
    return {"name": name, "url": url, "browsable": browsable, "description": description, "command": command}
