# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from install_fakes import RENDERED

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import render as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError


def test_only_the_heads_of_crds_are_parsed():
    documents = subject.read_rendered("---\n" + yaml.dump_all(RENDERED, sort_keys=True) + "\n---\n")
    assert [document.key for document in documents] == [
        ("CustomResourceDefinition", "", "virtualservices.networking.istio.io"),
        ("MutatingWebhookConfiguration", "", "istio-sidecar-injector"),
        ("Deployment", "istio-system", "istiod"),
        ("Service", "istio-system", "istio-ingressgateway"),
    ]
    assert "spec" not in documents[0].head
    assert [document.definition for document in documents] == RENDERED


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "rendered no objects"), ("a: b: c", "is not a manifest"), ("just words", "is not a manifest")],
)
def test_output_that_is_not_a_manifest_is_an_error(text, message):
    with pytest.raises(IstioctlError, match=message) as caught:
        subject.read_rendered(text)
    assert caught.value.stdout == text
