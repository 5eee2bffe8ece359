# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a mesh: rules and pods from the API, configuration and log from each proxy."""

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
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import API, Rule, revision_of
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import Cluster, ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.pods import SIDECAR

REREAD_SECONDS = 2.0  # maximum age of Facts other than the rules
EXEC_SECONDS = 15  # maximum time to read a proxy
LOG_LINES, LOG_SECONDS = 5000, 900  # how far back the log of a lagging proxy is read


class MeshReader:
    """Reader for wait_for_proxies: read_api() reads the API, read_proxy() the configuration of a proxy."""

    def __init__(self, cluster: Cluster, rules: list[Rule], label_selector: str | None = None) -> None:
        """rules: to wait for; label_selector: of the proxies' pods."""
        self.cluster = cluster
        self.rules = rules
        self.label_selector = label_selector
        self.facts: Facts | None = None
        self._read = 0.0
        self._local = threading.local()

    def read_api(self) -> tuple[list[Rule], Facts]:
        """Return the rules, with specs from the API if they have none, and Facts, which may be REREAD_SECONDS old."""
        facts = self.facts
        if facts is None or time.monotonic() - self._read > REREAD_SECONDS:
            facts, self._read = self._read_facts(), time.monotonic()
            self.facts = facts
        facts.live = {rule.title: self.cluster.get(rule.path) for rule in self.rules}
        return [_with_spec(rule, facts.live[rule.title]) for rule in self.rules], facts

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
        """Pods of the control plane."""
        path = f"/api/v1/namespaces/{namespace}/pods"
        return (self.cluster.get(path, labelSelector="app=istiod") or {}).get("items") or []

    def rejections(self, reports: list[dict]) -> list[str]:
        """Updates that the proxies of these reports rejected recently, from their logs.

        A proxy keeps its previous configuration if it rejects an update, and its configuration does not show this.
        """
        lines = []
        for report in reports[:MAX_PROXIES_SHOWN]:
            path = f"/api/v1/namespaces/{report['namespace']}/pods/{report['name']}/log"
            try:
                log = self.cluster.get(path, container=SIDECAR, tailLines=LOG_LINES, sinceSeconds=LOG_SECONDS)
            except ClusterError:  # deleted, or no permission to read its log
                continue
            lines += [
                f"{report['namespace']}/{report['name']} rejected an update: {x}" for x in rejections_in(str(log or ""))
            ]
        return lines

    def read_proxy(self, proxy: Proxy, wanted: list[str], timeout: float) -> Dump:
        """Read the wanted resources of a proxy within timeout seconds. Raises ClusterError and DumpError."""
        deadline = time.monotonic() + min(timeout, EXEC_SECONDS)
        if not hasattr(self._local, "cluster"):  # a connection that runs an exec cannot be shared by threads
            self._local.cluster = self.cluster.another()
        dump = Dump()
        for resource in wanted:
            argv = ["pilot-agent", "request", "GET", dump_path(resource)]
            remaining = max(deadline - time.monotonic(), 0.1)
            result = self._local.cluster.exec(proxy.namespace, proxy.name, SIDECAR, argv, remaining)
            if result.rc != 0:
                output = (result.stderr or result.stdout).strip().splitlines()
                error = output[-1] if output else "no output"
                raise ClusterError(f"pilot-agent failed with exit code {result.rc}: {error}")
            add_answer(dump, resource, result.stdout)
        return dump


def _with_spec(rule: Rule, live: dict | None) -> Rule:
    """The rule with spec and revision from the API if it has no spec."""
    if rule.spec is not None or live is None:
        return rule
    return replace(rule, spec=live.get("spec") or {}, revision=revision_of(live))


def rejections_in(log: str) -> list[str]:
    """Rejected updates in a proxy's log, such as "RouteConfiguration: duplicate domain"."""
    found = re.findall(r"gRPC config for \S*?(\w+) rejected: (.*?)(?:\s+thread=\d+)?$", log, re.MULTILINE)
    return list(dict.fromkeys(f"{kind}: {error.strip()}" for kind, error in found))
