# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An API server that records requests, and a kubeconfig that leads to it."""

from __future__ import annotations

import copy
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote_plus

import kubernetes
import pytest

# The builders of kube_objects are importable by the tests beside them, in every import mode of pytest.
sys.path.insert(0, str(Path(__file__).resolve().parent))

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


@pytest.fixture
def kubeconfig():
    """Make a kubeconfig, as a dictionary, whose current context leads to a server."""

    def make(server="http://127.0.0.1:1"):
        config = copy.deepcopy(KUBECONFIG)
        config["clusters"][0]["cluster"]["server"] = server
        return config

    return make


@pytest.fixture
def pod(tmp_path, monkeypatch):
    """Make this process believe that it runs in a pod with a ServiceAccount."""
    (tmp_path / "token").write_text("p0d-t0ken")
    (tmp_path / "ca.crt").write_text("a certificate")
    loader = kubernetes.config.incluster_config
    monkeypatch.setattr(loader, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(loader, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.9")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return tmp_path


@pytest.fixture(autouse=True)
def no_cluster_in_the_environment(monkeypatch):
    """No test finds a cluster that this machine happens to have."""
    for name in [x for x in os.environ if x.startswith(("K8S_AUTH_", "KUBE")) or x.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


class Api(BaseHTTPRequestHandler):
    """Answers by path, and records the headers of each request."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        self.server.headers = self.headers
        status, body = {
            "/api/v1/namespaces/default": (200, {"metadata": {"name": "default"}}),
            "/api/v1/pods?labelSelector=app=web": (200, {"items": []}),
            "/api/v1/events?limit=500": (200, {"items": [1, 2], "metadata": {"continue": "a b"}}),
            "/api/v1/events?limit=500&continue=a b": (200, {"items": [3], "metadata": {"continue": ""}}),
            "/api/v1/nodes?limit=500": (200, {"items": None, "metadata": {}}),
            "/forbidden": (403, {"message": 'pods is forbidden: User "me" cannot list resource "pods"'}),
            "/repeating": (403, {"message": f"the token {TOKEN} may not"}),
            "/unauthorized": (401, {"message": "Unauthorized"}),
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

    do_DELETE = do_POST = do_PATCH

    def log_message(self, *args):
        """Log nothing."""


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
