# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from info_objects import MODERN, injector

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.webhooks import describe_webhook


def test_a_webhook_and_its_replacement():
    tag, revision = map(describe_webhook, MODERN)
    assert tag == {
        "name": "istio-revision-tag-default",
        "revision": "default",
        "tag": "default",
        "active": True,
        "failure_policy": "Fail",
        "ca_bundle": True,
        "service": "istio-system/istiod",
        "url": None,
    }
    assert (revision["name"], revision["tag"], revision["active"]) == ("istio-sidecar-injector", None, False)


@pytest.mark.parametrize(("ca", "present"), [(None, False), ("", False), ("Cg==", False), ("Q0E=", True)])
def test_a_ca_bundle_must_not_be_blank(ca, present):
    assert describe_webhook(injector(ca=ca))["ca_bundle"] is present


def test_a_configuration_without_webhooks_does_nothing():
    described = describe_webhook({"metadata": {"name": "empty", "labels": None}})
    assert (described["active"], described["ca_bundle"], described["service"], described["revision"]) == (
        False,
        False,
        None,
        "default",
    )
