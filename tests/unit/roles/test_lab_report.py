# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: from facts to the document, from that to the view, and the page."""

from __future__ import annotations

import base64
import copy
import json
import re
import struct
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._tracing import traces
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import traffic_split
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.traffic_split import Backend, Client, Plan, Tally
from ansible_collections.meshlab.istio.plugins.plugin_utils import report

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "roles/lab_report/templates"
SCHEMA = json.loads((ROOT / "docs/report.schema.json").read_text(encoding="utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)
MADE = "2026-11-27T16:03:12Z"
EVIL = "\"><script>alert('&')</script><img src=x onerror=alert(1)>{{ 7 * 191 }}"

# ---- the facts of a lab, as its modules return them ----


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
    """What istio_traffic_split returns of such counts."""
    backends = tuple(Backend(name, weight, name) for name, weight in weights.items())
    plan = Plan("http://web-svc:8080/", backends, sum(counts))
    tally = Tally("wget", 3.21, sum(counts), list(counts), **tally)
    return {
        **traffic_split.judge(plan, tally, Client("traffic-shifting", "client-1", "client", sidecar)),
        "changed": False,
    }


def matched(name, request, to, counts, weights=None):
    weights = weights or {x: int(x == to) for x in ("tomcat", "httpd")}
    measurement = measured(weights, counts)
    return {"name": name, "request": request, "why": f"meets {name}", "to": to, "measurement": measurement}


# Service, kind, parent, start and duration in microseconds of each span.
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
    """What jaeger_trace_info returns of such spans; failed: the numbers of those with an error."""
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
    return {**summary, "complete": not failed, "lacks": ["no span of ratings"] if failed else [], "settled": True}


def png(width=320, height=200):
    """A PNG of a picture that is nothing but a slope of grey."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([60 + 190 * y // height]) * width for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def state(namespace, workload, injected, how="", why="namespace has neither label"):
    return {
        "namespace": namespace,
        "workload": workload,
        "kind": "Deployment",
        "injected": injected,
        "how": how,
        "why": why,
    }


LABEL = "namespace default is labelled istio-injection=enabled"
BOOKINFO_PODS = ("details-v1", "productpage-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3")
LOOKS = {"none": "no stars", "black": "black stars", "red": "red stars"}
FACTS = {
    "lab_cluster": "kind",
    "kind_cluster_name_used": "meshlab",
    "lab_kubeconfig": "/home/me/.cache/meshlab/clusters/meshlab/kubeconfig",
    "lab_source": "build",
    "lab_standins": ["docker.io/istio/examples-bookinfo-reviews-v1:1.20.3", "docker.io/kubeguide/tomcat-app:v1"],
    "lab_istio_note": "Istio's own filters are not in it.",
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
    "ingress_gateway_reachable": "127.0.0.1:30080",
    "ingress_gateway_secure_reachable": "127.0.0.1:30443",
    "bookinfo_namespace": "default",
    "bookinfo_pods": [pod(f"{name}-7b5d4c9c6b-x2x5s") for name in BOOKINFO_PODS],
    "bookinfo_url": "http://127.0.0.1:30080/productpage",
    "bookinfo_answer": {"status": "200", "server": "istio-envoy", "content_type": "application/json"},
    "bookinfo_secure_url": "https://bookinfo.example.com:30443/productpage",
    "bookinfo_looks": [
        {"look": look, "title": title, "times": 3, "served_by": ["reviews-v1-1"]} for look, title in LOOKS.items()
    ],
    "bookinfo_screenshots": [
        {"path": f"/shots/{look}.png", "title": f"The product page with {title}", "look": look}
        for look, title in LOOKS.items()
    ],
    "jaeger_url": "http://127.0.0.1:30686/jaeger",
    "jaeger_trace": traced(),
    "sidecar_injection_workloads": [
        *(state("default", name, True, "webhook", LABEL) for name in BOOKINFO_PODS),
        state("injection-manual", "curl", True, "kube-inject", "istio-proxy is already in the manifest"),
        state("istio-system", "istiod", False, why="istiod never injects in istio-system"),
        state("traffic-shifting", "outsider", False, why="its pods say sidecar.istio.io/inject: false"),
    ],
    "sidecar_injection_demonstration": {
        "refused": "injection-double/curl would be injected twice: namespace injection-double is labelled",
        "runs": True,
        "message": "",
        "log": [],
        "manifest": "container",
        "pod": "native",
        "why": "already in the manifest, and namespace injection-double is labelled",
    },
    "traffic_shifting_baseline": measured({"tomcat": 50, "httpd": 50}, [509, 491]),
    "traffic_shifting_baseline_outside": measured({"tomcat": 50, "httpd": 50}, [97, 103], sidecar=False),
    "traffic_shifting_split": measured({"tomcat": 80, "httpd": 20}, [803, 197]),
    "traffic_shifting_outside": measured({"tomcat": 50, "httpd": 50}, [489, 511], sidecar=False),
    "traffic_shifting_matched": [
        matched("tester", "/ with x-user: tester", "httpd", [0, 100]),
        matched("manager", "/manager/text", "tomcat", [100, 0]),
        matched("others", "/", "", [803, 197], {"tomcat": 80, "httpd": 20}),
    ],
}
IMAGES = {x["path"]: png() for x in FACTS["bookinfo_screenshots"]}
CHAPTERS = ["cluster", "install", "bookinfo", "tracing", "injection", "traffic"]
# The fact without which a chapter did not run.
LACKING = {
    "install": "istio_version",
    "bookinfo": "bookinfo_pods",
    "tracing": "jaeger_url",
    "injection": "sidecar_injection_workloads",
    "traffic": "traffic_shifting_split",
}


def hostile(value):
    """The same facts, with every string in them hostile."""
    if isinstance(value, dict):
        return {key: hostile(x) for key, x in value.items()}
    if isinstance(value, list):
        return [hostile(x) for x in value]
    return value + EVIL if isinstance(value, str) else value


def made(facts=None, images=IMAGES):
    """The document, which is what its description says."""
    found = report.document(copy.deepcopy(FACTS if facts is None else facts), MADE, images)
    VALID.validate(found)
    return json.loads(json.dumps(found, allow_nan=False))


def chapters(document):
    return {x["name"]: x for x in document["chapters"]}


# As ansible.builtin.template does it; tests/faults/lab_report.yml has Ansible itself render pages.
JINJA = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, undefined=jinja2.StrictUndefined
)
PAGE = JINJA.get_template("page.html.j2")


def page(document, images=IMAGES):
    return PAGE.render(view=report.view(document, images))


# ---- HTML ----

VOID = {"meta", "link", "img", "br", "hr", "input", "use", "path", "rect", "line"}
LOADING = {"src", "srcset", "data", "poster", "background", "action", "formaction", "ping", "manifest", "xlink:href"}


class Page(HTMLParser):
    """Reads a page; raises AssertionError where a tag is not closed, or closed that was not opened."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.loads, self.ids, self.refers = [], Counter(), [], [], [], []
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
                self.refers += value.split()
            elif name == "href" and value.startswith("#"):
                self.refers.append(value[1:])
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


def checked(text):
    """The page as it was read: whole, on its own, and safe."""
    found = Page(text)
    assert found.tags["script"] == 0
    assert {x.partition(":")[0] for x in found.loads} <= {"data"}
    assert {x.partition(":")[0] for x in found.links} <= {"http", "https"}
    assert not [x for x in found.attributes if x[1].startswith("on")]
    assert len(found.ids) == len(set(found.ids))
    assert set(found.refers) - set(found.ids) == set()
    assert "url(" not in text and "@import" not in text
    assert found.tags["h1"] == found.tags["main"] == 1
    return found


# ---- the document ----


def test_every_part_of_the_document_is_described():
    def undescribed(part, path):
        for name, child in part.get("properties", {}).items():
            if "description" not in child:
                yield f"{path}.{name}"
            yield from undescribed(child, f"{path}.{name}")
        for child in [x for x in (part.get("items"), *part.get("oneOf", [])) if x]:
            yield from undescribed(child, path)

    assert list(undescribed(SCHEMA, "")) == []
    assert SCHEMA["properties"]["schema"]["const"] == report.SCHEMA


def test_the_whole_lab():
    document = made()
    assert [x["name"] for x in document["chapters"]] == CHAPTERS
    assert {x["verdict"] for x in document["chapters"]} == {document["verdict"]} == {"pass"}
    assert document["cluster"]["kind"] == "kind"
    assert [x["name"] for x in document["urls"]] == ["Ingress gateway", "Bookinfo", "Bookinfo by TLS", "Jaeger"]
    assert [x["name"] for x in document["splits"]] == ["baseline", "baseline_outside", "weights", "outside"]
    assert [x["sidecar"] for x in document["splits"]] == [True, False, True, False]
    assert document["trace"]["url"] == "http://127.0.0.1:30686/jaeger/trace/4bf92f3577b34da6a3ce929d0e0e4736"
    assert [x["depth"] for x in document["trace"]["spans"]] == [0, 1, 2, 3, 2, 3, 4, 5]
    assert len(document["differs"]) == 3
    assert "examples-bookinfo-reviews-v1 and tomcat-app. They" in document["differs"][1]["why"]


def test_who_called_whom():
    def told(*spans):
        trace = made({"jaeger_trace": traced(spans)}, {})["trace"]
        return [(x["service"].partition(".")[0], x["depth"], x["calls"]) for x in trace["calls"]]

    assert told(*BOOKINFO) == [
        ("istio-ingressgateway", 0, 1),
        ("productpage", 1, 1),
        ("details", 2, 1),
        ("reviews", 2, 1),
        ("ratings", 3, 1),
    ]
    one, two = ("a.x", "client", None, 0, 9), ("b.x", "server", 0, 1, 2)
    assert told(one, two, ("b.x", "server", 0, 4, 2), ("a.x", "server", 1, 1, 1)) == [
        ("a", 0, 1),
        ("b", 1, 2),
        ("a", 2, 1),
    ]


def test_nothing_gets_in_that_is_not_named():
    facts = copy.deepcopy(FACTS)
    facts["token"] = facts["traffic_shifting_split"]["samples"] = facts["bookinfo_answer"]["body"] = "SECRET"
    facts["lab_kubeconfig_content"] = {"users": [{"token": "SECRET"}]}
    assert "SECRET" not in json.dumps(made(facts))
    assert "SECRET" not in page(made(facts))


@pytest.mark.parametrize("chapter", LACKING)
def test_a_chapter_that_did_not_run_is_missing_and_says_nothing_of_the_others(chapter):
    document = made({name: value for name, value in FACTS.items() if name != LACKING[chapter]})
    verdicts = {name: x["verdict"] for name, x in chapters(document).items()}
    assert verdicts.pop(chapter) == "missing"
    assert set(verdicts.values()) == {"pass"}
    assert chapters(document)[chapter]["checks"] == []
    checked(page(document))


def test_nothing_ran():
    document = made({}, {})
    assert {x["verdict"] for x in document["chapters"]} == {"missing"} == {document["verdict"]}
    assert document["trace"] is None
    text = page(document, {})
    checked(text)
    assert "No chapter of the lab ran." in text
    assert text.count("did not run, so that there is nothing to show") == 2


@pytest.mark.parametrize("nothing", ["", None, [], {}])
def test_what_is_empty_did_not_come_to_be(nothing):
    assert made(dict.fromkeys(FACTS, nothing), {}) == made({}, {})


def without(name, key, value):
    facts = copy.deepcopy(FACTS)
    facts[name][key] = value
    return facts


@pytest.mark.parametrize(
    ("facts", "chapter", "told"),
    [
        (without("bookinfo_pods", 2, pod("ratings-v1-1", "1/2")), "bookinfo", "5 of 6 pods ready"),
        (without("bookinfo_pods", 2, pod("ratings-v1-1", phase="Pending")), "bookinfo", "5 of 6 pods ready"),
        (
            without("bookinfo_pods", 2, pod("ratings-v1-1", "1/1", sidecar=False)),
            "bookinfo",
            "5 of 6 pods with a sidecar",
        ),
        (without("bookinfo_answer", "status", "404"), "bookinfo", "answers 404"),
        (without("bookinfo_answer", "server", "nginx"), "bookinfo", "from nginx"),
        (without("istio_pods", 0, pod("istiod-1", "0/1", sidecar=False)), "install", "2 of 3 pods ready"),
        ({**FACTS, "jaeger_trace": traced(failed=[7])}, "tracing", "not whole: no span of ratings"),
        (
            {**FACTS, "traffic_shifting_split": measured({"tomcat": 80, "httpd": 20}, [500, 500])},
            "traffic",
            "tomcat 50.0 %",
        ),
        (without("traffic_shifting_matched", 0, matched("t", "/", "httpd", [9, 91])), "traffic", "1 of 2 kinds"),
        (without("sidecar_injection_workloads", 0, state("a", "b", False, why="")), "injection", "not known of 1"),
    ],
)
def test_what_does_not_hold_is_said(facts, chapter, told):
    document = made(facts)
    assert document["verdict"] == chapters(document)[chapter]["verdict"] == "fail"
    [_line] = [x["what"] for x in chapters(document)[chapter]["checks"] if told in x["what"]]
    text = page(document)
    checked(text)
    assert "1 of them found something that does not hold" in text


def test_a_split_that_decides_nothing_is_undecided():
    document = made({**FACTS, "traffic_shifting_split": measured({"tomcat": 80, "httpd": 20}, [16, 4])})
    assert document["verdict"] == "inconclusive"
    [split] = [x for x in document["splits"] if x["name"] == "weights"]
    assert "too few requests" in split["words"]
    assert "not all of it could be decided" in page(document)


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
    assert "On this machine it is 127.0.0.1:30080, and 127.0.0.1:30443 by HTTPS." in text
    assert "127.0.0.1:30080, and by HTTPS 127.0.0.1:30443" in chapters(document)["install"]["checks"][-1]["what"]


def test_a_gateway_without_https_has_no_port_of_it():
    document = made({**FACTS, "ingress_gateway_secure_port": None, "ingress_gateway_secure_reachable": ""})
    assert (document["ingress"]["secure_port"], document["ingress"]["secure_reachable"]) == (None, None)
    text = page(document)
    assert "SECURE_INGRESS_PORT" not in text and "by HTTPS" not in text


def test_a_gateway_that_nobody_looked_for_is_left_out():
    document = made({name: value for name, value in FACTS.items() if name != "ingress_gateway_reachable"})
    assert document["ingress"] is None
    assert "INGRESS_HOST" not in page(document)


def doubled(**changed):
    return {**FACTS, "sidecar_injection_demonstration": {**FACTS["sidecar_injection_demonstration"], **changed}}


def test_what_became_of_double_injection_is_shown():
    document = made()
    assert document["double_injection"] == FACTS["sidecar_injection_demonstration"]
    text = page(document)
    checked(text)
    assert "would be injected twice" in text
    assert "It runs, with one sidecar (native; the manifest had a container)" in text
    assert '<pre class="log">' not in text


def test_a_pod_that_double_injection_breaks_is_no_failure_of_the_lab():
    message, log = "sleep-1: container istio-proxy: CrashLoopBackOff", ["info", "Error: application port is the same"]
    document = made(doubled(runs=False, message=message, log=log))
    assert document["verdict"] == "pass"
    assert "without the guard its pod does not run" in chapters(document)["injection"]["checks"][-1]["what"]
    text = page(document)
    checked(text)
    assert f"It does not run: {message}" in text
    assert '<pre class="log"><code>info\nError: application port is the same</code></pre>' in text


def test_a_pod_that_is_ready_between_restarts_does_not_run():
    assert "It does not run: its containers restart." in page(made(doubled(runs=False)))


def test_a_guard_that_did_not_refuse_is_a_failure():
    document = made(doubled(refused=""))
    assert chapters(document)["injection"]["verdict"] == "fail"
    assert "It was not refused." in page(document)


def test_double_injection_that_was_not_shown_is_left_out():
    document = made({name: value for name, value in FACTS.items() if name != "sidecar_injection_demonstration"})
    assert document["double_injection"] is None
    assert len(chapters(document)["injection"]["checks"]) == 2
    assert "Injected twice" not in page(document)


def test_no_browser_and_no_trace_are_said():
    facts = {x: y for x, y in FACTS.items() if x not in ("bookinfo_looks", "bookinfo_screenshots", "jaeger_trace")}
    document = made(facts, {})
    assert document["verdict"] == "pass"
    text = page(document)
    checked(text)
    assert "No browser looked at Bookinfo in this run" in text
    assert "no trace was read back in this run" in text


def test_a_second_run_has_no_baseline():
    text = page(made({**FACTS, "traffic_shifting_baseline": {}, "traffic_shifting_baseline_outside": {}}))
    checked(text)
    assert "not measured in this run, since the rule was there already" in text


def test_a_registry_has_the_originals():
    document = made({**FACTS, "lab_source": "registry", "lab_standins": [], "lab_istio_note": ""})
    assert document["differs"] == []
    assert "Nothing that the lab knows of" in page(document)


def test_what_a_cluster_of_the_users_own_has_is_not_known():
    facts = {**FACTS, "lab_cluster": "existing", "lab_source": "registry", "lab_standins": [], "lab_istio_note": ""}
    document = made({name: value for name, value in facts.items() if name != "kind_cluster_name_used"})
    assert (document["images"]["source"], document["differs"]) == ("cluster", [])
    assert document["cluster"] == {**made()["cluster"], "kind": "existing", "name": None}
    assert "The cluster is not the lab's" in page(document)


def test_why_pods_have_a_sidecar():
    why = {x["name"].partition("-")[0] + x["ready"]: x["why"] for x in made()["pods"]}
    assert why["details2/2"] == LABEL
    assert why["istiod1/1"] == "istiod never injects in istio-system"
    assert "proxy itself" in why["istio1/1"]
    assert {x["name"].partition("-")[0]: x["sidecar"] for x in made()["pods"] if x["namespace"] == "istio-system"} == {
        "istio": False,
        "istiod": False,
    }
    untold = made({**FACTS, "sidecar_injection_workloads": []})["pods"]
    assert {x["why"] for x in untold if x["namespace"] == "default"} == {""}


def test_the_longest_name_of_a_workload_is_a_pods_own():
    states = [state("default", x, True, why=x) for x in ("reviews", "reviews-v1")]
    found = made({**FACTS, "sidecar_injection_workloads": states, "bookinfo_pods": [pod("reviews-v1-7b5-x2")]})
    assert [x["why"] for x in found["pods"] if x["namespace"] == "default"] == ["reviews-v1"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "the file is not there"),
        ("no base64!", "it could not be read"),
        (base64.b64encode(b"<svg onload=alert(1)>").decode(), "it is no PNG, JPEG or GIF"),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(report.MOST_BYTES)).decode(), "more than a page should carry"),
    ],
)
def test_pictures_that_cannot_be_shown(content, why):
    images = {**IMAGES, "/shots/red.png": content}
    document = made(images=images)
    assert why in document["screenshots"][2]["why_not"]
    found = checked(page(document, images))
    assert found.tags["img"] == 2


def test_the_role_hands_on_every_fact_that_is_reported():
    variables = yaml.safe_load((ROOT / "roles/lab_report/vars/main.yml").read_text(encoding="utf-8"))
    source = (ROOT / "plugins/plugin_utils/report.py").read_text(encoding="utf-8")
    prefixes = "lab|kind|istio|ingress|bookinfo|jaeger|sidecar|traffic"
    named = set(re.findall(rf'"((?:{prefixes})_[a-z_]+)"', source))
    assert set(variables["lab_report_names"]) | set(variables["lab_report_places"]) == named == set(FACTS)


@pytest.mark.parametrize(("role", "name"), [("istio", "istio_namespace"), ("bookinfo", "bookinfo_namespace")])
def test_a_namespace_that_was_not_set_is_the_default_of_its_role(role, name):
    variables = yaml.safe_load((ROOT / "roles/lab_report/vars/main.yml").read_text(encoding="utf-8"))
    default = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))[name]
    assert variables["lab_report_places"][name] == f"{{{{ {name} | default('{default}') }}}}"


# ---- numbers ----


@pytest.mark.parametrize(
    ("p_value", "told"),
    [
        (1.0, "practically every run"),
        (0.654, "65 of 100 runs"),
        (0.0123, "1 of 100 runs"),
        (0.00123, "1 of 813 runs"),
        (1e-9, "less than 1 of 10,000 runs"),
    ],
)
def test_p_values_in_words(p_value, told):
    split = {**made()["splits"][1], "p_value": p_value}
    assert told in report._split_words(split, "")


@pytest.mark.parametrize(
    ("total", "ticks"),
    [
        (27.451, ["0 ms", "10 ms", "20 ms"]),
        (0.9, ["0.0 ms", "0.2 ms", "0.4 ms", "0.6 ms", "0.8 ms"]),
        (100, ["0 ms", "20 ms", "40 ms", "60 ms", "80 ms", "100 ms"]),
        (4321.0, ["0 ms", "1000 ms", "2000 ms", "3000 ms", "4000 ms"]),
        (0.0, None),
    ],
)
def test_the_axis_of_a_trace(total, ticks):
    spans = [("a.default", "server", None, 0, int(total * 1000))]
    found = report.view(made({**FACTS, "jaeger_trace": traced(spans)}))["trace"]["ticks"]
    assert ticks is None or [x["text"] for x in found] == ticks
    assert (found[0]["x"], found[0]["anchor"]) == ("0.000%", "start")


def places(view):
    """Every place and width in a view that is one in per cent, as a number."""
    if isinstance(view, dict):
        for key, value in view.items():
            if (key.startswith("x") or key == "width") and isinstance(value, str) and value.endswith("%"):
                yield float(value[:-1])
            yield from places(value)
    elif isinstance(view, list):
        for value in view:
            yield from places(value)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e7, allow_nan=False), st.floats(0, 1e7, allow_nan=False), st.integers(-1, 30)),
        min_size=1,
        max_size=30,
    )
)
def test_nothing_is_drawn_beyond_the_chart(spans):
    spans = [
        ("a.b", "server", None if x < 0 or x >= n else x, int(start), int(took))
        for n, (start, took, x) in enumerate(spans)
    ]
    view = report.view(made({"jaeger_trace": traced(spans)}, {}))
    assert all(0 <= x <= 100 for x in places(view))
    assert len(view["trace"]["rows"]) == len(spans)
    for row in view["trace"]["rows"]:
        assert float(row["x_drawn"][:-1]) + float(row["width"][:-1]) <= 100.5


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 100))
def test_the_bar_and_what_was_asked_for_lie_where_the_measurement_says(tomcat, httpd, weight):
    result = measured({"tomcat": weight, "httpd": 100 - weight}, [tomcat, httpd])
    [chart] = report.view(made({"lab_kubeconfig": "/x", "traffic_shifting_split": result}, {}))["splits"]
    assert all(0 <= x <= 100 for x in places(chart))
    for backend, wanted in zip(chart["backends"], result["backends"]):
        assert backend["x_expected"] == f"{100 * wanted['expected_share']:.3f}%"
        low, high = (float(backend[x][:-1]) for x in ("x_low", "x_high"))
        assert low - 0.001 <= float(backend["width"][:-1]) <= high + 0.001 or tomcat + httpd == 0


def test_what_cannot_be_is_drawn_within_the_chart():
    facts = copy.deepcopy(FACTS)
    facts["traffic_shifting_split"]["backends"][0].update(share=7.0, expected_share=-1.0, interval=[-2, 3])
    facts["jaeger_trace"]["tree"][0].update(start_ms=-5.0, duration_ms=1e9)
    assert all(0 <= x <= 100 for x in places(report.view(made(facts))))


def test_a_long_trace_is_cut_on_the_page_only():
    spans = [("a.b", "server", None if n == 0 else n - 1, n, 10) for n in range(report.MOST_SPANS + 5)]
    document = made({**FACTS, "jaeger_trace": traced(spans)})
    assert len(document["trace"]["spans"]) == report.MOST_SPANS + 5
    assert "5 more spans are in the JSON" in page(document)


# ---- the page ----


def test_the_page_of_the_whole_lab():
    text = page(made())
    found = checked(text)
    assert sorted(set(found.links)) == [
        "http://127.0.0.1:30080",
        "http://127.0.0.1:30080/productpage",
        "http://127.0.0.1:30686/jaeger",
        "http://127.0.0.1:30686/jaeger/trace/4bf92f3577b34da6a3ce929d0e0e4736",
        "https://bookinfo.example.com:30443/productpage",
    ]
    assert found.tags["img"] == 3
    assert "did not run" not in text
    assert "6 chapters ran, and everything that was checked holds." in text
    for chart in ("baseline", "baseline_outside", "weights", "outside"):
        assert {f"t-{chart}", f"d-{chart}"} <= set(found.ids)


def test_tables_have_headers_and_pictures_have_texts():
    found = checked(page(made()))
    scoped = [value for tag, name, value in found.attributes if tag == "th" and name == "scope"]
    assert len(scoped) == found.tags["th"]
    texts = [value for tag, name, value in found.attributes if tag == "img" and name == "alt"]
    assert texts == [f"The product page with {x}" for x in LOOKS.values()]


def colours():
    """The colours of each scheme: light, dark and print, the later ones over the light one."""
    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    found = [dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)]
    return [{**found[0], **x} for x in found]


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * x for x in colour[1:])
    parts = [int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", colours(), ids=["light", "dark", "print"])
def test_texts_and_charts_have_the_contrast_that_wcag_asks_for(scheme):
    grounds = ["paper", "card", "faint"]
    texts = [(x, y) for x in ("ink", "soft", "link", "pass", "fail", "doubt", "none") for y in grounds]
    texts += [(x, f"{x}-bg") for x in ("pass", "fail", "doubt", "none")]
    marks = [(f"c{n}", y) for n in range(report.COLOURS) for y in grounds]
    for pairs, least in ((texts, 4.5), (marks, 3.0)):
        assert {x: c for x in pairs if (c := contrast(scheme[x[0]], scheme[x[1]])) < least} == {}


def test_errors_are_marked():
    document = made({**FACTS, "jaeger_trace": traced(failed=[5, 7])})
    assert document["trace"]["errors"] == 2
    text = page(document)
    assert text.count('<span class="error">error 503</span>') == 2
    assert text.count(" bad") >= 2


def test_hostile_strings_stay_texts():
    facts = hostile(copy.deepcopy(FACTS))
    for fact in ("baseline", "baseline_outside", "split", "outside"):
        facts[f"traffic_shifting_{fact}"]["verdict"] = "fail"
    images = {path + EVIL: content for path, content in IMAGES.items()}
    document = made(facts, images)
    text = page(document, images)
    found = checked(text)
    assert EVIL not in text and "<script" not in text
    assert "7 * 191" in text and str(7 * 191) not in text
    assert any(EVIL in x for x in found.texts)  # shown, as a text
    tags, ours = Counter(found.tags), Counter(checked(page(made())).tags)
    assert tags["img"] == ours["img"] == 3


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


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "backends",
                        "name",
                        "tree",
                        "children",
                        "interval",
                        "verdict",
                        "duration_ms",
                        "path",
                        "measurement",
                        "x",
                    ]
                ),
                x,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(sorted(FACTS)),
)
def test_whatever_a_fact_holds_the_document_is_one(value, name):
    document = made({**FACTS, name: value})
    report.view(document, IMAGES)


@pytest.mark.parametrize("service", ["istio-ingressgateway", "istio-ingressgateway.istio-system"])
def test_jaegers_service_is_named_as_the_trace_has_it(service):
    trace = {**FACTS["jaeger_trace"], "tree": [{**FACTS["jaeger_trace"]["tree"][0], "service": service}]}
    told = {x["name"]: x["how"] for x in made({**FACTS, "jaeger_trace": trace})["urls"]}
    assert told["Jaeger"].startswith(f"Choose the service {service}, then")
    bare = {x["name"]: x["how"] for x in made({**FACTS, "jaeger_trace": {}})["urls"]}
    assert "the service of the ingress gateway" in bare["Jaeger"]
