# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install, upgrade or repair a control plane."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import (
    ControlPlane,
    control_planes,
    istiod_version,
    mesh_version,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.changes import (
    delete,
    errors_with_result,
    scale,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.compare import find_differences
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import Difference
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.ownership import Installation, istio_objects
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.prune import surplus
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.render import (
    CRD,
    Document,
    needs_first_party,
    read_rendered,
    render,
    warn_of_fallback,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.request import InstallRequest, request_from
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.versions import refuse, skipped, unsupported
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Istioctl, IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import (
    COMPONENT,
    DEFAULT,
    HELM,
    REVISION,
    annotations_of,
    labels_of,
    revision_of,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, key_of, title
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.deployments import wait_for_deployments
from ansible_collections.meshlab.istio.plugins.module_utils._text import shorten_list

# Seconds after the readiness timeout at which istioctl is terminated. Old releases do not always end by themselves.
GRACE_SECONDS = 30


def present(params: dict, cluster: Cluster, istioctl: Istioctl, check_mode: bool) -> dict:
    """Install or update a control plane as the parameters specify, or report what would change.

    Returns the result of the module, with Difference objects and with warnings.
    Raises InstallError, ClusterError, IstioctlError and ReleaseError.
    """
    request, api = request_from(params), Api(cluster)
    warnings: list[str] = []
    kubernetes = cluster.get("/version")["gitVersion"]
    refuse(lambda: unsupported(istioctl.version, kubernetes), params, warnings)
    documents, found = _render_and_read(request, istioctl, api, warnings)
    _refuse_helm(documents, found)
    target = _target(params, request, documents)
    planes = control_planes(api)
    plane = _plane(planes, istioctl, target)
    if target.istiod:
        # With the option tag, the image may be of another release than istioctl.
        version = istiod_version(target.istiod.definition) or istioctl.version
        refuse(lambda: skipped(plane, version), params, warnings)
    _warn_of_same_revision(target.installation, planes, warnings)
    pruned = surplus(documents, found, target.installation, planes)
    differences = find_differences(api, documents, found, target.installation.revision, istioctl.version) + pruned
    result = {
        "changed": bool(differences),
        "revision": target.installation.revision,
        "kubernetes": kubernetes,
        "objects": len(documents),
        "differences": differences,
        "warnings": warnings,
        "pods": [],
    }
    started = time.monotonic()
    if differences and not check_mode:
        with errors_with_result(api, result):
            result.update(_apply(params, request, istioctl, api, target, differences, warnings))
            plane = _plane(control_planes(api), istioctl, target)
    result.update(version=plane.version if plane else None, installed=plane is not None)
    if not check_mode:
        with errors_with_result(api, result):
            remaining = params["timeout"] - (time.monotonic() - started) if params["wait"] else 0
            result["pods"] = _await_rollout(params, api, target, remaining)
    return result


@dataclass(frozen=True)
class _Target:
    """What is rendered: its Deployments, that of istiod (None if it is not rendered), and the installation."""

    deployments: list[Document]
    istiod: Document | None
    installation: Installation

    @property
    def names(self) -> dict[str, list[str]]:
        """Names of the Deployments by namespace."""
        names: dict[str, list[str]] = {}
        for _kind, namespace, name in (x.key for x in self.deployments):
            names.setdefault(namespace, []).append(name)
        return names


def _target(params: dict, request: InstallRequest, documents: list[Document]) -> _Target:
    deployments = [x for x in documents if x.head["kind"] == "Deployment"]
    istiod = next((x for x in deployments if labels_of(x.head).get("app") == "istiod"), None)
    # The labels have the revision, whether it comes from an option, operator, file or set.
    labeled = next((x.head for x in [istiod, *documents] if x and REVISION in labels_of(x.head)), None)
    revision = revision_of(labeled) if labeled else params["revision"] or DEFAULT
    name, namespace = request.owner()
    return _Target(deployments, istiod, Installation(revision, name, istiod.key[1] if istiod else namespace))


def _render_and_read(
    request: InstallRequest, istioctl: Istioctl, api: Api, warnings: list[str]
) -> tuple[list[Document], list[dict]]:
    """Render the objects and read those in the cluster, in parallel because both are slow."""
    with ThreadPoolExecutor(1) as worker:
        rendering = worker.submit(render, request, istioctl, needs_first_party(request, istioctl, api, warnings))
        found = [*istio_objects(api), *api.list("apiextensions.k8s.io/v1", CRD, labelSelector=COMPONENT)]
    output = rendering.result()
    warn_of_fallback(output, warnings)
    return read_rendered(output.stdout), found


def _refuse_helm(documents: list[Document], found: list[dict]) -> None:
    """Raise InstallError if rendered objects would overwrite those of Helm: neither tool could remove them then."""
    rendered = {x.key for x in documents if x.key[0] != CRD}
    helm = [title(x) for x in found if key_of(x) in rendered and HELM in annotations_of(x)]
    if helm:
        raise InstallError(
            f"Helm installed {shorten_list(helm)}: upgrade it with Helm, or uninstall it first. Nothing was changed."
        )


def _warn_of_same_revision(installation: Installation, planes: list[ControlPlane], warnings: list[str]) -> None:
    same = [x for x in planes if x.revision == installation.revision and x.namespace != installation.namespace]
    if same:
        names = ", ".join(sorted(f"{x.namespace}/{x.name}" for x in same))
        warnings.append(
            f"{names} also has revision {installation.revision}: shared webhooks belong to the installation that ran "
            "last; set a different revision"
        )


def _plane(planes: list[ControlPlane], istioctl: Istioctl, target: _Target) -> ControlPlane | None:
    """The control plane of these that a rendered istiod replaces, or that rendered gateways use; or None."""
    revision = target.installation.revision
    for plane in planes:
        istiod = target.istiod
        same = (plane.namespace, plane.name) == istiod.key[1:] if istiod else plane.revision == revision
        if same and plane.version is None:
            output = istioctl.run("version", "--output", "json", "--istioNamespace", plane.namespace, check=False)
            return replace(plane, revision=revision, version=mesh_version(output.stdout, revision))
        if same:
            return plane
    return None


def _apply(
    params: dict,
    request: InstallRequest,
    istioctl: Istioctl,
    api: Api,
    target: _Target,
    differences: list[Difference],
    warnings: list[str],
) -> dict:
    """Apply the differences; returns the output of istioctl install, if it ran."""
    # First, because no other pod can start while the injector has no pod.
    for difference in differences:
        if difference.replicas and difference.after:
            scale(api, difference.after, difference.replicas)
    result = {}
    if not all(x.surplus or x.replicas for x in differences):
        api.changed = True
        result = _install(params, request, istioctl, api, target, warnings)
    # Some releases do not remove what is no longer rendered.
    delete(api, [x.before for x in differences if x.before and x.surplus])
    return result


def _install(
    params: dict, request: InstallRequest, istioctl: Istioctl, api: Api, target: _Target, warnings: list[str]
) -> dict:
    timeout = params["timeout"]
    arguments = request.arguments("install")
    arguments += ["--skip-confirmation", "--readiness-timeout", f"{timeout}s"]
    try:
        output = istioctl.run(*arguments, stdin=request.stdin, timeout=timeout + GRACE_SECONDS)
    except IstioctlError as error:
        # istioctl names what is not ready, but seldom the reason.
        lines, _pods = _rollout(api, target, 0)
        message = "\n".join([str(error), *lines])
        raise IstioctlError(message, error.rc, error.stdout, error.stderr, error.command) from error
    warn_of_fallback(output, warnings)
    return {"command": output.command, "stdout": output.stdout, "stderr": output.stderr}


def _await_rollout(params: dict, api: Api, target: _Target, timeout: float) -> list[dict]:
    """Wait until the Deployments are rolled out, if the option wait is set; returns their pods.

    Raises InstallError with the reasons of those that are not ready.
    """
    lines, pods = _rollout(api, target, timeout, params["wait"])
    lines += [f"{title(x.head)}: scaled to 0 replicas" for x in target.deployments if _is_stopped(api, x)]
    if lines and params["wait"]:
        reasons = "\n".join(lines)
        raise InstallError(f"Istio is installed but not ready after {params['timeout']} s:\n{reasons}", {"pods": pods})
    return pods


def _is_stopped(api: Api, document: Document) -> bool:
    """Whether a Deployment that must run is scaled to 0, which Kubernetes reports as rolled out."""
    live = api.get(document.head["apiVersion"], document.key) or {"spec": {}}
    return live["spec"].get("replicas", 1) == 0 and document.serving_replicas > 0


def _rollout(api: Api, target: _Target, timeout: float, explain: bool = True) -> tuple[list[str], list[dict]]:
    """Wait for the rendered Deployments; returns the reasons of those that are not ready, and their pods."""
    deadline, lines, pods = time.monotonic() + timeout, [], []
    for namespace, names in sorted(target.names.items()):
        missing, found = wait_for_deployments(api.cluster, namespace, names, False, deadline, explain)
        lines += missing
        pods += found
    return lines, pods
