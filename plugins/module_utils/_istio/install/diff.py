# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The difference of one object, and its presentation."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.render import CRD, Document
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import ADDED, REVISION, labels_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.api import Key
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import hide_secret

WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")

# Fields of all objects that the API server sets.
SET_BY_SERVER = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")

# Fields of each webhook that istiod (failure policy) and the default revision tag (selectors) rewrite.
SET_BY_ISTIOD = ("failurePolicy", "namespaceSelector", "objectSelector")

# kubectl apply stores the whole object in it.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_PATHS_SHOWN = 4


@dataclass(frozen=True)
class Difference:
    """One object that differs; before or after is None if the object does not exist then.

    replicas: the number to scale it to, if nothing else differs.
    """

    key: Key
    reason: str
    before: dict | None = None
    after: dict | None = None
    replicas: int | None = None

    @property
    def surplus(self) -> bool:
        """Whether the object exists and must be removed."""
        return self.before is not None and self.after is None

    def report(self) -> dict:
        """The entry in the result of the module."""
        kind, namespace, name = self.key
        return {"kind": kind, "namespace": namespace, "name": name, "reason": self.reason}

    def diff(self) -> dict:
        """The entry in Ansible's diff."""
        title = "/".join(part for part in self.key if part)
        return {
            "before_header": title,
            "after_header": title,
            "before": show(self.before),
            "after": show(self.after, self.before),
        }


def show(definition: dict | None, other: dict | None = None) -> str:
    """An object as YAML text, without the values of a Secret and without schemas; empty for None.

    other: the same object on the other side of a diff.
    """
    if definition is None:
        return ""
    definition = copy.deepcopy(comparable(definition))
    if definition["kind"] == "Secret":
        hide_secret(definition, other or definition)
    (definition["metadata"].get("annotations") or {}).pop(LAST_APPLIED, None)
    if definition["kind"] == CRD:
        for version in (definition.get("spec") or {}).get("versions") or ():
            version.update(
                {"schema": f"({len(json.dumps(version['schema']))} characters)"} if "schema" in version else {}
            )
    # Sorted, because the API server and istioctl order keys differently.
    return _manifests.dump_manifest([json.loads(json.dumps(definition, sort_keys=True))])


def comparable(definition: dict, document: Document | None = None) -> dict:
    """A copy of an object without the fields that are not compared. document: its rendered Document.

    They are those of SET_BY_SERVER, SET_BY_ISTIOD and ADDED, and the replicas if an autoscaler sets them.
    """
    added = ADDED if document is None or REVISION in labels_of(document.head) else (*ADDED, REVISION)
    metadata = {key: value for key, value in definition["metadata"].items() if key not in SET_BY_SERVER}
    if metadata.get("labels"):
        metadata["labels"] = {key: value for key, value in metadata["labels"].items() if not key.startswith(added)}
    definition = {**definition, "metadata": metadata}
    definition.pop("status", None)
    if document and document.min_replicas is not None:
        definition["spec"] = {key: value for key, value in definition["spec"].items() if key != "replicas"}
    if definition["kind"] in WEBHOOKS:
        webhooks = copy.deepcopy(definition.get("webhooks") or [])
        for webhook in webhooks:
            (webhook.get("clientConfig") or {}).pop("caBundle", None)
            for field in SET_BY_ISTIOD:
                webhook.pop(field, None)
        definition["webhooks"] = webhooks
    return definition


def changed_paths(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted paths in which two values differ; list items are identified by name if they have one."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from changed_paths(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list):
        first, second = _by_name(before), _by_name(after)
        if first is None or second is None:
            first, second = dict(enumerate(before)), dict(enumerate(after))
        elif list(first) != list(second) and set(first) == set(second):
            yield f"{path} (order)"
        for key in [*first, *(x for x in second if x not in first)]:
            yield from changed_paths(first.get(key), second.get(key), f"{path}[{key}]")
    elif before != after:
        yield path


def _by_name(items: list) -> dict | None:
    """The items of a list by name; None unless every item has a unique name."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return None
    return dict(zip(names, items))


def differs_in(paths: list[str]) -> str:
    """The reason of a Difference in these paths."""
    more = f" and {len(paths) - _PATHS_SHOWN} more" if len(paths) > _PATHS_SHOWN else ""
    return f"differs in {', '.join(paths[:_PATHS_SHOWN])}{more}"
