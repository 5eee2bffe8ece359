# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.named_cluster import (
    NamedCluster,
    NoClusterError,
    named_cluster,
)

POD = {"KUBERNETES_SERVICE_HOST": "192.0.2.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def service_account_dir(tmp_path):
    """A directory such as Kubernetes mounts into pods."""
    for name in ("token", "ca.crt"):
        (tmp_path / name).write_text("x")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("options", "environ", "expected"),
    [
        ({"kubeconfig": "/a"}, {"K8S_AUTH_KUBECONFIG": "/b", "KUBECONFIG": "/c"}, "/a"),
        ({"kubeconfig": {"users": []}}, {}, {"users": []}),
        ({"kubeconfig": ""}, {"K8S_AUTH_KUBECONFIG": "/b", "KUBECONFIG": "/c"}, "/b"),
        ({}, {"K8S_AUTH_KUBECONFIG": "", "KUBECONFIG": "/c:/d"}, "/c:/d"),
        ({"host": "https://192.0.2.1"}, {"KUBECONFIG": "/c"}, "/c"),  # for its credentials
    ],
)
def test_the_first_kubeconfig_that_is_given_is_used(options, environ, expected):
    assert named_cluster(options, environ) == NamedCluster("kubeconfig", expected)


@pytest.mark.parametrize(
    "credentials",
    [
        {"K8S_AUTH_API_KEY": "x"},
        {"K8S_AUTH_USERNAME": "x", "K8S_AUTH_PASSWORD": "x"},
        {"K8S_AUTH_CLIENT_CERT": "/x", "K8S_AUTH_CLIENT_KEY": "/x"},
        {"K8S_AUTH_CERT_FILE": "/x", "K8S_AUTH_KEY_FILE": "/x"},
    ],
)
def test_a_host_with_credentials_is_preferred_to_a_kubeconfig_of_the_environment(credentials):
    environ = {"K8S_AUTH_HOST": "https://192.0.2.1", "KUBECONFIG": "/c", **credentials}
    assert named_cluster({}, environ) == NamedCluster("host")
    options = {name[len("K8S_AUTH_") :].lower(): value for name, value in credentials.items()}
    if "cert_file" not in options:
        assert named_cluster({"host": "https://192.0.2.1", **options}, {}) == NamedCluster("host")


def test_a_kubeconfig_that_is_an_option_and_a_host_of_the_environment_contradict_each_other():
    with pytest.raises(NoClusterError, match="shop_kubeconfig and the environment variable K8S_AUTH_HOST"):
        named_cluster({"kubeconfig": "/a"}, {"K8S_AUTH_HOST": "https://192.0.2.1"}, "shop_kubeconfig")


def test_the_service_account_of_a_pod_is_used_last(service_account_dir):
    assert named_cluster({}, POD, service_account_dir=service_account_dir) == NamedCluster("in_cluster")
    with_kubeconfig = named_cluster({}, {**POD, "KUBECONFIG": "/c"}, service_account_dir=service_account_dir)
    assert with_kubeconfig.source == "kubeconfig"


@pytest.mark.parametrize(
    ("options", "environ"),
    [
        ({}, {}),
        ({"context": "lab"}, {}),
        ({}, {"K8S_AUTH_HOST": "https://192.0.2.1"}),  # without credentials those of ~/.kube/config would be sent
        ({}, {"K8S_AUTH_HOST": "https://192.0.2.1", "K8S_AUTH_USERNAME": "x"}),
        ({}, {"K8S_AUTH_API_KEY": "x"}),
        ({"context": "lab"}, POD),  # with a context kubernetes.core reads ~/.kube/config
        ({}, {**POD, "K8S_AUTH_CONTEXT": "lab"}),
        ({}, {"KUBERNETES_SERVICE_HOST": "192.0.2.1"}),
    ],
)
def test_without_a_cluster_the_message_names_what_to_set(options, environ, service_account_dir):
    with pytest.raises(NoClusterError) as caught:
        named_cluster(options, environ, "shop_kubeconfig", service_account_dir)
    assert str(caught.value) == (
        "no kubeconfig given: set shop_kubeconfig, or the environment variable K8S_AUTH_KUBECONFIG or KUBECONFIG "
        "(~/.kube/config is never used implicitly)"
    )


def test_a_service_account_without_a_token_does_not_count(tmp_path):
    with pytest.raises(NoClusterError):
        named_cluster({}, POD, service_account_dir=str(tmp_path))
