# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The injection policy of a control plane, from the configuration of its injector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.selectors import selects
from ansible_collections.meshlab.istio.plugins.module_utils._manifests import ManifestError, load_yaml

ENABLED, DISABLED = "enabled", "disabled"


@dataclass(frozen=True)
class Policy:
    """What the injector does with pods that a webhook sends it.

    value: "enabled" or "disabled"; never, always: label selectors of pods, which override it.
    """

    value: str = ENABLED
    never: tuple[dict[str, Any], ...] = ()
    always: tuple[dict[str, Any], ...] = ()

    def refusal(self, request: bool | None, labels: dict[str, str]) -> str:
        """Return why the injector does not inject a pod; empty if it does.

        request: whether the pod itself requests injection, None if it leaves that to the policy; labels: of the pod.
        """
        if self.value not in (ENABLED, DISABLED):
            return f"the injection policy of the control plane must be enabled or disabled, got {self.value!r}"
        if request is not None:
            return "" if request else "the pod opts out of injection"
        if _any_selects(self.never, labels):
            return "the neverInjectSelector of the control plane matches the pods"
        if self.value == ENABLED or _any_selects(self.always, labels):
            return ""
        return "the injection policy of the control plane is disabled"


def _any_selects(selectors, labels):
    """Whether a selector matches; unlike those of webhooks, empty ones do not."""
    return any(
        selects(selector, labels)
        for selector in selectors
        if selector.get("matchLabels") or selector.get("matchExpressions")
    )


def parse_policy(text: str) -> Policy:
    """Return the policy in an injection configuration; the default for a text that is not one."""
    try:
        config = load_yaml(text, "injection configuration")
    except ManifestError:
        return Policy()
    if not isinstance(config, dict):
        return Policy()
    never, always = (
        tuple(x for x in config.get(field) or () if isinstance(x, dict))
        for field in ("neverInjectSelector", "alwaysInjectSelector")
    )
    return Policy(str(config.get("policy") or ""), never, always)
