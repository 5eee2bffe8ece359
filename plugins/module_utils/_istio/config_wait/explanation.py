# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explain why proxies lag, from the API, istiod, the proxies' logs and istioctl analyze."""

from __future__ import annotations

import json
import re

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.facts import Facts, service_namespaces
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.polling import WaitResult
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.conditions import is_ready

MAX_PROXIES_SHOWN = 10  # in a message


def find_reasons(
    outcome: WaitResult, facts: Facts, istiod_pods: list[dict], rejections: list[str], findings: list[str]
) -> list[str]:
    """Reasons why the proxies may not be in the requested state, most specific first.

    istiod_pods: pods of the control plane; rejections: of MeshReader.rejections; findings: of findings_about.
    """
    reasons = [x for x in outcome.unmet if "does not exist" in x]
    ready = [x for x in istiod_pods if is_ready(x)]
    if not ready:
        subject = f"no istiod pod is ready (0 of {len(istiod_pods)})" if istiod_pods else "no istiod pod exists"
        reasons.append(f"{subject}, so proxies receive no configuration")
    reasons += rejections
    for rule in outcome.rules:
        live = facts.live.get(rule.title)
        if live is None:
            continue
        if rule.spec is not None and (live.get("spec") or {}) != rule.spec:
            reasons.append(f"the spec of {rule.title} in the API differs from the definition")
        reasons += [
            f"{rule.title}: istiod reports: {x.get('message') or x}"
            for x in (live.get("status") or {}).get("validationMessages") or ()
        ]
        reasons += [f"{rule.title}: {x}" for x in _unknown_hosts(rule, facts)]
    reasons += outcome.notes
    reasons += [f"istioctl analyze: {x}" for x in findings]
    return list(dict.fromkeys(reasons))


def _unknown_hosts(rule, facts):
    """Phrases about the hosts of a VirtualService for the mesh that no Service or ServiceEntry has."""
    if rule.kind != "VirtualService" or "mesh" not in rule.gateway_names:
        return []
    return [f"no Service or ServiceEntry has the host {x}" for x in rule.full_hosts if not service_namespaces(x, facts)]


def analyze_arguments(namespace: str) -> list[str]:
    """Arguments of istioctl to analyze a namespace. The default of the threshold differs by release."""
    return ["analyze", "--namespace", namespace, "--output", "json", "--failure-threshold", "Error", "--color=false"]


def findings_about(rules: list[Rule], output: Output) -> list[str]:
    """The findings of istioctl analyze about these rules, from its Output."""
    found: list[dict] = []
    start = re.search(r"^\[", output.stdout, re.MULTILINE)  # may be preceded by log lines
    try:
        if start:
            found, _end = json.JSONDecoder().raw_decode(output.stdout, start.start())
    except ValueError:
        start = None
    if not start and output.rc != 0:
        error = " ".join((output.stderr or output.stdout).split())[-300:]
        return [f"exit code {output.rc}: {error}"]
    # Old releases print NAME.NAMESPACE.
    names = {f"{x.kind} {y}" for x in rules for y in (f"{x.namespace}/{x.name}", f"{x.name}.{x.namespace}")}
    return [
        f"{item.get('level')} [{item.get('code')}] {item.get('origin')}: {item.get('message')}"
        for item in found
        if str(item.get("origin") or "").partition(" (")[0] in names
    ]


def failure_message(outcome: WaitResult, reasons: list[str]) -> str:
    """The module's message for a WaitResult that is not met; reasons: of find_reasons."""
    if outcome.problem:
        return outcome.problem
    titles = ", ".join(x.title for x in outcome.rules)
    lines = []
    if outcome.lagging:
        part = f"{len(outcome.lagging)} of {len(outcome.proxies)} proxies"
        state = f"{titles} has not reached {part}" if outcome.present else f"{part} still have {titles}"
        lines.append(f"{state} after {outcome.elapsed:g} s:")
        for proxy in outcome.lagging[:MAX_PROXIES_SHOWN]:
            phrases = proxy["missing"] if outcome.present else proxy["applied"] + proxy["missing"]
            lines.append(f"  {proxy['namespace']}/{proxy['name']}: {'; '.join(phrases)}")
        if len(outcome.lagging) > MAX_PROXIES_SHOWN:
            lines.append(f"  and {len(outcome.lagging) - MAX_PROXIES_SHOWN} more")
    else:
        lines.append(f"{'; '.join(outcome.unmet)} after {outcome.elapsed:g} s")
    return "\n".join(lines + [f"reason: {x}" for x in reasons if x not in outcome.unmet or outcome.lagging])
