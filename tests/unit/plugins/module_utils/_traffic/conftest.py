# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._traffic import answer, probe

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for traffic_support


class Server(ThreadingHTTPServer):
    """Responds to request number n (from 0) with answer(n): a body, or (status, headers, body)."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen = []
        self.connections = 0
        self.piece = 1 << 30  # bytes per write
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request, client_address):
        """Ignore clients that close the connection."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def log_message(self, *args):
        """Log nothing."""

    def do_GET(self):
        with self.server.lock:
            number = len(self.server.seen)
            self.server.seen.append((self.path, self.headers))
        answer = self.server.answer(number)
        status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), self.server.piece):
            time.sleep(0.001 if start else 0.0)
            self.wfile.write(body[start : start + self.server.piece])
        if headers.get("Content-Length"):
            self.close_connection = True  # the body is shorter than announced


@pytest.fixture
def serve():
    """Return a function that starts a Server, which is stopped after the test."""
    servers = []

    def start(answer):
        server = Server(answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def toolboxes(tmp_path_factory):
    """Directories for PATH: "system" with this machine's tools, "busybox" with those of BusyBox if it is installed."""
    directories = {}
    for name in ("system", "busybox"):
        directory = tmp_path_factory.mktemp(name)
        busybox = shutil.which("busybox")
        for tool in ("sh", "awk", "wget", "curl"):
            target = busybox if name == "busybox" and tool != "curl" else shutil.which(tool)
            if target:
                (directory / tool).symlink_to(os.path.realpath(target) if name == "busybox" else target)
        directories[name] = directory if name == "system" or busybox else None
    return directories


@pytest.fixture
def run(toolboxes, tmp_path):
    """Run the probe of a plan as an exec would, and return its Tally. stubs: scripts that replace programs."""

    def run_probe(plan, box="system", stubs=None, without=(), nonce="0123456789abcdef", **popen):
        source = toolboxes[box]
        if source is None:
            pytest.skip("no busybox on PATH")
        if plan.method != "auto" and plan.method not in without and not (source / plan.method).exists():
            pytest.skip(f"no {plan.method} on PATH")
        directory = tmp_path / "bin"
        directory.mkdir(exist_ok=True)
        for tool in source.iterdir():
            if tool.name not in without and not os.path.lexists(directory / tool.name):
                (directory / tool.name).symlink_to(os.readlink(tool))
        for name, text in (stubs or {}).items():
            (directory / name).unlink(missing_ok=True)
            (directory / name).write_text(f"#!/bin/sh\n{text.replace('@REAL@', str(source / name))}\n")
            (directory / name).chmod(0o755)
        argv = probe.probe_command(plan, nonce)
        argv[0] = str(directory / "sh")
        stdin, writer = os.pipe()  # stays open, as that of an exec
        try:
            os.write(writer, (probe.probe_input(plan) or "").encode())
            done = subprocess.run(
                argv,
                capture_output=True,
                env={"PATH": str(directory), "http_proxy": "http://127.0.0.1:9"},
                stdin=stdin,
                timeout=60,
                start_new_session=True,
                check=False,
                **popen,
            )
        finally:
            os.close(stdin)
            os.close(writer)
        output = SimpleNamespace(
            rc=done.returncode,
            stdout=done.stdout.decode("utf-8", "replace"),
            stderr=done.stderr.decode("utf-8", "replace"),
        )
        return answer.read_answer(output, nonce, plan)

    return run_probe
