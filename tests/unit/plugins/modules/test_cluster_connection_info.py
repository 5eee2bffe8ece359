# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.modules import cluster_connection_info as subject

HOST = "https://192.0.2.1"


@pytest.fixture
def find(monkeypatch):
    """Find the cluster of these options and environment variables."""

    def find(options, variables):
        for name in ("K8S_AUTH_KUBECONFIG", "KUBECONFIG", "K8S_AUTH_HOST", "K8S_AUTH_CONTEXT"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return subject.find_cluster({"kubeconfig_option": "shop_kubeconfig", **options})

    return find


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ({"kubeconfig": "/a"}, {"K8S_AUTH_KUBECONFIG": "/b", "KUBECONFIG": "/c"}, "/a"),
        ({"kubeconfig": {"users": [1]}}, {}, {"users": [1]}),
        ({"kubeconfig": ""}, {"K8S_AUTH_KUBECONFIG": "/b", "KUBECONFIG": "/c"}, "/b"),
        ({}, {"K8S_AUTH_KUBECONFIG": "", "KUBECONFIG": "/c:/d"}, "/c:/d"),
        ({"host": HOST}, {"KUBECONFIG": "/c"}, "/c"),  # for its credentials
    ],
)
def test_the_first_kubeconfig_is_used(find, options, variables, expected):
    assert find(options, variables) == ("kubeconfig", expected)


@pytest.mark.parametrize(
    "credentials",
    [
        {"K8S_AUTH_API_KEY": "x"},
        {"K8S_AUTH_USERNAME": "x", "K8S_AUTH_PASSWORD": "x"},
        {"K8S_AUTH_CLIENT_CERT": "/x", "K8S_AUTH_CLIENT_KEY": "/x"},
        {"K8S_AUTH_CERT_FILE": "/x", "K8S_AUTH_KEY_FILE": "/x"},
    ],
)
def test_a_host_with_credentials_is_preferred_to_a_kubeconfig_of_the_environment(find, credentials):
    assert find({}, {"K8S_AUTH_HOST": HOST, "KUBECONFIG": "/c", **credentials}) == ("host", None)


def test_a_kubeconfig_option_and_a_host_of_the_environment_are_an_error(find):
    with pytest.raises(ClusterError, match=r"^shop_kubeconfig and the environment variable K8S_AUTH_HOST"):
        find({"kubeconfig": "/a"}, {"K8S_AUTH_HOST": HOST})


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        ({}, {}),
        ({"context": "lab"}, {}),
        ({"host": HOST}, {}),
        ({}, {"K8S_AUTH_HOST": HOST}),  # kubernetes.core would send it the credentials of ~/.kube/config
        ({}, {"K8S_AUTH_HOST": HOST, "K8S_AUTH_USERNAME": "x"}),
        ({}, {"K8S_AUTH_API_KEY": "x"}),
        ({"host": HOST}, {"K8S_AUTH_CONTEXT": "lab"}),
    ],
)
def test_without_a_cluster_it_is_an_error(find, options, variables):
    with pytest.raises(ClusterError, match=r"^no kubeconfig given: set shop_kubeconfig, or "):
        find(options, variables)


def test_a_path_is_returned(run):
    result, _written = run("cluster_connection_info", kubeconfig="/nowhere/kubeconfig")
    assert (result["source"], result["kubeconfig"]) == ("kubeconfig", "/nowhere/kubeconfig")
    assert result["changed"] is False


def test_the_content_of_a_kubeconfig_is_not_returned(run):
    result, written = run("cluster_connection_info", kubeconfig={"users": [{"user": {"token": "s3cret-t0ken"}}]})
    assert (result["source"], result["kubeconfig"]) == ("kubeconfig", None)
    assert "s3cret-t0ken" not in written


def test_without_a_cluster_it_fails(run):
    result, _written = run("cluster_connection_info", kubeconfig="", kubeconfig_option="shop_kubeconfig")
    assert result["failed"] is True
    assert result["msg"].startswith("no kubeconfig given: set shop_kubeconfig, or ")
