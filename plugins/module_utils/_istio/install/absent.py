# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove Istio, or one revision of it, from a cluster."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import (
    ISTIOD,
    ControlPlane,
    control_planes,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.changes import (
    await_gone,
    delete,
    errors_with_result,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import WEBHOOKS, Difference
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.ownership import (
    IDENTIFYING,
    instances_of,
    is_installed,
    istio_definitions,
    istio_objects,
    of_revision,
    runtime_objects,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import (
    HELM,
    OWNER,
    annotations_of,
    labels_of,
    revision_of,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, key_of, title
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and, shorten_list

# Namespaces that are never removed.
KEPT_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")

INSTALLED = "is installed"
CREATED = "was created by istiod or istioctl"
CASCADED = "is removed with its CustomResourceDefinition"


@dataclass
class _Plan:
    """What to remove. namespaces, revisions: those for which istiod may have created objects."""

    installed: list[dict]  # without those that identify the installation
    identifying: list[dict]  # removed last
    whole: bool
    namespaces: set[str]
    revisions: set[str]
    created: list[dict] = field(default_factory=list)
    definitions: list[dict] = field(default_factory=list)
    instances: list[dict] = field(default_factory=list)
    namespace: list[dict] = field(default_factory=list)  # at most one

    def differences(self) -> list[Difference]:
        """One Difference for each object, in the order of removal. Instances are removed with their definitions."""
        parts = (
            (self.installed, INSTALLED),
            (self.created, CREATED),
            (self.definitions, INSTALLED),
            (self.instances, CASCADED),
            (self.namespace, INSTALLED),
            (self.identifying, INSTALLED),
        )
        return [Difference(key_of(x), reason, x) for objects, reason in parts for x in objects]


def absent(params: dict, cluster: Cluster, check_mode: bool) -> dict:
    """Remove Istio, or one revision of it, from a cluster, or report what would be removed.

    istioctl uninstall is not used: with --purge, some releases remove the CRDs and with them every VirtualService, and
    with --revision, it fails if the webhook is already removed.
    Returns the result of the module, as present() does. Raises InstallError and ClusterError.
    """
    if params["remove_namespace"] and params["namespace"] in KEPT_NAMESPACES:
        raise InstallError(f"namespace {params['namespace']} is never removed: set remove_namespace to false")
    api, revision = Api(cluster), params["revision"]
    planes = control_planes(api)
    own, whole, warnings = of_revision(list(istio_objects(api)), planes, revision)
    planes = [x for x in planes if revision in (None, x.revision)]
    _refuse_other_installers(own, planes)
    plan = _plan(params, api, own, whole, planes)
    foreign = [x for x in own if not is_installed(x)]
    _refuse_shared_definitions(plan.definitions, foreign)
    warnings += _warnings(params, plan, foreign)
    differences = plan.differences()
    result = {
        "changed": bool(differences),
        "revision": revision,
        "objects": len(differences),
        "differences": differences,
        "warnings": warnings,
        "pods": [],
        "version": planes[0].version if planes else None,
        "installed": bool(planes),
    }
    if not check_mode:
        with errors_with_result(api, result):
            _remove(api, plan, time.monotonic() + params["timeout"])
        result.update(version=None, installed=False)
    return result


def _warnings(params: dict, plan: _Plan, foreign: list[dict]) -> list[str]:
    """Warnings about options without effect, and about the objects that istioctl did not install."""
    ignored = [x for x in ("remove_crds", "remove_namespace") if params[x] and not plan.whole]
    lost = [x for x in foreign if plan.namespace and x["metadata"].get("namespace") == params["namespace"]]
    kept = [x for x in foreign if x not in lost]
    return [
        *(f"{x} is ignored, because another revision is installed" for x in ignored),
        *([f"removed with their namespace, though istioctl did not install them: {_titles(lost)}"] if lost else []),
        *([f"not removed, because istioctl did not install them: {_titles(kept)}"] if kept else []),
    ]


def _titles(definitions: list[dict]) -> str:
    return "; ".join(map(title, definitions))


def _refuse_other_installers(own: list[dict], planes: list[ControlPlane]) -> None:
    """Raise InstallError if another tool installed a control plane: only that tool knows all its objects."""
    helm = sorted({annotations_of(x)[HELM] for x in own if HELM in annotations_of(x)})
    if helm:
        raise InstallError(
            f"Helm installed Istio (release {join_and(helm)}): uninstall it with Helm. Nothing was removed."
        )
    installed = {key_of(x) for x in own if is_installed(x)}
    foreign = [f"{x.namespace}/{x.name}" for x in planes if ("Deployment", x.namespace, x.name) not in installed]
    if foreign:
        raise InstallError(
            f"istioctl did not install Deployment {', '.join(foreign)} (its labels or its field managers are not "
            "those of istioctl install): remove it with the tool that installed it. Nothing was removed."
        )


def _refuse_shared_definitions(definitions: list[dict], foreign: list[dict]) -> None:
    """Raise InstallError if another tool installed CRDs that would be removed, or another control plane uses them.

    foreign: Istio's objects that istioctl did not install.
    """
    if not definitions:
        return
    users = [title(x) for x in foreign if x["kind"] in WEBHOOKS]
    others = [x for x in definitions if HELM in annotations_of(x) or not is_installed(x)]
    releases = sorted({annotations_of(x)[HELM] for x in others if HELM in annotations_of(x)})
    reasons = []
    if users:
        reasons.append(f"another control plane, with {shorten_list(users)}, uses them")
    if others:
        owner = f"Helm release {join_and(releases)} owns" if releases else "istioctl did not install"
        reasons.append(f"{owner} {shorten_list(x['metadata']['name'] for x in others)}")
    if reasons:
        raise InstallError(
            f"remove_crds must not delete Istio's CustomResourceDefinitions: {'; '.join(reasons)}. Nothing was "
            "removed. Set remove_crds to false, and remove them with the tool that installed them."
        )


def _plan(params: dict, api: Api, own: list[dict], whole: bool, planes: list[ControlPlane]) -> _Plan:
    installed = [x for x in own if is_installed(x)]
    owners = {labels_of(x)[OWNER[1]] for x in installed if OWNER[1] in labels_of(x)}
    namespaces = {params["namespace"], *owners, *(x.namespace for x in planes)}
    identifying = [x for x in installed if x["kind"] in IDENTIFYING]
    rest = [x for x in installed if x["kind"] not in IDENTIFYING]
    plan = _Plan(rest, identifying, whole, namespaces, {revision_of(x) for x in installed})
    if not whole:
        return plan
    plan.created = runtime_objects(api, namespaces, plan.revisions)
    if params["remove_crds"]:
        plan.definitions = istio_definitions(api)
        known = {key_of(x) for x in (*installed, *plan.created)}
        instances = [x for definition in plan.definitions for x in instances_of(api, definition)]
        plan.instances = [x for x in instances if key_of(x) not in known]
    if params["remove_namespace"]:
        namespace = api.get("v1", ("Namespace", "", params["namespace"]))
        plan.namespace = [namespace] if namespace else []
    return plan


def _remove(api: Api, plan: _Plan, deadline: float) -> None:
    delete(api, plan.installed)
    if plan.whole:
        # A running istiod would write its certificate again.
        await_gone(deadline, partial(_pods, api))
        delete(api, runtime_objects(api, plan.namespaces, plan.revisions))
    last = [*plan.definitions, *plan.namespace]
    delete(api, last)
    for definition in last:
        await_gone(deadline, partial(_remaining, api, definition))
    delete(api, plan.identifying)


def _pods(api: Api) -> list[str]:
    """The pods of every istiod."""
    return [f"pod {key_of(x)[1]}/{key_of(x)[2]}" for x in api.list("v1", "Pod", labelSelector=ISTIOD)]


def _remaining(api: Api, definition: dict) -> list[str]:
    """An object that still exists, with the conditions that delay its deletion; empty if it does not exist."""
    found = api.get(definition["apiVersion"], key_of(definition))
    conditions = ((found or {}).get("status") or {}).get("conditions") or ()
    reasons = [x["message"] for x in conditions if x["status"] == "True" and x["type"].endswith("Remaining")]
    return [" ".join([f"{definition['kind']} {definition['metadata']['name']}", *reasons])] if found else []
