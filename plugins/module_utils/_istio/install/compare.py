# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the objects in a cluster with those that istioctl renders."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import (
    WEBHOOKS,
    Difference,
    changed_paths,
    comparable,
    differs_in,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.ownership import DEFAULT_VALIDATOR
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.render import Document
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import (
    ADDED,
    DEACTIVATED,
    DEFAULT,
    REVISION,
    TAG,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Api, key_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Refusal

# The field manager of istioctl. With another one, a dry run would not remove values that are no longer rendered.
MANAGER = "istio-operator"

# The error of Kubernetes before 1.20 for an applied port without a protocol.
KEYLESS = "associative list with keys has an element that omits key field"


def fits(document: Document, live: dict) -> bool:
    """Whether applying a rendered object certainly changes nothing, decided without a request.

    This holds if the live object has every rendered value, and istioctl owns no field that is no longer rendered.
    """
    return _within(comparable(document.definition, document), comparable(live, document)) and all(
        _rendered(entry.get("fieldsV1") or {}, document.definition)
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")
    )


def _within(rendered: Any, live: Any) -> bool:
    """Whether a live value contains a rendered one; lists must be equal."""
    if isinstance(rendered, dict) and isinstance(live, dict):
        return all(value is None or (key in live and _within(value, live[key])) for key, value in rendered.items())
    if isinstance(rendered, list) and isinstance(live, list):
        return len(rendered) == len(live) and all(map(_within, rendered, live))
    return type(rendered) is type(live) and rendered == live


def _rendered(fields: dict, value: Any) -> bool:
    """Whether a value has every field of a set of managed fields, except the labels that istioctl adds."""
    for key, below in fields.items():
        sort, _colon, name = key.partition(":")
        if sort == "f":
            if name.startswith((*ADDED, REVISION)):
                continue
            found = [value[name]] if isinstance(value, dict) and name in value else []
        elif sort == "k":  # an item of a list, by its keys; keys with a default may be omitted
            keys = json.loads(name)
            found = [x for x in value or () if isinstance(x, dict) and all(x.get(k, v) == v for k, v in keys.items())]
        elif sort == "v":
            found = [None] if json.loads(name) in (value or ()) else []
        else:  # "." is the value itself
            found = [value] if key == "." else []
        if not found or not _rendered(below, found[0]):
            return False
    return True


def compare_one(api: Api, document: Document, live: dict | None) -> Difference | None:
    """The Difference between a rendered object and the live one (None if it does not exist), or None.

    If it cannot be decided here, a dry run decides: the API server knows defaults and formats of quantities.
    """
    if live is None:
        return Difference(document.key, "is missing", None, document.definition)
    if fits(document, live):
        return None
    try:
        path = api.path_of(document.head)
        try:
            after = api.cluster.dry_run_apply(path, document.text, MANAGER)
        except Refusal as refusal:
            if KEYLESS not in refusal.reason:
                raise
            after = api.cluster.dry_run_apply(path, json.dumps(with_protocols(document.definition)), MANAGER)
    except Refusal as refusal:
        reason = f"differs, but the API server rejects the rendered object: {refusal.reason}"
        return Difference(document.key, reason, live, document.definition)
    if after is None:
        return Difference(document.key, "is missing", None, document.definition)
    changed = changed_paths(comparable(live, document), comparable(after, document))
    paths = list(dict.fromkeys(path.partition(".openAPIV3Schema")[0] for path in changed))
    return Difference(document.key, differs_in(paths), live, after) if paths else None


def scaled_to_zero(document: Document, live: dict | None) -> Difference | None:
    """The Difference of a Deployment that is scaled to 0, if applying the rendered one would not start it.

    The number of replicas is not rendered then: an autoscaler sets it, but never changes 0.
    """
    if not live or live["kind"] != "Deployment" or live["spec"].get("replicas", 1) != 0:
        return None
    replicas = document.serving_replicas
    applied = document.min_replicas is None and "replicas" in document.definition["spec"]
    if applied or not replicas:
        return None
    after = {**live, "spec": {**live["spec"], "replicas": replicas}}
    return Difference(document.key, "is scaled to 0 replicas", live, after, replicas)


def with_protocols(definition: dict) -> dict:
    """A copy of an object in which all ports have an explicit protocol."""
    definition = copy.deepcopy(definition)
    spec = definition.get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    for holder in (spec, *(pod.get("initContainers") or ()), *(pod.get("containers") or ())):
        for port in holder.get("ports") or ():
            port.setdefault("protocol", "TCP")
    return definition


def find_differences(
    api: Api, documents: list[Document], found: list[dict], revision: str, version: str
) -> list[Difference]:
    """Every Difference between the rendered objects and the cluster.

    found: istio_objects and CRDs in the cluster; revision: of the rendered objects; version: of istioctl, which creates
    additional objects.
    """
    by_key = {key_of(x): x for x in found}
    differences = []
    for document in documents:
        live = by_key.get(document.key)
        if live is None or live["apiVersion"] != document.head["apiVersion"]:
            live = api.get(document.head["apiVersion"], document.key)
        differences += [compare_one(api, document, live), scaled_to_zero(document, live)]
    if revision == DEFAULT:
        differences += default_tag(api, found, version)
    return [x for x in differences if x]


def default_tag(api: Api, found: list[dict], version: str) -> Iterator[Difference]:
    """Yield the missing webhooks of the default revision tag, which istioctl creates in addition to what it renders.

    They are needed if an injector is deactivated in favor of them: without them, no istio-injection label works.
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
    group = "admissionregistration.k8s.io"
    api_version = api.api_version(group, WEBHOOKS[0]) or f"{group}/v1"
    if not api.list(api_version, WEBHOOKS[0], labelSelector=f"{TAG}=default"):
        yield Difference((WEBHOOKS[0], "", "istio-revision-tag-default"), "is missing")
    validator = (WEBHOOKS[1], "", DEFAULT_VALIDATOR)
    if releases.has(version, "default_validator") and not api.get(api_version, validator):
        yield Difference(validator, "is missing")
