# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample facts of a lab, the document and page that are built from them, and a strict parser of the page."""

from __future__ import annotations

import base64
import copy
import json
import struct
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import jsonschema
import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._tracing import traces
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import Client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend, Plan
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.verdict import judge
from ansible_collections.meshlab.istio.plugins.plugin_utils.report import document as report_document
from ansible_collections.meshlab.istio.plugins.plugin_utils.report import view as report_view

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "roles/lab_report/templates"
SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text(encoding="utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)
CREATED = "2026-11-27T16:03:12Z"
CHAPTERS = yaml.safe_load((ROOT / "playbooks/vars/chapters.yml").read_text(encoding="utf-8"))["chapters"]
REPORTED = [chapter for chapter in CHAPTERS if "ran" in chapter]
EVIL = "\"><script>alert('&')</script><img src=x onerror=alert(1)>{{ 7 * 191 }}"

# ---- facts, as the modules return them ----


def pod(name, ready="2/2", sidecar=True, **more):
    return {
        "name": name,
        "ready": ready,
        "phase": "Running",
        "restarts": 0,
        "sidecar": sidecar,
        "ip": "198.18.64.9",
        **more,
    }


def measured(weights, counts, sidecar=True, **tally):
    """The result of istio_traffic_split for these counts."""
    backends = tuple(Backend(name, weight, name) for name, weight in weights.items())
    plan = Plan("http://web-svc:8080/", backends, sum(counts))
    tally = Tally("wget", 3.21, sum(counts), list(counts), **tally)
    return {
        **judge(plan, tally, Client("traffic-shifting", "client-1", "client", sidecar)),
        "changed": False,
    }


def route_check(name, request, backend, counts, weights=None):
    weights = weights or {x: int(x == backend) for x in ("tomcat", "httpd")}
    measurement = measured(weights, counts)
    return {"name": name, "request": request, "backend": backend, "measurement": measurement}


# The spans of a request: service, kind, index of the parent, start and duration in microseconds.
BOOKINFO = (
    ("istio-ingressgateway.istio-system", "client", None, 0, 27_451),
    ("productpage.default", "server", 0, 900, 26_000),
    ("productpage.default", "client", 1, 3_000, 5_000),
    ("details.default", "server", 2, 4_000, 3_000),
    ("productpage.default", "client", 1, 10_000, 13_000),
    ("reviews.default", "server", 4, 11_000, 11_000),
    ("reviews.default", "client", 5, 13_000, 6_000),
    ("ratings.default", "server", 6, 14_000, 4_000),
)


def traced(spans=BOOKINFO, failed=()):
    """A trace of jaeger_trace_info with these spans; failed: indexes of the spans with an error."""
    raw = {
        "traceID": "4bf92f3577b34da6a3ce929d0e0e4736",
        "processes": {service: {"serviceName": service} for service, *_rest in spans},
        "spans": [
            {
                "traceID": "4bf92f3577b34da6a3ce929d0e0e4736",
                "spanID": f"{number + 1:x}",
                "operationName": f"{service.partition('.')[0]}.default.svc.cluster.local:9080/*",
                "parentSpanID": "0" if parent is None else f"{parent + 1:x}",
                "startTime": 1_793_000_000_000_000 + start,
                "duration": duration,
                "processID": service,
                "tags": [
                    {"key": "span.kind", "value": kind},
                    {"key": "http.status_code", "value": "503" if number in failed else "200"},
                    {"key": "http.url", "value": "http://productpage/?token=SECRET"},
                    {"key": "error", "value": number in failed},
                ],
            }
            for number, (service, kind, parent, start, duration) in enumerate(spans)
        ],
    }
    summary = traces.summarize(raw, ["http.status_code", "http.url"])
    return {**summary, "complete": not failed, "reasons": ["no span of ratings"] if failed else [], "settled": True}


def png(width=320, height=200):
    """A PNG with a gray gradient."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([60 + 190 * y // height]) * width for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def workload(namespace, name, injected, injected_by="", reason="namespace has neither label"):
    return {
        "namespace": namespace,
        "workload": name,
        "kind": "Deployment",
        "injected": injected,
        "injected_by": injected_by,
        "reason": reason,
    }


LABEL = "namespace default is labeled istio-injection=enabled"
BOOKINFO_PODS = ("details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3")
LOOKS = {"none": "no stars", "black": "black stars", "red": "red stars"}
FACTS = {
    "lab_cluster": "kind",
    "kind_cluster_name_used": "meshlab",
    "lab_kubeconfig": "/home/me/.cache/meshlab/clusters/meshlab/kubeconfig",
    "lab_kubectl_path": "/home/me/.cache/meshlab/clusters/meshlab/bin/kubectl",
    "istioctl_binary": "/opt/istio/istio-1.27.0/bin/istioctl",
    "lab_image_source": "build",
    "lab_standins": ["docker.io/istio/examples-bookinfo-reviews-v1:1.20.3", "docker.io/kubeguide/tomcat-app:v1"],
    "lab_istio_note": "It does not contain Istio's own filters.",
    "istio_version": "1.27.0",
    "istio_kubernetes": "v1.33.13",
    "istio_namespace": "istio-system",
    "istio_pods": [
        pod("istio-egressgateway-6f7c5d9b8-x2k4p", "1/1"),
        pod("istio-ingressgateway-7d9c5b6f4-9zq2w", "1/1"),
        pod("istiod-5c7b8f6d9c-4x7zq", "1/1", sidecar=False),
    ],
    "ingress_gateway_host": "198.18.1.2",
    "ingress_gateway_port": 30080,
    "ingress_gateway_secure_port": 30443,
    "ingress_gateway_local_address": "127.0.0.1:30080",
    "ingress_gateway_local_https_address": "127.0.0.1:30443",
    "bookinfo_namespace": "default",
    "bookinfo_pods": [pod(f"{name}-7b5d4c9c6b-x2x5s") for name in BOOKINFO_PODS],
    "bookinfo_url": "http://127.0.0.1:30080/productpage",
    "bookinfo_response": {"status": "200", "server": "istio-envoy", "content_type": "application/json"},
    "bookinfo_https_url": "https://bookinfo.example.com:30443/productpage",
    "bookinfo_looks": [
        {"look": look, "title": title, "times": 3, "served_by": ["reviews-v1-1"]} for look, title in LOOKS.items()
    ],
    "bookinfo_screenshots": [
        {"path": f"/shots/{look}.png", "title": f"The product page with {title}", "look": look}
        for look, title in LOOKS.items()
    ],
    "jaeger_url": "http://127.0.0.1:30686/jaeger",
    "jaeger_ui_available": True,
    "jaeger_trace": traced(),
    "sidecar_injection_workloads": [
        *(workload("default", name, True, "webhook", LABEL) for name in BOOKINFO_PODS),
        workload("injection-manual", "curl", True, "kube-inject", "istio-proxy is already in the manifest"),
        workload("istio-system", "istiod", False, reason="the pod template sets sidecar.istio.io/inject=false"),
        workload(
            "traffic-shifting", "client-no-sidecar", False, reason="sidecar.istio.io/inject=false in the pod template"
        ),
    ],
    "sidecar_injection_demonstration": {
        "refused": "injection-double/curl would be injected twice: namespace injection-double is labeled",
        "runs": True,
        "message": "",
        "log": [],
        "manifest": "container",
        "pod": "native",
        "reason": "already in the manifest, and namespace injection-double is labeled",
    },
    "traffic_shifting_baseline": measured({"tomcat": 50, "httpd": 50}, [509, 491]),
    "traffic_shifting_baseline_without_sidecar": measured({"tomcat": 50, "httpd": 50}, [97, 103], sidecar=False),
    "traffic_shifting_split": measured({"tomcat": 80, "httpd": 20}, [803, 197]),
    "traffic_shifting_split_without_sidecar": measured({"tomcat": 50, "httpd": 50}, [489, 511], sidecar=False),
    "traffic_shifting_route_check_results": [
        route_check("tester", "/ with x-user: tester", "httpd", [0, 100]),
        route_check("manager", "/manager/text", "tomcat", [100, 0]),
        route_check("others", "/", "", [803, 197], {"tomcat": 80, "httpd": 20}),
    ],
}
IMAGES = {x["path"]: png() for x in FACTS["bookinfo_screenshots"]}
# By the name of each chapter, the fact that is set only if the chapter ran.
RAN = {chapter["name"]: chapter["ran"] for chapter in REPORTED}
# Chapters that this sample does not know have run too.
FACTS = {**dict.fromkeys(RAN.values(), "set"), **FACTS}


def hostile(value):
    """The same facts, with markup appended to every string."""
    if isinstance(value, dict):
        return {key: hostile(x) for key, x in value.items()}
    if isinstance(value, list):
        return [hostile(x) for x in value]
    return value + EVIL if isinstance(value, str) else value


def build_document(facts=None, images=IMAGES, chapters=CHAPTERS):
    """The document, validated against its schema."""
    found = report_document.build(copy.deepcopy(FACTS if facts is None else facts), CREATED, chapters, images)
    VALID.validate(found)
    return json.loads(json.dumps(found, allow_nan=False))


def chapters_by_name(document):
    return {x["name"]: x for x in document["chapters"]}


# Configured like ansible.builtin.template. The integration target role_lab_report renders pages with Ansible itself.
JINJA = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, undefined=jinja2.StrictUndefined
)
PAGE = JINJA.get_template("page.html.j2")


def render_page(document, images=IMAGES):
    return PAGE.render(view=report_view.build(document, images))


# ---- HTML ----

VOID = {"meta", "link", "img", "br", "hr", "input", "use", "path", "rect", "line"}
LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "manifest", "xlink:href"}


class Page(HTMLParser):
    """Parses a page; raises AssertionError if tags are not balanced."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.loads, self.ids, self.references = [], Counter(), [], [], [], []
        self.texts, self.attributes = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs, closed=False):
        self.tags[tag] += 1
        names = [name for name, _value in attrs]
        assert len(names) == len(set(names)), (tag, names)
        for name, value in attrs:
            self.attributes.append((tag, name, value))
            if name == "id":
                self.ids.append(value)
            elif name in ("aria-labelledby", "aria-describedby"):
                self.references += value.split()
            elif name == "href" and value.startswith("#"):
                self.references.append(value[1:])
            elif name == "href" and tag == "a":
                self.links.append(value)
            elif name == "href" or name in LOADING:
                self.loads.append(value)
        if not closed and tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs, closed=True)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.texts.append(data)


def parse_page(text):
    """Parse a page, and assert that it is well-formed, self-contained and without scripts."""
    found = Page(text)
    assert found.tags["script"] == 0
    assert {x.partition(":")[0] for x in found.loads} <= {"data"}
    assert {x.partition(":")[0] for x in found.links} <= {"http", "https"}
    assert not [x for x in found.attributes if x[1].startswith("on")]
    assert len(found.ids) == len(set(found.ids))
    assert set(found.references) - set(found.ids) == set()
    assert "url(" not in text and "@import" not in text
    assert found.tags["h1"] == found.tags["main"] == 1
    return found


def percentages(view):
    """All positions and widths in a view, as numbers of percent."""
    if isinstance(view, dict):
        for key, value in view.items():
            if (key.startswith("x") or key == "width") and isinstance(value, str) and value.endswith("%"):
                yield float(value[:-1])
            yield from percentages(value)
    elif isinstance(view, list):
        for value in view:
            yield from percentages(value)
