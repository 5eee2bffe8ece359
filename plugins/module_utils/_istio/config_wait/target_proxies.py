# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the proxies that need a rule, by exportTo, Sidecar objects and the selectors of Gateways."""

from __future__ import annotations

import json

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import (
    Facts,
    find_object,
    service_namespaces,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.gateway_servers import gateway_hosts
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import covers, full_host
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import Proxy, proxies_in
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule
from ansible_collections.meshlab.istio.plugins.module_utils._istio.labels import REVISION


def target_proxies(rule: Rule, facts: Facts, root: str) -> tuple[dict[Proxy, set[str]], list[str]]:
    """The proxies that need a rule, as ({Proxy: names}, reasons).

    names: "mesh" and Gateways (namespace/name) through which a proxy gets the rule. reasons: why the rule applies to no
    proxy for one of these names. root: namespace of the control plane; its rules and Sidecars apply to the whole mesh.
    """
    running = proxies_in(facts.pods)
    readers = [proxy for proxy in running if has_revision(proxy, rule)]
    if running and not readers:
        return {}, [f"no proxy of revision {rule.revision} is running"]
    running = readers
    if rule.kind == "Gateway":
        pods, reasons = _pods_of_gateway(rule, running)
        return {proxy: {f"{rule.namespace}/{rule.name}"} for proxy in pods}, reasons
    exported = [proxy for proxy in running if is_exported_to(rule, proxy.namespace)]
    if not exported:
        return {}, [
            f"exportTo {json.dumps(rule.spec.get('exportTo') or ['*'])} matches no namespace with a proxy"
            if running
            else "no proxy is running in the cluster"
        ]
    if rule.kind == "DestinationRule":
        return _proxies_for_destination_rule(rule, facts, root, exported)
    needs: dict[Proxy, set[str]] = {}
    reasons = []
    for full in rule.gateway_names:
        if full == "mesh":
            proxies = [x for x in exported if x.type == "sidecar"]
            reasons += [] if proxies else ["no namespace that it is exported to has a pod with a sidecar"]
            importing = [x for x in proxies if _imports_virtual_service(x, rule, facts.sidecars, root)]
            if proxies and not importing:
                reasons.append("the Sidecar objects of all proxies exclude its hosts")
            proxies = importing
        else:
            proxies, gateway_reasons = _pods_of_named_gateway(full, rule, facts, exported)
            reasons += gateway_reasons
        for proxy in proxies:
            needs.setdefault(proxy, set()).add(full)
    return needs, reasons


def has_revision(proxy: Proxy, rule: Rule) -> bool:
    """Whether the control plane of a proxy reads a rule. Proxies of old releases have no label with their revision."""
    return not rule.revision or proxy.labels.get(REVISION, rule.revision) == rule.revision


def is_exported_to(rule: Rule, namespace: str) -> bool:
    targets = (rule.spec or {}).get("exportTo") or ["*"]
    return "*" in targets or namespace in targets or ("." in targets and namespace == rule.namespace)


def _pods_of_gateway(rule, running):
    """The gateway pods that a Gateway's selector matches, and the reason if there are none."""
    selector = (rule.spec or {}).get("selector") or {}
    routers = [x for x in running if x.type == "router"]
    pods = [x for x in routers if all(x.labels.get(key) == value for key, value in selector.items())]
    if pods:
        return pods, []
    shown = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    labels = sorted({f"istio={x.labels['istio']}" for x in routers if x.labels.get("istio")})
    return [], [
        f"the selector {shown or '(none)'} of {rule.title} matches no running gateway pod"
        + (f" (running: {', '.join(labels)})" if labels else "")
    ]


def _pods_of_named_gateway(full, rule, facts, exported):
    namespace, _slash, name = full.partition("/")
    gateway = find_object(facts.gateways, namespace, name)
    if gateway is None:
        return [], [f"Gateway {full} does not exist"]
    gateway = Rule("Gateway", namespace, name, gateway.get("spec") or {})
    kinds = [kind for kind in ("http", "tcp", "tls") if rule.spec.get(kind)]
    if not any(gateway_hosts(rule, gateway, kind == "http") for kind in kinds):
        allowed = sorted({host for server in gateway.spec.get("servers") or () for host in server.get("hosts") or ()})
        return [], [
            f"none of its hosts ({', '.join(rule.spec['hosts'])}) is a host of {gateway.title} ({', '.join(allowed)})"
        ]
    return _pods_of_gateway(gateway, exported)


def _proxies_for_destination_rule(rule, facts, root, exported):
    """A rule in the root or the Service's namespace applies to all proxies, any other to its own namespace."""
    host = full_host(rule.spec.get("host") or "", rule.namespace)
    homes = service_namespaces(host, facts)
    reasons = []
    if not homes:
        reasons.append(f"no Service or ServiceEntry has the host {host}")
    if rule.namespace != root and rule.namespace not in homes:
        exported = [x for x in exported if x.namespace == rule.namespace]
        if not exported:
            reasons.append(
                f"its host {host} is not in namespace {rule.namespace}, so it applies only to proxies in that "
                "namespace, which has none"
            )
    needs = {}
    for proxy in exported:
        if homes and any(_sidecar_imports(proxy, home, [host], facts.sidecars, root) for home in homes):
            needs[proxy] = {"mesh"}
    return needs, reasons


def _imports_virtual_service(proxy, rule, sidecars, root):
    return _sidecar_imports(proxy, rule.namespace, rule.full_hosts, sidecars, root)


def _sidecar_imports(proxy, namespace, hosts, sidecars, root):
    """Whether the Sidecar object that applies to a proxy imports any of these hosts from a namespace."""
    if proxy.type != "sidecar":
        return True
    specs = [(x["metadata"]["namespace"], x.get("spec") or {}) for x in sidecars]
    own = [spec for home, spec in specs if home == proxy.namespace]
    for_all = [spec for spec in own if not spec.get("workloadSelector")]
    at_root = [spec for home, spec in specs if home == root and not spec.get("workloadSelector")]
    selected = [spec for spec in own if _selects_workload(spec, proxy.labels)]
    chosen = next(iter([*selected, *for_all, *at_root]), {})
    if not chosen.get("egress"):
        return True
    for listener in chosen["egress"]:
        for entry in listener.get("hosts") or ():
            source, _slash, pattern = entry.rpartition("/")
            source = proxy.namespace if source == "." else source
            if source in ("", "*", namespace) and any(
                covers(*pair) for host in hosts for pair in ((pattern, host), (host, pattern))
            ):
                return True
    return False


def _selects_workload(spec, labels):
    wanted = (spec.get("workloadSelector") or {}).get("labels")
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())
