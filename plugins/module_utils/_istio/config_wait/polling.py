# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Poll the proxies that need rules until all of them have them, or until none has anything left of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.compare import compare
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.envoy_dump import DumpError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.leftovers import leftovers
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import ProxyFilter, proxies_in
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import GROUP, check_rule, resources
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.target_proxies import target_proxies
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

POLL_SECONDS = 0.5


WORKERS = 6


@dataclass
class Outcome:
    """What became of waiting.

    problem: why it is no use to wait, empty if it is; unmet: what the API alone says is not as wanted;
    notes: what keeps a rule from some of the proxies that it is meant for; proxies: what the module returns of each.
    """

    present: bool = True
    seconds: float = 0.0
    rules: list = field(default_factory=list)
    proxies: list = field(default_factory=list)
    problem: str = ""
    unmet: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    @property
    def lagging(self):
        return [x for x in self.proxies if x["has"] is not self.present]

    @property
    def met(self):
        return not (self.problem or self.unmet or self.lagging)


def wait(look, ask, present=True, limits=None, root="istio-system", allow_none=False, timeout=60, once=False):
    """Wait until the proxies that need the rules have them (or with present=False, have nothing left of them).

    look: returns (rules with their specs, Facts) as the API has them now.
    ask: called from several threads with a Proxy and the resources to read, returns a proxy_config.Dump.
    once: look once and do not wait. Returns an Outcome.
    """
    limits, started, seen, outcome = limits or ProxyFilter(), time.monotonic(), {}, None
    with ThreadPoolExecutor(WORKERS) as pool:
        while True:
            rules, facts = look()
            outcome = Outcome(present, rules=rules)
            work = _work(rules, facts, present, limits, root, allow_none, outcome)
            if outcome.problem:
                break
            # A proxy that has its rules is not asked again, unless they have changed.
            due = [x for x in work if x not in seen or seen[x][0] != work[x] or seen[x][1]["has"] is not present]
            reports = pool.map(_report, due, [work[x] for x in due], repeat(facts), repeat(present), repeat(ask))
            for proxy, report in zip(due, reports):
                seen.pop(proxy, None)
                if report:
                    seen[proxy] = (work[proxy], report)
            there = sorted((x for x in work if x in seen), key=lambda x: (x.namespace, x.name))
            outcome.proxies = [seen[x][1] for x in there]
            if work and not there:
                outcome.unmet.append("every proxy that was to be asked is gone")
            if outcome.met or once or time.monotonic() - started > timeout:
                break
            time.sleep(POLL_SECONDS)
    outcome.seconds = round(time.monotonic() - started, 1)
    return outcome


def _work(rules, facts, present, limits, root, allow_none, outcome):
    """What to look at, as {Proxy: {Rule: names}}; what is clear without looking goes into the Outcome."""
    work = {}
    if not facts.installed:
        outcome.problem = f"the cluster does not know {GROUP}: Istio is not installed"
        return {}
    for rule in rules:
        exists = facts.live.get(rule.title) is not None
        if exists != present:
            outcome.unmet.append(f"{rule.title} {'is still there' if exists else 'does not exist'}")
            if present:
                continue
        if rule.spec is None and rule.kind == "Gateway":
            outcome.problem = (
                f"{rule.title} does not exist, so it is not known what it was: give its definition to wait until "
                "no proxy has anything left of it"
            )
            return {}
        if not present and rule.kind != "Gateway":
            # Whoever does not need it now may have needed it as it was before.
            needs, reasons = {proxy: frozenset() for proxy in proxies_in(facts.pods)}, []
        else:
            check_rule(rule)
            needs, reasons = target_proxies(rule, facts, root)
        outcome.notes += [f"{rule.title}: {reason}" for reason in reasons]
        chosen = {proxy: names for proxy, names in needs.items() if limits.allow(proxy, facts.selected)}
        if present and not chosen and not allow_none:
            why = "; ".join(reasons)
            if needs:
                why = f"{len(needs)} proxies need it, but namespaces, pods and label_selector leave none of them"
            outcome.problem = f"{rule.title} reaches no proxy: {why or 'no proxy needs it'}"
            return {}
        for proxy, names in chosen.items():
            work.setdefault(proxy, {})[rule] = names
    return work


def _report(proxy, needs, facts, present, ask):
    """What the module returns of one proxy; None if its pod is gone since the pods were read."""
    report = {
        "namespace": proxy.namespace,
        "name": proxy.name,
        "type": proxy.type,
        "has": None,
        "lacks": [],
        "found": [],
    }
    try:
        dump = ask(proxy, resources(needs))
    except (ClusterError, DumpError) as error:
        if ": 403 " in str(error):  # no use to wait for a permission
            raise
        if f'pods "{proxy.name}" not found' in str(error):
            return None
        report["lacks"] = [f"it cannot be asked: {error}"]
        return report
    for rule, names in needs.items():
        prefix = f"{rule.title}: " if len(needs) > 1 else ""
        if present:
            missing, found = compare(rule, proxy, names, dump, facts)
        else:
            missing, found = [], leftovers(rule, proxy, dump, facts)
        report["lacks"] += [f"{prefix}{x}" for x in missing]
        report["found"] += [f"{prefix}{x}" for x in found]
    report["has"] = not report["lacks"] if present else bool(report["found"])
    if (report["lacks"] if present else report["found"]) and dump.refused:
        report["lacks"] += [f"it refused an update: {x}" for x in dict.fromkeys(dump.refused)]
    return report
