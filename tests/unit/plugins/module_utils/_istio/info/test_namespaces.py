# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from info_objects import MODERN, injector, namespace_object, old_injector

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.namespaces import namespace_state


@pytest.mark.parametrize(
    ("labels", "hooks", "injection", "revision"),
    [
        ({}, MODERN, "none", None),
        ({"istio_injection": "enabled"}, MODERN, "enabled", "default"),
        ({"istio_injection": "disabled"}, MODERN, "disabled", None),
        ({"rev": "default"}, MODERN, "enabled", "default"),
        ({"istio_injection": "enabled"}, [old_injector()], "enabled", "default"),
        ({}, [old_injector()], "none", None),
        ({"rev": "canary"}, [old_injector(), old_injector("canary")], "enabled", "canary"),
        ({"rev": "canary"}, [*MODERN, injector("canary")], "enabled", "canary"),
        ({"rev": "prod"}, [injector("1-26"), injector("1-27"), injector("1-27", "prod")], "enabled", "1-27"),
        ({"istio_injection": "enabled"}, [injector("1-27"), injector("1-27", "default")], "enabled", "1-27"),
    ],
)
def test_the_selectors_of_the_webhooks_decide(labels, hooks, injection, revision):
    state = namespace_state(namespace_object(**labels), hooks)
    assert (state["injection"], state["revision"], state["warnings"]) == (injection, revision, [])
    assert len(state["webhooks"]) == (injection == "enabled")


@pytest.mark.parametrize(
    ("labels", "hooks", "injection", "warning"),
    [
        (
            {"istio_injection": "true"},
            MODERN,
            "disabled",
            "istio-injection must be enabled or disabled, got true",
        ),
        (
            {"rev": "canary"},
            MODERN,
            "none",
            "istio.io/rev=canary, but no webhook serves this revision or tag (available: default), so nothing is "
            "injected; set the label to default, or install that revision",
        ),
        (
            {"rev": "canary"},
            [],
            "none",
            "istio.io/rev=canary, but no webhook serves this revision or tag (available: none), so nothing is injected",
        ),
        (
            {"istio_injection": "enabled"},
            [injector("1-27")],
            "none",
            "istio-injection=enabled, but no webhook serves the default revision (available: 1-27), so nothing is "
            "injected; label it istio.io/rev=1-27 instead, or run istioctl tag set default --revision 1-27",
        ),
        (
            {"istio_injection": "enabled"},
            [],
            "none",
            "istio-injection=enabled, but no webhook serves the default revision (available: none), "
            "so nothing is injected",
        ),
        (
            {"istio_injection": "enabled", "rev": "canary"},
            [*MODERN, injector("canary")],
            "enabled",
            "istio-injection=enabled and istio.io/rev=canary contradict each other; the former takes precedence; "
            "remove one (kubectl label namespace shop istio.io/rev-)",
        ),
        (
            {"istio_injection": "disabled", "rev": "default"},
            MODERN,
            "disabled",
            "istio-injection=disabled and istio.io/rev=default contradict each other; the former takes precedence; "
            "remove one (kubectl label namespace shop istio.io/rev-)",
        ),
        (
            {"istio_injection": "enabled"},
            [injector(), injector("1-26", "default")],
            "enabled",
            "2 webhooks inject in this namespace, one after the other: "
            "istio-sidecar-injector, istio-revision-tag-default",
        ),
    ],
)
def test_labels_without_the_expected_effect_are_reported_with_the_fix(labels, hooks, injection, warning):
    state = namespace_state(namespace_object(**labels), hooks)
    assert state["injection"] == injection
    assert state["warnings"] == [warning]


def test_two_labels_with_the_same_meaning_are_accepted():
    both = namespace_object(istio_injection="enabled", rev="default")
    assert namespace_state(both, MODERN)["warnings"] == []


def test_system_namespaces_are_never_injected():
    state = namespace_state(namespace_object("kube-system", istio_injection="enabled"), MODERN)
    assert (state["injection"], state["webhooks"]) == ("none", [])
    assert state["warnings"] == ["labeled for injection, but istiod never injects in kube-system"]
    assert namespace_state(namespace_object("kube-system"), MODERN)["warnings"] == []
    unread = namespace_state(namespace_object("local-path-storage", istio_injection="enabled"), None)
    assert (unread["injection"], len(unread["warnings"])) == ("none", 1)


@pytest.mark.parametrize(
    ("labels", "injection", "revision"),
    [
        ({}, "none", None),
        ({"istio_injection": "enabled"}, "enabled", None),
        ({"istio_injection": "disabled", "rev": "a"}, "disabled", None),
        ({"rev": "canary"}, "enabled", "canary"),
    ],
)
def test_labels_decide_without_permission_to_read_webhooks(labels, injection, revision):
    state = namespace_state(namespace_object(**labels), None)
    assert (state["injection"], state["revision"], state["warnings"]) == (injection, revision, [])
