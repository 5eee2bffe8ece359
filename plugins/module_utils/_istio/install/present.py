# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a control plane to what is asked for."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import (
    ControlPlane,
    control_planes,
    mesh_version,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.changes import delete, half_done, scale
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.compare import compare
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.ownership import Installation, istio_objects
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.prune import surplus
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.render import (
    CRD,
    needs_first_party,
    read_rendered,
    render,
    warn_of_fallback,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.request import request_from
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.versions import refuse, skipped, unsupported
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import COMPONENT, labels_of, revision_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import workloads
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, title

# Time that istioctl gets beyond the readiness timeout, in seconds. Old releases do not always end by themselves.
GRACE_SECONDS = 30


def present(params, cluster, istioctl, check_mode):
    """Bring a control plane to what the parameters say, or say what that would change.

    Returns what the module returns, with Differences as they are and with its warnings.
    Raises InstallError, ClusterError, IstioctlError and ReleaseError.
    """
    request, api, warnings = request_from(params), Api(cluster), []
    version, kubernetes = istioctl.version, cluster.get("/version")["gitVersion"]
    refuse(lambda: unsupported(version, kubernetes), params, warnings)
    # Two things that take their time and have nothing to do with each other.
    with ThreadPoolExecutor(1) as worker:
        rendering = worker.submit(render, request, istioctl, needs_first_party(request, istioctl, api, warnings))
        found = [*istio_objects(api), *api.list("apiextensions.k8s.io/v1", CRD, labelSelector=COMPONENT)]
    output = rendering.result()
    warn_of_fallback(output, warnings)
    documents = read_rendered(output.stdout)

    deployments = [x for x in documents if x.head["kind"] == "Deployment"]
    deployment = next((x for x in deployments if labels_of(x.head).get("app") == "istiod"), None)
    revision = revision_of(deployment.head) if deployment else params["revision"] or "default"
    plane = _plane(api, istioctl, deployment, revision)
    if deployment:
        refuse(lambda: skipped(plane, version), params, warnings)

    planes = control_planes(api)
    name, namespace = request.owner()
    installation = Installation(revision, name, deployment.key[1] if deployment else namespace)
    _warn_of_same_revision(installation, planes, warnings)
    differences = surplus(documents, found, installation, planes)
    differences = compare(api, documents, found, revision, version) + differences
    result = {
        "changed": bool(differences),
        "revision": revision,
        "kubernetes": kubernetes,
        "objects": len(documents),
        "differences": differences,
        "warnings": warnings,
        "pods": [],
    }
    names, started = {}, time.monotonic()
    for document in deployments:
        names.setdefault(document.key[1], []).append(document.key[2])
    if differences and not check_mode:
        with half_done(api, result):
            # First, since an injector without a pod lets no other pod start.
            for difference in differences:
                if difference.replicas:
                    scale(api, difference.after, difference.replicas)
            if not all(x.surplus or x.replicas for x in differences):
                api.changed = True
                result.update(_install(params, request, istioctl, cluster, names, warnings))
            # Not every release removes what is no longer rendered.
            delete(api, [x.before for x in differences if x.surplus])
            plane = _plane(api, istioctl, deployment, revision)
    result.update(version=plane.version if plane else None, installed=plane is not None)
    if not check_mode:
        with half_done(api, result):
            remaining = params["timeout"] - (time.monotonic() - started) if params["wait"] else 0
            lines, result["pods"] = _rollout(cluster, names, remaining, why=params["wait"])
            lines += [f"{title(x.head)}: it is scaled to 0 replicas" for x in deployments if _is_stopped(api, x)]
            if lines and params["wait"]:
                told = "\n".join(lines)
                raise InstallError(f"Istio is installed, and not ready after {params['timeout']} s:\n{told}")
    return result


def _warn_of_same_revision(installation, planes, warnings):
    others = {f"{x.namespace}/{x.name}" for x in planes if x.revision == installation.revision}
    others -= {x for x in others if x.startswith(f"{installation.namespace}/")}
    if others:
        warnings.append(
            f"{', '.join(sorted(others))} has revision {installation.revision}, too: shared webhooks follow the "
            "installation that ran last; set revision to a value of its own"
        )


def _plane(api, istioctl, deployment, revision):
    """The control plane in the cluster that a rendered istiod becomes, or that rendered gateways go with; or None."""
    for plane in control_planes(api):
        same = (plane.namespace, plane.name) == deployment.key[1:] if deployment else plane.revision == revision
        if same and plane.version is None:
            output = istioctl.run("version", "--output", "json", "--istioNamespace", plane.namespace, check=False)
            return ControlPlane(plane.namespace, plane.name, revision, mesh_version(output.stdout, revision))
        if same:
            return plane
    return None


def _install(params, request, istioctl, cluster, names, warnings):
    """Run istioctl install; returns what it gave, for the module's result."""
    timeout = params["timeout"]
    arguments = request.arguments("install")
    arguments += ["--skip-confirmation", "--readiness-timeout", f"{timeout}s"]
    try:
        output = istioctl.run(*arguments, stdin=request.stdin, timeout=timeout + GRACE_SECONDS)
    except IstioctlError as error:
        # istioctl says that something is not ready, and seldom why.
        lines, _pods = _rollout(cluster, names, 0)
        told = "\n".join([str(error), *lines])
        raise IstioctlError(told, error.rc, error.stdout, error.stderr, error.command) from error
    warn_of_fallback(output, warnings)
    return {"command": output.command, "stdout": output.stdout, "stderr": output.stderr}


def _is_stopped(api, document):
    """Whether a Deployment that should run has no replicas, which Kubernetes calls rolled out."""
    live = api.get(document.head["apiVersion"], document.key) or {"spec": {}}
    return live["spec"].get("replicas", 1) == 0 and document.serving_replicas > 0


def _rollout(cluster, names, timeout, why=True):
    """Wait for Deployments, given as {namespace: names}; returns what is not ready (and why) and their pods."""
    deadline, lines, pods = time.monotonic() + timeout, [], []
    for namespace, wanted in sorted(names.items()):
        missing, theirs = workloads.wait(cluster, namespace, wanted, False, deadline, why)
        lines += missing
        pods += theirs
    return lines, pods
