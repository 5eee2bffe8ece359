# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of Istio in a cluster: those that istioctl installed, and those that istiod created at run time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import ControlPlane
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import WEBHOOKS
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.render import CRD
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import (
    COMPONENT,
    CONFIG,
    DEFAULT,
    LEADER,
    MANAGED,
    NOT_PRUNED,
    OWNER,
    REVISION,
    TAG,
    annotations_of,
    labels_of,
    revision_of,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, key_of
from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and

# API group and kind of what istioctl installs besides CRDs, in the order of removal.
KINDS = (
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("networking.k8s.io", "NetworkPolicy"),
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

# Removed last: after an interrupted run, their labels show which namespaces and revisions remain.
IDENTIFYING = ("ServiceAccount", "RoleBinding", "Role", "ClusterRoleBinding", "ClusterRole")

# API groups of Istio's CRDs in every release since 1.7.
GROUPS = frozenset(
    f"{name}.istio.io"
    for name in ("authentication", "config", "extensions", "install", "networking", "rbac", "security", "telemetry")
)

# Names of the webhooks of the injector and the validator.
HOOK = re.compile(r"(.+\.)?(sidecar-injector|validation)\.istio\.io")

# The locks of istiod's leader election (pilot/pkg/leaderelection) in releases 1.7 to 1.30: ConfigMaps or Leases.
LOCKS = frozenset(
    {
        "istio-analyze-leader",
        "istio-clustertrustbundle-controller-election",
        "istio-gateway-deployment",
        "istio-gateway-deployment-leader",
        "istio-gateway-inferencepool",
        "istio-gateway-leader",
        "istio-gateway-status-leader",
        "istio-ip-autoallocate",
        "istio-leader",
        "istio-namespace-controller-election",
        "istio-node-untaint",
        "istio-serviceexport-controller-election",
        "istio-status-leader",
        "istio-validation-controller-election",
    }
)
# ConfigMaps that istiod creates in every namespace: root certificate, and revocation list of a plugged-in CA.
CERTIFICATES = ("istio-ca-root-cert", "istio-ca-crl")
# The key of istiod's self-signed CA. A "cacerts" that the user created has another type.
CA_SECRETS, CA_TYPE = ("istio-ca-secret", "cacerts"), "istio.io/ca-root"
# The name of the IstioOperator that istioctl before 1.24 stored in the cluster.
STATE = "installed-state"
# The validating webhook of the default tag.
DEFAULT_VALIDATOR = "istiod-default-validator"
# Prefix of istioctl's field managers: istio-operator (installation), istio-ci (revision tags), istioctl (before 1.10).
MANAGER_PREFIX = "istio"
# Field manager of the in-cluster operator before 1.10.
IN_CLUSTER_OPERATOR = "operator"
# What the API server calls managers that it did not record, or recorded too many of.
UNKNOWN_MANAGERS = {"ancient-changes", "before-first-apply"}
# The owner label of objects from an IstioOperator without a name.
UNNAMED = "unknown"


def istio_objects(api: Api) -> Iterator[dict]:
    """Yield every object that has the label of an Istio component or Istio's webhooks, in the order of removal.

    Another tool, such as Helm, may have created it: see is_installed().
    """
    for group, kind in KINDS:
        api_version = api.api_version(group, kind)
        # Some releases do not label the webhooks of a revision tag.
        query = {} if kind in WEBHOOKS else {"labelSelector": COMPONENT}
        for definition in api.list(api_version, kind, **query) if api_version else ():
            if COMPONENT in labels_of(definition) or _has_istio_hooks(definition):
                yield definition


def is_installed(definition: dict) -> bool:
    """Whether istioctl created an object, which may then be removed."""
    return _is_labeled(definition) and (_is_applied(definition) or _is_tag_webhook(definition))


def _is_applied(definition: dict) -> bool:
    """Whether istioctl wrote the labels of an object: in a copy made by a user, another field manager has written them.

    True if no field manager of the labels is known, because a controller writes its own fields only.
    """
    labels = labels_of(definition)
    label = next((f"f:{x}" for x in (MANAGED, TAG, "app") if x in labels), None)
    managers = {
        entry.get("manager", "")
        for entry in definition["metadata"].get("managedFields") or ()
        if label in _managed_labels(entry)
    } - UNKNOWN_MANAGERS
    return not managers or any(x.startswith(MANAGER_PREFIX) or x == IN_CLUSTER_OPERATOR for x in managers)


def _managed_labels(entry: dict) -> dict:
    """The labels in an entry of the managed fields, as {"f:LABEL": {}}."""
    return ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:labels") or {}


def _is_labeled(definition: dict) -> bool:
    """Whether an object has the labels or the name of an object that istioctl creates."""
    labels = labels_of(definition)
    if labels.get(MANAGED) == "Reconcile" and (COMPONENT in labels or _has_istio_hooks(definition)):
        return True
    if _is_tag_webhook(definition):  # old releases do not label it
        return True
    validator = _is_default_validator(definition) and _has_istio_hooks(definition)
    return validator and (labels.get("app") == "istiod" or labels.get(TAG) == DEFAULT)


def _is_tag_webhook(definition: dict) -> bool:
    """Whether an object is the injection webhook of a revision tag, which users also apply with kubectl."""
    name, tag = definition["metadata"]["name"], labels_of(definition).get(TAG)
    # The name has the suffix "-NAMESPACE" outside istio-system.
    return bool(tag) and _has_istio_hooks(definition) and f"{name}-".startswith(f"istio-revision-tag-{tag}-")


def _is_default_validator(definition: dict) -> bool:
    """Whether an object is the validator of the default tag, which manifest generate does not render."""
    return (definition["kind"], definition["metadata"]["name"]) == (WEBHOOKS[1], DEFAULT_VALIDATOR)


def _has_istio_hooks(definition: dict) -> bool:
    """Whether an object is a webhook configuration that has only Istio's webhooks."""
    names = [webhook["name"] for webhook in definition.get("webhooks") or ()]
    return bool(names) and all(map(HOOK.fullmatch, names))


@dataclass(frozen=True)
class Installation:
    """An installation by istioctl: its revision, and name (may be empty) and namespace of its IstioOperator."""

    revision: str
    name: str
    namespace: str

    def owns(self, definition: dict, planes: Iterable[ControlPlane]) -> bool | None:
        """Whether an object belongs to this installation only; None if that cannot be determined.

        planes: the control planes in the cluster.
        """
        labels = labels_of(definition)
        if (
            not is_installed(definition)
            or definition["kind"] == CRD
            or _is_shared(definition)
            or labels.get(NOT_PRUNED) == "true"
            or TAG in labels
            or _is_default_validator(definition)
            or revision_of(definition) != self.revision
            or self._operator_name(labels) != self.name
        ):
            return False
        if OWNER[1] in labels:
            return labels[OWNER[1]] == self.namespace
        others = {x.namespace for x in planes if x.revision == self.revision} - {self.namespace}
        namespace = definition["metadata"].get("namespace")
        if not others or namespace == self.namespace:
            return True
        return False if namespace in others else None

    def _operator_name(self, labels: dict) -> str:
        """The name of the IstioOperator in the labels of an object; empty for the placeholders of old releases."""
        name = labels.get(OWNER[0]) or UNNAMED
        if name == STATE or name.startswith(f"{STATE}-"):  # STATE[-NAME][-REVISION]
            name = name[len(STATE) + 1 :].removesuffix(self.revision).removesuffix("-") or UNNAMED
        return "" if name == UNNAMED else name


def of_revision(
    found: list[dict], planes: list[ControlPlane], revision: str | None
) -> tuple[list[dict], bool, list[str]]:
    """The objects of a revision (None: all), whether no other revision is installed, and warnings.

    A revision whose istiod runs in another cluster counts as installed if it has webhooks or gateways here.
    """
    if not revision:
        return found, True, []
    own = [x for x in found if revision_of(x) == revision]
    labeled = {labels_of(x)[REVISION] for x in found if REVISION in labels_of(x) and _shows_revision(x)}
    others = sorted((labeled | {x.revision for x in planes}) - {revision})
    if own and not others:
        return found, True, []
    own = [x for x in own if not _is_shared(x)]
    shared = f"objects that all revisions share are kept for revision {join_and(others)}"
    return own, False, [shared] if own else []


def _shows_revision(definition: dict) -> bool:
    """Whether the revision label of an object proves that the revision is installed; that of a user's copy does not."""
    if _is_shared(definition):
        return False
    return definition["kind"] in (*WEBHOOKS, "Deployment") or is_installed(definition)


def _is_shared(definition: dict) -> bool:
    """Whether all revisions share an object; its revision label is that of the latest installation."""
    return labels_of(definition).get(COMPONENT) == "Base"


def runtime_objects(api: Api, namespaces: Iterable[str], revisions: Iterable[str]) -> list[dict]:
    """The objects without owner labels that istiod or an old istioctl created, identified by their exact names."""
    locks = LOCKS | {f"{lock}-{revision}" for lock in LOCKS for revision in {*revisions, DEFAULT}}
    found = [x for x in api.list("v1", "ConfigMap", labelSelector=f"{CONFIG}=true") if _name(x) in CERTIFICATES]
    for namespace in sorted(namespaces):
        maps = api.list("v1", "ConfigMap", namespace=namespace)
        found += [x for x in maps if _name(x) in locks and LEADER in annotations_of(x)]
        found += [x for x in api.list("coordination.k8s.io/v1", "Lease", namespace=namespace) if _name(x) in locks]
        secrets = api.list("v1", "Secret", namespace=namespace)
        found += [x for x in secrets if _name(x) in CA_SECRETS and x.get("type") == CA_TYPE]
        states = api.list("install.istio.io/v1alpha1", "IstioOperator", namespace=namespace)
        found += [x for x in states if _name(x) == STATE or _name(x).startswith(f"{STATE}-")]
    return list({key_of(x): x for x in found}.values())


def _name(definition: dict) -> str:
    return definition["metadata"]["name"]


def istio_definitions(api: Api) -> list[dict]:
    """The CustomResourceDefinitions of Istio."""
    return [x for x in api.list("apiextensions.k8s.io/v1", CRD) if x["spec"]["group"] in GROUPS]


def instances_of(api: Api, definition: dict) -> list[dict]:
    """The objects of a CustomResourceDefinition."""
    spec = definition["spec"]
    version = next(x["name"] for x in spec["versions"] if x["storage"])
    return api.list(f"{spec['group']}/{version}", spec["names"]["kind"])
