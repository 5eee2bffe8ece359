# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.kubernetes.core.plugins.doc_fragments import k8s_auth_options
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.meshlab.istio.plugins.doc_fragments import cluster
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import options as subject


@pytest.fixture
def params(monkeypatch):
    """The parameters of a module for these arguments and environment variables."""

    def params(arguments=None, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        result = ArgumentSpecValidator(subject.CONNECTION_ARGS).validate(arguments or {})
        assert result.error_messages == []
        return {name: value for name, value in result.validated_parameters.items() if value is not None}

    return params


NOTHING = {"proxy_headers": {"proxy_basic_auth": None, "basic_auth": None, "user_agent": None}}


def test_the_options_are_those_of_kubernetes_core_and_so_is_their_documentation():
    assert set(subject.CONNECTION_ARGS) == set(AUTH_ARG_SPEC)
    documented = yaml.safe_load(k8s_auth_options.ModuleDocFragment.DOCUMENTATION)["options"]
    assert set(subject.CONNECTION_ARGS) == set(documented)
    ours = yaml.safe_load(cluster.ModuleDocFragment.DOCUMENTATION)["options"]
    assert set(ours) <= set(documented)
    for name, spec in subject.CONNECTION_ARGS.items():
        assert spec.get("aliases", []) == documented[name].get("aliases", [])
        assert spec.get("type", "str") == documented[name]["type"]


@pytest.mark.parametrize(
    ("variable", "option", "value", "expected"),
    [
        ("K8S_AUTH_KUBECONFIG", "kubeconfig", "/a:/b", "/a:/b"),
        ("KUBECONFIG", "kubeconfig", "/a:/b", "/a:/b"),
        ("K8S_AUTH_CONTEXT", "context", "lab", "lab"),
        ("K8S_AUTH_HOST", "host", "https://a", "https://a"),
        ("K8S_AUTH_API_KEY", "api_key", "key", "key"),
        ("K8S_AUTH_USERNAME", "username", "me", "me"),
        ("K8S_AUTH_PASSWORD", "password", "word", "word"),
        ("K8S_AUTH_VERIFY_SSL", "validate_certs", "no", False),
        ("K8S_AUTH_VALIDATE_CERTS", "validate_certs", "1", True),
        ("K8S_AUTH_SSL_CA_CERT", "ca_cert", "/ca", "/ca"),
        ("K8S_AUTH_CERT_FILE", "client_cert", "/crt", "/crt"),
        ("K8S_AUTH_KEY_FILE", "client_key", "/key", "/key"),
        ("K8S_AUTH_PROXY", "proxy", "http://p", "http://p"),
        ("K8S_AUTH_NO_PROXY", "no_proxy", "a,b", "a,b"),
        ("K8S_AUTH_PERSIST_CONFIG", "persist_config", "true", True),
        ("K8S_AUTH_IMPERSONATE_USER", "impersonate_user", "jane", "jane"),
        ("K8S_AUTH_IMPERSONATE_GROUPS", "impersonate_groups", "a,b", ["a", "b"]),
    ],
)
def test_an_option_is_read_from_its_environment_variable(params, variable, option, value, expected):
    assert params(**{variable: value}) == {**NOTHING, option: expected}
    assert params({option: expected}, **{variable: "0"})[option] == expected


def test_the_variables_of_proxy_headers(params):
    found = params(K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH="a:b", K8S_AUTH_PROXY_HEADERS_USER_AGENT="me/1")
    assert found["proxy_headers"] == {"proxy_basic_auth": "a:b", "basic_auth": None, "user_agent": "me/1"}


def test_the_variable_of_kubernetes_core_comes_first_and_an_empty_one_is_not_set(params):
    assert params(K8S_AUTH_KUBECONFIG="/first", KUBECONFIG="/second")["kubeconfig"] == "/first"
    assert params(K8S_AUTH_KUBECONFIG="", KUBECONFIG="/second")["kubeconfig"] == "/second"
    assert params({"kubeconfig": ""})["kubeconfig"] == ""  # an empty option overrides the environment


def test_empty_options_are_not_given():
    headers = {"proxy_basic_auth": None, "user_agent": "me/1"}
    params = {"host": "", "context": None, "validate_certs": False, "proxy_headers": headers, "namespace": "a"}
    assert subject.given_options(params) == {"validate_certs": False, "proxy_headers": {"user_agent": "me/1"}}
    assert subject.given_options({"proxy_headers": {"user_agent": None}}) == {}


def test_missing_options_are_read_from_their_variables(monkeypatch):
    monkeypatch.setenv("K8S_AUTH_CERT_FILE", "/crt")
    monkeypatch.setenv("KUBECONFIG", "/environment")
    found = subject.with_variables({"kubeconfig": "/option"})
    assert found == {"kubeconfig": "/option", "client_cert": "/crt"}


def test_secrets_are_not_logged():
    secret = ("api_key", "password")
    assert [x for x in subject.CONNECTION_ARGS if subject.CONNECTION_ARGS[x].get("no_log")] == sorted(secret)
    headers = subject.CONNECTION_ARGS["proxy_headers"]["options"]
    assert {x for x in headers if headers[x].get("no_log")} == {"proxy_basic_auth", "basic_auth"}
