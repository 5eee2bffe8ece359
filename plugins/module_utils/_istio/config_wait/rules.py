# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules to wait for: VirtualServices, DestinationRules and Gateways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import (
    CLUSTERS,
    LISTENERS,
    ROUTES,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import full_host, gateway_name
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import REVISION, labels_of

GROUP = "networking.istio.io"
API = f"/apis/{GROUP}/v1beta1"  # every release from 1.7 to 1.30 serves it
PLURALS = {"VirtualService": "virtualservices", "DestinationRule": "destinationrules", "Gateway": "gateways"}
_TAGS = {"VirtualService": "virtual-service", "DestinationRule": "destination-rule"}


class WaitError(Exception):
    """A rule cannot be waited for. The message is shown to the user."""


@dataclass(frozen=True)
class Rule:
    """An object to wait for.

    spec: None if only its name is known and it does not exist in the API; revision: of the control plane that reads it,
    empty for all.
    """

    kind: str
    namespace: str
    name: str
    spec: Any = field(default=None, hash=False)
    revision: str = ""

    @property
    def title(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def full_hosts(self) -> list[str]:
        """The hosts of a VirtualService, as full_host expands them."""
        return [full_host(x, self.namespace) for x in (self.spec or {}).get("hosts") or ()]

    @property
    def gateway_names(self) -> list[str]:
        """The Gateways of a VirtualService, as "namespace/name", or "mesh"."""
        return [gateway_name(x, self.namespace) for x in (self.spec or {}).get("gateways") or ["mesh"]]

    @property
    def path(self) -> str:
        return f"{API}/namespaces/{self.namespace}/{PLURALS[self.kind]}/{self.name}"

    @property
    def tag(self) -> tuple[str | None, str, str]:
        """The value of rule_tag for resources that this rule configures."""
        return (_TAGS.get(self.kind), self.namespace, self.name)


def rules_in(definition: dict | list[dict], namespace: str) -> list[Rule]:
    """The rules in a module parameter (a dictionary or a list of them); other kinds are ignored.

    namespace: of objects without one. Raises WaitError if there is no rule, or a rule is invalid.
    """
    if isinstance(definition, str):
        raise WaitError("definition must be a dictionary or a list of dictionaries, got a string")
    try:
        objects = _manifests.check_definitions(definition)
    except _manifests.ManifestError as error:
        raise WaitError(str(error)) from error
    objects = [item for x in objects for item in (x.get("items") or [] if x["kind"] == "List" else [x])]
    rules = []
    for item in objects:
        group = str(item.get("apiVersion") or "").rpartition("/")[0]
        if item.get("kind") not in PLURALS or group not in ("", GROUP):
            continue
        metadata = item.get("metadata") or {}
        if not metadata.get("name"):
            raise WaitError(f"definition: a {item['kind']} has no metadata.name")
        if not isinstance(item.get("spec"), dict):
            raise WaitError(f"definition: {item['kind']} {metadata['name']} has no spec")
        where = (metadata.get("namespace") or namespace, metadata["name"])
        rules.append(Rule(item["kind"], *where, item["spec"], revision_of(item)))
    if not rules:
        kinds = sorted({str(item.get("kind")) for item in objects})
        raise WaitError(
            f"definition must contain a {', '.join(sorted(PLURALS))} of {GROUP}, got {', '.join(kinds) or 'nothing'}"
        )
    for rule in rules:
        check_rule(rule)
    return rules


def revision_of(item: dict) -> str:
    """The revision of the control plane that reads an object, empty if all do."""
    return str(labels_of(item).get(REVISION) or "")


def check_rule(rule: Rule) -> None:
    """Raise WaitError for a delegate, which proxies receive only as part of another VirtualService."""
    if rule.kind == "VirtualService" and rule.spec is not None and not rule.spec.get("hosts"):
        raise WaitError(
            f"{rule.title} has no hosts: it is a delegate, which proxies receive as part of another VirtualService; "
            "wait for that one"
        )


def resources(rules: Iterable[Rule]) -> list[str]:
    """The resources of a proxy to read for these rules."""
    wanted = set()
    for rule in rules:
        spec = rule.spec or {}
        if rule.kind == "DestinationRule":
            wanted.add(CLUSTERS)
        else:
            wanted.add(ROUTES)
        if rule.kind == "Gateway" or spec.get("tcp") or spec.get("tls"):
            wanted.add(LISTENERS)
    return sorted(wanted)
