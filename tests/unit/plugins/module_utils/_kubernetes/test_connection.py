# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import sys

import kubernetes
import pytest

from ansible_collections.kubernetes.core.plugins.module_utils.k8s import client as core
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import connection as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError

TOKEN = "s3cret-t0ken"
HOST = "https://10.0.0.1:6443"


@pytest.fixture
def written(tmp_path, kubeconfig):
    """Write a kubeconfig, or other content, to a file; returns its path."""

    def write(name="config", content=None):
        path = tmp_path / name
        path.write_text(json.dumps(kubeconfig() if content is None else content))
        return str(path)

    return write


# ---- the source of the connection ----


@pytest.mark.parametrize(
    "params",
    [{}, {"kubeconfig": None}, {"kubeconfig": ""}, {"kubeconfig": {}}, {"context": "lab"}, {"api_key": TOKEN},
     {"host": HOST, "context": "lab"}, {"ca_cert": "/ca.crt", "validate_certs": False}],
)  # fmt: skip
def test_the_kubeconfig_in_the_home_directory_is_never_used_implicitly(params, tmp_path, monkeypatch, kubeconfig):
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text(json.dumps(kubeconfig()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(kubernetes.config.kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / ".kube/config"))
    with pytest.raises(ClusterError, match=r"^no kubeconfig given: set kubeconfig, .*never used"):
        subject.resolve(params)


def test_paths_are_expanded(written, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WHERE", str(tmp_path))
    path = written()
    for given in (tmp_path / "config", path, "~/config", "$WHERE/config"):
        connection = subject.resolve({"kubeconfig": given})
        assert (connection.kubeconfig, connection.context) == (path, None)
        assert connection.configuration.host == "http://127.0.0.1:1"


def test_a_path_that_is_not_a_readable_file_is_named(tmp_path, written):
    for path in (tmp_path, tmp_path / "missing", f"{tmp_path}/missing:{tmp_path}/other", f"{written()}:{tmp_path}"):
        named = str(path).replace(f"{written()}:", "")
        with pytest.raises(ClusterError, match=rf"^kubeconfig {named} is not a readable file$"):
            subject.resolve({"kubeconfig": path})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([TOKEN], "kubeconfig must be a path or a dictionary, got list"),
        (f"users:\n- {TOKEN}", "kubeconfig must be a path or a dictionary, got the content of a file"),
        (f"{{users: {TOKEN}}}", "kubeconfig must be a path or a dictionary, got the content of a file"),
    ],
)
def test_another_type_is_refused_without_showing_it(wrong, message):
    with pytest.raises(ClusterError, match=f"^{message}") as caught:
        subject.resolve({"kubeconfig": wrong})
    assert TOKEN not in str(caught.value)


def test_the_context_selects_the_cluster(written, kubeconfig):
    for given in (written(), kubeconfig()):
        connection = subject.resolve({"kubeconfig": given, "context": "other"})
        assert connection.configuration.host == "http://127.0.0.1:2"
        assert (connection.kubeconfig, connection.context) == (given, "other")


@pytest.mark.parametrize(
    ("change", "context", "message"),
    [
        ({"clusters": None, "contexts": None}, None, "contexts"),
        ({"clusters": []}, None, "clusters"),
        ({"users": [{"user": {"token": TOKEN}}]}, None, "users"),
        ({"users": [{"name": "me", "usr": {"token": TOKEN}}]}, None, "Expected key user in"),
        ({}, "nowhere", "nowhere"),
    ],
)
@pytest.mark.parametrize("file", [False, True])
def test_a_broken_kubeconfig_is_reported_without_its_secrets(kubeconfig, written, change, context, message, file):
    content = {**kubeconfig(), **change}
    with pytest.raises(ClusterError) as caught:
        subject.resolve({"kubeconfig": written(content=content) if file else content, "context": context})
    assert str(caught.value).startswith("kubeconfig") and message in str(caught.value)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "kind", "change", "field"),
    [
        ("clusters", "cluster", {"certificate-authority": "ca.crt"}, "certificate-authority of cluster lab"),
        ("users", "user", {"client-certificate": "~/me.crt"}, "client-certificate of user me"),
        ("users", "user", {"client-key": "./me.key"}, "client-key of user me"),
        ("users", "user", {"tokenFile": "token"}, "tokenFile of user me"),
        ("users", "user", {"exec": {"command": "bin/login"}}, "exec.command of user me"),
    ],
)
def test_a_relative_path_in_a_dictionary_is_refused(kubeconfig, entries, kind, change, field):
    content = kubeconfig()
    content[entries][0][kind].update(change)
    with pytest.raises(ClusterError, match=f"^kubeconfig: {field} must be an absolute path where kubeconfig is a dict"):
        subject.resolve({"kubeconfig": content})


def test_absolute_paths_and_commands_in_the_path_are_accepted_in_a_dictionary(kubeconfig, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    content = kubeconfig()
    content["users"][0]["user"] = {"tokenFile": str(tmp_path / "token")}
    assert subject.resolve({"kubeconfig": content}).authorization == f"Bearer {TOKEN}"
    content["users"][0]["user"] = {"exec": {"command": "nonesuch", "apiVersion": "client.authentication.k8s.io/v1"}}
    with pytest.raises(ClusterError, match="the exec command of its user could not be run"):
        subject.resolve({"kubeconfig": content})


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(subject, "kubernetes", None)
    with pytest.raises(ClusterError, match=r"Failed to import the required Python library \(kubernetes\)"):
        subject.resolve({"host": HOST, "api_key": TOKEN})


# ---- several files ----


def test_several_files_are_merged_and_missing_ones_skipped(written, tmp_path, kubeconfig):
    contexts = {key: value for key, value in kubeconfig().items() if key != "current-context"}
    first, second = written("first", {**contexts, "contexts": contexts["contexts"][1:]}), written("second")
    paths = f"{tmp_path}/missing:{first}:{second}"
    connection = subject.resolve({"kubeconfig": paths, "context": "lab"})
    assert connection.configuration.host == "http://127.0.0.1:1"
    assert (connection.kubeconfig, connection.context) == (paths, "lab")
    # Without a context, the library and istioctl must use the same one.
    assert subject.resolve({"kubeconfig": f"{second}:{first}"}).context == "lab"


def test_files_with_different_current_contexts_require_a_context(written, kubeconfig):
    first, second = written("first", {**kubeconfig(), "current-context": "other"}), written("second")
    with pytest.raises(ClusterError, match=r"have different current contexts \(other, lab\); set context$"):
        subject.resolve({"kubeconfig": f"{first}:{second}"})
    assert subject.resolve({"kubeconfig": f"{first}:{second}", "context": "lab"}).context == "lab"


# ---- a pod ----


def test_in_a_pod_its_service_account_is_used(pod):
    connection = subject.resolve({})
    assert connection.configuration.host == "https://10.0.0.9:443"
    assert connection.configuration.ssl_ca_cert == str(pod / "ca.crt")
    assert connection.authorization == "bearer p0d-t0ken"
    assert (connection.kubeconfig, connection.token_path) == (None, str(pod / "token"))


def test_in_a_pod_options_override_its_service_account(pod):
    connection = subject.resolve({"api_key": TOKEN, "ca_cert": "/other.crt"})
    assert connection.configuration.host == "https://10.0.0.9:443"
    assert connection.configuration.get_api_key_with_prefix("authorization") == f"Bearer {TOKEN}"
    assert (connection.configuration.ssl_ca_cert, connection.token_path) == ("/other.crt", None)


def test_options_take_precedence_over_the_cluster_of_the_pod(pod, written):
    assert subject.resolve({"kubeconfig": written()}).configuration.host == "http://127.0.0.1:1"
    with pytest.raises(ClusterError, match="no kubeconfig given"):
        subject.resolve({"context": "lab"})


# ---- options ----

BASIC = "Basic " + base64.b64encode(b"me:p4ssword").decode()
OPTIONS = [
    {"host": f"{HOST}/", "api_key": TOKEN},
    {"host": HOST, "api_key": TOKEN, "ca_cert": "/ca.crt", "kubeconfig": "/not/read"},
    {"host": HOST, "api_key": TOKEN, "validate_certs": False, "context": "not read"},
    {"host": HOST, "client_cert": "/me.crt", "client_key": "/me.key"},
    {"host": HOST, "api_key": TOKEN, "proxy": "http://proxy:3128", "no_proxy": "a,b"},
    {"host": HOST, "api_key": TOKEN, "proxy": "http://proxy:3128", "proxy_headers": {"proxy_basic_auth": "a:b"}},
    {"host": HOST, "api_key": TOKEN, "impersonate_user": "jane", "impersonate_groups": ["a", "b"]},
    {"kubeconfig": "FILE", "context": "other"},
    {"kubeconfig": "FILE", "host": HOST, "validate_certs": False},
    {"kubeconfig": "FILE", "api_key": "other", "ca_cert": "/ca.crt"},
    {"kubeconfig": "FILE", "persist_config": True},
]
COMPARED = ("host", "ssl_ca_cert", "cert_file", "key_file", "verify_ssl", "proxy", "no_proxy")


@pytest.mark.parametrize("options", OPTIONS, ids="-".join)
def test_the_options_have_the_same_effect_as_in_kubernetes_core(options, written, monkeypatch, tmp_path):
    for file in ("ca.crt", "me.crt", "me.key"):
        (tmp_path / file).write_text(file)
    places = {"FILE": written(), "/ca.crt": f"{tmp_path}/ca.crt", "/me.crt": f"{tmp_path}/me.crt",
              "/me.key": f"{tmp_path}/me.key"}  # fmt: skip
    options = {name: places.get(value, value) if isinstance(value, str) else value for name, value in options.items()}
    monkeypatch.setattr(core, "LazyDiscoverer", lambda *_ignored: None)  # it would send requests
    kubernetes.client.Configuration.set_default(None)
    theirs = core.get_api_client(**options)
    kubernetes.client.Configuration.set_default(None)
    ours = subject.resolve(options)
    for name in COMPARED:
        assert getattr(ours.configuration, name) == getattr(theirs.configuration, name), name
    assert ours.authorization == subject.Connection(theirs.configuration).authorization
    assert (ours.configuration.proxy_headers or {}) == (theirs.configuration.proxy_headers or {})
    headers = [(str(name), value) for name, value in theirs.client.client.default_headers.items()]
    assert list(ours.impersonation) == [x for x in headers if x[0].startswith("Impersonate")]


def test_a_user_and_password_are_sent(written):
    for source in ({"host": HOST}, {"kubeconfig": written()}):
        connection = subject.resolve({**source, "username": "me", "password": "p4ssword"})
        assert connection.authorization == BASIC


def test_a_host_without_credentials_is_anonymous():
    connection = subject.resolve({"host": "http://127.0.0.1:8001"})  # such as kubectl proxy
    assert (connection.configuration.host, connection.authorization) == ("http://127.0.0.1:8001", "")


def test_a_token_refresh_keeps_the_options(written):
    connection = subject.resolve({"kubeconfig": written(), "host": HOST, "validate_certs": False})
    for _again in range(2):
        assert connection.configuration.get_api_key_with_prefix("authorization") == f"Bearer {TOKEN}"
        assert (connection.configuration.host, connection.configuration.verify_ssl) == (HOST, False)


USERS = [
    {"token": TOKEN},
    {"username": "admin", "password": "4dmin"},
    {"client-certificate-data": "YWRtaW4=", "client-key-data": "a2V5"},
    {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/no/such/helper"}},
]
CREDENTIALS = [
    ({"api_key": "other"}, "Bearer other", None),
    ({"username": "me", "password": "p4ssword"}, BASIC, None),
    ({"client_cert": "/me.crt", "client_key": "/me.key"}, "", "/me.crt"),
    ({"client_cert": "/me.crt", "client_key": "/me.key", "api_key": "other"}, "Bearer other", "/me.crt"),
]


@pytest.mark.parametrize("user", USERS, ids=lambda x: next(iter(x)))
@pytest.mark.parametrize(
    ("options", "authorization", "certificate"), CREDENTIALS, ids=lambda x: "-".join(x) if isinstance(x, dict) else ""
)
def test_credentials_replace_the_user_of_a_kubeconfig(kubeconfig, user, options, authorization, certificate):
    content = kubeconfig(HOST)
    content["users"][0]["user"] = user
    connection = subject.resolve({"kubeconfig": content, **options})
    for _again in range(2):  # a request may refresh the token
        connection.configuration.get_api_key_with_prefix("authorization")
        assert connection.configuration.host == HOST
        assert (connection.authorization, connection.configuration.cert_file) == (authorization, certificate)
        assert connection.configuration.key_file == (certificate and "/me.key")


def test_incomplete_credentials_do_not_replace_the_user(kubeconfig):
    for options in ({"username": "me"}, {"client_key": "/me.key"}, {"ca_cert": "/ca.crt"}):
        assert subject.resolve({"kubeconfig": kubeconfig(), **options}).authorization == f"Bearer {TOKEN}"


def test_a_client_certificate_replaces_the_service_account_of_a_pod(pod):
    connection = subject.resolve({"client_cert": "/me.crt", "client_key": "/me.key"})
    assert (connection.authorization, connection.token_path) == ("", None)
    assert connection.configuration.cert_file == "/me.crt"


def test_the_proxy_of_a_kubeconfig_is_used_and_one_of_the_environment_is_not(kubeconfig, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://environment:1")
    content = kubeconfig()
    assert subject.resolve({"kubeconfig": content}).configuration.proxy is None
    content["clusters"][0]["cluster"]["proxy-url"] = "http://me:a%20b@kubeconfig:2"
    configuration = subject.resolve({"kubeconfig": content}).configuration
    assert configuration.proxy == "http://me:a%20b@kubeconfig:2"
    assert configuration.proxy_headers == {"proxy-authorization": "Basic " + base64.b64encode(b"me:a b").decode()}
    assert subject.resolve({"kubeconfig": content, "proxy": "http://o:3"}).configuration.proxy == "http://o:3"


def test_an_empty_option_is_not_set(written):
    empty = {"host": "", "api_key": None, "impersonate_groups": [], "proxy_headers": {"basic_auth": None}}
    connection = subject.resolve({"kubeconfig": written(), **empty})
    assert connection.kubeconfig == written()


def test_an_option_that_overrides_the_source_requires_another_kubeconfig(written):
    path = written()
    for options in ({"validate_certs": False}, {"impersonate_user": "jane"}, {"no_proxy": "a"}, {"host": HOST}):
        assert subject.resolve({"kubeconfig": path, **options}).kubeconfig is None, options
    assert subject.resolve({"kubeconfig": path, "persist_config": True}).kubeconfig == path


# ---- exec commands ----


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["/no/such/helper"], "No such file or directory: '/no/such/helper'"),
        ([sys.executable, "-c", "import sys; sys.exit('not signed in')"], "exec: process returned 1. not signed in"),
        ([sys.executable, "-c", "print('{}')"], "exec: malformed response"),
    ],
)
def test_an_exec_command_that_cannot_be_run_is_an_error_and_not_an_anonymous_user(kubeconfig, command, reason, caplog):
    content = kubeconfig("https://127.0.0.1:1")
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": command[0], "args": command[1:]}
    content["users"][0]["user"] = {"exec": plugin}
    with pytest.raises(ClusterError) as caught:
        subject.resolve({"kubeconfig": content})
    assert str(caught.value).startswith("kubeconfig: the exec command of its user could not be run: ")
    assert reason in str(caught.value)


def test_the_token_of_an_exec_command_is_used(kubeconfig):
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-exec"},
    }
    content = kubeconfig()
    content["users"][0]["user"] = {
        "exec": {
            "apiVersion": credential["apiVersion"],
            "command": sys.executable,
            "args": ["-c", f"print({json.dumps(credential)!r})"],
        }
    }
    assert subject.resolve({"kubeconfig": content}).authorization == "Bearer from-exec"
