# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress gateway, URLs, and the commands that use them."""

from __future__ import annotations

import shlex

import pytest
from report_support import FACTS, build_document, chapters_by_name, parse_page, render_page

TRACE_ID = FACTS["jaeger_trace"]["trace_id"]


def urls(**changes):
    return {url["name"]: url for url in build_document({**FACTS, **changes})["urls"]}


def without(*names):
    return {name: value for name, value in FACTS.items() if name not in names}


def test_the_variables_of_istios_documentation_have_the_address_on_this_host():
    document = build_document()
    assert document["ingress"] == {
        "host": "198.18.1.2",
        "port": 30080,
        "secure_port": 30443,
        "local_address": "127.0.0.1:30080",
        "local_https_address": "127.0.0.1:30443",
        "commands": [
            "export INGRESS_HOST=127.0.0.1",
            "export INGRESS_PORT=30080",
            "export SECURE_INGRESS_PORT=30443",
            "export GATEWAY_URL=127.0.0.1:30080",
        ],
    }
    text = render_page(document)
    assert "<pre><code>" + "\n".join(document["ingress"]["commands"]) + "</code></pre>" in text
    assert "In the cluster's network its address is 198.18.1.2, port 30080 (HTTPS: 30443)." in text
    checks = chapters_by_name(document)["install"]["checks"]
    assert "127.0.0.1:30080, and 127.0.0.1:30443 for HTTPS" in checks[-1]["description"]


def test_a_gateway_without_https_has_no_https_variables():
    document = build_document({**without("ingress_gateway_secure_port"), "ingress_gateway_local_https_address": ""})
    assert (document["ingress"]["secure_port"], document["ingress"]["local_https_address"]) == (None, None)
    text = render_page(document)
    assert "SECURE_INGRESS_PORT" not in text and "HTTPS:" not in text


def test_an_https_port_at_another_host_has_no_variable():
    document = build_document({**FACTS, "ingress_gateway_local_https_address": "192.0.2.9:443"})
    assert "SECURE_INGRESS_PORT" not in " ".join(document["ingress"]["commands"])


def test_an_ipv6_address_keeps_its_brackets():
    document = build_document({**FACTS, "ingress_gateway_local_address": "[2001:db8::1]:30080"})
    assert document["ingress"]["commands"][:2] == ["export INGRESS_HOST='[2001:db8::1]'", "export INGRESS_PORT=30080"]


def test_an_unknown_gateway_is_left_out():
    document = build_document(without("ingress_gateway_local_address"))
    assert document["ingress"] is None
    assert "INGRESS_HOST" not in render_page(document)


def test_the_gateway_is_not_a_link_because_it_serves_nothing_at_its_root():
    gateway = urls()["Ingress gateway"]
    assert gateway["command"] == "curl http://127.0.0.1:30080/api/v1/products/200"
    assert not gateway["browsable"]
    assert urls(bookinfo_url="")["Ingress gateway"]["command"] is None


def test_a_gateway_for_one_host_needs_a_header():
    found = urls(bookinfo_host_header="books.example.com")
    options = ["curl", "--header", "Host: books.example.com"]
    assert shlex.split(found["Ingress gateway"]["command"]) == [*options, "http://127.0.0.1:30080/api/v1/products/200"]
    assert shlex.split(found["Bookinfo"]["command"]) == [*options, "http://127.0.0.1:30080/productpage"]
    assert not found["Bookinfo"]["browsable"]
    assert "only the host books.example.com" in found["Bookinfo"]["description"]


def test_https_is_requested_without_dns():
    found = urls()["Bookinfo over HTTPS"]
    assert shlex.split(found["command"]) == [
        "curl",
        "--insecure",
        "--connect-to",
        "bookinfo.example.com:443:127.0.0.1:30443",
        "https://bookinfo.example.com/productpage",
    ]
    assert not found["browsable"]
    assert 'the line "127.0.0.1 bookinfo.example.com" in the hosts file' in found["description"]


def test_bookinfo_is_called_a_stand_in_only_if_it_is_one():
    standin = "docker.io/istio/examples-bookinfo-details-v1:1.20.3"
    assert "stand-ins" in urls(lab_standins=[standin])["Bookinfo"]["description"]
    assert "stand-ins" not in urls(lab_standins=["docker.io/curlimages/curl:latest"])["Bookinfo"]["description"]
    pulled = render_page(build_document({**FACTS, "lab_standins": []}))
    assert "stand-in" not in pulled


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
def test_only_web_addresses_are_links(url):
    facts = {**FACTS, "bookinfo_url": url, "bookinfo_https_url": url, "jaeger_url": url}
    assert set(parse_page(render_page(build_document(facts))).links) == set()


@pytest.mark.parametrize("service", ["istio-ingressgateway", "istio-ingressgateway.istio-system"])
def test_the_hint_for_jaegers_ui_names_the_service_of_the_trace(service):
    trace = {**FACTS["jaeger_trace"], "tree": [{**FACTS["jaeger_trace"]["tree"][0], "service": service}]}
    found = urls(jaeger_trace=trace)["Jaeger"]
    assert found["description"].startswith(f"Choose the service {service}, then Find Traces")
    assert (found["url"], found["browsable"]) == ("http://127.0.0.1:30686/jaeger/search", True)
    assert "the service of the ingress gateway" in urls(jaeger_trace={})["Jaeger"]["description"]


def test_a_jaeger_without_ui_is_never_a_link_to_one():
    document = build_document({**FACTS, "jaeger_ui_available": False})
    text = render_page(document)
    links = [link for link in parse_page(text).links if "30686" in link]
    assert links == ["http://127.0.0.1:30686/jaeger/api/services"]
    assert "Find Traces" not in text
    assert document["trace"]["url"] is None
    [found] = [url for url in document["urls"] if url["name"].startswith("Jaeger")]
    assert "built without the web UI" in found["description"] and "as a waterfall" in found["description"]
    assert shlex.split(found["command"]) == [
        "curl",
        f"http://127.0.0.1:30686/jaeger/api/traces/{TRACE_ID}?prettyPrint=true",
    ]


def test_a_jaeger_without_ui_and_trace_has_a_command_all_the_same():
    found = urls(jaeger_ui_available=False, jaeger_trace={})["Jaeger's query API"]
    assert shlex.split(found["command"])[1] == "http://127.0.0.1:30686/jaeger/api/services?prettyPrint=true"
    assert "waterfall" not in found["description"]


def test_a_ui_that_was_not_looked_for_is_neither_linked_nor_denied():
    document = build_document(without("jaeger_ui_available"))
    assert "web UI" not in render_page(document)
    assert [url["name"] for url in document["urls"]][-1] == "Jaeger's query API"


def test_the_cluster_is_used_by_a_quoted_kubeconfig_and_its_context():
    facts = {**FACTS, "lab_kubeconfig": "/home/a user/config", "lab_kubectl_path": "", "istioctl_binary": ""}
    text = render_page(build_document({**facts, "lab_context": "prod eu"}))
    found = parse_page(text)
    assert "export KUBECONFIG='/home/a user/config'" in found.texts
    assert "with --context 'prod eu' (helm: --kube-context)" in " ".join(found.texts)
    assert "--context" not in render_page(build_document())
