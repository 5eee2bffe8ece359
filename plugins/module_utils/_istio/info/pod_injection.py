# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the webhooks would inject an existing pod if it were recreated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.control_planes import version_number
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.rule import Decision, decide
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.workload import Workload
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import labels_of


def decide_pod(
    pod: dict[str, Any],
    namespace: dict[str, Any],
    configurations: list[dict[str, Any]] | None,
    version: str | None,
    policies: Mapping[str, Policy] | None = None,
) -> Decision:
    """Decide whether a webhook would inject a pod if it were recreated.

    namespace: the API object; configurations: the injectors' MutatingWebhookConfigurations, or None without permission
    to read them; version: of Istio, None if unknown; policies: of the injectors by revision.
    """
    return decide(pod_workload(pod), labels_of(namespace), table_version(version), configurations, policies)


def pod_workload(pod: dict[str, Any], namespace: str | None = None) -> Workload:
    """Wrap a pod, or a pod template of this namespace, as a Workload."""
    return Workload([{"kind": "Pod", **pod}], 0, (), namespace or pod["metadata"]["namespace"])


def table_version(version: str | None) -> str:
    """Replace a version that is unknown or older than the table of releases by the newest minor of the table."""
    if version and (version_number(version) or (0,))[:2] >= min(releases.RELEASES):
        return version
    return releases.show(max(releases.RELEASES))
