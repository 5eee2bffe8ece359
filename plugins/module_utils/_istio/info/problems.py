# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the Istio in a cluster, and how to fix it."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info import proxy_status
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.control_planes import version_number
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.proxies import compare_versions, plane_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import SIDECAR
from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and, shorten_list


def problems(found: dict[str, Any], planes_known: bool = True, webhooks_known: bool = True) -> list[str]:
    """What is wrong and how to fix it, each in a sentence or two; found: what read_inventory() returns.

    planes_known and webhooks_known: whether this user may read them; if not, an empty list of them proves nothing.
    """
    return [
        *(_plane_problems(found) if planes_known else ()),
        *(_webhook_problems(found, planes_known) if webhooks_known else ()),
        *_namespace_problems(found),
        *_proxy_problems(found),
    ]


def _plane_problems(found):
    planes = found["control_planes"]
    outside = sorted({x["url"] for x in found["webhooks"] if x["url"]})
    if not planes and not outside:
        said = "Istio is not installed: no Deployment has the label app=istiod"
        left = []
        if found["apis"]:
            left.append(f"its CRDs are there ({', '.join(sorted(found['apis']))})")
        if found["proxies"]:
            left.append(f"pods have proxies ({len(found['proxies'])})")
        if left:
            said += f", though {join_and(left)}; an installation was not finished or not taken away whole"
        yield f"{said}. Install it with the role meshlab.istio.istio."
    for plane in planes:
        if not plane["ready"]:
            reason = "; ".join(" ".join(line.split()) for line in plane["reasons"]).replace(":; ", ": ")
            yield f"control plane {plane['namespace']}/{plane['name']} is not ready: {reason}"
    if planes and found["apis"] == {}:
        yield "Istio's CRDs are missing, so no rule can be made; install Istio again with the role meshlab.istio.istio"
    for revision in sorted({x["revision"] for x in planes}):
        same = [f"{x['namespace']}/{x['name']}" for x in planes if x["revision"] == revision]
        if len(same) > 1:
            names = shorten_list(same)
            yield f"{len(same)} control planes have the revision {revision}: {names}; give each a revision of its own"


def _webhook_problems(found, planes_known):
    ready = {x["revision"]: False for x in found["control_planes"]}
    ready.update((x["revision"], True) for x in found["control_planes"] if x["ready_replicas"])
    for hook in found["webhooks"]:
        if not hook["active"]:
            continue
        title = f"webhook {hook['name']}"
        injected = [x["name"] for x in found["namespaces"] if hook["name"] in x["webhooks"]]
        harm = "no pod can be made" if hook["failure_policy"] == "Fail" else "pods are made without a sidecar"
        stopped = f"; {harm} in {shorten_list(injected)}" if injected else ""
        if planes_known and hook["revision"] not in ready and not hook["url"]:
            what = f"tag {hook['tag']} for revision" if hook["tag"] else "revision"
            yield (
                f"{title} serves {what} {hook['revision']}, and there is no istiod of it{stopped}. Install that "
                f"revision, or remove the webhook (kubectl delete mutatingwebhookconfiguration {hook['name']})."
            )
        elif not hook["ca_bundle"]:
            yield (
                f"{title} has no CA bundle{stopped}. Its istiod sets it when it starts: see whether it is ready, "
                "and whether its log says why it may not."
            )
        elif stopped and not ready.get(hook["revision"], True):
            yield f"{title} calls an istiod that is not ready{stopped} until it is"
    if found["control_planes"] and not any(x["active"] for x in found["webhooks"]):
        yield "no webhook injects sidecars; only istioctl kube-inject does (module meshlab.istio.istio_kube_inject)"


def _namespace_problems(found):
    for state in found["namespaces"]:
        for warning in state["warnings"]:
            yield f"namespace {state['name']}: {warning}"
        without = state.get("without_proxy")
        if without:
            yield (
                f"namespace {state['name']}: pods without a sidecar that would get one today: {shorten_list(without)}. "
                "They predate the label or webhook; restart them "
                f"(kubectl rollout restart deployment -n {state['name']})."
            )


def _proxy_problems(found):
    planes = found["control_planes"]
    for namespace in sorted({x["namespace"] for x in found["proxies"]}):
        here = [x for x in found["proxies"] if x["namespace"] == namespace]
        title = f"namespace {namespace}: proxies"
        restart = f"restart them (kubectl rollout restart deployment -n {namespace})"
        lost, older, newer = {}, [], []
        for proxy in here:
            plane = plane_of(proxy, planes, found["tags"])
            compared = compare_versions(proxy, plane)
            if compared:
                (older if compared < 0 else newer).append(f"{proxy['name']} ({proxy['version']})")
            if planes and proxy["revision"] and not plane:
                lost.setdefault(proxy["revision"], []).append(proxy["name"])
        if older:
            yield f"{title} that are older than their control plane: {shorten_list(older)}; {restart}"
        if newer:
            yield (
                f"{title} that are newer than their control plane, which is not supported: {shorten_list(newer)}; "
                f"upgrade the control plane, or {restart}"
            )
        for revision, names in sorted(lost.items()):
            yield (
                f"{title} of revision {revision}, which is not there or there twice: {shorten_list(names)}; "
                f"label the namespace for a revision that is there, and {restart}"
            )
        not_ready = [x["name"] for x in here if not x["ready"]]
        if not_ready:
            look_at = f"see kubectl logs -n {namespace} {not_ready[0]} -c {SIDECAR}"
            yield f"{title} that are not ready: {shorten_list(not_ready)}; {look_at}"
        away = [x["name"] for x in here if x["ready"] and x["synced"] is False and not x["types"]]
        if away:
            yield f"{title} that no istiod knows: {shorten_list(away)}; {restart}"
        late = [x for x in here if x["synced"] is False and x["types"]]
        if late:
            names = shorten_list(f"{x['name']} ({', '.join(proxy_status.behind(x['types']))})" for x in late)
            yield (
                f"{title} that are behind their istiod: {names}. They may be for a moment after a change; "
                f"if they stay so, they reject what they are sent, and the log of their {SIDECAR} says why."
            )


def client_problems(client: dict[str, Any] | None, control_planes: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the release of istioctl, given these control planes."""
    theirs = {}
    for plane in control_planes:
        version = version_number(plane["version"])
        if version:
            theirs[version] = plane["version"]
    ours = version_number(client["version"]) if client else None
    if client is None or not ours or not theirs or ours[:2] in {version[:2] for version in theirs}:
        return []
    return [
        f"istioctl is {client['version']} and the control plane {join_and(theirs[x] for x in sorted(theirs))}; "
        "use one of the same minor release (role meshlab.istio.istioctl)"
    ]
