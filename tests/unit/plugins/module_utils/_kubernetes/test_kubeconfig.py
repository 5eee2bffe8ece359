# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat

import pytest
import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import kubeconfig as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.connection import Connection, resolve

TOKEN = "s3cret-t0ken"
HOST = "https://10.0.0.1:6443"


@pytest.fixture
def temporary_dir(tmp_path, monkeypatch):
    """The directory for temporary files."""
    monkeypatch.setattr(subject.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def content(**params):
    """The cluster and user in the temporary kubeconfig of these options."""
    with subject.kubeconfig_file(resolve(params)) as file, open(file.path, encoding="utf-8") as source:
        assert file.temporary
        found = yaml.safe_load(source)
    assert found["current-context"] == found["contexts"][0]["name"]
    assert found["contexts"][0]["context"] == {"cluster": "meshlab", "user": "meshlab"}
    return found["clusters"][0]["cluster"], found["users"][0]["user"]


def test_the_file_of_the_user_is_used_directly(tmp_path, temporary_dir, kubeconfig):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig()))
    with subject.kubeconfig_file(resolve({"kubeconfig": str(path), "context": "other"})) as file:
        assert file == subject.KubeconfigFile(str(path), "other", temporary=False)
        assert list(temporary_dir.iterdir()) == [path]


def test_a_dictionary_becomes_a_private_file_during_the_block(kubeconfig):
    given = {**kubeconfig(), "note": "naïve \U0001f41f: 'quoted'\n"}
    umask = os.umask(0)
    try:
        with subject.kubeconfig_file(resolve({"kubeconfig": given, "context": "other"})) as file:
            assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
            assert (file.context, file.temporary) == ("other", True)
            with open(file.path, encoding="utf-8") as source:
                assert yaml.safe_load(source) == given
    finally:
        os.umask(umask)
    assert not os.path.exists(file.path)


def test_a_temporary_file_is_removed_after_an_error(temporary_dir, kubeconfig):
    connection = resolve({"kubeconfig": kubeconfig()})
    with pytest.raises(KeyboardInterrupt), subject.kubeconfig_file(connection):
        raise KeyboardInterrupt
    assert list(temporary_dir.iterdir()) == []


def test_a_file_that_cannot_be_written_is_removed(temporary_dir):
    connection = Connection(None, kubeconfig={"users": [{"token": TOKEN, "not JSON": object()}]})
    with pytest.raises(TypeError), subject.kubeconfig_file(connection):
        pass
    assert list(temporary_dir.iterdir()) == []


def test_a_token_and_a_ca():
    cluster, user = content(host=HOST, api_key=TOKEN, ca_cert="/ca.crt")
    assert cluster == {"server": HOST, "certificate-authority": "/ca.crt"}
    assert user == {"token": TOKEN}


def test_a_client_certificate():
    cluster, user = content(host=HOST, client_cert="me.crt", client_key="/me.key")
    assert cluster == {"server": HOST}
    assert user == {"client-certificate": f"{os.getcwd()}/me.crt", "client-key": "/me.key"}


def test_a_user_and_password():
    _cluster, user = content(host=HOST, username="me", password="p4ss:word")
    assert user == {"username": "me", "password": "p4ss:word"}


def test_a_server_that_is_not_verified_has_no_ca():
    cluster, _user = content(host=HOST, api_key=TOKEN, ca_cert="/ca.crt", validate_certs=False)
    assert cluster == {"server": HOST, "insecure-skip-tls-verify": True}


def test_impersonation():
    _cluster, user = content(host=HOST, api_key=TOKEN, impersonate_user="jane", impersonate_groups=["a", "b"])
    assert user == {"token": TOKEN, "as": "jane", "as-groups": ["a", "b"]}


@pytest.mark.parametrize(
    ("options", "url"),
    [
        ({}, "http://proxy:3128"),
        ({"proxy_headers": {"proxy_basic_auth": "me:a b/c"}}, "http://me:a%20b%2Fc@proxy:3128"),
        ({"proxy": "http://me:a%20b@proxy:3128"}, "http://me:a%20b@proxy:3128"),
        ({"no_proxy": "10.0.0.0/8"}, None),
        ({"no_proxy": "example.com"}, "http://proxy:3128"),
    ],
)
def test_a_proxy(options, url):
    cluster, _user = content(**{"host": HOST, "api_key": TOKEN, "proxy": "http://proxy:3128", **options})
    assert cluster.get("proxy-url") == url


def test_the_rest_of_a_kubeconfig_is_kept_if_options_override_it(kubeconfig):
    for params in ({"host": HOST}, {"host": HOST, "context": "other"}):
        cluster, user = content(kubeconfig=kubeconfig(), **params)
        assert (cluster, user) == ({"server": HOST}, {"token": TOKEN})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"api_key": "other"}, {"token": "other"}),
        ({"username": "me", "password": "p4ssword"}, {"username": "me", "password": "p4ssword"}),
        (
            {"client_cert": "/me.crt", "client_key": "/me.key"},
            {"client-certificate": "/me.crt", "client-key": "/me.key"},
        ),
    ],
)
def test_credentials_replace_the_user_of_a_kubeconfig(kubeconfig, options, expected):
    for user in ({"client-certificate-data": "YWRtaW4=", "client-key-data": "a2V5"}, {"token": TOKEN}):
        given = kubeconfig(HOST)
        given["users"][0]["user"] = user
        _cluster, found = content(kubeconfig=given, **options)
        assert found == expected


def test_the_kubeconfig_of_a_pod_contains_the_path_of_its_token():
    configuration = resolve({"host": HOST, "api_key": TOKEN}).configuration
    assert subject.render(Connection(configuration, token_path="/run/token"))["users"][0]["user"] == {
        "tokenFile": "/run/token"
    }
