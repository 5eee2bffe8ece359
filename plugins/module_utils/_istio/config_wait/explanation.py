# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why proxies lag: reasons from the API, istiod, the proxies' logs and istioctl analyze; and the failure message."""

from __future__ import annotations

import json
import re

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts, service_namespaces
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.hosts import full_host
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.polling import Outcome
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready

MAX_PROXIES_SHOWN = 10  # proxies in a message


def find_reasons(
    outcome: Outcome, facts: Facts, istiod_pods: list[dict], refusals: list[str], findings: list[str]
) -> list[str]:
    """Why the proxies may not be as wanted, in words, a list, most telling first.

    istiod_pods: the pods of the control plane; refusals, findings: what Mesh.refusals and findings_about gave.
    """
    told = [x for x in outcome.unmet if "does not exist" in x]
    ready = [x for x in istiod_pods if is_ready(x)]
    if not ready:
        told.append(
            f"no istiod is ready ({len(istiod_pods)} pods of it there), so that proxies hear of nothing"
            if istiod_pods
            else "there is no istiod, so that proxies hear of nothing"
        )
    told += refusals
    for rule in outcome.rules:
        live = facts.live.get(rule.title)
        if live is None:
            continue
        if rule.spec is not None and (live.get("spec") or {}) != rule.spec:
            told.append(f"the API holds another spec of {rule.title} than the definition")
        told += [
            f"{rule.title}: istiod says {x.get('message') or x}"
            for x in (live.get("status") or {}).get("validationMessages") or ()
        ]
        told += [f"{rule.title}: {x}" for x in _unknown_hosts(rule, facts)]
    told += outcome.notes
    told += [f"istioctl analyze: {x}" for x in findings]
    return list(dict.fromkeys(told))


def _unknown_hosts(rule, facts):
    """The hosts of a VirtualService, in the mesh, that no Service or ServiceEntry has, in words."""
    if rule.kind != "VirtualService" or "mesh" not in ((rule.spec or {}).get("gateways") or ["mesh"]):
        return []
    hosts = [full_host(x, rule.namespace) for x in rule.spec.get("hosts") or ()]
    return [f"no Service or ServiceEntry has the host {x}" for x in hosts if not service_namespaces(x, facts)]


def analyze_arguments(namespace: str) -> list[str]:
    """The arguments of istioctl to analyze a namespace, with the threshold, because its default differs by release."""
    return ["analyze", "--namespace", namespace, "--output", "json", "--failure-threshold", "Error", "--color=false"]


def findings_about(rules: list[Rule], output: Output) -> list[str]:
    """What 'istioctl analyze' found about these rules, from its Output, a line each."""
    found: list[dict] = []
    start = re.search(r"^\[", output.stdout, re.MULTILINE)  # lines of its log may come before
    try:
        if start:
            found, _end = json.JSONDecoder().raw_decode(output.stdout, start.start())
    except ValueError:
        start = None
    if not start and output.rc != 0:
        said = " ".join((output.stderr or output.stdout).split())[-300:]
        return [f"exit code {output.rc}: {said}"]
    # Old releases write NAME.NAMESPACE.
    names = {f"{x.kind} {y}" for x in rules for y in (f"{x.namespace}/{x.name}", f"{x.name}.{x.namespace}")}
    return [
        f"{item.get('level')} [{item.get('code')}] {item.get('origin')}: {item.get('message')}"
        for item in found
        if str(item.get("origin") or "").partition(" (")[0] in names
    ]


def failure_message(outcome: Outcome, reasons: list[str]) -> str:
    """The message of a module that failed with this Outcome; reasons: of find_reasons."""
    if outcome.problem:
        return outcome.problem
    titles = ", ".join(x.title for x in outcome.rules)
    lines = []
    if outcome.lagging:
        part = f"{len(outcome.lagging)} of {len(outcome.proxies)} proxies"
        said = f"{titles} has not reached {part}" if outcome.present else f"{part} still have {titles}"
        lines.append(f"{said} after {outcome.elapsed:g} s:")
        for proxy in outcome.lagging[:MAX_PROXIES_SHOWN]:
            told = proxy["missing"] if outcome.present else proxy["applied"] + proxy["missing"]
            lines.append(f"  {proxy['namespace']}/{proxy['name']}: {'; '.join(told)}")
        if len(outcome.lagging) > MAX_PROXIES_SHOWN:
            lines.append(f"  and {len(outcome.lagging) - MAX_PROXIES_SHOWN} more")
    else:
        lines.append(f"{'; '.join(outcome.unmet)}, after {outcome.elapsed:g} s")
    return "\n".join(lines + [f"reason: {x}" for x in reasons if x not in outcome.unmet or outcome.lagging])
