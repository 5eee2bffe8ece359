# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a DestinationRule with the clusters of a proxy."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import (
    Dump,
    outbound_clusters,
    rule_tag,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import (
    Facts,
    find_object,
    service_namespaces,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import (
    answers_to,
    covers,
    full_host,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import Proxy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_texts import show_destination
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.traffic_policy import policy_differences


def compare_destination_rule(rule: Rule, proxy: Proxy, dump: Dump, facts: Facts) -> tuple[list[str], list[str]]:
    host = full_host(rule.spec["host"], rule.namespace)
    clusters = [x for x in outbound_clusters(dump) if answers_to(x[0], host)]
    bases = [x for x in clusters if not x[2]]
    if not bases:
        # A gateway has clusters only for Services that its routes use.
        return ([f"the proxy has no cluster for {host}"], []) if proxy.type == "sidecar" else ([], [])
    missing, applied = [], []
    subsets = rule.spec.get("subsets") or []
    policy = rule.spec.get("trafficPolicy") or {}
    by_key = {(x[0], x[1], x[2]): x[3] for x in clusters}
    names = {subset["name"] for subset in subsets} | _merged_subsets(rule, host, facts)
    for name, port, _subset, cluster in bases:
        where = show_destination((name, port, ""))
        own = rule_tag(cluster)
        if own and own != rule.tag and _takes_precedence(own, rule, name, proxy, facts):
            applied.append(f"{where}: DestinationRule {own[1]}/{own[2]} takes precedence")
            continue
        if own != rule.tag and (not subsets or own is None):
            missing.append(
                f"the cluster for {where} "
                + ("has no DestinationRule" if own is None else f"is configured by DestinationRule {own[1]}/{own[2]}")
            )
            continue
        has_port_settings = any(
            (x.get("port") or {}).get("number") == port
            for level in [policy, *((subset.get("trafficPolicy") or {}) for subset in subsets)]
            for x in level.get("portLevelSettings") or ()
        )
        if own == rule.tag and not has_port_settings:
            missing += [f"the cluster for {where} has {x}" for x in policy_differences(policy, cluster)]
        for subset in subsets:
            subset_cluster = by_key.get((name, port, subset["name"]))
            if subset_cluster is None:
                missing.append(f"the proxy has no cluster for {where} subset {subset['name']}")
            elif not has_port_settings:
                merged = {**policy, **(subset.get("trafficPolicy") or {})}
                missing += [
                    f"the cluster for {where} subset {subset['name']} has {x}"
                    for x in policy_differences(merged, subset_cluster)
                ]
        present = sorted(x[2] for x in clusters if x[:2] == (name, port) and x[2])
        missing += [
            f"the cluster for {where} subset {x} still exists"
            for x in present
            if x not in names and rule_tag(by_key[(name, port, x)]) == rule.tag
        ]
        applied.append(f"{where}{' subsets ' + ', '.join(present) if present else ''}")
    return missing, applied


def _takes_precedence(own, rule, service_host, proxy, facts):
    """Whether the rule of a cluster (its tag) replaces another rule by design.

    A rule in the proxy's namespace precedes one in the Service's namespace, which precedes the mesh-wide rules of the
    root namespace. Within a namespace, the rule with the more specific host precedes the others.
    """
    item = find_object(facts.destination_rules, own[1], own[2])
    if item is None:
        return False
    homes = service_namespaces(service_host, facts)

    def rank(namespace, host):
        distance = 0 if namespace == proxy.namespace else 1 if namespace in homes else 2
        return distance, "*" in host, -len(host)

    own_host = full_host((item.get("spec") or {}).get("host") or "", own[1])
    rule_host = full_host(rule.spec["host"], rule.namespace)
    if own[1] == rule.namespace and "*" not in own_host and "*" not in rule_host:
        return False  # istiod merges rules for the same host
    return rank(own[1], own_host) < rank(rule.namespace, rule_host)


def _merged_subsets(rule, host, facts):
    """Subsets of other rules for the host: istiod merges all rules for a host and tags the result with the oldest."""
    names = set()
    for item in facts.destination_rules:
        metadata, spec = item["metadata"], item.get("spec") or {}
        other_host = full_host(spec.get("host") or "", metadata["namespace"])
        if (metadata["namespace"], metadata["name"]) != (rule.namespace, rule.name) and covers(other_host, host):
            names |= {subset["name"] for subset in spec.get("subsets") or ()}
    return names
