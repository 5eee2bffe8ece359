# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects of a cluster are Istio's."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import WEBHOOKS
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.render import CRD
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import (
    COMPONENT,
    CONFIG,
    LEADER,
    annotations_of,
    labels_of,
    revision_of,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import key_of

# What istioctl installs beside CRDs: API group and kind, in the order in which it is taken away.
KINDS = (
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("autoscaling", "HorizontalPodAutoscaler"),
    ("policy", "PodDisruptionBudget"),
    ("apps", "Deployment"),
    ("apps", "DaemonSet"),
    ("", "Service"),
    ("networking.istio.io", "EnvoyFilter"),
    ("networking.istio.io", "Gateway"),
    ("networking.istio.io", "VirtualService"),
    ("networking.istio.io", "DestinationRule"),
    ("security.istio.io", "PeerAuthentication"),
    ("", "ConfigMap"),
    ("", "ServiceAccount"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("rbac.authorization.k8s.io", "Role"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
)


def installed_objects(api):
    """What istioctl installed, of every revision, in the order in which it is taken away."""
    for group, kind in KINDS:
        api_version = api.preferred(group)
        # Not every release labels its webhooks, and they stop a cluster if they are left behind.
        query = {} if kind in WEBHOOKS else {"labelSelector": COMPONENT}
        for definition in api.list(api_version, kind, **query) if api_version else ():
            names = [webhook["name"] for webhook in definition.get("webhooks") or ()]
            if COMPONENT in labels_of(definition) or any(name.endswith(".istio.io") for name in names):
                yield definition


def of_revision(installed, planes, revision):
    """What to take of installed objects for a revision (None: all), whether that is the whole Istio, and warnings."""
    installed = list(installed)
    if not revision:
        return installed, True, []
    own = [x for x in installed if revision_of(x) == revision]
    others = sorted({x.revision for x in planes} - {revision})
    if own and others:
        left = f"what all revisions share stays, since there is revision {', '.join(others)} too"
        return [x for x in own if labels_of(x).get(COMPONENT) != "Base"], False, [left]
    return (installed, True, []) if own else ([], False, [])


def written_objects(api, namespaces):
    """What istiod, or an old istioctl, wrote into a cluster without a label of its owner, as a list."""
    written = api.list("v1", "ConfigMap", labelSelector=f"{CONFIG}=true")
    for namespace in sorted(namespaces):
        written += [x for x in api.list("v1", "ConfigMap", namespace=namespace) if LEADER in annotations_of(x)]
        leases = api.list("coordination.k8s.io/v1", "Lease", namespace=namespace)
        written += [x for x in leases if x["metadata"]["name"].startswith("istio-")]
        written += [x for x in api.list("v1", "Secret", namespace=namespace) if x.get("type") == "istio.io/ca-root"]
        written += api.list("install.istio.io/v1alpha1", "IstioOperator", namespace=namespace)
    return list({key_of(x): x for x in written}.values())


def istio_definitions(api):
    """Istio's custom resource definitions."""
    found = api.list("apiextensions.k8s.io/v1", CRD)
    return [x for x in found if x["metadata"]["name"].endswith(".istio.io")]


def instances_of(api, definition):
    """The objects of a custom resource definition."""
    spec = definition["spec"]
    version = next(x["name"] for x in spec["versions"] if x["storage"])
    return api.list(f"{spec['group']}/{version}", spec["names"]["kind"])
