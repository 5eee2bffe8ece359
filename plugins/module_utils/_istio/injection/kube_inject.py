# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What istio_kube_inject knows: manifests in and out, who would inject a workload, and what became of each.

Definitions are dictionaries of JSON types. Nothing here talks to a cluster or runs istioctl: callers hand in both.
"""

from __future__ import annotations

import copy
import json
import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._manifests import (
    ManifestError,
    objects_in,
    parse_manifest,
    to_json_documents,
)

# Kinds that kube-inject knows: the API groups that they come from, and where their pod template is.
_TEMPLATE = ("spec", "template")
KINDS = {
    "Pod": ({""}, ()),
    "ReplicationController": ({""}, _TEMPLATE),
    "Deployment": ({"apps", "extensions"}, _TEMPLATE),
    "DaemonSet": ({"apps", "extensions"}, _TEMPLATE),
    "ReplicaSet": ({"apps", "extensions"}, _TEMPLATE),
    "StatefulSet": ({"apps"}, _TEMPLATE),
    "Job": ({"batch"}, _TEMPLATE),
    "CronJob": ({"batch"}, ("spec", "jobTemplate", "spec", "template")),
    "DeploymentConfig": ({"", "apps.openshift.io"}, _TEMPLATE),
}

INJECT = "sidecar.istio.io/inject"
STATUS = "sidecar.istio.io/status"
NATIVE = "sidecar.istio.io/nativeSidecar"
PROXY = "istio-proxy"
DEFAULT_NAMESPACE = "default"

# The webhook leaves these alone in every release, whatever their labels.
SYSTEM_NAMESPACES = ("kube-system", "kube-public")

# What injection needs to know, as the control plane keeps it in the cluster: the names that Istio's documentation gives
# the files, the ConfigMaps (of the default revision) and their keys. In the order that arguments() wants.
ISTIO_NAMESPACE = "istio-system"
LIVE_FILES = (
    ("inject-config.yaml", "istio-sidecar-injector", "config"),
    ("mesh-config.yaml", "istio", "mesh"),
    ("inject-values.yaml", "istio-sidecar-injector", "values"),
)

# Injection rewrites what is under these keys, so nothing is missing if it looks different afterwards.
_REWRITTEN = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


class DoubleInjection(Exception):
    """Workloads that would end up injected twice; results is what the module returns of every workload."""

    def __init__(self, message, results):
        super().__init__(message)
        self.results = results


# --- workloads ---------------------------------------------------------------------------------------------------


@dataclass
class Workload:
    """One object with a pod template, in its place: holder[index] is its definition."""

    holder: list
    index: int
    path: tuple
    namespace: str

    @property
    def definition(self):
        return self.holder[self.index]

    @property
    def kind(self):
        return self.definition["kind"]

    @property
    def name(self):
        metadata = self.definition.get("metadata") or {}
        return metadata.get("name") or (f"{metadata['generateName']}*" if metadata.get("generateName") else "(no name)")

    @property
    def template(self):
        return _at(self.definition, self.path)

    @property
    def title(self):
        return f"{self.kind} {self.namespace}/{self.name}"

    def labels(self):
        return _meta(self.template, "labels")

    def annotations(self):
        return _meta(self.template, "annotations")


def _at(definition, path):
    for key in path:
        definition = definition.get(key) if isinstance(definition, dict) else None
    return definition


def _meta(thing, field):
    """The labels or annotations of an object or a template, as a dictionary that may be empty."""
    value = _at(thing, ("metadata", field))
    return value if isinstance(value, dict) else {}


def find_workloads(definitions, namespace=None):
    """Every Workload in a list of definitions, also within kind List, in their order.

    namespace: of those that name none. Raises ManifestError for one that has no usable pod template.
    """
    found = []
    for holder, index in objects_in(definitions):
        definition = holder[index]
        groups, path = KINDS.get(str(definition.get("kind")), ((), ()))
        if str(definition.get("apiVersion")).rpartition("/")[0] not in groups:
            continue
        metadata = definition.get("metadata") or {}
        if not isinstance(metadata, dict):
            raise ManifestError(f"{definition['kind']}: its metadata must be a dictionary")
        workload = Workload(holder, index, path, metadata.get("namespace") or namespace or DEFAULT_NAMESPACE)
        _check_workload(workload)
        found.append(workload)
    return found


def _check_workload(workload):
    """Raise ManifestError if the pod template does not have the shape that everything here relies on."""

    def refuse(what):
        raise ManifestError(f"{workload.title}: {what}")

    template = workload.template
    if not isinstance(template, dict):
        refuse(f"{'.'.join(workload.path)} is missing or no dictionary")
    spec, metadata = template.get("spec"), template.get("metadata") or {}
    if not isinstance(spec, dict) or not spec.get("containers"):
        refuse("its pods have no containers")
    for field in ("containers", "initContainers"):
        value = spec.get(field) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            refuse(f"{field} must be a list of dictionaries")
    if not isinstance(metadata, dict):
        refuse("the metadata of its pods must be a dictionary")
    for field in ("labels", "annotations"):
        value = metadata.get(field) or {}
        if not isinstance(value, dict):
            refuse(f"{field} of its pods must be a dictionary")
        for key, entry in value.items():
            if entry is not None and not isinstance(entry, str):
                shown = json.dumps(entry)
                refuse(f"{key} is {shown}, which is no text; write it in quotes: '{shown}'")


def namespace_labels(definitions):
    """The labels of the Namespace objects in a manifest, by name: applied with it, they hold for its workloads too."""
    labels = {}
    for holder, index in objects_in(definitions):
        if holder[index].get("kind") == "Namespace" and holder[index].get("apiVersion") == "v1":
            labels[_at(holder[index], ("metadata", "name"))] = _meta(holder[index], "labels")
    return labels


def _containers(spec):
    """All containers of a pod, native sidecars (which are init containers) among them."""
    return [*spec["containers"], *(spec.get("initContainers") or [])]


def injected_by(workload, version):
    """What shows that a workload carries a sidecar already, in words; None if it carries none.

    version: istioctl's. A container named istio-proxy alone proves nothing since 1.9, where it may customize the
    sidecar to come; the arguments of a rendered one do.
    """
    places = [workload.template]
    if workload.kind == "CronJob":
        places.append(_at(workload.definition, ("spec", "jobTemplate")))  # where kube-inject itself puts it
    if any(STATUS in _meta(place, "annotations") for place in places):
        return f"its pods have the annotation {STATUS}"
    spec = workload.template["spec"]
    for container in _containers(spec):
        if container.get("name") == PROXY:
            arguments = container.get("args")
            rendered = isinstance(arguments, list) and arguments[:2] == ["proxy", "sidecar"]
            if rendered or (len(spec["containers"]) > 1 and not releases.has(version, "overrides")):
                return f"its pods have the container {PROXY}"
    return None


def opted_out(workload, version):
    """Whether the pod template tells the injector of this Istio version to leave it alone."""
    value = workload.annotations().get(INJECT)
    if releases.has(version, "inject_label") and workload.labels().get(INJECT) is not None:
        value = workload.labels()[INJECT]
    if releases.has(version, "strict_inject_values"):
        return value == "false"
    return bool(value) and value.lower() not in ("y", "yes", "true", "on")


def webhook_reason(workload, labels, version):
    """Why the webhook of this Istio version injects a workload when it is applied, in words; None if it does not.

    labels: those of the workload's namespace as a dictionary, or None if they are not known.
    """
    if labels is None or workload.namespace in SYSTEM_NAMESPACES:
        return None
    if workload.template["spec"].get("hostNetwork") or opted_out(workload, version):
        return None
    selects_pods, pod = releases.has(version, "pod_label"), workload.labels()
    if selects_pods and pod.get(INJECT) == "false":
        return None
    for key in ("istio-injection", "istio.io/rev"):  # the first one beats the second
        value = labels.get(key)
        if value and (value == "enabled" or key != "istio-injection"):
            return f"namespace {workload.namespace} is labelled {key}={value}"
        if value is not None:
            return None
    if selects_pods:
        if pod.get(INJECT) == "true":
            return f"its pods are labelled {INJECT}=true"
        if pod.get("istio.io/rev"):
            return f"its pods are labelled istio.io/rev={pod['istio.io/rev']}"
    return None


# --- the configuration of injection ------------------------------------------------------------------------------


class ConfigurationError(Exception):
    """What the cluster lacks of the configuration of injection, in words for the user."""


def live_configuration(get, revision=None, namespace=ISTIO_NAMESPACE):
    """The three files of a cluster: a dictionary of texts by the names in LIVE_FILES.

    get: called with an API path, returns the object, or None if there is none; revision: of the control plane, or None;
    namespace: its own. Raises ConfigurationError if the cluster does not have all of it.
    """
    suffix = f"-{revision}" if revision and revision != "default" else ""
    path, found, texts = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps", {}, {}
    for file, name, key in LIVE_FILES:
        name += suffix
        if name not in found:
            found[name] = get(f"{path}/{name}")
        if found[name] is None:
            raise ConfigurationError(
                f"there is no ConfigMap {name} in namespace {namespace}: {_other_revisions(get(path))}"
            )
        texts[file] = (found[name].get("data") or {}).get(key)
        if not texts[file]:
            raise ConfigurationError(f"ConfigMap {name} in namespace {namespace} has no {key}")
    return texts


def _other_revisions(config_maps):
    """What to do where a revision's ConfigMaps are missing; config_maps: the list of all, or None."""
    main, revisions = LIVE_FILES[0][1], []
    for config_map in (config_maps or {}).get("items") or ():
        name = config_map["metadata"]["name"]
        if name == main or name.startswith(f"{main}-"):
            revisions.append(name[len(main) + 1 :] or "default")
    if revisions:
        return f"set revision to one that is there: {', '.join(sorted(revisions))}"
    return "install Istio there first, or set istio_namespace to where it is"


# --- injection ---------------------------------------------------------------------------------------------------


def arguments(version, revision=None, files=None, namespace=ISTIO_NAMESPACE):
    """istioctl's arguments to inject what comes on stdin.

    version: istioctl's; revision: of the control plane, or None; files: the paths of the injection configuration, the
    mesh configuration and the values, in this order, or None to have istioctl ask the cluster; namespace: of the
    control plane.
    """
    args = ["kube-inject", "-f", "-"]
    if revision:
        args += ["--revision", revision]
    if files:
        for flag, path in zip(("--injectConfigFile", "--meshConfigFile", "--valuesFile"), files):
            args += [flag, path]
        return args
    # The webhook's own configuration is found by its label, in whichever namespace its service is.
    args += ["--istioNamespace", namespace]
    if revision and revision != "default" and not releases.has(version, "by_webhook"):
        # Releases that read the ConfigMaps do not all look for those of the revision by themselves.
        args += ["--meshConfigMapName", f"istio-{revision}"]
        args += ["--injectConfigMapName", f"istio-sidecar-injector-{revision}"]
    return args


def in_place(command, temporary):
    """A command as it can be pasted once files are where they belong; temporary: {path: where the file is yet}."""
    for path, source in temporary.items():
        command = command.replace(shlex.quote(source), shlex.quote(path))
    return command


@dataclass
class Injection:
    """What inject() gives: the definitions, a result per workload, warnings for the user, and in what the rendering is
    another one than by the other way."""

    definitions: list
    results: list
    warnings: list
    differences: list


@dataclass
class _Step:
    """What is to be done with one workload."""

    workload: Workload
    render: bool = False
    again: bool = False  # it is injected and is rendered once more
    keep_away: bool = False  # its pods are marked afterwards, so that the webhook leaves them alone
    sidecar: str = ""
    result: str = ""
    reason: str = ""
    problem: str = ""

    def report(self):
        workload = self.workload
        return {
            "kind": workload.kind,
            "namespace": workload.namespace,
            "name": workload.name,
            "sidecar": self.sidecar,
            "result": self.result,
            "reason": self.reason,
        }


def inject(definitions, version, render, on_double="fail", namespace=None, labels_of=None, by_files=False):
    """Inject every workload in a list of definitions, which stays as it is, and return an Injection.

    version: istioctl's, as text; render: called with the text for istioctl's stdin, returns an istioctl.Output;
    on_double: "fail", "skip" or "replace"; namespace: of workloads that name none;
    labels_of: called with a namespace's name, returns its labels, an empty dictionary if it does not exist; None if no
    cluster is at hand; by_files: whether istioctl renders with the three files, and not by way of the cluster.
    Raises ManifestError, DoubleInjection, IstioctlError, and what labels_of raises.
    """
    definitions = copy.deepcopy(definitions)
    workloads = find_workloads(definitions, namespace)
    declared, known, warnings = namespace_labels(definitions), {}, []
    for workload in workloads:
        name = workload.namespace
        if name not in known:
            live = labels_of(name) if labels_of else None
            known[name] = None if live is None and name not in declared else {**(live or {}), **declared.get(name, {})}
    steps = [_plan(workload, known[workload.namespace], version, on_double) for workload in workloads]
    problems = [step.problem for step in steps if step.problem]
    if problems:
        raise DoubleInjection(" ".join(problems), [step.report() for step in steps])

    chosen = [step for step in steps if step.render]
    if chosen and not releases.has(version, "repairs_double"):
        unknown = sorted(name for name, labels in known.items() if labels is None)
        if unknown:
            warnings.append(
                "no cluster was named, so it is not known whether the webhook injects in namespace "
                f"{', '.join(unknown)} too; where it does, Istio {version} ends in a crash loop of {PROXY}"
            )
    for step in steps:
        if step.result == "already_injected":
            again = webhook_reason(step.workload, known[step.workload.namespace], version)
            if again:
                warnings.append(f"{step.workload.title} is left as it is, but the webhook injects it again: {again}")
    _render(chosen, version, render, warnings)
    for step in steps:
        step.sidecar = sidecar_of(step.workload)
    injected = [step.workload for step in steps if step.result == "injected"]
    return Injection(definitions, [step.report() for step in steps], warnings, differences(injected, version, by_files))


def sidecar_of(workload):
    """The kind of sidecar that a workload has: "native" (an init container), "container", or "" for none."""
    spec = workload.template["spec"]
    for kind, containers in (("native", spec.get("initContainers") or ()), ("container", spec["containers"])):
        if any(container.get("name") == PROXY for container in containers):
            return kind
    return ""


def differences(workloads, version, by_files):
    """In what these injected workloads would, or may, look different had istioctl rendered them the other way.

    version: istioctl's; by_files: whether it had the three files. A list of dictionaries for the user.
    """
    if not releases.has(version, "by_webhook"):  # istioctl itself renders, by the same ConfigMaps
        return []
    found = []

    def note(what, here, otherwise, of):
        if of:
            titles = [workload.title for workload in of]
            found.append({"what": what, "here": here, "otherwise": otherwise, "workloads": titles})

    if releases.has(version, "native_sidecars"):
        by_kind = {"container": [], "native": []}
        for workload in workloads:
            if sidecar_of(workload) and not workload.annotations().get(NATIVE):  # else the pod itself decides
                by_kind[sidecar_of(workload)].append(workload)
        by_webhook = (
            "the control plane decides, by its ENABLE_NATIVE_SIDECARS, which since Istio 1.27 follows the Kubernetes "
            "version of the nodes"
        )
        by_istioctl = "an ordinary container, unless ENABLE_NATIVE_SIDECARS is set for istioctl"
        for kind, here in (("container", "an ordinary container"), ("native", "a native sidecar (init container)")):
            if by_files or kind == "native":
                note("sidecar", here, by_webhook if by_files else by_istioctl, by_kind[kind])
    of = [workload for workload in workloads if _names_workload(workload) == by_files]
    note("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", *(("set", "missing") if by_files else ("missing", "set")), of)
    return found


def _names_workload(workload):
    """Whether the sidecar is told the name of its workload."""
    for container in _containers(workload.template["spec"]):
        if container.get("name") == PROXY:
            return any(item.get("name") == "ISTIO_META_WORKLOAD_NAME" for item in container.get("env") or ())
    return False


def _plan(workload, labels, version, on_double):
    step, title = _Step(workload), workload.title
    injected, webhook = injected_by(workload, version), webhook_reason(workload, labels, version)
    if injected:
        if on_double == "skip":
            step.result, step.reason = "already_injected", f"{injected}; left as it is"
        elif on_double == "replace" and STATUS in injected and releases.has(version, "renders_again"):
            step.render = step.again = True
            step.keep_away = bool(webhook) or opted_out(workload, version)
        elif on_double == "replace":
            why = f"istioctl {version} does not render an injected workload again"
            if releases.has(version, "renders_again"):
                why = f"without the annotation {STATUS} istioctl does not know what to render again"
            step.result, step.reason = "refused", f"{injected}, and {why}"
            step.problem = f"{title} is injected already: {step.reason}. Start from the plain manifest."
        else:
            step.result, step.reason = "refused", injected
            step.problem = (
                f"{title} is injected already: {injected}. Start from the plain manifest, "
                "or set on_double to skip (leave it as it is) or replace (render it again)."
            )
    elif webhook and on_double == "skip":
        step.result, step.reason = "skipped", f"{webhook}, so the webhook injects its pods when it is applied"
    elif webhook and on_double == "fail":
        crash = ""
        if not releases.has(version, "repairs_double"):
            crash = f", and {PROXY} then ends in a crash loop (application port is the same as agent port)"
        unlabel = ""
        if webhook.startswith("namespace "):
            label = webhook.rpartition(" ")[2].partition("=")[0]
            unlabel = f" or unlabel the namespace (kubectl label namespace {workload.namespace} {label}-),"
        step.result, step.reason = "refused", webhook
        step.problem = (
            f"{title} would be injected twice: {webhook}, so the webhook injects its pods too{crash}. "
            f"Apply the plain manifest,{unlabel} or set on_double to skip (leave it plain) "
            "or replace (inject it here and keep the webhook away)."
        )
    else:
        step.render = True
        step.keep_away = bool(webhook)
        step.reason = webhook or ""
    return step


def _render(steps, version, render, warnings):
    """Have istioctl render the steps' workloads, and put what it gives into their places."""
    if not steps:
        return
    prepared = [_prepare(step) for step in steps]
    output = _blame(steps, prepared, render)
    rendered = _read_output(output.stdout, steps)
    skips, logged = _read_stderr(output.stderr)
    for step, after in zip(steps, rendered):
        workload, before = step.workload, step.workload.definition
        _restore(workload, after)
        skipped = _take_reason(skips, workload)
        if skipped or not _carries_proxy(workload, after, version):
            step.result = "skipped"
            step.reason = skipped or (
                f"istioctl {version} left it as it was and gave no reason; it may not know "
                f"{workload.kind} of {before.get('apiVersion')}"
            )
            if step.again:
                step.result, step.reason = "already_injected", f"left as it is: {step.reason}"
            if not opted_out(workload, version):
                warnings.append(f"{workload.title} was not injected: {step.reason}")
            continue
        if not step.again:
            missing = sorted(set(_missing(before, after)))
            if missing:
                warnings.append(f"{workload.title}: istioctl {version} does not know and dropped {', '.join(missing)}")
            if opted_out(workload, version):
                warnings.append(f"{workload.title}: its pods say {INJECT}: false, which istioctl {version} ignores")
        after = _settle(before, after)
        workload.holder[workload.index] = after
        step.result, step.reason = "injected", "rendered again" if step.again else step.reason
        if step.keep_away:
            metadata = workload.template.setdefault("metadata", {})
            for field in ("labels", "annotations"):  # releases differ in which of the two they read
                metadata[field] = {**(metadata.get(field) or {}), INJECT: "false"}
            step.reason = f"{step.reason}{'; ' if step.reason else ''}its pods say {INJECT}: false to the webhook"
    warnings += [f"istioctl: {line}" for line in [*logged, *(text for _kind, _name, text in skips)]]


def _prepare(step):
    """The definition as istioctl shall see it."""
    workload = step.workload
    definition = copy.deepcopy(workload.definition)
    # Without it, what is rendered says that the workload lives in the namespace default.
    if workload.namespace != DEFAULT_NAMESPACE:
        definition["metadata"] = {**(definition.get("metadata") or {}), "namespace": workload.namespace}
    template = _at(definition, workload.path)
    if workload.kind == "CronJob":
        # kube-inject reads and writes the metadata of the job template here, not that of the pods.
        job = _at(definition, ("spec", "jobTemplate"))
        metadata = copy.deepcopy(template.get("metadata") or {})
        if step.again and STATUS not in _meta(template, "annotations"):
            for field in ("labels", "annotations"):
                metadata[field] = {**_meta(job, field), **_meta(template, field)}
        job["metadata"] = metadata
        template = job
    if step.again:
        # Its own mark from an earlier run would keep istioctl from rendering it.
        for field in ("labels", "annotations"):
            _meta(template, field).pop(INJECT, None)
    return definition


def _restore(workload, after):
    """Undo in istioctl's answer what _prepare did."""
    before = workload.definition
    if "namespace" not in (before.get("metadata") or {}):
        (after.get("metadata") or {}).pop("namespace", None)
    if workload.kind == "CronJob":
        job, template = _at(after, ("spec", "jobTemplate")), _at(after, workload.path)
        if not isinstance(job, dict) or not isinstance(template, dict):
            raise IstioctlError(f"istioctl gave {workload.title} back without its pod template")
        template["metadata"] = job.pop("metadata", None) or {}
        own = _at(before, ("spec", "jobTemplate", "metadata"))
        if own is not None:
            job["metadata"] = own


def _blame(steps, prepared, render):
    """Render all at once; on failure find the workload that it is about, since istioctl does not say."""
    try:
        return render(to_json_documents(prepared))
    except IstioctlError as error:
        if re.search("mutatingWebhookConfiguration|valid configmap", error.stderr):
            raise _retold(
                error,
                "istioctl found no injection configuration in the cluster: install Istio there, set revision to one "
                f"that is installed, or give inject_config_file, mesh_config_file and values_file. {error}",
            ) from error
        if re.search(_NO_ANSWER, error.stderr):
            raise _retold(
                error,
                "the control plane of the cluster does not answer, so istioctl cannot have its webhook inject: see "
                "whether istiod runs, or inject without it by config_dir, or by inject_config_file, mesh_config_file "
                f"and values_file. {error}",
            ) from error
        if error.rc is None:  # it hung, and would again
            raise
        number, single = _culprit(prepared, render, error)
        if number is None:
            raise
        raise _retold(single, f"{steps[number].workload.title}: {single}") from single


def _culprit(prepared, render, error):
    """The place of a definition that istioctl fails on alone, and how it fails; (None, None) if it fails on any.

    error: how it failed on all of them. Halves them time and again, so that a thousand take ten runs or so.
    Raises this error if there is no time left to find out.
    """

    def attempt(definitions):
        try:
            render(to_json_documents(definitions))
        except IstioctlError as failed:
            if failed.rc is None:
                raise error from failed
            return failed
        return None

    first, end, others_render, failed = 0, len(prepared), False, error
    while end - first > 1:
        middle = (first + end) // 2
        part = attempt(prepared[first:middle])
        if part:
            end, failed = middle, part
        else:
            first, others_render, failed = middle, True, None
    single = failed or attempt([prepared[first]])
    if single and not others_render:  # all that was tried failed, with the first one among it
        others_render = len(prepared) > 1 and not attempt([prepared[1]])
    return (first, single) if single and others_render else (None, None)


# What istioctl says where the cluster has the webhook's configuration, and nobody behind it.
_NO_ANSWER = (
    r'no pods matching selector|Post "https?://|error upgrading connection|port.?forward|lost connection to pod|'
    r'services "[^"]*" not found'
)


def _retold(error, message):
    return IstioctlError(message, error.rc, error.stdout, error.stderr, error.command)


def _read_output(stdout, steps):
    """istioctl's documents, one per step and in their order. Raises IstioctlError if they are not."""
    try:
        documents = parse_manifest(stdout, "the output of istioctl")
    except ManifestError as error:
        raise IstioctlError(f"istioctl gave no usable YAML: {error}", 0, stdout) from error
    given = [document["kind"] for document in documents]
    if given != [step.workload.kind for step in steps]:
        raise IstioctlError(f"istioctl gave back {', '.join(given) or 'nothing'} for {len(steps)} workloads", 0, stdout)
    return documents


def _carries_proxy(workload, after, version):
    """Whether istioctl's answer for a workload has a sidecar. Raises IstioctlError if it only claims so."""
    rendered = Workload([after], 0, workload.path, workload.namespace)
    _check_workload(rendered)
    status = rendered.annotations().get(STATUS)
    if status is None:
        # Old releases tell by the container alone.
        return injected_by(rendered, version) is not None
    if not any(container.get("name") == PROXY for container in _containers(rendered.template["spec"])):
        raise IstioctlError(
            f"istioctl {version} rendered no container {PROXY} into {workload.title}: "
            "the injection configuration is probably of another Istio release"
        )
    return True


def _read_stderr(stderr):
    """What istioctl said: the skipped workloads as (kind or None, name, reason), and its other warnings as lines."""
    skips, logged = [], []
    for line in stderr.splitlines():
        match = re.search(r'Skipping injection because (?:(\S+) )?"([^"]*)" (.+)', line)
        if match:
            skips.append((match[1], match[2], match[3].strip()))
        elif re.search(r"\t(?:warn|error)\t", line):
            logged.append(line.split("\t", 2)[2].strip())
    return skips, logged


def _take_reason(skips, workload):
    """Take the reason that is about this workload out of the list and return it; None if there is none."""
    name = _at(workload.definition, ("metadata", "name")) or ""
    own = _at(workload.template, ("metadata", "name")) or name
    names = {name, own, f"{workload.namespace}/{name}", f"{workload.namespace}/{own}"}
    for skip in skips:
        if skip[0] in (None, workload.kind) and skip[1] in names:
            skips.remove(skip)
            return f"istioctl says that it {skip[2]}"
    return None


def _pairs(before, after):
    """The items of two lists that belong together, as (item before or None, item after): by name, else by place."""
    names = {item.get("name"): item for item in before if isinstance(item, dict)}
    if None not in names and len(names) == len(before):
        return [(names.get(item.get("name")) if isinstance(item, dict) else None, item) for item in after]
    if len(before) == len(after):
        return list(zip(before, after))
    return [(None, item) for item in after]


def _settle(before, after):
    """What istioctl gave in the order of the input, without the empty fields that only its Go types brought in."""
    if isinstance(before, dict) and isinstance(after, dict):
        settled = {key: _settle(before[key], after[key]) for key in before if key in after}
        for key, value in after.items():
            if key not in before and value not in (None, {}) and not (key == "status" and "apiVersion" in after):
                settled[key] = _settle({}, value) if isinstance(value, dict) and key == "metadata" else value
        return settled
    if isinstance(before, list) and isinstance(after, list):
        return [item if old is None else _settle(old, item) for old, item in _pairs(before, after)]
    return after


def _missing(before, after, path=""):
    """Paths of fields that the input had and istioctl's answer has not, without empty ones; as an iterable."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key in _REWRITTEN or (key == "status" and not path) or not value:
                continue
            where = f"{path}.{key}" if path else key
            if key not in after:
                yield where
            else:
                yield from _missing(value, after[key], where)
    elif isinstance(before, list) and isinstance(after, list):
        for old, item in _pairs(before, after):
            if isinstance(old, dict) and old.get("name") != PROXY:
                yield from _missing(old, item, f"{path}[{old['name']}]" if old.get("name") else f"{path}[]")
