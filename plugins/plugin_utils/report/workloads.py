# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods and their sidecars: document, checks, and view."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import (
    PASS,
    Check,
    Document,
    Facts,
    as_count,
    as_dict,
    as_dicts,
    as_list,
    as_text,
    verdict_of,
)
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.wording import plural

# The facts that hold pods, and the variables with the namespaces of the pods.
_PODS = (("istio_pods", "istio_namespace"), ("bookinfo_pods", "bookinfo_namespace"))


def injection(facts: Facts) -> list[Document]:
    """The workloads of the injection chapter: whether each has a sidecar, and why."""
    return [
        {
            "namespace": as_text(workload.get("namespace")),
            "workload": as_text(workload.get("workload")),
            "injected": bool(workload.get("injected")),
            "injected_by": as_text(workload.get("injected_by")),
            "reason": as_text(workload.get("reason")),
        }
        for workload in as_dicts(facts.get("sidecar_injection_workloads"))
    ]


def double_injection(facts: Facts) -> Document | None:
    """The demonstration of double injection; None if it did not run."""
    found = as_dict(facts.get("sidecar_injection_demonstration"))
    if not found:
        return None
    return {
        "refusal": as_text(found.get("refused")),
        "runs": bool(found.get("runs")),
        "message": as_text(found.get("message")),
        "log": [as_text(line) for line in as_list(found.get("log"))],
        "manifest_sidecar": as_text(found.get("manifest")),
        "pod_sidecar": as_text(found.get("pod")),
        "reason": as_text(found.get("reason")),
    }


def pods(facts: Facts) -> list[Document]:
    """The pods of Istio and Bookinfo, by namespace and name."""
    workloads = injection(facts)
    found = [
        _pod(pod, as_text(facts.get(namespace)), workloads, fact == "istio_pods")
        for fact, namespace in _PODS
        for pod in as_dicts(facts.get(fact))
    ]
    return sorted(found, key=lambda pod: (pod["namespace"], pod["name"]))


def _pod(pod: Document, namespace: str, workloads: list[Document], is_istio: bool) -> Document:
    row: Document = {
        "namespace": namespace,
        "name": as_text(pod.get("name")),
        "ready": as_text(pod.get("ready")),
        "phase": as_text(pod.get("phase")),
        "restarts": as_count(pod.get("restarts")),
        "sidecar": bool(pod.get("sidecar")),
    }
    row["reason"] = _reason(row, workloads, is_istio)
    # The proxy of a gateway is its only container, so it is not a sidecar.
    row["sidecar"] = row["sidecar"] and not row["ready"].endswith("/1")
    return row


def _reason(pod: Document, workloads: list[Document], is_istio: bool) -> str:
    """Why a pod has a sidecar or not; empty if unknown."""
    own = [x for x in workloads if x["namespace"] == pod["namespace"] and _is_pod_of(pod["name"], x["workload"])]
    if own:
        workload = max(own, key=lambda x: len(x["workload"]))
        return workload["reason"] or workload["injected_by"]
    if is_istio and pod["sidecar"]:
        return "a gateway is a proxy itself"
    return "part of Istio's control plane, which is never injected" if is_istio else ""


def _is_pod_of(pod: str, workload: str) -> bool:
    return bool(workload) and (pod == workload or pod.startswith(workload + "-"))


def all_ready(pod: Document) -> bool:
    """Whether the pod runs and all of its containers are ready."""
    ready, _slash, total = pod["ready"].partition("/")
    return bool(total) and ready == total and pod["phase"] == "Running"


# ---- checks ----


def _pods_of(document: Document, pods_fact: object) -> list[Document]:
    names = {as_text(pod.get("name")) for pod in as_dicts(pods_fact)}
    return [pod for pod in document["pods"] if pod["name"] in names]


def _ready_check(found: list[Document]) -> Check:
    ready = sum(1 for pod in found if all_ready(pod))
    return f"{ready} of {plural(len(found), 'pod')} ready", verdict_of(found and ready == len(found))


def install_checks(document: Document, facts: Facts) -> Iterator[Check]:
    """The checks of Istio and its ingress gateway."""
    yield f"Istio {document['istio']['version']} is installed", PASS
    yield _ready_check(_pods_of(document, facts.get("istio_pods")))
    ingress = document["ingress"]
    if ingress:
        https = f", and {ingress['local_https_address']} for HTTPS" if ingress["local_https_address"] else ""
        yield f"the ingress gateway has an address: {ingress['local_address']}{https}", PASS


def bookinfo_checks(document: Document, facts: Facts) -> Iterator[Check]:
    """The checks of Bookinfo."""
    found = _pods_of(document, facts.get("bookinfo_pods"))
    yield _ready_check(found)
    sidecars = sum(1 for pod in found if pod["sidecar"])
    yield f"{sidecars} of {plural(len(found), 'pod')} with a sidecar", verdict_of(sidecars == len(found))
    answer = as_dict(facts.get("bookinfo_response"))
    if answer:
        status, server, content = (as_text(answer.get(x)) for x in ("status", "server", "content_type"))
        expected = status == "200" and server == "istio-envoy" and content.startswith("application/json")
        yield f"response through the gateway: status {status}, {content}, from {server}", verdict_of(expected)
    yield from _browser_checks(document, facts)


def _browser_checks(document: Document, facts: Facts) -> Iterator[Check]:
    found = as_dicts(facts.get("bookinfo_looks"))
    looks = [f"{as_text(look.get('title'))} {plural(as_count(look.get('times')), 'time')}" for look in found]
    if looks:
        yield f"loaded several times in a browser, the product page showed {join_and(looks)}", PASS
    shots = document["screenshots"]
    if shots:
        hidden = [shot["reason"] for shot in shots if shot["reason"]]
        reason = f"; {hidden[0]}" if hidden else ""
        usable = f"{len(shots) - len(hidden)} of {plural(len(shots), 'screenshot')}"
        yield f"{usable} can be shown{reason}", verdict_of(not hidden)


def injection_checks(document: Document, _facts: Facts) -> Iterator[Check]:
    """The checks of sidecar injection."""
    workloads = document["injection"]
    injected = sum(1 for workload in workloads if workload["injected"])
    yield f"{injected} of {plural(len(workloads), 'workload')} with a sidecar", PASS
    unknown = sum(1 for workload in workloads if not workload["reason"])
    known = f"unknown for {plural(unknown, 'workload')}" if unknown else "known for every workload"
    yield f"injection reason {known}", verdict_of(not unknown)
    double = document["double_injection"]
    if double:
        runs = "runs" if double["runs"] else "does not run"
        refused = "was refused" if double["refusal"] else "was not refused"
        yield f"double injection {refused}; without the guard the pod {runs}", verdict_of(double["refusal"])


# ---- view ----


def pod_rows(document: Document) -> list[Document]:
    """The pods as rows of the page's table."""
    return [_pod_row(pod) for pod in document["pods"]]


def _pod_row(pod: Document) -> Document:
    ready = all_ready(pod)
    restarts = f", {plural(pod['restarts'], 'restart')}" if pod["restarts"] else ""
    return {
        **pod,
        "ready_class": "yes" if ready else "no",
        "ready_text": (pod["ready"] if ready else f"{pod['ready']} {pod['phase']}") + restarts,
        "sidecar_text": "yes" if pod["sidecar"] else "no",
    }


def workloads_without_pods(document: Document) -> list[Document]:
    """The workloads without a pod in the table of pods."""
    return [
        {**workload, "sidecar_text": "yes" if workload["injected"] else "no"}
        for workload in document["injection"]
        if not any(
            pod["namespace"] == workload["namespace"] and _is_pod_of(pod["name"], workload["workload"])
            for pod in document["pods"]
        )
    ]


def double_injection_view(double: Document | None) -> Document | None:
    """The results of double injection in words."""
    if not double:
        return None
    result = f"The pod does not run: {double['message'] or 'its containers restart.'}"
    if double["runs"]:
        sidecars = f"type {double['pod_sidecar']}; the one in the manifest has type {double['manifest_sidecar']}"
        result = f"The pod runs with one sidecar ({sidecars}). {double['reason']}"
    return {"refusal": double["refusal"] or "It was not refused.", "result": result, "log": "\n".join(double["log"])}
