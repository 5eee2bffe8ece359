# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhooks that inject sidecars."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import (
    DEACTIVATED,
    TAG,
    labels_of,
    revision_of,
)


def describe_webhook(configuration: dict[str, Any]) -> dict[str, Any]:
    """Describe the MutatingWebhookConfiguration of an injector for the result of the module."""
    hooks = configuration.get("webhooks") or ()
    client = (hooks[0].get("clientConfig") or {}) if hooks else {}
    service = client.get("service")
    return {
        "name": configuration["metadata"]["name"],
        "revision": revision_of(configuration),
        "tag": labels_of(configuration).get(TAG),
        "active": any(is_active(hook) for hook in hooks),
        "failure_policy": hooks[0].get("failurePolicy", "Fail") if hooks else None,
        "ca_bundle": bool(hooks) and all(_has_ca(hook) for hook in hooks),
        "service": f"{service['namespace']}/{service['name']}" if service else None,
        "url": client.get("url"),
    }


def is_active(hook: dict[str, Any]) -> bool:
    """Whether a webhook can select anything: istioctl deactivates its selectors when a tag replaces it."""
    for field in ("namespaceSelector", "objectSelector"):
        if DEACTIVATED in ((hook.get(field) or {}).get("matchLabels") or {}):
            return False
    return True


def _has_ca(hook):
    bundle = (hook.get("clientConfig") or {}).get("caBundle")
    return bool(bundle) and bool(b64decode(bundle).strip())  # some charts set a line break instead
