"""An API server on loopback that has no objects, and logs each request.

recording_api_server.py SECONDS LOG KUBECONFIG...

Each kubeconfig leads to the server, with the name of its parent directory as the first part of the path: a request for
pods by the kubeconfig /tmp/named/config is logged as GET /named/api/v1/pods. The server stops after SECONDS.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# By the last part of the path; every other request gets 404.
DISCOVERY = {
    "version": {"major": "1", "minor": "33", "gitVersion": "v1.33.1"},
    "api": {"kind": "APIVersions", "versions": ["v1"]},
    "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
}
NOT_FOUND = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log_path: Path

    def answer(self):
        with self.log_path.open("a", encoding="utf-8") as log:
            log.write(f"{self.command} {self.path}\n")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = DISCOVERY.get(self.path.rstrip("/").rpartition("/")[2])
        body = json.dumps(found or NOT_FOUND).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_arguments):
        """Keep standard error empty."""


def kubeconfig(server):
    """The content of a kubeconfig for this server."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "recorded",
        "clusters": [{"name": "recorded", "cluster": {"server": server}}],
        "users": [{"name": "recorded", "user": {"token": "none"}}],
        "contexts": [{"name": "recorded", "context": {"cluster": "recorded", "user": "recorded"}}],
    }


def main(seconds, log, *paths):
    Handler.log_path = Path(log)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Handler.log_path.write_text("", encoding="utf-8")
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        url = f"http://127.0.0.1:{server.server_port}/{path.parent.name}"
        path.write_text(json.dumps(kubeconfig(url)), encoding="utf-8")
        path.chmod(0o600)
    time.sleep(float(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
