# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems with the Istio installation in a cluster, and how to fix them."""

from __future__ import annotations

from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info import proxy_status
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.control_planes import version_number
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.proxies import compare_versions, plane_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import SIDECAR
from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and, shorten_list


def problems(found: dict[str, Any], planes_known: bool = True, webhooks_known: bool = True) -> list[str]:
    """Describe each problem and its fix in a sentence or two. found: the result of read_inventory().

    planes_known, webhooks_known: whether they could be read; otherwise an empty list is not a problem.
    """
    return [
        *(_plane_problems(found) if planes_known else ()),
        *(_webhook_problems(found, planes_known) if webhooks_known else ()),
        *_namespace_problems(found),
        *_proxy_problems(found),
    ]


def _plane_problems(found):
    planes = found["control_planes"]
    external = sorted({x["url"] for x in found["webhooks"] if x["url"]})
    if not planes and not external:
        problem = "Istio is not installed: no Deployment has the label app=istiod"
        remains = []
        if found["apis"]:
            remains.append(f"its CRDs exist ({', '.join(sorted(found['apis']))})")
        if found["proxies"]:
            remains.append(f"pods have proxies ({len(found['proxies'])})")
        if remains:
            problem += f", but {join_and(remains)}: an installation or removal is incomplete"
        yield f"{problem}. Install it with the role meshlab.istio.istio."
    for plane in planes:
        if not plane["ready"]:
            reason = "; ".join(" ".join(line.split()) for line in plane["reasons"]).replace(":; ", ": ")
            yield f"control plane {plane['namespace']}/{plane['name']} is not ready: {reason}"
    if planes and found["apis"] == {}:
        yield "Istio's CRDs are missing, so no rule can be created; reinstall Istio with the role meshlab.istio.istio"
    for revision in sorted({x["revision"] for x in planes}):
        same = [f"{x['namespace']}/{x['name']}" for x in planes if x["revision"] == revision]
        if len(same) > 1:
            names = shorten_list(same)
            yield f"{len(same)} control planes have the revision {revision}: {names}; give each a different revision"


def _webhook_problems(found, planes_known):
    ready = {x["revision"]: False for x in found["control_planes"]}
    ready.update((x["revision"], True) for x in found["control_planes"] if x["ready_replicas"])
    for hook in found["webhooks"]:
        if not hook["active"]:
            continue
        title = f"webhook {hook['name']}"
        injected = [x["name"] for x in found["namespaces"] if hook["name"] in x["webhooks"]]
        effect = "no pod can be created" if hook["failure_policy"] == "Fail" else "pods are created without a sidecar"
        impact = f"; {effect} in {shorten_list(injected)}" if injected else ""
        if planes_known and hook["revision"] not in ready and not hook["url"]:
            served = f"tag {hook['tag']} for revision" if hook["tag"] else "revision"
            yield (
                f"{title} serves {served} {hook['revision']}, which has no istiod{impact}. Install that "
                f"revision, or remove the webhook (kubectl delete mutatingwebhookconfiguration {hook['name']})."
            )
        elif not hook["ca_bundle"]:
            yield (
                f"{title} has no CA bundle{impact}. istiod sets it when it starts: check that istiod is ready, "
                "and its log for missing permissions."
            )
        elif impact and not ready.get(hook["revision"], True):
            yield f"{title} calls an istiod that is not ready{impact}"
    if found["control_planes"] and not any(x["active"] for x in found["webhooks"]):
        yield "no webhook injects sidecars; use istioctl kube-inject (module meshlab.istio.istio_kube_inject)"


def _namespace_problems(found):
    for state in found["namespaces"]:
        for warning in state["warnings"]:
            yield f"namespace {state['name']}: {warning}"
        without = state.get("without_proxy")
        if without:
            yield (
                f"namespace {state['name']}: pods without a sidecar that would be injected today: "
                f"{shorten_list(without)}. They predate the label or webhook; restart them "
                f"(kubectl rollout restart deployment -n {state['name']})."
            )


def _proxy_problems(found):
    planes = found["control_planes"]
    for namespace in sorted({x["namespace"] for x in found["proxies"]}):
        own = [x for x in found["proxies"] if x["namespace"] == namespace]
        title = f"namespace {namespace}: proxies"
        restart = f"restart them (kubectl rollout restart deployment -n {namespace})"
        orphaned, older, newer = {}, [], []
        for proxy in own:
            plane = plane_of(proxy, planes, found["tags"])
            compared = compare_versions(proxy, plane)
            if compared:
                (older if compared < 0 else newer).append(f"{proxy['name']} ({proxy['version']})")
            if planes and proxy["revision"] and not plane:
                orphaned.setdefault(proxy["revision"], []).append(proxy["name"])
        if older:
            yield f"{title} that are older than their control plane: {shorten_list(older)}; {restart}"
        if newer:
            yield (
                f"{title} that are newer than their control plane, which is not supported: {shorten_list(newer)}; "
                f"upgrade the control plane, or {restart}"
            )
        for revision, names in sorted(orphaned.items()):
            yield (
                f"{title} of revision {revision}, which has no control plane or several: {shorten_list(names)}; "
                f"label the namespace with an installed revision, and {restart}"
            )
        not_ready = [x["name"] for x in own if not x["ready"]]
        if not_ready:
            logs = f"see kubectl logs -n {namespace} {not_ready[0]} -c {SIDECAR}"
            yield f"{title} that are not ready: {shorten_list(not_ready)}; {logs}"
        unconnected = [x["name"] for x in own if x["ready"] and x["synced"] is False and not x["types"]]
        if unconnected:
            yield f"{title} that are not connected to any istiod: {shorten_list(unconnected)}; {restart}"
        stale = [x for x in own if x["synced"] is False and x["types"]]
        if stale:
            names = shorten_list(f"{x['name']} ({', '.join(proxy_status.unsynced(x['types']))})" for x in stale)
            yield (
                f"{title} that are not in sync with their istiod: {names}. This is normal for a moment after a "
                f"change; if it persists, they reject the configuration: see the log of their container {SIDECAR}."
            )


def client_problems(client: dict[str, Any] | None, control_planes: list[dict[str, Any]]) -> list[str]:
    """Report an istioctl whose minor release is not that of any control plane."""
    installed = {}
    for plane in control_planes:
        version = version_number(plane["version"])
        if version:
            installed[version] = plane["version"]
    own = version_number(client["version"]) if client else None
    if client is None or not own or not installed or own[:2] in {version[:2] for version in installed}:
        return []
    versions = join_and(installed[x] for x in sorted(installed))
    return [
        f"istioctl has version {client['version']} and the control plane {versions}; "
        "use an istioctl of the same minor release (role meshlab.istio.istioctl)"
    ]
