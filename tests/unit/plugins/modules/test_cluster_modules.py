# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every module that talks to a cluster, each run as a process of its own, as Ansible does."""

from __future__ import annotations

import json
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.named_cluster import NoClusterError

ROOT = Path(__file__).resolve().parents[4]
MODULES = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]["istio"]
# All but the one that never connects.
CONNECTING = [x for x in MODULES if x != "cluster_connection_info"]

# What each module needs beside the cluster.
NEEDED = {
    "cluster_connection_info": {},
    "image_prepull": {"images": ["busybox"]},
    "istio_config_wait": {"kind": "VirtualService", "name": "web", "timeout": 1},
    "istio_info": {},
    "istio_ingress_info": {},
    "istio_install": {"state": "absent"},
    "istio_kube_inject": {"content": "{apiVersion: v1, kind: Pod, spec: {containers: [{name: web}]}}"},
    "istio_traffic_split": {
        "url": "http://web/",
        "pod": "web",
        "backends": [{"name": name, "weight": 1, "match": name} for name in "ab"],
    },
    "workload_wait": {"namespace": "default", "timeout": 1},
}

# What ClusterModule does for all is tested with these, since each run is a process.
SAMPLE = ["istio_info", "workload_wait"]

# These write a temporary kubeconfig for istioctl.
WITH_ISTIOCTL = ["istio_config_wait", "istio_info", "istio_install", "istio_kube_inject"]

TOKEN, KEY, WORD = "s3cret-t0ken", "LS0tLS1CRUdJTiBQ\nUklWQVRFIEtFWS0t\n", "hush"


def kubeconfig(server):
    """A cluster as a dictionary, with secrets of many kinds."""
    user = {
        "token": TOKEN,
        "password": WORD,
        "client-key-data": KEY,
        "auth-provider": {"name": "oidc", "config": {"id-token": f"{TOKEN}-2"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": TOKEN}}, {"name": "other", "user": user}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
    }


@pytest.fixture
def closed():
    """The URL of a port where connections are refused, and that nothing else takes meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def shown(written):
    """Which of the secrets are somewhere in a text, also escaped."""
    return [x for x in (TOKEN, WORD, KEY, KEY.split()[0], KEY.split()[1]) if x in written]


@pytest.mark.parametrize("module", CONNECTING)
def test_a_kubeconfig_dictionary_is_not_shown(module, run, closed):
    result, written = run(module, **NEEDED[module], kubeconfig=kubeconfig(closed))
    assert f"cannot reach {closed}" in written  # so it was used
    assert "logged: " in written
    assert shown(written) == []
    assert result["invocation"]["module_args"]["kubeconfig"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert "context" in result["invocation"]["module_args"]


@pytest.mark.parametrize("module", SAMPLE)
def test_invalid_arguments_do_not_show_the_kubeconfig(module, run, closed):
    result, written = run(module, **NEEDED[module], kubeconfig=kubeconfig(closed), no_such_option=1)
    assert result["failed"] and "no_such_option" in result["msg"]
    assert shown(written) == []


@pytest.mark.parametrize("module", SAMPLE)
def test_the_text_of_a_kubeconfig_is_refused_without_showing_it(module, run, closed):
    result, written = run(module, **NEEDED[module], kubeconfig=yaml.safe_dump(kubeconfig(closed)))
    assert result["msg"].startswith("kubeconfig must be a path or a dictionary, got the content of a file")
    assert shown(written) == []


def test_a_path_is_shown_and_logged(run, tmp_path, closed):
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig(closed)))
    result, written = run("istio_ingress_info", kubeconfig=str(path))
    assert result["invocation"]["module_args"]["kubeconfig"] == str(path)
    assert f"kubeconfig={path}" in written
    assert shown(written) == []


@pytest.fixture
def silent():
    """A socket that listens, and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        yield server


SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@pytest.mark.parametrize(
    ("module", "signal_number"),
    [(WITH_ISTIOCTL[0], x) for x in SIGNALS] + [(x, signal.SIGTERM) for x in WITH_ISTIOCTL[1:]],
)
def test_a_module_ended_by_a_signal_removes_its_kubeconfig(module, signal_number, start, silent, tmp_path):
    server = f"http://127.0.0.1:{silent.getsockname()[1]}"
    child = start(
        module,
        {**NEEDED[module], "kubeconfig": kubeconfig(server)},
        preexec_fn=lambda: [signal.signal(x, signal.SIG_DFL) for x in SIGNALS],  # a background job ignores some
    )
    try:
        connection = silent.accept()[0]  # the module waits for a response
        assert list(tmp_path.glob("meshlab-kubeconfig-*"))
        child.send_signal(signal_number)
        stderr = child.communicate(timeout=120)[1]
    finally:
        child.kill()
        child.wait()
    connection.close()
    assert child.returncode == 1, stderr
    assert not list(tmp_path.glob("meshlab-kubeconfig-*"))


@pytest.mark.parametrize("module", SAMPLE)
def test_the_secrets_of_options_and_of_their_variables_are_not_shown(module, run, closed):
    proxy = closed.replace("//", f"//me:{WORD}@")
    options = {"host": "http://10.0.0.1:6443", "proxy": proxy}
    headers = {"basic_auth": f"me:{TOKEN}-2"}
    result, written = run(
        module,
        {"K8S_AUTH_API_KEY": TOKEN, "K8S_AUTH_PASSWORD": KEY},
        **NEEDED[module],
        **options,
        proxy_headers=headers,
    )
    assert f"cannot reach http://10.0.0.1:6443 through the proxy {closed}" in written
    assert "logged: " in written
    assert shown(written) == []
    assert result["invocation"]["module_args"]["host"] == options["host"]


class Recorder(BaseHTTPRequestHandler):
    """Records each request, and answers that it is forbidden."""

    def do_GET(self):
        self.server.seen.append(self.path)
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PATCH = do_DELETE = do_GET

    def log_message(self, *args):
        """Log nothing."""


@pytest.fixture
def home(tmp_path):
    """A home directory whose ~/.kube/config leads to a server that records requests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.seen, server.home = [], tmp_path / "home"
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    (server.home / ".kube").mkdir(parents=True)
    (server.home / ".kube/config").write_text(json.dumps(kubeconfig(server.url)))
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(("module", "arguments"), [*((x, {}) for x in MODULES), ("istio_info", {"context": "lab"})])
def test_the_kubeconfig_of_the_home_directory_gets_no_request(module, arguments, run, home):
    result, _written = run(module, {"HOME": str(home.home)}, **NEEDED[module], **arguments)
    assert result["failed"]
    assert str(NoClusterError()) in result["msg"]
    assert home.seen == []


def test_the_kubeconfig_of_the_home_directory_is_used_if_it_is_an_option(run, home):
    for variables, arguments in (({}, {"kubeconfig": "~/.kube/config"}), ({"KUBECONFIG": "~/.kube/config"}, {})):
        result, _written = run("istio_ingress_info", {"HOME": str(home.home), **variables}, **arguments)
        assert result["msg"].startswith(f"{home.url} answered 403 Forbidden to GET /"), result
    assert len(home.seen) == 2
