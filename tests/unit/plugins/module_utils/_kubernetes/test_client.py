# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import re
import socket
from unittest.mock import Mock

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import client as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError, Refusal
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import HIDDEN


@pytest.fixture
def connected(api, kubeconfig):
    with subject.connect({"kubeconfig": kubeconfig(api.url)}) as cluster:
        yield cluster


def test_get_returns_the_object_and_sends_the_token(api, connected):
    assert connected.get("/api/v1/namespaces/default") == {"metadata": {"name": "default"}}
    assert connected.get("/api/v1/pods", labelSelector="app=web") == {"items": []}
    assert connected.server == api.url
    assert [x[1] for x in api.seen] == ["Bearer s3cret-t0ken"] * 2


def test_get_of_a_missing_object_is_none(connected):
    assert connected.get("/api/v1/namespaces/nowhere") is None


@pytest.mark.parametrize(
    ("path", "status", "answer"),
    [
        (
            "/forbidden",
            403,
            '403 Forbidden to GET /forbidden: pods is forbidden: User "me" cannot list resource "pods"',
        ),
        ("/unauthorized", 401, "401 Unauthorized to GET /unauthorized"),
        ("/repeating", 403, f"403 Forbidden to GET /repeating: the token {HIDDEN} may not"),
    ],
)
def test_a_rejected_get_is_reported_with_the_message_of_the_server_without_the_token(
    api, connected, path, status, answer
):
    with pytest.raises(ClusterError) as caught:
        connected.get(path)
    assert (str(caught.value), caught.value.status) == (f"{api.url} answered {answer}", status)


def test_a_list_is_read_page_by_page(api, connected):
    assert list(connected.items("/api/v1/events")) == [1, 2, 3]
    assert list(connected.items("/api/v1/nodes")) == list(connected.items("/nowhere")) == []
    assert len(api.seen) == 4


def test_a_dry_run_sends_the_text_unchanged(api, connected):
    text = "metadata: {name: default}\n# naïve\n"
    assert connected.dry_run_apply("/api/v1/namespaces/default", text, "me") == {"metadata": {"name": "after"}}
    assert api.body == text
    assert connected.dry_run_apply("/api/v1/namespaces/nowhere", text, "me") is None


def test_a_rejected_change_is_reported_with_the_message_of_the_server(api, connected):
    with pytest.raises(Refusal) as caught:
        connected.dry_run_apply("/api/v1/namespaces/default", "forbidden: yes", "me")
    assert caught.value.reason == "spec.ports[0].nodePort: Invalid value: 1: not in the range"
    message = f"{api.url} answered 422 Unprocessable Entity to PATCH /api/v1/namespaces/default: {caught.value.reason}"
    assert str(caught.value) == message


def test_patch_sends_a_json_merge_patch(api, connected):
    changes = {"metadata": {"labels": {"a": None}}}
    assert connected.patch("/api/v1/namespaces/default", changes) == {"metadata": {"name": "default"}}
    assert json.loads(api.body) == changes
    assert connected.patch("/api/v1/namespaces/nowhere", changes) is None


def test_delete_also_removes_dependents(api, connected):
    assert connected.delete("/api/v1/namespaces/default") == {"metadata": {"name": "default"}}
    assert json.loads(api.body) == {"propagationPolicy": "Background"}
    assert connected.delete("/api/v1/namespaces/nowhere") is None


def test_create_sends_the_object(api, connected):
    assert connected.create("/api/v1/namespaces/default", {"kind": "Pod"}) == {"metadata": {"name": "default"}}
    assert json.loads(api.body) == {"kind": "Pod"}


@pytest.fixture
def closed():
    """The URL of a reserved port that refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def failure(**params):
    """The message of a request to an unreachable cluster."""
    with subject.connect(params) as cluster, pytest.raises(ClusterError) as caught:
        cluster.get("/version")
    return str(caught.value)


def test_a_server_that_does_not_listen_is_reported_after_one_try(closed, kubeconfig):
    message = failure(kubeconfig=kubeconfig(closed))
    assert re.fullmatch(rf"cannot reach {closed}: .*Connection refused", message)


def test_a_proxy_that_does_not_listen_is_named_without_its_password(closed):
    proxy = closed.replace("//", "//me:pr0xyword@")
    message = failure(host="http://10.0.0.1:6443", api_key="key", proxy=proxy)
    assert message.startswith(f"cannot reach http://10.0.0.1:6443 through the proxy {closed}: ")
    assert "pr0xyword" not in message


def test_a_proxy_of_the_environment_is_not_used_but_mentioned_if_the_cluster_is_unreachable(
    api, kubeconfig, closed, monkeypatch
):
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, closed)
    with subject.connect({"kubeconfig": kubeconfig(api.url)}) as cluster:
        assert cluster.get("/api/v1/namespaces/default") == {"metadata": {"name": "default"}}
    message = failure(kubeconfig=kubeconfig("http://127.0.0.1:1"))
    assert message.startswith("cannot reach http://127.0.0.1:1 (HTTPS_PROXY is not used; set proxy to go through")


def test_requests_go_through_the_proxy_with_its_user(api):
    params = {"host": "http://10.0.0.1:6443", "api_key": "key", "proxy": api.url.replace("//", "//me:a%20b@")}
    with subject.connect(params) as cluster:
        assert cluster.get("/nowhere") is None
    assert [x[0] for x in api.seen] == ["http://10.0.0.1:6443/nowhere"]
    assert api.headers["Proxy-Authorization"] == "Basic " + base64.b64encode(b"me:a b").decode()


def test_no_proxy_bypasses_the_proxy(api, closed):
    params = {"host": api.url, "api_key": "key", "proxy": closed, "no_proxy": "localhost,127.0.0.1"}
    with subject.connect(params) as cluster:
        assert cluster.get("/nowhere") is None
    assert len(api.seen) == 1


def test_impersonation_sends_the_user_and_each_group(api, kubeconfig):
    params = {"kubeconfig": kubeconfig(api.url), "impersonate_user": "jane", "impersonate_groups": ["a", "b"]}
    with subject.connect(params) as cluster:
        for request in (cluster.get, cluster.another().get, cluster.delete):
            request("/nowhere")
            assert api.headers.get_all("Impersonate-User") == ["jane"]
            assert api.headers.get_all("Impersonate-Group") == ["a", "b"]
            assert api.headers["Authorization"] == "Bearer s3cret-t0ken"


def test_a_server_that_does_not_answer_in_time_is_reported_after_one_timeout(api, kubeconfig):
    with (
        subject.connect({"kubeconfig": kubeconfig(api.url)}, timeout=0.2) as cluster,
        pytest.raises(ClusterError, match=f"^cannot reach {api.url}: .*timed out"),
    ):
        cluster.get("/slow")
    assert len(api.seen) == 1


def test_an_invalid_certificate_is_reported_in_one_line(monkeypatch, kubeconfig):
    refused = subject.kubernetes.client.ApiException(status=0, reason="SSLError\n[SSL: CERTIFICATE_VERIFY_FAILED] no")
    with subject.connect({"kubeconfig": kubeconfig()}) as cluster:
        monkeypatch.setattr(cluster.client, "call_api", Mock(side_effect=refused))
        with pytest.raises(ClusterError, match=r"^cannot reach http://127.0.0.1:1: \[SSL: CERTIFICATE_VERIFY.*$"):
            cluster.get("/version")
