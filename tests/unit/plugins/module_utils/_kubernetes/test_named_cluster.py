# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import named_cluster as subject

HOST = "https://192.0.2.1"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kubeconfig": "/a"}, "kubeconfig"),
        ({"kubeconfig": {"users": []}, "context": "lab"}, "kubeconfig"),
        ({"kubeconfig": "/a", "api_key": "x"}, "kubeconfig"),
        ({"kubeconfig": "/a", "host": HOST}, "kubeconfig"),  # which has the credentials
        ({"kubeconfig": "/a", "host": HOST, "username": "x"}, "kubeconfig"),
        ({"kubeconfig": "/a", "host": HOST, "api_key": "x"}, "host"),
        ({"host": HOST, "username": "x", "password": "x", "context": "lab"}, "host"),
        ({"host": HOST, "client_cert": "/x", "client_key": "/x"}, "host"),
        ({"host": HOST}, "anonymous_host"),
        ({"host": HOST, "client_cert": "/x"}, "anonymous_host"),
    ],
)
def test_source_of(given, expected):
    assert subject.source_of(given) == expected


def test_the_service_account_of_a_pod_is_the_last_source(pod):
    assert subject.source_of({}) == subject.source_of({"host": HOST}) == "in_cluster"
    assert subject.source_of({"kubeconfig": "/a"}) == "kubeconfig"
    assert subject.source_of({"host": HOST, "api_key": "x"}) == "host"
    with pytest.raises(subject.NoClusterError):
        subject.source_of({"context": "lab"})  # with a context, kubernetes.core reads ~/.kube/config


def test_a_service_account_without_a_token_is_not_a_source(pod):
    (pod / "token").write_text("")
    with pytest.raises(subject.NoClusterError):
        subject.source_of({})


@pytest.mark.parametrize("given", [{}, {"context": "lab"}, {"api_key": "x"}, {"host": HOST, "context": "lab"}])
def test_without_a_cluster_the_message_names_what_to_set(given):
    with pytest.raises(subject.NoClusterError) as caught:
        subject.source_of(given, "shop_kubeconfig")
    assert str(caught.value) == (
        "no kubeconfig given: set shop_kubeconfig, or the environment variable K8S_AUTH_KUBECONFIG or KUBECONFIG "
        "(~/.kube/config is never used implicitly)"
    )


def test_without_the_kubernetes_library_a_pod_is_not_a_source(pod, monkeypatch):
    monkeypatch.setattr(subject, "kubernetes", None)
    assert subject.source_of({"kubeconfig": "/a"}) == "kubeconfig"
    with pytest.raises(subject.NoClusterError):
        subject.source_of({})
