# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import Policy, parse_policy

APP, OTHER = {"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "db"}}
DISABLED = "the injection policy of the control plane is disabled"
NEVER = "the neverInjectSelector of the control plane matches the pods"


# As injectRequired in Istio's pkg/kube/inject/inject.go.
@pytest.mark.parametrize(
    ("policy", "request_value", "refusal"),
    [
        (Policy(), None, ""),
        (Policy(), False, "the pod opts out of injection"),
        (Policy("disabled"), None, DISABLED),
        (Policy("disabled"), True, ""),
        (Policy("disabled", always=(APP,)), None, ""),
        (Policy("disabled", always=(OTHER,)), None, DISABLED),
        (Policy("disabled", always=({},)), None, DISABLED),  # an empty selector matches nothing
        (Policy(never=(OTHER, APP)), None, NEVER),
        (Policy(never=(APP,), always=(APP,)), None, NEVER),
        (Policy(never=(APP,)), True, ""),
        (Policy(never=({},)), None, ""),
        (Policy("on"), True, "the injection policy of the control plane must be enabled or disabled, got 'on'"),
    ],
)
def test_refusal(policy, request_value, refusal):
    assert policy.refusal(request_value, {"app": "web"}) == refusal


def test_parse_policy():
    text = """
policy: disabled
neverInjectSelector:
  - matchLabels: {app: db}
alwaysInjectSelector:
  []
templates:
  sidecar: |
    {{ if .Values }}x: {{ . }}{{ end }}
"""
    assert parse_policy(text) == Policy("disabled", never=(OTHER,))
    assert parse_policy("policy: enabled\nalwaysInjectSelector: [{matchLabels: {app: web}}]") == Policy(always=(APP,))
    assert parse_policy("templates: {}").refusal(None, {}).endswith("must be enabled or disabled, got ''")


@pytest.mark.parametrize("text", ["", "text", "a: [", "- a"])
def test_a_text_that_is_not_a_configuration_has_the_default_policy(text):
    assert parse_policy(text) == Policy()
