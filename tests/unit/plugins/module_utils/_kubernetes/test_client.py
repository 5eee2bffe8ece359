# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
import os
import socket
import stat
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import Mock
from urllib.parse import unquote_plus

import pytest
import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import client as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import (
    Cluster,
    ClusterError,
    kubeconfig_file,
)

TOKEN = "s3cret-t0ken"
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "lab",
    "clusters": [
        {"name": "lab", "cluster": {"server": "http://127.0.0.1:1"}},
        {"name": "other", "cluster": {"server": "http://127.0.0.1:2"}},
    ],
    "users": [{"name": "me", "user": {"token": TOKEN}}],
    "contexts": [
        {"name": "lab", "context": {"cluster": "lab", "user": "me"}},
        {"name": "other", "context": {"cluster": "other", "user": "me"}},
    ],
}


def kubeconfig(server):
    made = copy.deepcopy(KUBECONFIG)
    made["clusters"][0]["cluster"]["server"] = server
    return made


# ---- the kubeconfig as a file ----


def test_a_path_is_handed_on_with_home_and_variables_filled_in(tmp_path, monkeypatch):
    (tmp_path / "lab.yml").write_text("x")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WHERE", str(tmp_path))
    for given in (tmp_path / "lab.yml", str(tmp_path / "lab.yml"), "~/lab.yml", "$WHERE/lab.yml"):
        with kubeconfig_file(given) as path:
            assert path == str(tmp_path / "lab.yml")
    assert (tmp_path / "lab.yml").read_text() == "x"


@pytest.mark.parametrize("nothing", [None, "", {}])
def test_no_cluster_named_says_how_to_name_one(nothing):
    told = r"no cluster is named: set kubeconfig.*K8S_AUTH_KUBECONFIG or KUBECONFIG"
    with pytest.raises(ClusterError, match=told), kubeconfig_file(nothing):
        pass


def test_a_path_that_is_no_readable_file_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        told = rf"^kubeconfig {path}: no readable file is there$"
        with pytest.raises(ClusterError, match=told), kubeconfig_file(path):
            pass


def test_a_kubeconfig_of_another_type_is_refused_without_its_content():
    told = r"^kubeconfig is a path or a dictionary, not list$"
    with pytest.raises(ClusterError, match=told), kubeconfig_file([TOKEN]):
        pass


def test_a_dictionary_is_a_private_file_for_as_long_as_the_block_runs():
    umask = os.umask(0)
    try:
        with kubeconfig_file({**KUBECONFIG, "note": "naïve \U0001f41f: 'quoted'\n"}) as path:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            with open(path, encoding="utf-8") as source:
                assert yaml.safe_load(source) == {**KUBECONFIG, "note": "naïve \U0001f41f: 'quoted'\n"}
    finally:
        os.umask(umask)
    assert not os.path.exists(path)


def test_a_dictionary_is_gone_after_an_error_too():
    with pytest.raises(KeyboardInterrupt), kubeconfig_file(KUBECONFIG) as path:
        raise KeyboardInterrupt
    assert not os.path.exists(path)


def test_a_dictionary_that_cannot_be_written_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(subject.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TypeError), kubeconfig_file({"users": [{"token": TOKEN, "no JSON": object()}]}):
        pass
    assert list(tmp_path.iterdir()) == []


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
def test_what_is_secret_in_a_kubeconfig_is_known(user, secrets):
    assert subject.secrets_of({**KUBECONFIG, "users": [{"name": "me", "user": user}]}) == secrets


def test_the_password_of_a_proxy_is_secret_and_so_is_all_of_a_text():
    proxy = {"server": "https://10.0.0.1:6443", "proxy-url": "http://me:pr0xyword@proxy:3128"}
    assert subject.secrets_of({"clusters": [{"name": "lab", "cluster": proxy}]}) == {"pr0xyword"}
    assert subject.secrets_of("users:\n- token: x") == {"users:\n- token: x"}
    assert subject.secrets_of("~/.kube/config") == subject.secrets_of(None) == subject.secrets_of({}) == set()


# ---- the API ----


class Api(BaseHTTPRequestHandler):
    """Answers by path; notes the headers that it saw."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        status, body = {
            "/api/v1/namespaces/default": (200, {"metadata": {"name": "default"}}),
            "/api/v1/pods?labelSelector=app=web": (200, {"items": []}),
            "/api/v1/events?limit=500": (200, {"items": [1, 2], "metadata": {"continue": "a b"}}),
            "/api/v1/events?limit=500&continue=a b": (200, {"items": [3], "metadata": {"continue": ""}}),
            "/api/v1/nodes?limit=500": (200, {"items": None, "metadata": {}}),
            "/forbidden": (403, {"message": f"the token {TOKEN} may not"}),
            "/refused": (422, {"message": "spec.ports[0].nodePort: Invalid value: 1:\n not in the range"}),
            "/api/v1/namespaces/default?dryRun=All&fieldManager=me&force=true": (200, {"metadata": {"name": "after"}}),
        }.get(unquote_plus(self.path), (404, {"message": "not found"}))
        if self.path == "/slow":
            time.sleep(2)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_PATCH(self):
        self.server.body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "forbidden" in self.server.body:
            self.path = "/refused"
        self.do_GET()

    do_DELETE = do_PATCH

    def log_message(self, *args):
        """Says nothing."""


@pytest.fixture
def api():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def connected(api):
    with subject.connect({"kubeconfig": kubeconfig(api.url), "context": None}) as (cluster, _path):
        yield cluster


def test_get_gives_the_object_as_it_is_and_shows_who_asks(api, connected):
    assert connected.get("/api/v1/namespaces/default") == {"metadata": {"name": "default"}}
    assert connected.get("/api/v1/pods", labelSelector="app=web") == {"items": []}
    assert connected.server == api.url
    assert [x[1] for x in api.seen] == [f"Bearer {TOKEN}"] * 2


def test_get_of_what_does_not_exist_is_none(connected):
    assert connected.get("/api/v1/namespaces/nowhere") is None


def test_a_refusal_is_told_without_what_the_server_said_of_the_token(api, connected):
    with pytest.raises(ClusterError) as caught:
        connected.get("/forbidden")
    assert str(caught.value) == f"{api.url} answered 403 Forbidden to GET /forbidden"
    assert caught.value.status == 403


def test_a_list_comes_page_by_page(api, connected):
    assert list(connected.items("/api/v1/events")) == [1, 2, 3]
    assert list(connected.items("/api/v1/nodes")) == list(connected.items("/nowhere")) == []
    assert len(api.seen) == 4


def test_a_dry_run_of_an_apply_sends_the_text_as_it_is(api, connected):
    text = "metadata: {name: default}\n# naïve\n"
    assert connected.dry_run_apply("/api/v1/namespaces/default", text, "me") == {"metadata": {"name": "after"}}
    assert api.body == text
    assert connected.dry_run_apply("/api/v1/namespaces/nowhere", text, "me") is None


def test_a_change_that_the_server_does_not_accept_is_told_in_its_own_words(api, connected):
    with pytest.raises(subject.Refusal) as caught:
        connected.dry_run_apply("/api/v1/namespaces/default", "forbidden: yes", "me")
    assert caught.value.reason == "spec.ports[0].nodePort: Invalid value: 1: not in the range"
    told = f"{api.url} answered 422 Unprocessable Entity to PATCH /api/v1/namespaces/default: {caught.value.reason}"
    assert str(caught.value) == told


def test_patch_sends_a_json_merge_patch(api, connected):
    changes = {"metadata": {"labels": {"a": None}}}
    assert connected.patch("/api/v1/namespaces/default", changes) == {"metadata": {"name": "default"}}
    assert json.loads(api.body) == changes
    assert connected.patch("/api/v1/namespaces/nowhere", changes) is None


def test_delete_lets_what_is_owned_go_too(api, connected):
    assert connected.delete("/api/v1/namespaces/default") == {"metadata": {"name": "default"}}
    assert json.loads(api.body) == {"propagationPolicy": "Background"}
    assert connected.delete("/api/v1/namespaces/nowhere") is None


def test_a_server_that_does_not_listen_is_told_after_one_try():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        told = rf"^cannot reach {url}: .*Connection refused"
        with (
            subject.connect({"kubeconfig": kubeconfig(url), "context": None}) as (cluster, _path),
            pytest.raises(ClusterError, match=told) as caught,
        ):
            cluster.get("/version")
    assert TOKEN not in str(caught.value)


def test_a_server_that_does_not_answer_in_time_is_told_after_one_timeout(api):
    with subject.connect({"kubeconfig": kubeconfig(api.url), "context": None}, timeout=0.2) as (cluster, _path):
        started = time.monotonic()
        with pytest.raises(ClusterError, match=f"^cannot reach {api.url}: .*timed out"):
            cluster.get("/slow")
        assert time.monotonic() - started < 1
    assert len(api.seen) == 1


def test_a_certificate_that_does_not_fit_is_told_in_a_line(monkeypatch):
    refused = subject.kubernetes.client.ApiException(status=0, reason="SSLError\n[SSL: CERTIFICATE_VERIFY_FAILED] no")
    with subject.connect({"kubeconfig": KUBECONFIG, "context": None}) as (cluster, _path):
        monkeypatch.setattr(cluster.client, "call_api", Mock(side_effect=refused))
        with pytest.raises(ClusterError, match=r"^cannot reach http://127.0.0.1:1: \[SSL: CERTIFICATE_VERIFY.*$"):
            cluster.get("/version")


def test_the_context_chooses_the_cluster(api):
    with subject.connect({"kubeconfig": kubeconfig(api.url), "context": "other"}) as (cluster, _path):
        assert cluster.server == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("broken", "context", "said"),
    [
        ({"users": [{"name": "me", "user": {"token": TOKEN}}]}, None, "kubeconfig"),
        ({**KUBECONFIG, "clusters": []}, None, "clusters"),
        ({**KUBECONFIG, "users": [{"user": {"token": TOKEN}}]}, None, "users"),
        (KUBECONFIG, "nowhere", "nowhere"),
    ],
)
def test_a_broken_kubeconfig_is_told_without_its_secrets(broken, context, said):
    asked = {"kubeconfig": broken, "context": context}
    with pytest.raises(ClusterError, match=said) as caught, subject.connect(asked):
        pass
    assert TOKEN not in str(caught.value)


def test_without_its_library_it_says_which_one_is_missing(monkeypatch):
    monkeypatch.setattr(subject, "kubernetes", None)
    with pytest.raises(ClusterError, match=r"Failed to import the required Python library \(kubernetes\)"):
        Cluster("unread")


# ---- exec ----


class Socket:
    """Stands for the client library's WebSocket: status is what the server says at the end, None if it never does."""

    def __init__(self, status, stdout="", stderr=""):
        self.status, self.streams, self.closed = status, (stdout, stderr), False

    def run_forever(self, timeout):
        if isinstance(self.status, Exception):
            raise self.status

    def is_open(self):
        return self.status is None

    def read_channel(self, _channel):
        return self.status

    def peek_stdout(self):
        return bool(self.streams[0])

    def peek_stderr(self):
        return bool(self.streams[1])

    def read_stdout(self):
        return self.streams[0]

    def read_stderr(self):
        return self.streams[1]

    def close(self):
        self.closed = True


SUCCESS = '{"metadata":{},"status":"Success"}'
EXIT_3 = json.dumps(
    {
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": "command terminated with exit code 3",
        "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
    }
)


def run(monkeypatch, answer):
    """Cluster.exec with a stream() that gives or raises the answer; the result and what stream() was asked."""
    asked = {}

    def stream(_method, pod, namespace, **rest):
        asked.update(rest, pod=pod, namespace=namespace)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(subject, "stream", stream)
    with subject.connect({"kubeconfig": KUBECONFIG, "context": None}) as (cluster, _path):
        return cluster.exec("default", "client-1", "client", ["sh", "-c", "a b"], timeout=7), asked


@pytest.mark.parametrize(("status", "rc"), [(SUCCESS, 0), (EXIT_3, 3)])
def test_exec_gives_the_exit_code_and_both_streams(monkeypatch, status, rc):
    socket = Socket(status, "out\n", "err\n")
    result, asked = run(monkeypatch, socket)
    assert (result.rc, result.stdout, result.stderr) == (rc, "out\n", "err\n")
    assert 0 <= result.seconds < 5
    assert (asked["namespace"], asked["pod"], asked["container"]) == ("default", "client-1", "client")
    assert asked["command"] == ["sh", "-c", "a b"]
    assert socket.closed


def test_exec_without_output_gives_empty_streams(monkeypatch):
    result, _asked = run(monkeypatch, Socket(SUCCESS))
    assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.parametrize(
    ("socket", "said"),
    [
        (Socket(None), "the command in default/client-1/client did not end within 7 s"),
        (Socket(ConnectionError("reset by peer")), "the connection to the command in .* broke: reset by peer"),
        (Socket("no JSON"), "the connection to the command in default/client-1/client broke: "),
    ],
)
def test_an_exec_that_ends_badly_is_told_and_closed(monkeypatch, socket, said):
    with pytest.raises(ClusterError, match=said):
        run(monkeypatch, socket)
    assert socket.closed


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        (403, "Forbidden", "403 Forbidden"),
        (0, "[Errno 111] Connection refused", r"\[Errno 111\] Connection refused"),
        # What the library makes of an answer to a websocket, as a Kubernetes 1.33 gave it.
        (
            0,
            "Handshake status 404 Not Found -+-+- {'date': 'Mon'} -+-+- "
            '{"kind":"Status","status":"Failure","message":"pods \\"client-1\\" not found","code":404}\n',
            '404 Not Found: pods "client-1" not found',
        ),
        (
            0,
            "Handshake status 500 Internal Server Error -+-+- {'date': 'Mon'} -+-+- container not found (\"client\")",
            r'500 Internal Server Error: container not found \("client"\)',
        ),
    ],
)
def test_an_exec_that_the_server_refuses_is_told(monkeypatch, status, reason, said):
    refused = subject.kubernetes.client.ApiException(status=status, reason=reason)
    with pytest.raises(ClusterError, match=rf"^cannot exec in default/client-1/client at http://127.0.0.1:1: {said}$"):
        run(monkeypatch, refused)


def test_an_exec_without_a_way_to_the_server_is_told(monkeypatch):
    with pytest.raises(ClusterError, match=r"^cannot exec in default/client-1/client at http://127.0.0.1:1: no route$"):
        run(monkeypatch, OSError("no route"))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ('{"status":"Failure","reason":"InternalError","message":"exec: \\"sh\\": not found","code":500}', "not found"),
        ('{"status":"Failure","message":"no","details":{"causes":[{"message":"exec: not found"}]}}', "no$"),
        ("", "without an exit status"),
    ],
)
def test_an_exec_that_never_ran_says_why(monkeypatch, status, said):
    with pytest.raises(ClusterError, match=f"^cannot run the command in default/client-1/client: .*{said}"):
        run(monkeypatch, Socket(status))
