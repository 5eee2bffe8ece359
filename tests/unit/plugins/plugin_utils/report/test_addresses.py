# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress gateway and URLs."""

from __future__ import annotations

import pytest
from report_support import FACTS, chapters, checked, made, page


def test_the_gateways_ports_are_shown_by_the_names_of_istios_documentation():
    document = made()
    assert document["ingress"] == {
        "host": "198.18.1.2",
        "port": 30080,
        "secure_port": 30443,
        "reachable": "127.0.0.1:30080",
        "secure_reachable": "127.0.0.1:30443",
    }
    text = page(document)
    exports = "export INGRESS_HOST=198.18.1.2\nexport INGRESS_PORT=30080\nexport SECURE_INGRESS_PORT=30443"
    assert f"<pre><code>{exports}</code></pre>" in text
    assert "On this host it is 127.0.0.1:30080, and 127.0.0.1:30443 by HTTPS." in text
    assert "127.0.0.1:30080, and by HTTPS 127.0.0.1:30443" in chapters(document)["install"]["checks"][-1]["what"]


def test_a_gateway_without_https_has_no_port_of_it():
    document = made({**FACTS, "ingress_gateway_secure_port": None, "ingress_gateway_local_https_address": ""})
    assert (document["ingress"]["secure_port"], document["ingress"]["secure_reachable"]) == (None, None)
    text = page(document)
    assert "SECURE_INGRESS_PORT" not in text and "by HTTPS" not in text


def test_a_gateway_that_nobody_looked_for_is_left_out():
    document = made({name: value for name, value in FACTS.items() if name != "ingress_gateway_local_address"})
    assert document["ingress"] is None
    assert "INGRESS_HOST" not in page(document)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "javascript://h/%0aalert(1)",
        "file://h/x",
        "data:text/html,x",
        "//x/y",
        "http://",
        "http://a b",
        "http://[",
        "x",
    ],
)
def test_what_is_no_address_of_the_web_is_no_link(url):
    text = page(made({**FACTS, "bookinfo_url": url, "bookinfo_secure_url": url, "jaeger_url": url}))
    found = checked(text)
    assert set(found.links) == {"http://127.0.0.1:30080"}


@pytest.mark.parametrize("service", ["istio-ingressgateway", "istio-ingressgateway.istio-system"])
def test_jaegers_service_is_named_as_the_trace_has_it(service):
    trace = {**FACTS["jaeger_trace"], "tree": [{**FACTS["jaeger_trace"]["tree"][0], "service": service}]}
    told = {x["name"]: x["how"] for x in made({**FACTS, "jaeger_trace": trace})["urls"]}
    assert told["Jaeger"].startswith(f"Choose the service {service}, then")
    bare = {x["name"]: x["how"] for x in made({**FACTS, "jaeger_trace": {}})["urls"]}
    assert "the service of the ingress gateway" in bare["Jaeger"]
