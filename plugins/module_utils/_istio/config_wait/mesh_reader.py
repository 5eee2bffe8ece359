# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a mesh: the API for rules and pods, each proxy for its configuration and its log."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import (
    Dump,
    add_answer,
    dump_path,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.explanation import MAX_PROXIES_SHOWN
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import Proxy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import API, Rule
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster, ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import SIDECAR

REREAD_SECONDS = 2.0  # maximum age of everything but the rules
EXEC_SECONDS = 15
LOG_LINES, LOG_SECONDS = 5000, 900  # how far back the log of a lagging proxy is read


class MeshReader:
    """A cluster as wait_for_proxies reads it: read_api() the API, read_proxy() the configuration of one proxy."""

    def __init__(self, cluster: Cluster, rules: list[Rule], label_selector: str | None = None) -> None:
        """rules: to look for; label_selector: of the proxies' pods."""
        self.cluster = cluster
        self.rules = rules
        self.label_selector = label_selector
        self.facts: Facts | None = None
        self._read = 0.0
        self._local = threading.local()

    def read_api(self) -> tuple[list[Rule], Facts]:
        """The rules, with specs where only the API has them, and Facts; all but the rules may be somewhat old."""
        facts = self.facts
        if facts is None or time.monotonic() - self._read > REREAD_SECONDS:
            facts, self._read = self._read_facts(), time.monotonic()
            self.facts = facts
        facts.live = {rule.title: self.cluster.get(rule.path) for rule in self.rules}
        specs = {title: live.get("spec") or {} for title, live in facts.live.items() if live}
        found = [x if x.spec is not None else replace(x, spec=specs.get(x.title)) for x in self.rules]
        return found, facts

    def _read_facts(self):
        def items(path, **query):
            return (self.cluster.get(path, **query) or {}).get("items") or []

        facts = Facts(
            installed=self.cluster.get(API) is not None,
            pods=items("/api/v1/pods"),
            services=items("/api/v1/services"),
            gateways=items(f"{API}/gateways"),
            virtual_services=items(f"{API}/virtualservices"),
            destination_rules=items(f"{API}/destinationrules"),
            sidecars=items(f"{API}/sidecars"),
            service_entries=items(f"{API}/serviceentries"),
        )
        if self.label_selector:
            chosen = [x["metadata"] for x in items("/api/v1/pods", labelSelector=self.label_selector)]
            facts.selected = {f"{x['namespace']}/{x['name']}" for x in chosen}
        return facts

    def istiod_pods(self, namespace: str) -> list[dict]:
        """The pods of the control plane."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        return (self.cluster.get(path, labelSelector="app=istiod") or {}).get("items") or []

    def refusals(self, reports: list[dict]) -> list[str]:
        """What the proxies of these reports refused lately, as their logs have it, a line each.

        A proxy keeps what it had when a part of an update does not do, and its configuration does not say so.
        """
        told = []
        for report in reports[:MAX_PROXIES_SHOWN]:
            path = f"/api/v1/namespaces/{report['namespace']}/pods/{report['name']}/log"
            try:
                log = self.cluster.get(path, container=SIDECAR, tailLines=LOG_LINES, sinceSeconds=LOG_SECONDS)
            except ClusterError:  # it may be gone, or its log not allowed to be read
                continue
            told += [
                f"{report['namespace']}/{report['name']} refused an update: {x}" for x in refusals_in(str(log or ""))
            ]
        return told

    def read_proxy(self, proxy: Proxy, wanted: list[str]) -> Dump:
        """What a proxy has of the wanted resources. Raises ClusterError and DumpError."""
        if not hasattr(self._local, "cluster"):  # a connection that runs an exec is not fit for two threads
            self._local.cluster = self.cluster.another()
        dump = Dump()
        for resource in wanted:
            argv = ["pilot-agent", "request", "GET", dump_path(resource)]
            result = self._local.cluster.exec(proxy.namespace, proxy.name, SIDECAR, argv, EXEC_SECONDS)
            if result.rc != 0:
                said = (result.stderr or result.stdout).strip().splitlines()
                raise ClusterError(f"pilot-agent ended with exit code {result.rc}: {said[-1] if said else 'no output'}")
            add_answer(dump, resource, result.stdout)
        return dump


def refusals_in(log: str) -> list[str]:
    """The updates that a proxy refused, from its log, a line each, as "RouteConfiguration: duplicate domain"."""
    found = re.findall(r"gRPC config for \S*?(\w+) rejected: (.*?)(?:\s+thread=\d+)?$", log, re.MULTILINE)
    return list(dict.fromkeys(f"{kind}: {why.strip()}" for kind, why in found))
