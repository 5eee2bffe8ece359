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

# The facts that hold pods, each with the variable that names their namespace.
_PODS = (("istio_pods", "istio_namespace"), ("bookinfo_pods", "bookinfo_namespace"))


def injection(facts: Facts) -> list[Document]:
    """The workloads of the injection chapter, each with or without a sidecar, and the reason."""
    return [
        {
            "namespace": as_text(workload.get("namespace")),
            "workload": as_text(workload.get("workload")),
            "injected": bool(workload.get("injected")),
            "how": as_text(workload.get("how")),
            "reason": as_text(workload.get("reason")),
        }
        for workload in as_dicts(facts.get("sidecar_injection_workloads"))
    ]


def double_injection(facts: Facts) -> Document | None:
    """What became of a manifest that was injected twice; None if it was not demonstrated."""
    shown = as_dict(facts.get("sidecar_injection_demonstration"))
    if not shown:
        return None
    return {
        **{key: as_text(shown.get(key)) for key in ("refused", "message", "manifest", "pod")},
        "reason": as_text(shown.get("reason")),
        "runs": bool(shown.get("runs")),
        "log": [as_text(line) for line in as_list(shown.get("log"))],
    }


def pods(facts: Facts) -> list[Document]:
    """The pods of Istio and Bookinfo, by namespace and name."""
    states = injection(facts)
    found = [
        _pod(pod, as_text(facts.get(namespace)), states, fact == "istio_pods")
        for fact, namespace in _PODS
        for pod in as_dicts(facts.get(fact))
    ]
    return sorted(found, key=lambda pod: (pod["namespace"], pod["name"]))


def _pod(pod: Document, namespace: str, states: list[Document], of_istio: bool) -> Document:
    row: Document = {
        "namespace": namespace,
        "name": as_text(pod.get("name")),
        "ready": as_text(pod.get("ready")),
        "phase": as_text(pod.get("phase")),
        "restarts": as_count(pod.get("restarts")),
        "sidecar": bool(pod.get("sidecar")),
    }
    row["reason"] = _reason(row, states, of_istio)
    # A gateway is a proxy itself: it has that container, and none beside it.
    row["sidecar"] = row["sidecar"] and not row["ready"].endswith("/1")
    return row


def _reason(pod: Document, states: list[Document], of_istio: bool) -> str:
    """Why a pod has a sidecar or not; empty if unknown."""
    own = [x for x in states if x["namespace"] == pod["namespace"] and _is_pod_of(pod["name"], x["workload"])]
    if own:
        state = max(own, key=lambda x: len(x["workload"]))
        return state["reason"] or state["how"]
    if of_istio and pod["sidecar"]:
        return "a gateway is a proxy itself"
    return "part of Istio's control plane, which is never injected" if of_istio else ""


def _is_pod_of(pod: str, workload: str) -> bool:
    return bool(workload) and (pod == workload or pod.startswith(workload + "-"))


def all_ready(pod: Document) -> bool:
    """Whether all containers of a running pod are ready, by a text such as 2/2."""
    ready, _slash, wanted = pod["ready"].partition("/")
    return bool(wanted) and ready == wanted and pod["phase"] == "Running"


# ---- checks ----


def _named(document: Document, pods_fact: object) -> list[Document]:
    names = {as_text(pod.get("name")) for pod in as_dicts(pods_fact)}
    return [pod for pod in document["pods"] if pod["name"] in names]


def _ready_check(found: list[Document]) -> Check:
    ready = sum(1 for pod in found if all_ready(pod))
    return f"{ready} of {plural(len(found), 'pod')} ready", verdict_of(found and ready == len(found))


def install_checks(document: Document, facts: Facts) -> Iterator[Check]:
    """What was checked of Istio and its ingress gateway."""
    yield f"Istio {document['istio']['version']} is in the cluster", PASS
    yield _ready_check(_named(document, facts.get("istio_pods")))
    ingress = document["ingress"]
    if ingress:
        secure = f", and by HTTPS {ingress['secure_reachable']}" if ingress["secure_reachable"] else ""
        yield f"the ingress gateway has an address: {ingress['reachable']}{secure}", PASS


def bookinfo_checks(document: Document, facts: Facts) -> Iterator[Check]:
    """What was checked of Bookinfo."""
    found = _named(document, facts.get("bookinfo_pods"))
    yield _ready_check(found)
    sidecars = sum(1 for pod in found if pod["sidecar"])
    yield f"{sidecars} of {plural(len(found), 'pod')} with a sidecar", verdict_of(sidecars == len(found))
    answer = as_dict(facts.get("bookinfo_answer"))
    if answer:
        status, server, content = (as_text(answer.get(x)) for x in ("status", "server", "content_type"))
        holds = status == "200" and server == "istio-envoy" and content.startswith("application/json")
        yield f"through the gateway it answers {status}, {content}, from {server}", verdict_of(holds)
    yield from _browser_checks(document, facts)


def _browser_checks(document: Document, facts: Facts) -> Iterator[Check]:
    found = as_dicts(facts.get("bookinfo_looks"))
    looks = [f"{as_text(look.get('title'))} {as_count(look.get('times'))} times" for look in found]
    if looks:
        yield f"loaded several times in a browser, it showed {join_and(looks)}", PASS
    shots = document["screenshots"]
    if shots:
        hidden = [shot["reason"] for shot in shots if shot["reason"]]
        reason = f"; {hidden[0]}" if hidden else ""
        shown = f"{len(shots) - len(hidden)} of {plural(len(shots), 'screenshot')}"
        yield f"{shown} can be shown{reason}", verdict_of(not hidden)


def injection_checks(document: Document, _facts: Facts) -> Iterator[Check]:
    """What was checked of sidecar injection."""
    states = document["injection"]
    injected = sum(1 for state in states if state["injected"])
    yield f"{injected} of {plural(len(states), 'workload')} with a sidecar", PASS
    unknown = sum(1 for state in states if not state["reason"])
    known = f"unknown for {plural(unknown, 'workload')}" if unknown else "known for every workload"
    yield f"injection reason {known}", verdict_of(not unknown)
    double = document["double_injection"]
    if double:
        runs = "runs" if double["runs"] else "does not run"
        refused = "was refused" if double["refused"] else "was not refused"
        yield f"injecting twice {refused}; without the guard the pod {runs}", verdict_of(double["refused"])


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
    """The workloads that have no pod in the table of pods."""
    return [
        {**state, "sidecar_text": "yes" if state["injected"] else "no"}
        for state in document["injection"]
        if not any(
            pod["namespace"] == state["namespace"] and _is_pod_of(pod["name"], state["workload"])
            for pod in document["pods"]
        )
    ]


def double_view(double: Document | None) -> Document | None:
    """What became of double injection, in words."""
    if not double:
        return None
    result = f"It does not run: {double['message'] or 'its containers restart.'}"
    if double["runs"]:
        sidecars = f"{double['pod']}; the manifest had a {double['manifest']}"
        result = f"It runs, with one sidecar ({sidecars}). {double['reason']}"
    return {"refused": double["refused"] or "It was not refused.", "result": result, "log": "\n".join(double["log"])}
