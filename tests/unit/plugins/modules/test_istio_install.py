# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from unittest.mock import Mock

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.diff import Difference
from ansible_collections.meshlab.istio.plugins.modules import istio_install as subject

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "istio-ca-secret",
        "namespace": "istio-system",
        "annotations": {LAST_APPLIED: '{"data":{"ca-key.pem":"aHVudGVyMg=="}}'},
    },
    "data": {"ca-key.pem": "aHVudGVyMg=="},
}


@pytest.mark.parametrize("diff", [True, False])
def test_a_result_never_contains_the_data_of_a_secret(diff):
    module = Mock(_diff=diff)
    difference = Difference(("Secret", "istio-system", "istio-ca-secret"), "is installed", SECRET)
    result = subject.returned(module, {"changed": True, "differences": [difference], "warnings": ["careful"]})
    assert result["differences"] == [
        {"kind": "Secret", "namespace": "istio-system", "name": "istio-ca-secret", "reason": "is installed"}
    ]
    assert ("diff" in result) is diff and "aHVudGVyMg" not in json.dumps(result)
    module.warn.assert_called_once_with("careful")


def test_a_failure_without_differences_is_returned_unchanged():
    assert subject.returned(Mock(_diff=True), {"changed": False}) == {"changed": False}
