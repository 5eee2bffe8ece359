# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Poll proxies until all that need the rules have them, or until none has remains of deleted rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.compare import compare_rule
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import Dump, DumpError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.leftovers import leftovers
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import (
    Proxy,
    ProxyFilter,
    proxies_in,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import (
    GROUP,
    Rule,
    check_rule,
    resources,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.target_proxies import target_proxies
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.waits import poll

POLL_SECONDS = 0.5
WORKERS = 6
# Time to read the proxies once if there is no time to wait.
ROUND_SECONDS = 15
UNREAD = "the configuration was not read before the timeout"

ReadApi = Callable[[], tuple[list[Rule], Facts]]
ReadProxy = Callable[[Proxy, list, float], Dump]


@dataclass(frozen=True)
class DesiredState:
    """The state to wait for.

    present: whether the proxies must have the rules; if False, they must have no remains of them;
    root: namespace of the control plane; allow_none: whether a rule may apply to no proxy.
    """

    present: bool = True
    proxy_filter: ProxyFilter = field(default_factory=ProxyFilter)
    root: str = "istio-system"
    allow_none: bool = False


@dataclass
class WaitResult:
    """The result of a wait.

    problem: why waiting is pointless, or empty; unmet: conditions that the objects in the API do not meet;
    notes: why a rule does not apply to some proxies; proxies: the module's result for each proxy; elapsed: in seconds.
    """

    present: bool = True
    elapsed: float = 0.0
    rules: list = field(default_factory=list)
    proxies: list = field(default_factory=list)
    problem: str = ""
    unmet: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def lagging(self) -> list[dict]:
        """The proxies that are not in the requested state."""
        return [x for x in self.proxies if x["in_sync"] is not True]

    @property
    def met(self) -> bool:
        """Whether everything is in the requested state."""
        return not (self.problem or self.unmet or self.lagging)


def wait_for_proxies(
    read_api: ReadApi, read_proxy: ReadProxy, desired: DesiredState, timeout: float = 60, once: bool = False
) -> WaitResult:
    """Poll until the proxies are in the requested state, or the timeout (in seconds) has expired.

    read_api: returns the rules with their specs, and Facts; read_proxy: called from several threads, with the seconds
    that it may take; once: read once and do not wait.
    Raises ClusterError and WaitError.
    """
    started = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        deadline = started if once else started + timeout
        rounds = _Rounds(read_api, read_proxy, desired, pool, deadline)
        outcome = poll(rounds.read, lambda found: found.met or bool(found.problem), deadline, POLL_SECONDS)
    outcome.elapsed = round(time.monotonic() - started, 1)
    return outcome


class _Rounds:
    """Reads the API and the proxies repeatedly; a proxy in sync is read again only if the rules have changed."""

    def __init__(self, read_api, read_proxy, desired, pool, deadline):
        self.read_api, self.read_proxy, self.desired, self.pool = read_api, read_proxy, desired, pool
        self.deadline = deadline
        self.seen = {}  # Proxy: (needs, report)

    def read(self) -> WaitResult:
        rules, facts = self.read_api()
        outcome = WaitResult(self.desired.present, rules=rules)
        work = _proxies_to_read(rules, facts, self.desired, outcome)
        if outcome.problem:
            return outcome
        self._read_proxies(work, facts)
        existing = sorted((x for x in work if x in self.seen), key=lambda x: (x.namespace, x.name))
        outcome.proxies = [self.seen[x][1] for x in existing]
        if work and not existing:
            outcome.unmet.append("all proxies that need the rules were deleted")
        return outcome

    def _read_proxies(self, work, facts):
        due = [x for x in work if not self._is_current(x, work[x])]
        needs = [work[x] for x in due]
        now = time.monotonic()
        deadline = self.deadline if self.deadline > now else now + ROUND_SECONDS
        reports = self.pool.map(
            _report, due, needs, repeat(facts), repeat(self.desired.present), repeat(self.read_proxy), repeat(deadline)
        )
        for proxy, report in zip(due, reports):
            if report and report["in_sync"] is None and time.monotonic() >= self.deadline and proxy in self.seen:
                continue  # the timeout interrupted the read, so the earlier report is the newest
            self.seen.pop(proxy, None)
            if report:
                self.seen[proxy] = (work[proxy], report)

    def _is_current(self, proxy, needs):
        seen = self.seen.get(proxy)
        return bool(seen) and seen[0] == needs and seen[1]["in_sync"] is True


def _proxies_to_read(rules, facts, desired, outcome):
    """The proxies to read, as {Proxy: {Rule: names}}; adds unmet conditions, notes and problems to outcome."""
    if not facts.installed:
        outcome.problem = f"the cluster does not serve {GROUP}: Istio is not installed"
        return {}
    work = {}
    for rule in rules:
        exists = facts.live.get(rule.title) is not None
        if exists != desired.present:
            outcome.unmet.append(f"{rule.title} {'still exists' if exists else 'does not exist'}")
            if desired.present:
                continue
        if rule.spec is None and rule.kind == "Gateway":
            outcome.problem = (
                f"{rule.title} does not exist, so its ports are unknown; set definition to wait until no proxy has "
                "remains of it"
            )
            return {}
        chosen = _chosen_proxies(rule, facts, desired, outcome)
        if outcome.problem:
            return {}
        for proxy, names in chosen.items():
            work.setdefault(proxy, {})[rule] = names
    return work


def _chosen_proxies(rule, facts, desired, outcome):
    """The proxies that need a rule and match the filter, as {Proxy: names}; adds notes and problems to outcome."""
    if not desired.present and rule.kind != "Gateway":
        # A proxy that does not need the rule now may have needed an earlier version of it.
        needs, reasons = {proxy: frozenset() for proxy in proxies_in(facts.pods)}, []
    else:
        check_rule(rule)
        needs, reasons = target_proxies(rule, facts, desired.root)
    outcome.notes += [f"{rule.title}: {reason}" for reason in reasons]
    chosen = {proxy: names for proxy, names in needs.items() if desired.proxy_filter.allows(proxy, facts.selected)}
    if desired.present and not chosen and not desired.allow_none:
        reason = "; ".join(reasons)
        if needs:
            reason = f"{len(needs)} proxies need it, but namespaces, pods and label_selector exclude all of them"
        outcome.problem = f"{rule.title} reaches no proxy: {reason or 'no proxy needs it'}"
    return chosen


def _report(proxy, needs, facts, present, read_proxy, deadline):
    """The module's result for a proxy; None if its pod was deleted after the pods were read."""
    report = {"namespace": proxy.namespace, "name": proxy.name, "type": proxy.type}
    unread = {**report, "in_sync": None, "applied": [], "missing": [UNREAD]}
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        return unread
    try:
        dump = read_proxy(proxy, resources(needs), remaining)
    except (ClusterError, DumpError) as error:
        if ": 403 " in str(error):  # waiting does not grant permissions
            raise
        if f'pods "{proxy.name}" not found' in str(error):
            return None
        return {**unread, "missing": [f"the configuration cannot be read: {error}"]}
    applied, missing = [], []
    for rule, names in needs.items():
        prefix = f"{rule.title}: " if len(needs) > 1 else ""
        lacking, held = (
            compare_rule(rule, proxy, names, dump, facts) if present else ([], leftovers(rule, proxy, dump, facts))
        )
        missing += [f"{prefix}{x}" for x in lacking]
        applied += [f"{prefix}{x}" for x in held]
    in_sync = not (missing if present else applied)
    if not in_sync:
        missing += [f"the proxy rejected an update: {x}" for x in dict.fromkeys(dump.rejected)]
    return {**report, "in_sync": in_sync, "applied": applied, "missing": missing}
