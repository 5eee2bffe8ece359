# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove Istio, or one revision of it, from a cluster."""

from __future__ import annotations

import time

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import control_planes
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.changes import await_gone, delete, half_done
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import Difference
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.ownership import (
    installed_objects,
    instances_of,
    istio_definitions,
    of_revision,
    written_objects,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import HELM, annotations_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, key_of

# Namespaces that are never removed.
KEPT_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def absent(params, cluster, check_mode):
    """Take Istio, or one revision of it, out of a cluster, or say what that would take.

    istioctl uninstall is not run: with --purge it takes the CRDs, and with them every VirtualService, whether one wants
    that or not, and with --revision it fails where the webhook is gone already. The same labels tell what to take.
    Returns what the module returns, as present does. Raises InstallError and ClusterError.
    """
    if params["remove_namespace"] and params["namespace"] in KEPT_NAMESPACES:
        raise InstallError(f"namespace {params['namespace']} is never removed: set remove_namespace to false")
    api = Api(cluster)
    planes = control_planes(api)
    installed, whole, warnings = of_revision(installed_objects(api), planes, params["revision"])
    helm = sorted({x["metadata"]["annotations"][HELM] for x in installed if HELM in annotations_of(x)})
    if helm:
        raise InstallError(f"Helm installed Istio here: uninstall {', '.join(helm)} with it. Nothing was removed.")
    namespaces = {params["namespace"], *(plane.namespace for plane in planes)}
    written = written_objects(api, namespaces) if whole else []
    definitions = istio_definitions(api) if whole and params["remove_crds"] else []
    namespace = api.get("v1", ("Namespace", "", params["namespace"])) if whole and params["remove_namespace"] else None

    differences = [Difference(key_of(x), "is there", x) for x in installed]
    differences += [Difference(key_of(x), "was left there by istiod or istioctl", x) for x in written]
    for definition in definitions:
        differences.append(Difference(key_of(definition), "is there", definition))
        gone = [x for x in instances_of(api, definition) if key_of(x) not in {known.key for known in differences}]
        differences += [Difference(key_of(x), "goes with its custom resource definition", x) for x in gone]
    differences += [Difference(key_of(namespace), "is there", namespace)] if namespace else []

    plane = next((x for x in planes if params["revision"] in (None, x.revision)), None)
    result = {
        "changed": bool(differences),
        "revision": params["revision"],
        "objects": len(differences),
        "differences": differences,
        "warnings": warnings,
        "pods": [],
    }
    if not check_mode:
        plane, deadline = None, time.monotonic() + params["timeout"]
        with half_done(api, result):
            delete(api, installed)
            if whole:
                # While one of them lives, it writes its certificate again.
                await_gone(deadline, lambda: _pods(api))
                delete(api, written_objects(api, namespaces))
            delete(api, [*definitions, *([namespace] if namespace else [])])
            for definition in (*definitions, *([namespace] if namespace else [])):
                await_gone(deadline, lambda definition=definition: _still(api, definition))
    return {**result, "version": plane.version if plane else None, "installed": plane is not None}


def _pods(api):
    """The pods of every istiod, as texts."""
    return [f"pod {key_of(x)[1]}/{key_of(x)[2]}" for x in api.list("v1", "Pod", labelSelector="app=istiod")]


def _still(api, definition):
    """An object that should be gone, with what keeps it, as a list of texts; empty if it is gone."""
    found = api.get(definition["apiVersion"], key_of(definition))
    conditions = ((found or {}).get("status") or {}).get("conditions") or ()
    told = [x["message"] for x in conditions if x["status"] == "True" and x["type"].endswith("Remaining")]
    return [" ".join([f"{definition['kind']} {definition['metadata']['name']}", *told])] if found else []
