# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from mesh_objects import EDGE, GATEWAY_POD, ROOT, compared, gateway, gateway_dump, pod, server, virtual_service


def test_listener_on_the_target_port_of_the_service():
    bound = virtual_service(["a.example.com"], gateways=["front"])
    missing, applied = compared(gateway(), gateway_dump(), bound, proxy=GATEWAY_POD, services=[EDGE])
    assert missing == []
    assert applied == ["HTTP 80 on 8080", "host a.example.com"]
    both = gateway(server(), server(443, "HTTPS", tls={"mode": "SIMPLE"}), server(31400, "TCP"))
    assert compared(both, gateway_dump(hosts=["x"]), bound, proxy=GATEWAY_POD, services=[EDGE])[0] == [
        "the proxy has no listener for HTTPS 443 (it listens on 8080)",
        "the proxy has no virtual host for a.example.com of VirtualService shop/catalog",
    ]


def test_listener_on_a_named_target_port():
    item = gateway(server(443, "HTTPS", tls={"mode": "SIMPLE"}))
    dump = gateway_dump(port=8443, rds=["https.443.https.front.shop"])
    assert compared(item, dump, proxy=GATEWAY_POD, services=[EDGE]) == ([], ["HTTPS 443 on 8443"])


def test_https_listener_of_another_gateway():
    item = gateway(server(443, "HTTPS", tls={"mode": "SIMPLE"}))
    assert compared(item, gateway_dump(port=443, rds=["https.443.https.front.shop"]), proxy=GATEWAY_POD)[0] == []
    assert compared(item, gateway_dump(port=443, rds=["https.443.https.other.shop"]), proxy=GATEWAY_POD)[0] == [
        "the listener on 443 does not serve HTTPS 443 of this Gateway"
    ]


def test_hosts_of_a_virtual_service_of_another_revision_are_ignored():
    bound = virtual_service(["b.example.com"], gateways=["front"])
    bound["metadata"]["labels"] = {"istio.io/rev": "canary"}
    proxy = pod("edge", ROOT, "router", labels={"istio.io/rev": "stable"})
    assert compared(gateway(server(8080)), gateway_dump(), bound, proxy=proxy)[0] == []
    proxy["metadata"]["labels"] = {"istio.io/rev": "canary"}
    assert compared(gateway(server(8080)), gateway_dump(), bound, proxy=proxy)[0] == [
        "the proxy has no virtual host for b.example.com of VirtualService shop/catalog"
    ]
