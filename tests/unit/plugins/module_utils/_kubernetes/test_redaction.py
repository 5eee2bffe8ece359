# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import redaction as subject

TOKEN = "s3cret-t0ken"


@pytest.mark.parametrize(
    ("user", "secrets"),
    [
        ({"token": TOKEN, "tokenFile": "/var/run/token-1", "username": "someone-1"}, {TOKEN}),
        (
            {"password": "p4ssword", "client-key-data": "LS0t\nLS0t\n", "client-key": "/me.key"},
            {"p4ssword", "LS0t\nLS0t\n"},
        ),
        ({"password": "admin"}, set()),
        ({"password": "correcthorsebattery"}, {"correcthorsebattery"}),
        (
            {
                "auth-provider": {
                    "config": {"id-token": "i-1234", "client-id": "kubectl-1", "idp-issuer-url": "https://1"}
                }
            },
            {"i-1234"},
        ),
        (
            {
                "exec": {
                    "env": [
                        {"name": "AWS_SECRET_ACCESS_KEY", "value": "k-1234"},
                        {"name": "AWS_PROFILE", "value": "lab-1"},
                    ]
                }
            },
            {"k-1234"},
        ),
        (
            {"exec": {"command": "login", "env": None, "args": ["get-token", "--client-secret", "a-1234", "--x", "y"]}},
            {"a-1234"},
        ),
        ({"exec": {"args": ["--password=b-1234", "--server-id=c-1234"]}}, {"b-1234"}),
    ],
)
def test_secrets_of_a_kubeconfig(user, secrets):
    assert subject.secrets_of({"users": [{"name": "me", "user": user}]}) == secrets


def test_the_password_of_a_proxy_and_the_whole_text_are_secrets():
    proxy = {"server": "https://10.0.0.1:6443", "proxy-url": "http://me:pr0xyword@proxy:3128"}
    assert subject.secrets_of({"clusters": [{"name": "lab", "cluster": proxy}]}) == {"pr0xyword"}
    assert subject.secrets_of("users:\n- token: x") == {"users:\n- token: x"}
    assert subject.secrets_of("~/.kube/config") == subject.secrets_of(None) == subject.secrets_of({}) == set()


@pytest.mark.parametrize("text", [' {"users": []}', '\t{"users": []}', '--- {"users": []}', "users: []\n"])
def test_the_text_of_a_kubeconfig_is_not_taken_for_a_path(text):
    assert subject.holds_secrets(text)
    assert not subject.holds_secrets("~/--- {not a text}/config")


def test_passwords_in_urls_are_secrets_of_the_options():
    options = {"proxy": "http://me:pr0xy%20word@proxy:3128", "host": "https://me:h0st@10.0.0.1", "kubeconfig": "/a"}
    assert subject.secrets_in_options(options) == {"pr0xy%20word", "pr0xy word", "h0st"}
    assert subject.secrets_in_options({"kubeconfig": {"users": [{"token": TOKEN}]}}) == {TOKEN}
    assert subject.secrets_in_options({"proxy": None, "host": "http://[broken"}) == set()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:w0rd@proxy:3128/x", "http://proxy:3128/x"),
        ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
        ("http://a/b@c", "http://a/b@c"),
    ],
)
def test_a_url_is_shown_without_its_credentials(url, shown):
    assert subject.without_password(url) == shown


def test_values_of_a_secret_are_hidden_and_changed_ones_are_marked():
    note = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"key":"aHVudGVyMg=="}}'}
    before = {"kind": "Secret", "metadata": {"annotations": note}, "data": {"key": "aHVudGVyMg==", "same": "eA=="}}
    after = {**before, "data": {"key": "b3RoZXI=", "same": "eA=="}}
    subject.hide_secret(after, before)
    assert after["data"] == {"key": "(hidden, changed)", "same": "(hidden)"}
    assert list(after["metadata"]["annotations"].values()) == ["(hidden)"]
