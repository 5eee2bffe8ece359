# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes import exec as subject
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError


class Socket:
    """Replaces the library's WebSocket. status: the server's final message, None if the command is still running."""

    def __init__(self, status, stdout="", stderr=""):
        self.status, self.streams, self.closed, self.sent = status, (stdout, stderr), False, ""

    def run_forever(self, timeout):
        if isinstance(self.status, Exception):
            raise self.status

    def write_stdin(self, text):
        self.sent += text

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


def run(monkeypatch, kubeconfig, answer, **options):
    """Run Cluster.exec with a stream() that returns or raises answer; return its result and stream()'s arguments."""
    arguments = {}

    def stream(_method, pod, namespace, **rest):
        arguments.update(rest, pod=pod, namespace=namespace)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(subject, "stream", stream)
    with connect({"kubeconfig": kubeconfig()}) as cluster:
        return cluster.exec("default", "client-1", "client", ["sh", "-c", "a b"], timeout=7, **options), arguments


@pytest.mark.parametrize(("status", "rc"), [(SUCCESS, 0), (EXIT_3, 3)])
def test_exec_returns_the_exit_code_and_both_streams(monkeypatch, kubeconfig, status, rc):
    socket = Socket(status, "out\n", "err\n")
    result, arguments = run(monkeypatch, kubeconfig, socket)
    assert (result.rc, result.stdout, result.stderr) == (rc, "out\n", "err\n")
    assert 0 <= result.seconds < 5
    assert (arguments["namespace"], arguments["pod"], arguments["container"]) == ("default", "client-1", "client")
    assert arguments["command"] == ["sh", "-c", "a b"]
    assert socket.closed


@pytest.mark.parametrize(("stdin", "attached", "sent"), [(None, False, ""), ("a: b\n", True, "a: b\n")])
def test_stdin_is_attached_only_if_there_is_input(monkeypatch, kubeconfig, stdin, attached, sent):
    socket = Socket(SUCCESS)
    _result, arguments = run(monkeypatch, kubeconfig, socket, stdin=stdin)
    assert (arguments["stdin"], socket.sent) == (attached, sent)


def test_exec_without_output_returns_empty_streams(monkeypatch, kubeconfig):
    result, _arguments = run(monkeypatch, kubeconfig, Socket(SUCCESS))
    assert (result.stdout, result.stderr) == ("", "")


@pytest.mark.parametrize(
    ("socket", "message"),
    [
        (Socket(None), "the command in default/client-1/client did not finish within 7 s"),
        (Socket(ConnectionError("reset by peer")), "the connection to the command in .* broke: reset by peer"),
        (Socket("no JSON"), "the connection to the command in default/client-1/client broke: "),
    ],
)
def test_failed_exec_closes_the_socket(monkeypatch, kubeconfig, socket, message):
    with pytest.raises(ClusterError, match=message):
        run(monkeypatch, kubeconfig, socket)
    assert socket.closed


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (403, "Forbidden", "403 Forbidden"),
        (0, "[Errno 111] Connection refused", r"\[Errno 111\] Connection refused"),
        # The library's reason for a rejected handshake, with Kubernetes 1.33.
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
def test_exec_rejected_by_the_server(monkeypatch, kubeconfig, status, reason, message):
    refused = subject.kubernetes.client.ApiException(status=status, reason=reason)
    with pytest.raises(
        ClusterError, match=rf"^cannot exec in default/client-1/client at http://127.0.0.1:1: {message}$"
    ):
        run(monkeypatch, kubeconfig, refused)


def test_exec_without_a_route_to_the_server(monkeypatch, kubeconfig):
    with pytest.raises(ClusterError, match=r"^cannot exec in default/client-1/client at http://127.0.0.1:1: no route$"):
        run(monkeypatch, kubeconfig, OSError("no route"))


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ('{"status":"Failure","reason":"InternalError","message":"exec: \\"sh\\": not found","code":500}', "not found"),
        ('{"status":"Failure","message":"no","details":{"causes":[{"message":"exec: not found"}]}}', "no$"),
        ("", "without an exit status"),
    ],
)
def test_command_that_never_ran(monkeypatch, kubeconfig, status, message):
    with pytest.raises(ClusterError, match=f"^cannot run the command in default/client-1/client: .*{message}"):
        run(monkeypatch, kubeconfig, Socket(status))


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ({}, []),
        (
            {"impersonate_user": "jane", "impersonate_groups": ["a", "b"]},
            ["Impersonate-User: jane", "Impersonate-Group: a", "Impersonate-Group: b"],
        ),
    ],
)
def test_exec_acts_as_the_impersonated_user(monkeypatch, kubeconfig, who, expected):
    sent = []

    def connect_socket(_socket, url, header, **_options):
        sent.extend(header)
        raise OSError("no route")

    monkeypatch.setattr(subject.ImpersonatingWebSocket.__base__, "connect", connect_socket)
    with (
        connect({"kubeconfig": kubeconfig(), **who}) as cluster,
        pytest.raises(ClusterError, match=r"^cannot exec in default/client-1/client at http://127.0.0.1:1: no route$"),
    ):
        cluster.exec("default", "client-1", "client", ["true"], timeout=1)
    assert sent[0] == "authorization: Bearer s3cret-t0ken"
    assert [x for x in sent if x.startswith("Impersonate")] == expected


def test_password_in_the_server_url_is_not_in_the_message(monkeypatch, kubeconfig):
    content = kubeconfig("http://me:pr0xyword@127.0.0.1:1")
    with pytest.raises(ClusterError, match=r"^cannot exec in default/client-1/client at http://127.0.0.1:1: no route$"):
        run(monkeypatch, lambda: content, OSError("no route"))
