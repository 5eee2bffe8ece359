# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a rule of any kind with the configuration of a proxy."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.compare_destination_rule import (
    compare_destination_rule,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.compare_gateway import compare_gateway
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.compare_virtual_service import (
    compare_virtual_service,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import Dump
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import Proxy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule


def compare_rule(rule: Rule, proxy: Proxy, names: set[str], dump: Dump, facts: Facts) -> tuple[list[str], list[str]]:
    """Return (missing, applied): what the proxy lacks of a rule and what it has, as lists of phrases.

    names: "mesh" or the Gateways (namespace/name) through which the proxy gets the rule.
    """
    if rule.kind == "VirtualService":
        return compare_virtual_service(rule, proxy, names, dump, facts)
    if rule.kind == "DestinationRule":
        return compare_destination_rule(rule, proxy, dump, facts)
    return compare_gateway(rule, proxy, dump, facts)
