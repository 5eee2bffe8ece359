# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a lab: from the facts that its roles set to a document (the JSON), and from that to a page's view.

Pure. The document holds named fields of the facts and nothing else, so that what a fact may hold besides (an answer's
body, a token) never gets into it. In the view every string is HTML already: a template cannot forget to escape one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import math
import posixpath
import shlex
import struct
from urllib.parse import quote, urlsplit

# Of the document: docs/report.schema.json describes it.
SCHEMA = 1

# What a page shows of a trace at most; the document has all.
MOST_SPANS = 200
# An image that is larger is named, and not shown.
MOST_BYTES = 4_000_000
# Colours that the page has for services and backends.
COLOURS = 8

PASS, FAIL, INCONCLUSIVE, MISSING = "pass", "fail", "inconclusive", "missing"

_MAGIC = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


class ReportError(Exception):
    """The facts cannot be reported, with the reason."""


# ---- the document ----------------------------------------------------------------------------------------------------


def document(facts, made, images=None):
    """What the lab's facts say, as the JSON has it.

    facts: by their names, those that are empty or not there did not come to be; made: the time, in ISO 8601; images:
    the content of screenshots by their paths, in base64.
    """
    facts = {name: value for name, value in facts.items() if value}
    found = {
        "schema": SCHEMA,
        "made": str(made),
        "cluster": _cluster(facts),
        "istio": {"version": _text(facts.get("istio_version")) or None},
        "images": {
            "source": _source(facts),
            "standins": [_text(x) for x in _list(facts.get("lab_standins"))],
        },
        "ingress": _ingress(facts),
        "urls": _urls(facts),
        "pods": _pods(facts),
        "injection": _injection(facts),
        "double_injection": _double(facts),
        "splits": _splits(facts),
        "rules": _rules(facts),
        "trace": _trace(facts),
        "screenshots": _screenshots(facts, images or {}),
        "differs": _differs(facts),
    }
    found["chapters"] = [_chapter(*x, found, facts) for x in CHAPTERS]
    found["verdict"] = _worst(x["verdict"] for x in found["chapters"])
    return found


def _text(value):
    return "" if value is None else str(value)


def _list(value):
    return list(value) if isinstance(value, (list, tuple)) else []


def _dicts(value):
    return [x for x in _list(value) if isinstance(x, dict)]


def _dict(value):
    return value if isinstance(value, dict) else {}


def _number(value):
    """A finite number, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _count(value):
    return int(_number(value) or 0)


def _worst(verdicts):
    """The verdict of several: what is missing says nothing of the others."""
    found = set(verdicts)
    return next((x for x in (FAIL, INCONCLUSIVE, PASS) if x in found), MISSING)


def _cluster(facts):
    kind, name = None, _text(facts.get("kind_cluster_name_used"))
    if facts.get("lab_cluster") == "existing":
        kind, name = "existing", ""
    elif name:
        kind = "kind"
    return {
        "kind": kind,
        "name": name or None,
        "kubernetes": _text(facts.get("istio_kubernetes")) or None,
        "kubeconfig": _text(facts.get("lab_kubeconfig")) or None,
    }


def _source(facts):
    """Where images come from. What a user's own cluster pulls, or has already, the lab does not know."""
    return "cluster" if facts.get("lab_cluster") == "existing" else _text(facts.get("lab_source")) or None


def _ingress(facts):
    """Where the ingress gateway is, under the names that Istio's documentation has for it; None if it was not found."""
    if not facts.get("ingress_gateway_reachable"):
        return None
    return {
        "host": _text(facts.get("ingress_gateway_host")) or None,
        "port": _count(facts.get("ingress_gateway_port")) or None,
        "secure_port": _count(facts.get("ingress_gateway_secure_port")) or None,
        "reachable": _text(facts["ingress_gateway_reachable"]),
        "secure_reachable": _text(facts.get("ingress_gateway_secure_reachable")) or None,
    }


def _urls(facts):
    found = []
    gateway = _text(facts.get("ingress_gateway_reachable"))
    if gateway:
        url, how, command = f"http://{gateway}", "The way into the mesh, here to a book as JSON.", None
        if facts.get("bookinfo_url"):
            command = f"curl {shlex.quote(url + '/api/v1/products/200')}"
        else:
            how = "The way into the mesh. It answers 404 until a Gateway and a VirtualService open it."
        found.append({"name": "Ingress gateway", "url": url, "how": how, "command": command})
    if facts.get("bookinfo_url"):
        how = "Load it again and again: three versions of reviews take turns (no stars, black stars, red stars)."
        found.append({"name": "Bookinfo", "url": _text(facts["bookinfo_url"]), "how": how, "command": None})
    if facts.get("bookinfo_secure_url"):
        how = "The same by TLS. The lab made the certificate itself, so that a browser warns of it."
        url = _text(facts["bookinfo_secure_url"])
        found.append({"name": "Bookinfo by TLS", "url": url, "how": how, "command": None})
    if facts.get("jaeger_url"):
        # Releases name a proxy's service differently.
        roots = _dicts(_dict(facts.get("jaeger_trace")).get("tree"))
        service = _text(roots[0].get("service")) if roots else "of the ingress gateway"
        how = f"Choose the service {service}, then Find Traces; a trace opens as a timeline."
        found.append({"name": "Jaeger", "url": _text(facts["jaeger_url"]), "how": how, "command": None})
    return found


# ---- pods and injection ----


def _injection(facts):
    return [
        {
            "namespace": _text(x.get("namespace")),
            "workload": _text(x.get("workload")),
            "injected": bool(x.get("injected")),
            "how": _text(x.get("how")),
            "why": _text(x.get("why")),
        }
        for x in _dicts(facts.get("sidecar_injection_workloads"))
    ]


def _double(facts):
    """What became of a manifest that was injected already, where the webhook injects too; None if not shown."""
    told = _dict(facts.get("sidecar_injection_demonstration"))
    if not told:
        return None
    return {
        **{x: _text(told.get(x)) for x in ("refused", "message", "manifest", "pod", "why")},
        "runs": bool(told.get("runs")),
        "log": [_text(x) for x in _list(told.get("log"))],
    }


def _pods(facts):
    states = _injection(facts)
    found = []
    for name, namespace in (("istio_pods", "istio_namespace"), ("bookinfo_pods", "bookinfo_namespace")):
        where = _text(facts.get(namespace))
        for pod in _dicts(facts.get(name)):
            row = {
                "namespace": where,
                "name": _text(pod.get("name")),
                "ready": _text(pod.get("ready")),
                "phase": _text(pod.get("phase")),
                "restarts": _count(pod.get("restarts")),
                "sidecar": bool(pod.get("sidecar")),
            }
            row["why"] = _why(row, states, name == "istio_pods")
            # A gateway has the container as well, and nothing that it would be beside of.
            row["sidecar"] = row["sidecar"] and not row["ready"].endswith("/1")
            found.append(row)
    return sorted(found, key=lambda x: (x["namespace"], x["name"]))


def _why(pod, states, of_istio):
    """Why a pod has a sidecar or none, in words; empty where nothing tells."""
    ours = [x for x in states if x["namespace"] == pod["namespace"] and _belongs(pod["name"], x["workload"])]
    if ours:
        state = max(ours, key=lambda x: len(x["workload"]))
        return state["why"] or state["how"]
    if of_istio and pod["sidecar"]:
        return "a gateway: it is a proxy itself"
    return "part of Istio's control plane, which is never injected" if of_istio else ""


def _belongs(pod, workload):
    return bool(workload) and (pod == workload or pod.startswith(workload + "-"))


def _is_ready(pod):
    """Whether a pod's "2/2" says that all of it is ready."""
    ready, _slash, wanted = pod["ready"].partition("/")
    return bool(wanted) and ready == wanted and pod["phase"] == "Running"


# ---- splits ----

# Fact, key in the document, title, what it shows.
SPLITS = (
    (
        "traffic_shifting_baseline",
        "baseline",
        "Before the rule",
        "No rule is in force. The Service alone spreads the requests over its pods, each as likely as the other.",
    ),
    (
        "traffic_shifting_baseline_outside",
        "baseline_outside",
        "Before the rule, from a client without a sidecar",
        "The same Service, asked by a client that is not in the mesh. While no rule is in force, it sees the same.",
    ),
    (
        "traffic_shifting_split",
        "weights",
        "With the weights",
        "A VirtualService gives weights. The client's own sidecar draws a backend for each request by them.",
    ),
    (
        "traffic_shifting_outside",
        "outside",
        "The same rule, from a client without a sidecar",
        "Weights act in the proxy of the caller. This caller has none, so that the rule has no hold on it.",
    ),
)


def _splits(facts):
    found = []
    for fact, key, title, shows in SPLITS:
        result = _dict(facts.get(fact))
        backends = [_backend(x) for x in _dicts(result.get("backends"))]
        if not backends:
            continue
        client = _dict(result.get("client"))
        split = {
            "name": key,
            "title": title,
            "shows": shows,
            "verdict": _known(result.get("verdict")),
            "requests": _count(result.get("requests")),
            "answered": _count(result.get("answered")),
            "errors": _count(_dict(result.get("errors")).get("total")),
            "p_value": _number(result.get("p_value")),
            "significance": _number(result.get("significance")),
            "elapsed": _number(result.get("elapsed")),
            "sidecar": bool(client.get("sidecar")),
            "backends": backends,
        }
        split["words"] = _split_words(split, _text(result.get("likely_cause")))
        found.append(split)
    return found


def _rules(facts):
    """What requests that meet a rule before the weights came to."""
    found = []
    for case in _dicts(facts.get("traffic_shifting_matched")):
        measured = _dict(case.get("measurement"))
        backends = [_backend(x) for x in _dicts(measured.get("backends"))]
        found.append(
            {
                "name": _text(case.get("name")),
                "request": _text(case.get("request")),
                "why": _text(case.get("why")),
                "to": _text(case.get("to")) or None,
                "answered": _count(measured.get("answered")),
                "errors": _count(_dict(measured.get("errors")).get("total")),
                "seen": [{key: x[key] for key in ("name", "count", "share")} for x in backends],
                "verdict": _known(measured.get("verdict")),
            }
        )
    return found


def _known(verdict):
    return verdict if verdict in (PASS, FAIL, INCONCLUSIVE) else INCONCLUSIVE


def _backend(backend):
    interval = [_number(x) for x in _list(backend.get("interval"))]
    return {
        "name": _text(backend.get("name")),
        "weight": _count(backend.get("weight")),
        "expected_share": _number(backend.get("expected_share")),
        "count": _count(backend.get("count")),
        "share": _number(backend.get("share")),
        "interval": interval if len(interval) == 2 and None not in interval else None,
        "p_value": _number(backend.get("p_value")),
    }


def _split_words(split, cause):
    """What a measurement says, for somebody who never tested a hypothesis."""
    backends, p_value = split["backends"], split["p_value"]
    seen = _and(f"{x['count']} went to {x['name']}" for x in backends)
    words = [f"Of {split['answered']} requests that were answered, {seen}."]
    if split["errors"]:
        words.append(f"{_plural(split['errors'], 'request')} failed, or got an answer that nobody knows.")
    if p_value is not None:
        words.append(
            f"If the true shares were those expected, chance alone would put a count at least this far off in "
            f"{_runs(p_value)} (p {probability(p_value)})."
        )
    if split["verdict"] == PASS:
        words.append("So what was seen fits what was asked for.")
    elif split["verdict"] == FAIL:
        words.append("The split does not hold.")
    else:
        words.append("That decides nothing, in either direction.")
    if cause and split["verdict"] != PASS:
        words.append(f"Likely cause: {cause}.")
    return " ".join(words)


def _runs(p_value):
    """A p-value as how many of so many runs."""
    if p_value >= 0.995:
        return "practically every run"
    if p_value >= 0.01:
        return f"{round(100 * p_value)} of 100 runs"
    if p_value >= 0.0001:
        return f"1 of {round(1 / p_value):,} runs"
    return "less than 1 of 10,000 runs"


def _and(parts):
    parts = list(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def _plural(count, noun):
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


# ---- trace ----


def _trace(facts):
    trace = _dict(facts.get("jaeger_trace"))
    spans = _spans(trace.get("tree"))
    if not spans:
        return None
    identifier, ui = _text(trace.get("trace_id")), _text(facts.get("jaeger_url"))
    return {
        "trace_id": identifier,
        "url": f"{ui.partition('?')[0].rstrip('/').removesuffix('/search')}/trace/{quote(identifier, safe='')}"
        if ui
        else None,
        "services": [_text(x) for x in _list(trace.get("services"))],
        "span_count": _count(trace.get("span_count")) or len(spans),
        "depth": _count(trace.get("depth")) or max(x["depth"] for x in spans) + 1,
        "start": _number(trace.get("start")),
        "duration_ms": _number(trace.get("duration_ms")) or max(x["start_ms"] + x["duration_ms"] for x in spans),
        "errors": sum(1 for x in spans if x["error"]),
        "complete": bool(trace.get("complete")),
        "lacks": [_text(x) for x in _list(trace.get("lacks"))],
        "calls": _calls(spans),
        "spans": spans,
    }


def _spans(tree):
    """The spans of a tree in the order of a waterfall, each with its depth. A tree may be deep: no recursion."""
    found, rest = [], [(x, 0) for x in reversed(_dicts(tree))]
    while rest:
        node, depth = rest.pop()
        status = _text(_dict(node.get("tags")).get("http.status_code"))
        found.append(
            {
                "service": _text(node.get("service")),
                "operation": _text(node.get("operation")),
                "kind": _text(node.get("kind")),
                "depth": depth,
                "start_ms": max(_number(node.get("start_ms")) or 0.0, 0.0),
                "duration_ms": max(_number(node.get("duration_ms")) or 0.0, 0.0),
                "error": bool(node.get("error")),
                "status": status or None,
            }
        )
        rest += [(x, depth + 1) for x in reversed(_dicts(node.get("children")))]
    return found


def _calls(spans):
    """Who called whom, as the rows of a tree: what a service does within itself is one row, as is the same call."""
    root = {"service": None, "calls": 0, "under": {}}
    way = [(-1, root)]
    for span in spans:
        while way[-1][0] >= span["depth"]:
            way.pop()
        node, service = way[-1][1], span["service"]
        if node["service"] != service:
            node = node["under"].setdefault(service, {"service": service, "calls": 0, "under": {}})
            node["calls"] += 1
        way.append((span["depth"], node))
    found, rest = [], [(x, 0) for x in reversed(root["under"].values())]
    while rest:
        node, depth = rest.pop()
        found.append({"service": node["service"], "depth": depth, "calls": node["calls"]})
        rest += [(x, depth + 1) for x in reversed(node["under"].values())]
    return found


# ---- screenshots ----


def _screenshots(facts, images):
    found = []
    for shot in _dicts(facts.get("bookinfo_screenshots")):
        path = _text(shot.get("path"))
        content, kind, why = _image(images.get(path))
        size = _size(content) if kind == "image/png" else None
        found.append(
            {
                "path": path,
                "title": _text(shot.get("title")) or posixpath.basename(path),
                "look": _text(shot.get("look")) or None,
                "type": kind,
                "bytes": len(content) if kind else None,
                "sha256": hashlib.sha256(content).hexdigest() if kind else None,
                "width": size[0] if size else None,
                "height": size[1] if size else None,
                "why_not": why,
            }
        )
    return found


def _image(encoded):
    """(content, type, why it cannot be shown) of an image in base64."""
    if not encoded:
        return b"", None, "the file is not there"
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b"", None, "it could not be read"
    kind = next((kind for magic, kind in _MAGIC if content.startswith(magic)), None)
    if not kind:
        return content, None, "it is no PNG, JPEG or GIF"
    if len(content) > MOST_BYTES:
        return content, None, f"it has {len(content):,} bytes, more than a page should carry"
    return content, kind, None


def _size(png):
    return struct.unpack(">II", png[16:24]) if png[12:16] == b"IHDR" and len(png) >= 24 else None


# ---- what differs ----

STANDINS = (
    "They keep the originals' paths, JSON and headers, and are far smaller. Their images carry the label "
    "meshlab.istio/stand-in."
)


def _differs(facts):
    found, source = [], _source(facts)
    if source == "build":
        why = (
            "Their programs come from Debian's, Python's and Go's package registries. No container registry is needed."
        )
        found.append({"what": "The images were built on this machine", "why": why})
    standins = [_short(_text(x)) for x in _list(facts.get("lab_standins"))]
    if standins:
        what = f"{_plural(len(standins), 'image')} of stand-ins, in place of the originals"
        found.append({"what": what, "why": f"{_and(standins)}. {STANDINS}"})
    note = _text(facts.get("lab_istio_note"))
    if note:
        found.append({"what": "Envoy is a stock one, from its Python package", "why": note})
    return found


def _short(image):
    """docker.io/istio/examples-bookinfo-reviews-v1:1.20.3 as examples-bookinfo-reviews-v1."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


# ---- chapters ----


def _chapter(name, title, fact, checks, found, facts):
    if fact not in facts:
        return {"name": name, "title": title, "verdict": MISSING, "checks": [], "run": f"--tags {name},report"}
    told = [{"what": what, "verdict": verdict} for what, verdict in checks(found, facts)]
    return {"name": name, "title": title, "verdict": _worst(x["verdict"] for x in told), "checks": told, "run": None}


def _held(condition):
    return PASS if condition else FAIL


def _pod_checks(pods):
    ready = [x for x in pods if _is_ready(x)]
    yield f"{len(ready)} of {_plural(len(pods), 'pod')} ready", _held(pods and len(ready) == len(pods))


def _cluster_checks(found, facts):
    if found["cluster"]["kubernetes"]:
        yield f"its API server answers: Kubernetes {found['cluster']['kubernetes']}", PASS
    elif found["pods"] or found["splits"]:
        yield "its API server answers", PASS


def _istio_checks(found, facts):
    names = {_text(x.get("name")) for x in _dicts(facts.get("istio_pods"))}
    yield f"Istio {found['istio']['version']} is in the cluster", PASS
    yield from _pod_checks([x for x in found["pods"] if x["name"] in names])
    if facts.get("ingress_gateway_reachable"):
        secure = found["ingress"]["secure_reachable"]
        told = f", and by HTTPS {secure}" if secure else ""
        yield f"the ingress gateway has an address: {found['ingress']['reachable']}{told}", PASS


def _bookinfo_checks(found, facts):
    names = {_text(x.get("name")) for x in _dicts(facts.get("bookinfo_pods"))}
    pods = [x for x in found["pods"] if x["name"] in names]
    yield from _pod_checks(pods)
    sidecars = sum(1 for x in pods if x["sidecar"])
    yield f"{sidecars} of {_plural(len(pods), 'pod')} with a sidecar", _held(sidecars == len(pods))
    answer = _dict(facts.get("bookinfo_answer"))
    if answer:
        status, server, content = (_text(answer.get(x)) for x in ("status", "server", "content_type"))
        holds = status == "200" and server == "istio-envoy" and content.startswith("application/json")
        yield f"asked through the gateway, it answers {status}, {content}, from {server}", _held(holds)
    yield from _browser_checks(found, facts)


def _browser_checks(found, facts):
    looks = [f"{_text(x.get('title'))} {_count(x.get('times'))} times" for x in _dicts(facts.get("bookinfo_looks"))]
    if looks:
        yield f"loaded again and again in a browser, it had {_and(looks)}", PASS
    shots = found["screenshots"]
    if shots:
        hidden = [x["why_not"] for x in shots if x["why_not"]]
        why = f"; {hidden[0]}" if hidden else ""
        yield f"{len(shots) - len(hidden)} of {_plural(len(shots), 'screenshot')} can be shown{why}", _held(not hidden)


def _tracing_checks(found, facts):
    trace = found["trace"]
    yield f"Jaeger is at {_text(facts['jaeger_url'])}", PASS
    if not trace:
        return
    services = _plural(len(trace["services"]), "service")
    size = f"{_plural(trace['span_count'], 'span')} of {services}, {_plural(trace['depth'], 'level')} deep"
    lacks = "" if trace["complete"] else f", and it is not whole: {'; '.join(trace['lacks']) or 'no reason is known'}"
    yield f"one request is one trace of {size}{lacks}", _held(trace["complete"])
    told = (
        f"{_plural(trace['errors'], 'span')} of it with an error" if trace["errors"] else "no span of it has an error"
    )
    yield told, _held(not trace["errors"])


def _injection_checks(found, facts):
    states = found["injection"]
    injected = sum(1 for x in states if x["injected"])
    yield f"{injected} of {_plural(len(states), 'workload')} with a sidecar", PASS
    unexplained = sum(1 for x in states if not x["why"])
    yield (
        "it is known of each why" if not unexplained else f"it is not known of {unexplained} of them why",
        _held(not unexplained),
    )
    double = found["double_injection"]
    if double:
        came = "runs" if double["runs"] else "does not run"
        told = "was refused" if double["refused"] else "was not refused"
        yield f"what is injected already {told}; without the guard its pod {came}", _held(double["refused"])


def _traffic_checks(found, facts):
    for split in found["splits"]:
        asked = "/".join(str(x["weight"]) for x in split["backends"])
        seen = ", ".join(f"{x['name']} {percent(x['share'])}" for x in split["backends"])
        yield f"{_lower(split['title'])}, {asked}: {seen} of {split['answered']}", split["verdict"]
    rules = [x for x in found["rules"] if x["to"]]
    if rules:
        held = sum(1 for x in rules if x["verdict"] == PASS)
        told = f"{held} of {_plural(len(rules), 'kind')} of requests that meet a rule went where it says"
        yield told, _worst(x["verdict"] for x in rules)


def _lower(text):
    return text[:1].lower() + text[1:]


# Name (its tag too), title, the fact without which it did not run, its checks.
CHAPTERS = (
    ("cluster", "The cluster", "lab_kubeconfig", _cluster_checks),
    ("install", "Istio and its ingress gateway", "istio_version", _istio_checks),
    ("bookinfo", "Bookinfo, from inside and outside the mesh", "bookinfo_pods", _bookinfo_checks),
    ("tracing", "Tracing with Jaeger", "jaeger_url", _tracing_checks),
    ("injection", "Who has a sidecar, and why", "sidecar_injection_workloads", _injection_checks),
    ("traffic", "Weights between backends", "traffic_shifting_split", _traffic_checks),
)


# ---- numbers in words ------------------------------------------------------------------------------------------------


def percent(share):
    return "none" if share is None else f"{100 * share:.1f} %"


def probability(p_value):
    """A p-value as people write it, with its sign."""
    if p_value is None:
        return "not known"
    if p_value < 0.0001:
        return "< 0.0001"
    return f"= {p_value:.2f}" if p_value >= 0.1 else f"= {p_value:.2g}"


def duration(milliseconds):
    if milliseconds is None:
        return "unknown"
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.1f} ms" if milliseconds >= 1 else f"{milliseconds:.2f} ms"


# ---- the view --------------------------------------------------------------------------------------------------------


def view(document, images=None):
    """What a page shows of a document: texts, and the geometry of its charts. Every string in it is HTML already."""
    ran = [x for x in document["chapters"] if x["verdict"] != MISSING]
    return _escaped(
        {
            "title": _title(document, ran),
            "verdict": document["verdict"],
            "verdict_word": WORDS[document["verdict"]],
            "made": document["made"],
            "made_text": document["made"].replace("T", " ").replace("Z", " UTC"),
            "facts": list(_key_facts(document)),
            "kubeconfig": shlex.quote(document["cluster"]["kubeconfig"]) if document["cluster"]["kubeconfig"] else "",
            "urls": [{**x, "link": _link(x["url"])} for x in document["urls"]],
            "ingress": _exports(document["ingress"]),
            "chapters": [
                {**x, "word": WORDS[x["verdict"]], "checks": [{**y, "word": WORDS[y["verdict"]]} for y in x["checks"]]}
                for x in document["chapters"]
            ],
            "run": {x["name"]: x["run"] for x in document["chapters"] if x["run"]},
            "splits": [_chart(x) for x in document["splits"]],
            "rules": [
                {**x, "word": WORDS[x["verdict"]], "seen": ", ".join(f"{y['name']} {y['count']}" for y in x["seen"])}
                for x in document["rules"]
            ],
            "has_baseline": any(x["name"] == "baseline" for x in document["splits"]),
            "trace": _waterfall(document["trace"]) if document["trace"] else None,
            "pods": [{**x, "is_ready": _is_ready(x)} for x in document["pods"]],
            "others": _without_pods(document),
            "double": _doubled(document["double_injection"]),
            "screenshots": [_shot(x, images or {}, n) for n, x in enumerate(document["screenshots"], 1)],
            "differs": document["differs"],
            "source": document["images"]["source"],
            "schema": document["schema"],
        }
    )


WORDS = {PASS: "holds", FAIL: "does not hold", INCONCLUSIVE: "undecided", MISSING: "did not run"}


def _title(document, ran):
    """The report in a sentence."""
    if not ran:
        return "No chapter of the lab ran."
    count = f"{_plural(len(ran), 'chapter')} ran"
    missing = len(document["chapters"]) - len(ran)
    rest = f" {_plural(missing, 'chapter')} did not run." if missing else ""
    if document["verdict"] == FAIL:
        wrong = sum(1 for x in ran if x["verdict"] == FAIL)
        return f"{count}, and {wrong} of them found something that does not hold.{rest}"
    if document["verdict"] == INCONCLUSIVE:
        return f"{count}. Nothing speaks against what was checked, and not all of it could be decided.{rest}"
    return f"{count}, and everything that was checked holds.{rest}"


def _key_facts(document):
    cluster, images = document["cluster"], document["images"]
    kinds = {
        "kind": f"kind, made by the lab ({cluster['name']})",
        "existing": "an existing one, that was named",
        None: "not known",
    }
    yield {"name": "Cluster", "value": kinds[cluster["kind"]]}
    yield {"name": "Kubernetes", "value": (cluster["kubernetes"] or "").lstrip("v") or "not asked in this run"}
    yield {"name": "Istio", "value": document["istio"]["version"] or "not asked in this run"}
    sources = {
        "build": "built on this machine",
        "registry": "pulled from a registry",
        "cluster": "as the cluster has them",
    }
    standins = len(images["standins"])
    told = f"; {_plural(standins, 'stand-in')}" if standins else ""
    yield {"name": "Images", "value": sources.get(images["source"], "not known") + told}


def _link(url):
    """A URL where a browser may follow it, else an empty string."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    fine = parts.scheme in ("http", "https") and parts.hostname and not any(x <= " " or x in "\"'<>\\" for x in url)
    return url if fine else ""


def _share(value):
    """A fraction as a place on a chart that is as wide as it is."""
    return f"{100 * min(max(value, 0.0), 1.0):.3f}%"


def _without_pods(document):
    """The workloads of which no pod is in the table."""
    return [
        x
        for x in document["injection"]
        if not any(y["namespace"] == x["namespace"] and _belongs(y["name"], x["workload"]) for y in document["pods"])
    ]


def _exports(ingress):
    """The gateway's place as variables of a shell, and where it is on this machine."""
    if not ingress:
        return None
    known = (("INGRESS_HOST", "host"), ("INGRESS_PORT", "port"), ("SECURE_INGRESS_PORT", "secure_port"))
    secure = ingress["secure_reachable"]
    return {
        "variables": [f"export {name}={shlex.quote(str(ingress[x]))}" for name, x in known if ingress[x]],
        "reachable": f"{ingress['reachable']}, and {secure} by HTTPS" if secure else ingress["reachable"],
    }


def _doubled(double):
    if not double:
        return None
    came = f"It does not run: {double['message'] or 'its containers restart.'}"
    if double["runs"]:
        came = f"It runs, with one sidecar ({double['pod']}; the manifest had a {double['manifest']}). {double['why']}"
    return {"refused": double["refused"] or "It was not refused.", "came": came, "log": "\n".join(double["log"])}


# Of a bar chart, in pixels: from one backend to the next, from its text to its bar, height of a bar.
STEP, BELOW, BAR = 62, 28, 20


def _chart(split):
    backends = []
    for number, backend in enumerate(split["backends"]):
        low, high = backend["interval"] or (None, None)
        top = number * STEP + BELOW
        backends.append(
            {
                **{key: backend[key] for key in ("name", "weight", "count")},
                "share": percent(backend["share"]),
                "expected": percent(backend["expected_share"]),
                "interval": f"{percent(low)} to {percent(high)}" if low is not None else "unknown",
                "p": probability(backend["p_value"]).removeprefix("= "),
                "colour": number % COLOURS,
                "y_text": number * STEP + 20,
                "y": top,
                "y_middle": top + BAR // 2,
                "y_top": top - 5,
                "y_end": top + BAR + 5,
                "width": _share(backend["share"] or 0.0),
                "x_low": _share(low) if low is not None else None,
                "x_high": _share(high) if high is not None else None,
                "x_expected": _share(backend["expected_share"]) if backend["expected_share"] is not None else None,
            }
        )
    height = len(backends) * STEP
    significance = split["significance"]
    return {
        **{key: split[key] for key in ("name", "title", "shows", "words", "verdict", "requests", "answered", "errors")},
        "word": WORDS[split["verdict"]],
        "asked": "/".join(str(x["weight"]) for x in split["backends"]),
        "p": probability(split["p_value"]),
        "sure": f"{100 * (1 - significance):g} %" if significance else "",
        "backends": backends,
        "bar": BAR,
        "height": height + 26,
        "axis": height + 4,
        "y_ticks": height + 20,
        "ticks": [{"x": f"{x}%", "text": f"{x} %", "anchor": _anchor(x)} for x in (0, 25, 50, 75, 100)],
        "told": "; ".join(
            f"{x['name']}: {percent(x['share'])} seen, {percent(x['expected_share'])} expected"
            + (f", interval {percent(x['interval'][0])} to {percent(x['interval'][1])}" if x["interval"] else "")
            for x in split["backends"]
        ),
    }


def _anchor(place):
    return "start" if place <= 0 else "end" if place >= 100 else "middle"


def _waterfall(trace):
    spans = trace["spans"][:MOST_SPANS]
    total = max([trace["duration_ms"], *(x["start_ms"] + x["duration_ms"] for x in spans)]) or 1.0
    colours = {x: n % COLOURS for n, x in enumerate(dict.fromkeys(x["service"] for x in trace["spans"]))}
    rows = []
    for span in spans:
        begin = span["start_ms"] / total
        rows.append(
            {
                **{key: span[key] for key in ("service", "operation", "kind", "error", "status")},
                "short": span["service"].partition(".")[0] or "unnamed",
                "colour": colours[span["service"]],
                "depth": span["depth"],
                "indent": min(span["depth"], 12),
                "x": _share(begin),
                # A bar that ends the axis and is thinner than a hair is drawn before the end, not beyond it.
                "width": _share(max(span["duration_ms"] / total, 0.004)),
                "x_drawn": _share(min(begin, 0.996)),
                "took": duration(span["duration_ms"]),
                "told": f"{span['service']}, {span['kind'] or 'span'}: from {duration(span['start_ms'])} on, for "
                f"{duration(span['duration_ms'])}" + (", with an error" if span["error"] else ""),
            }
        )
    return {
        **{key: trace[key] for key in ("trace_id", "span_count", "depth", "errors", "complete", "lacks")},
        "link": _link(trace["url"] or ""),
        "took": duration(trace["duration_ms"]),
        "services": len(colours),
        "calls": [
            {
                "service": x["service"] or "unnamed",
                "indent": min(x["depth"], 12),
                "colour": colours[x["service"]],
                "calls": _plural(x["calls"], "call") if x["depth"] else "where the request came in",
            }
            for x in trace["calls"][:MOST_SPANS]
        ],
        "rows": rows,
        "more": len(trace["spans"]) - len(rows),
        "ticks": [
            {"x": _share(x / total), "text": _tick(x, _step(total)), "anchor": _anchor(round(100 * x / total, 3))}
            for x in _ticks(total)
        ],
    }


def _step(total):
    """A round number of milliseconds, three to five of which make an axis."""
    power = 10.0 ** math.floor(math.log10(total / 5))
    return next(x * power for x in (1, 2, 5, 10) if x * power * 5 >= total)


def _ticks(total):
    step = _step(total)
    return [n * step for n in range(int(total / step + 1e-9) + 1)]


def _tick(milliseconds, step):
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{milliseconds:.{digits}f} ms"


def _shot(shot, images, number):
    return {
        **{key: shot[key] for key in ("title", "look", "width", "height", "why_not")},
        "number": number,
        "file": posixpath.basename(shot["path"]),
        "data": f"data:{shot['type']};base64,{images[shot['path']]}" if shot["type"] and shot["path"] in images else "",
    }


def _escaped(value):
    if isinstance(value, dict):
        return {key: _escaped(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escaped(x) for x in value]
    if isinstance(value, str):
        return html.escape("".join(x if x.isprintable() or x in "\n\t" else "\N{REPLACEMENT CHARACTER}" for x in value))
    return value
