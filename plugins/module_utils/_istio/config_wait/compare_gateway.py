# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a Gateway with the listeners and virtual hosts of a gateway pod."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import (
    Dump,
    listener_ports,
    virtual_hosts,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.gateway_servers import (
    gateway_hosts,
    is_https,
    server_port,
    server_ports,
    takes_http,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import answers_to
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import Proxy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule, revision_of
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.target_proxies import (
    has_revision,
    is_exported_to,
)


def compare_gateway(rule: Rule, proxy: Proxy, dump: Dump, facts: Facts) -> tuple[list[str], list[str]]:
    missing, applied = [], []
    listeners = listener_ports(dump)
    for server in rule.spec.get("servers") or ():
        number, protocol = server_port(server)
        if not takes_http(server):
            continue
        ports = server_ports(number, proxy, facts.services)
        open_ = sorted(ports & set(listeners))
        if not open_:
            shown = ", ".join(str(x) for x in sorted(listeners)) or "none"
            missing.append(f"the proxy has no listener for {protocol} {number} (it listens on {shown})")
            continue
        names = set().union(*(listeners[port] for port in open_))
        if is_https(server) and not any(name.endswith(f".{rule.name}.{rule.namespace}") for name in names):
            missing.append(f"the listener on {open_[0]} does not serve {protocol} {number} of this Gateway")
            continue
        applied.append(f"{protocol} {number} on {', '.join(str(x) for x in open_)}")
    for item in facts.virtual_services:
        where = (item["metadata"]["namespace"], item["metadata"]["name"])
        bound = Rule("VirtualService", *where, item.get("spec") or {}, revision_of(item))
        if f"{rule.namespace}/{rule.name}" not in bound.gateway_names or not bound.spec.get("http"):
            continue
        if not bound.spec.get("hosts") or not is_exported_to(bound, proxy.namespace) or not has_revision(proxy, bound):
            continue
        for host in gateway_hosts(bound, rule):
            served = any(
                any(answers_to(domain, host) if host != "*" else domain == "*" for domain in domains)
                for _config, _port, domains, _routes in virtual_hosts(dump)
            )
            if served:
                applied.append(f"host {host}")
            else:
                missing.append(f"the proxy has no virtual host for {host} of {bound.title}")
    return missing, list(dict.fromkeys(applied))
