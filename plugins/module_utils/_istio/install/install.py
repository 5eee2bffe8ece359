# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What istio_install knows: what istioctl would install, in what a cluster differs from it, and what is left of it."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.control_plane import (
    ControlPlane,
    control_planes,
    mesh_version,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import (
    ADDED,
    COMPONENT,
    CONFIG,
    DEACTIVATED,
    HELM,
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
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import workloads
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, key_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError, Refusal

# istioctl's name as a server-side applier. With another name, values that are no longer rendered would not be seen.
MANAGER = "istio-operator"

CRD = "CustomResourceDefinition"
WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

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

# Of all objects: what the API server keeps, not what somebody wants.
KEPT_BY_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
# Of each webhook: what istiod rewrites itself (certificate, failure policy), and what tells which of two is in force.
KEPT_BY_ISTIOD = ("failurePolicy", "namespaceSelector", "objectSelector")

# What Kubernetes before 1.20 answers to an applied port without a protocol, which it does not know to be TCP then.
KEYLESS = "associative list with keys has an element that omits key field"

# Namespaces that are never removed.
KEPT_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")

# What istioctl says where a cluster gives out no tokens of an audience.
JWT_FALLBACK = "does not support third party JWT"

# Time that istioctl gets beyond the readiness timeout, in seconds. Old releases do not always end by themselves.
GRACE_SECONDS = 30
POLL_SECONDS = 1.0

_PATHS_SHOWN = 4


class InstallError(Exception):
    """What cannot be installed or taken away, in words for the user; result is what the module returns beside it."""

    def __init__(self, message, result=None):
        super().__init__(message)
        self.result = result or {}


# --- what to install -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """What istioctl is given: a file and an IstioOperator over it (either may be None), and --set texts over both."""

    file: str | None
    operator: dict | None
    settings: tuple = ()
    manifests: str | None = None

    def arguments(self, *verb, settings=()):
        """istioctl's arguments for a verb such as "install"; settings: further --set texts, before the user's own."""
        arguments = list(verb)
        for path in (self.file, "-" if self.operator else None):  # standard input has to be the last
            arguments += ["--filename", path] if path else []
        for setting in (*settings, *self.settings):
            arguments += ["--set", setting]
        return arguments + (["--manifests", self.manifests] if self.manifests else [])

    @property
    def stdin(self):
        """The text for istioctl's standard input."""
        return json.dumps(self.operator) if self.operator else None

    def mentions(self, word):
        """Whether a word is anywhere in what istioctl is given."""
        text = " ".join([self.stdin or "", *self.settings])
        if self.file:
            with open(self.file, encoding="utf-8", errors="replace") as source:
                text += source.read()
        return word in text


def request_from(params):
    """The Request in a module's parameters. Raises InstallError that names the option."""
    operator = copy.deepcopy(params["operator"]) or {}
    if operator.get("kind", "IstioOperator") != "IstioOperator":
        raise InstallError(f"operator: its kind is {operator['kind']}, not IstioOperator")
    if operator and not isinstance(operator.get("spec"), dict):
        raise InstallError("operator: it has no spec; give a whole IstioOperator, or use values and components")
    spec = {
        "profile": params["profile"],
        "revision": None if params["revision"] == "default" else params["revision"],
        "hub": params["hub"],
        "tag": params["tag"],
        "values": params["values"],
        "components": params["components"],
        "meshConfig": params["mesh_config"],
    }
    spec = {key: value for key, value in spec.items() if value}
    metadata = {}
    if params["namespace"] and params["namespace"] != "istio-system":
        # Old releases read the first, newer ones the others.
        spec["namespace"] = metadata["namespace"] = params["namespace"]
        spec.setdefault("values", {})
        spec["values"] = _laid_over(spec["values"], {"global": {"istioNamespace": params["namespace"]}})
    for option, path in (("file", params["file"]), ("manifests", params["manifests"])):
        if path and not (os.path.isdir(path) if option == "manifests" else os.path.isfile(path)):
            raise InstallError(f"{option} {path}: no such {'folder' if option == 'manifests' else 'file'} is there")
    if operator or spec:
        operator = _laid_over(
            {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator"},
            _laid_over(operator, {"spec": spec, **({"metadata": metadata} if metadata else {})}),
        )
    return Request(params["file"], operator or None, tuple(_settings(params["set"] or {})), params["manifests"])


def _settings(values):
    for path, value in values.items():
        if isinstance(value, (dict, list)) or value is None:
            kind = "null" if value is None else type(value).__name__
            raise InstallError(f"set: {path} is a {kind}; only texts, numbers and booleans fit, use values instead")
        yield f"{path}={json.dumps(value) if isinstance(value, bool) else value}"


def _laid_over(under, over):
    """Two dictionaries as one: what is a dictionary in both is merged, else the second counts."""
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _laid_over(merged[key], value) if both else value
    return merged


# --- what istioctl renders -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Document:
    """One rendered object: its text, its head (apiVersion, kind, metadata), and whether an autoscaler scales it."""

    text: str
    head: dict
    scaled: bool = False

    @cached_property
    def definition(self):
        """The whole object. CRDs are long and parsed only where they have to be."""
        return _manifests.parse_manifest(self.text, "the output of istioctl")[0]

    @property
    def key(self):
        return key_of(self.head)

    @property
    def api(self):
        """API version and kind."""
        return self.head["apiVersion"], self.head["kind"]


def read_rendered(text):
    """The Documents in the output of manifest generate. Raises IstioctlError if it is none."""
    documents = []
    for part in re.split(r"^---\s*$", text, flags=re.MULTILINE):
        # A CRD's spec is long and nobody looks into it here: its head is enough.
        head, found, _spec = part.partition("\nspec:")
        if not found or not re.search(rf"^kind: {CRD}$", head, re.MULTILINE):
            head = part
        try:
            parsed = _manifests.parse_manifest(head, "the output of istioctl")
        except _manifests.ManifestError as error:
            raise IstioctlError(f"istioctl gave no usable YAML: {error}", 0, text) from error
        documents += [Document(part, definition) for definition in parsed]
    if not documents:
        raise IstioctlError("istioctl rendered nothing: is every component switched off?", 0, text)
    scaled = {
        ("Deployment", namespace, document.head["spec"]["scaleTargetRef"]["name"])
        for document in documents
        for kind, namespace, _name in [document.key]
        if kind == "HorizontalPodAutoscaler"
    }
    return [replace(document, scaled=document.key in scaled) for document in documents]


# --- what is in the cluster ----------------------------------------------------------------------------------------


# --- what does not fit ---------------------------------------------------------------------------------------------


def unsupported(version, kubernetes):
    """Why an Istio should not go onto a Kubernetes, in a sentence; None if it may, or is too new to be known."""
    if releases.minor_of(version) > max(releases.RELEASES) or releases.supported(version, kubernetes):
        return None
    return f"Istio {version} does not support Kubernetes {kubernetes}: {releases.suggestions(version, kubernetes)}"


def skipped(plane, version):
    """Why a control plane should not become another version in place, in a sentence; None if it may."""
    step = releases.next_step(plane.version, version) if plane and plane.version else None
    if not step:
        return None
    return (
        f"Istio {plane.version} is installed (revision {plane.revision} in namespace {plane.namespace}), and istioctl "
        f"is of {version}: in place, Istio goes one minor release at a time, up or down; install Istio {step} first"
    )


# --- what differs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """One object that is not as it should be; before and after are None where it is not there."""

    key: tuple
    what: str
    before: dict | None = None
    after: dict | None = None

    @property
    def surplus(self):
        """Whether it is there and should not be."""
        return self.before is not None and self.after is None

    def report(self):
        kind, namespace, name = self.key
        return {"kind": kind, "namespace": namespace, "name": name, "what": self.what}

    def diff(self):
        """The two sides for Ansible's diff."""
        title = "/".join(part for part in self.key if part)
        return {
            "before_header": title,
            "after_header": title,
            "before": show(self.before, "before"),
            "after": show(self.after, "after"),
        }


def show(definition, side):
    """An object as YAML text, without what is secret and without what is too long to be read; empty for None."""
    if definition is None:
        return ""
    definition = copy.deepcopy(settled(definition))
    if definition["kind"] == "Secret":
        for field in ("data", "stringData"):
            definition.update({field: f"(not shown, {side})"} if field in definition else {})
    if definition["kind"] == CRD:
        for version in (definition.get("spec") or {}).get("versions") or ():
            version.update(
                {"schema": f"({len(json.dumps(version['schema']))} characters)"} if "schema" in version else {}
            )
    # Sorted, since the API server and istioctl order keys differently.
    return _manifests.dump_manifest([json.loads(json.dumps(definition, sort_keys=True))])


def settled(definition, document=None):
    """A copy of an object, which a Document renders, without what nobody asked for.

    That is KEPT_BY_SERVER, KEPT_BY_ISTIOD, ADDED, and the replicas where an autoscaler decides on them.
    """
    added = ADDED if document is None or REVISION in labels_of(document.head) else (*ADDED, REVISION)
    metadata = {key: value for key, value in definition["metadata"].items() if key not in KEPT_BY_SERVER}
    if metadata.get("labels"):
        metadata["labels"] = {key: value for key, value in metadata["labels"].items() if not key.startswith(added)}
    definition = {**definition, "metadata": metadata}
    definition.pop("status", None)
    if document and document.scaled:
        definition["spec"] = {key: value for key, value in definition["spec"].items() if key != "replicas"}
    if definition["kind"] in WEBHOOKS:
        webhooks = copy.deepcopy(definition.get("webhooks") or [])
        for webhook in webhooks:
            (webhook.get("clientConfig") or {}).pop("caBundle", None)
            for field in KEPT_BY_ISTIOD:
                webhook.pop(field, None)
        definition["webhooks"] = webhooks
    return definition


def changed_paths(before, after, path=""):
    """Where two values differ, as an iterable of dotted paths; items of lists by their names where they have them."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from changed_paths(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list):
        first, second = _by_name(before), _by_name(after)
        if first is None or second is None:
            first, second = dict(enumerate(before)), dict(enumerate(after))
        elif list(first) != list(second) and set(first) == set(second):
            yield f"{path} (their order)"
        for key in [*first, *(x for x in second if x not in first)]:
            yield from changed_paths(first.get(key), second.get(key), f"{path}[{key}]")
    elif before != after:
        yield path


def _by_name(items):
    """The items of a list by their names; None if not each has one of its own."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return dict(zip(names, items))


def _differs_in(paths):
    more = f" and {len(paths) - _PATHS_SHOWN} more" if len(paths) > _PATHS_SHOWN else ""
    return f"differs in {', '.join(paths[:_PATHS_SHOWN])}{more}"


def fits(document, live):
    """Whether applying a rendered object would change nothing, as far as that can be told without the API server.

    So it is if each rendered value is there and istioctl, as an applier, owns nothing that is not rendered any more.
    """
    return _within(settled(document.definition, document), settled(live, document)) and all(
        _rendered(entry.get("fieldsV1") or {}, document.definition)
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")
    )


def _within(wanted, there):
    """Whether a value has everything that is wanted, and lists nothing else."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return all(value is None or (key in there and _within(value, there[key])) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(there, list):
        return len(wanted) == len(there) and all(map(_within, wanted, there))
    return type(wanted) is type(there) and wanted == there


def _rendered(fields, value):
    """Whether everything in a set of managed fields is in a value, but for the labels that istioctl adds."""
    for key, below in fields.items():
        sort, _colon, name = key.partition(":")
        if sort == "f":
            if name.startswith((*ADDED, REVISION)):
                continue
            found = [value[name]] if isinstance(value, dict) and name in value else []
        elif sort == "k":  # an item of a list, by some of its keys; those with a default need not be written
            wanted = json.loads(name)
            found = [x for x in value or () if isinstance(x, dict) and all(x.get(k, v) == v for k, v in wanted.items())]
        elif sort == "v":
            found = [None] if json.loads(name) in (value or ()) else []
        else:  # "." is the value itself
            found = [value] if key == "." else []
        if not found or not _rendered(below, found[0]):
            return False
    return True


def compare_one(api, document, live):
    """The Difference between a rendered object and what the cluster has (None: nothing), or None.

    Where it is not plain, the API server itself says what applying the object would change: that knows defaults, and
    how quantities are written.
    """
    if live is None:
        return Difference(document.key, "is missing", None, document.definition)
    if fits(document, live):
        return None
    try:
        path = api.path(document.head["apiVersion"], *document.key)
        try:
            after = api.cluster.dry_run_apply(path, document.text, MANAGER)
        except Refusal as refusal:
            if KEYLESS not in refusal.reason:
                raise
            after = api.cluster.dry_run_apply(path, json.dumps(with_protocols(document.definition)), MANAGER)
    except Refusal as refusal:
        what = f"differs, and the API server does not accept what is rendered: {refusal.reason}"
        return Difference(document.key, what, live, document.definition)
    if after is None:
        return Difference(document.key, "is missing", None, document.definition)
    paths = changed_paths(settled(live, document), settled(after, document))
    paths = list(dict.fromkeys(path.partition(".openAPIV3Schema")[0] for path in paths))
    return Difference(document.key, _differs_in(paths), live, after) if paths else None


def with_protocols(definition):
    """A copy of an object whose ports all name their protocol, also where it is the default."""
    definition = copy.deepcopy(definition)
    spec = definition.get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    for holder in (spec, *(pod.get("initContainers") or ()), *(pod.get("containers") or ())):
        for port in holder.get("ports") or ():
            port.setdefault("protocol", "TCP")
    return definition


def compare(api, documents, found, revision, version):
    """Every Difference between what is rendered and the cluster, also what is there and no longer rendered.

    found: what istioctl put there, as objects; revision: of what is rendered; version: of istioctl, which does not
    render all that it makes.
    """
    by_key = {key_of(x): x for x in found}
    wanted = {document.key for document in documents}
    differences = []
    for document in documents:
        live = by_key.get(document.key)
        if live is None or live["apiVersion"] != document.head["apiVersion"]:
            live = api.get(document.head["apiVersion"], document.key)
        differences.append(compare_one(api, document, live))
    if revision == "default":
        differences += default_tag(api, found, version)
    owners = {_owner(x) for x in found if key_of(x) in wanted and MANAGED in labels_of(x)}
    differences += [
        Difference(key_of(x), "is no longer part of it", x)
        for x in found
        if key_of(x) not in wanted and _is_own(x, revision) and _owner(x) in owners
    ]
    return [x for x in differences if x]


def _is_own(definition, revision):
    """Whether istioctl put an object there for one revision alone, and may take it away again."""
    labels = labels_of(definition)
    return (
        definition["kind"] != CRD
        and MANAGED in labels
        and labels.get(COMPONENT) != "Base"
        and labels.get(NOT_PRUNED) != "true"
        and TAG not in labels
        and revision_of(definition) == revision
    )


def _owner(definition):
    """The IstioOperator that an object belongs to."""
    return tuple(labels_of(definition).get(name) for name in OWNER)


def default_tag(api, found, version):
    """The default tag's webhooks, which istioctl makes beside what it renders, where they are missed.

    They are missed where an injector stepped back for them, so that nobody injects into a namespace by istio-injection.
    """
    selectors = [
        (webhook.get(field) or {}).get("matchLabels") or {}
        for injector in found
        if injector["kind"] == WEBHOOKS[0]
        for webhook in injector.get("webhooks") or ()
        for field in ("namespaceSelector", "objectSelector")
    ]
    if not any(DEACTIVATED in selector for selector in selectors):
        return
    api_version = api.preferred("admissionregistration.k8s.io")
    if not api.list(api_version, WEBHOOKS[0], labelSelector=f"{TAG}=default"):
        yield Difference((WEBHOOKS[0], "", "istio-revision-tag-default"), "is missing")
    validator = (WEBHOOKS[1], "", "istiod-default-validator")
    if releases.has(version, "default_validator") and not api.get(api_version, validator):
        yield Difference(validator, "is missing")


# --- present -------------------------------------------------------------------------------------------------------


def present(params, cluster, istioctl, check_mode):
    """Bring a control plane to what the parameters say, or say what that would change.

    Returns what the module returns, with Differences as they are and with its warnings.
    Raises InstallError, ClusterError, IstioctlError and ReleaseError.
    """
    request, api, warnings = request_from(params), Api(cluster), []
    version, kubernetes = istioctl.version, cluster.get("/version")["gitVersion"]
    _refuse(lambda: unsupported(version, kubernetes), params, warnings)
    # Two things that take their time and have nothing to do with each other.
    with ThreadPoolExecutor(1) as worker:
        rendering = worker.submit(render, request, istioctl, needs_first_party(request, istioctl, api, warnings))
        found = [*installed_objects(api), *api.list("apiextensions.k8s.io/v1", CRD, labelSelector=COMPONENT)]
    output = rendering.result()
    _warn_of_fallback(output, warnings)
    documents = read_rendered(output.stdout)

    deployments = [x for x in documents if x.head["kind"] == "Deployment"]
    deployment = next((x for x in deployments if labels_of(x.head).get("app") == "istiod"), None)
    revision = revision_of(deployment.head) if deployment else params["revision"] or "default"
    plane = _plane(api, istioctl, deployment, revision)
    if deployment:
        _refuse(lambda: skipped(plane, version), params, warnings)

    differences = compare(api, documents, found, revision, version)
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
        with _half_done(api, result):
            if not all(x.surplus for x in differences):
                api.changed = True
                result.update(_install(params, request, istioctl, cluster, names, warnings))
            # Not every release removes what is no longer rendered.
            _delete(api, [x.before for x in differences if x.surplus])
            plane = _plane(api, istioctl, deployment, revision)
    result.update(version=plane.version if plane else None, installed=plane is not None)
    if not check_mode:
        with _half_done(api, result):
            remaining = params["timeout"] - (time.monotonic() - started) if params["wait"] else 0
            lines, result["pods"] = _rollout(cluster, names, remaining, why=params["wait"])
            if lines and params["wait"]:
                told = "\n".join(lines)
                raise InstallError(f"Istio is installed, and not ready after {params['timeout']} s:\n{told}")
    return result


@contextlib.contextmanager
def _half_done(api, result):
    """Make an InstallError of what goes wrong once there may be a change: it carries the result as far as it came."""
    try:
        yield
    except (InstallError, IstioctlError, ClusterError, releases.ReleaseError) as error:
        told = error.result() if isinstance(error, IstioctlError) else {}
        told.pop("msg", None)
        raise InstallError(str(error), {**result, **told, "changed": api.changed}) from error


def _refuse(reason, params, warnings):
    """Raise InstallError with a reason, or make it a warning where the user overrules it."""
    try:
        sentence = reason()
    except releases.ReleaseError as error:
        sentence = str(error)
    if sentence and not params["skip_version_check"]:
        raise InstallError(f"{sentence}. Nothing was changed. Set skip_version_check to overrule this.")
    if sentence:
        warnings.append(f"{sentence} (skip_version_check overrules this)")


def needs_first_party(request, istioctl, api, warnings):
    """Whether manifest generate has to be told that a cluster gives out no tokens of an audience."""
    if releases.has(istioctl.version, "cluster_specific") or request.mentions("jwtPolicy"):
        return False
    if any(x["name"] == "serviceaccounts/token" for x in api.cluster.get("/api/v1")["resources"]):
        return False
    warnings.append(f"the cluster {JWT_FALLBACK} tokens: Istio falls back to the less secure first-party tokens")
    return True


def render(request, istioctl, first_party):
    """The Output of istioctl with what it would install in this cluster."""
    settings = ["values.global.jwtPolicy=first-party-jwt"] if first_party else []
    flags = ["--cluster-specific"] if releases.has(istioctl.version, "cluster_specific") else []
    return istioctl.run(*request.arguments("manifest", "generate", settings=settings), *flags, stdin=request.stdin)


def _warn_of_fallback(output, warnings):
    for line in [*output.stderr.splitlines(), *output.stdout.splitlines()]:
        if JWT_FALLBACK in line and not any(JWT_FALLBACK in known for known in warnings):
            warnings.append(f"istioctl: {line.strip()}")


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
    _warn_of_fallback(output, warnings)
    return {"command": output.command, "stdout": output.stdout, "stderr": output.stderr}


def _rollout(cluster, names, timeout, why=True):
    """Wait for Deployments, given as {namespace: names}; returns what is not ready (and why) and their pods."""
    deadline, lines, pods = time.monotonic() + timeout, [], []
    for namespace, wanted in sorted(names.items()):
        missing, theirs = workloads.wait(cluster, namespace, wanted, False, deadline, why)
        lines += missing
        pods += theirs
    return lines, pods


# --- absent --------------------------------------------------------------------------------------------------------


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
    installed, whole, warnings = _of_revision(installed_objects(api), planes, params["revision"])
    helm = sorted({x["metadata"]["annotations"][HELM] for x in installed if HELM in annotations_of(x)})
    if helm:
        raise InstallError(f"Helm installed Istio here: uninstall {', '.join(helm)} with it. Nothing was removed.")
    namespaces = {params["namespace"], *(plane.namespace for plane in planes)}
    written = written_objects(api, namespaces) if whole else []
    definitions = _definitions(api) if whole and params["remove_crds"] else []
    namespace = api.get("v1", ("Namespace", "", params["namespace"])) if whole and params["remove_namespace"] else None

    differences = [Difference(key_of(x), "is there", x) for x in installed]
    differences += [Difference(key_of(x), "was left there by istiod or istioctl", x) for x in written]
    for definition in definitions:
        differences.append(Difference(key_of(definition), "is there", definition))
        gone = [x for x in _instances(api, definition) if key_of(x) not in {known.key for known in differences}]
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
        with _half_done(api, result):
            _delete(api, installed)
            if whole:
                # While one of them lives, it writes its certificate again.
                _await_gone(deadline, lambda: _pods(api))
                _delete(api, written_objects(api, namespaces))
            _delete(api, [*definitions, *([namespace] if namespace else [])])
            for definition in (*definitions, *([namespace] if namespace else [])):
                _await_gone(deadline, lambda definition=definition: _still(api, definition))
    return {**result, "version": plane.version if plane else None, "installed": plane is not None}


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


def _of_revision(installed, planes, revision):
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


def _definitions(api):
    """Istio's custom resource definitions."""
    found = api.list("apiextensions.k8s.io/v1", CRD)
    return [x for x in found if x["metadata"]["name"].endswith(".istio.io")]


def _instances(api, definition):
    """The objects of a custom resource definition."""
    spec = definition["spec"]
    version = next(x["name"] for x in spec["versions"] if x["storage"])
    return api.list(f"{spec['group']}/{version}", spec["names"]["kind"])


def _delete(api, definitions):
    for definition in definitions:
        if api.cluster.delete(api.path(definition["apiVersion"], *key_of(definition))) is not None:
            api.changed = True


def _await_gone(deadline, look):
    """Poll until look names nothing more. Raises InstallError with what it named when the time is over."""
    while True:
        left = look()
        if not left:
            return
        if time.monotonic() > deadline:
            raise InstallError("this is still there when the time is over: " + "; ".join(left))
        time.sleep(POLL_SECONDS)


def _pods(api):
    """The pods of every istiod, as texts."""
    return [f"pod {key_of(x)[1]}/{key_of(x)[2]}" for x in api.list("v1", "Pod", labelSelector="app=istiod")]


def _still(api, definition):
    """An object that should be gone, with what keeps it, as a list of texts; empty if it is gone."""
    found = api.get(definition["apiVersion"], key_of(definition))
    conditions = ((found or {}).get("status") or {}).get("conditions") or ()
    told = [x["message"] for x in conditions if x["status"] == "True" and x["type"].endswith("Remaining")]
    return [" ".join([f"{definition['kind']} {definition['metadata']['name']}", *told])] if found else []
