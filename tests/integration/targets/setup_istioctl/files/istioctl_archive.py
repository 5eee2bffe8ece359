# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release archives for the tests of the role istioctl, a web server for them, and a proxy, each with optional faults.

istioctl_archive.py make MIRROR VERSION [--arch ARCH] [--prints TEXT] [--fault FAULT] [--ballast N] [--spaces N]
                    [--no-sum]
    writes MIRROR/VERSION/istio-VERSION-linux-ARCH.tar.gz and its .sha256 file in Istio's layout; prints the checksum.
    --ballast adds N zero bytes, which compress well; with --fault dense, random bytes, which do not.
istioctl_archive.py serve MIRROR [--certificate FILE]
    serves MIRROR on a free port of 127.0.0.1 for at most 30 minutes; MIRROR/server.json (or secure.json) contains the
    port and the process ID, and MIRROR/requests.log a line for each request, which ends in "with a password" if it
    was authenticated. /FAULT/ serves MIRROR with that fault: see Handler.
istioctl_archive.py proxy MIRROR NAME PASSWORD
    starts a proxy for the server that requires a password; writes MIRROR/proxy.json and MIRROR/proxy.log.
"""

from __future__ import annotations

import argparse
import base64
import functools
import hashlib
import http.server
import io
import json
import os
import pathlib
import socket
import ssl
import tarfile
import threading
import urllib.error
import urllib.request
from typing import ClassVar

FAULTS = ["dotdot", "cut", "does-not-run", "device", "setuid", "dense"]
PAGE = b"<!doctype html>\n<title>Sign in</title>\n"
NAME, PASSWORD = "reader", "s3cret-of-the-mirror"
SIGNATURE = "s3cret-of-the-query"


def release(version, prints, fault, ballast):
    """The bytes of a .tar.gz archive of a release whose istioctl prints the given text."""
    top = "istio-" + version
    script = "#!/bin/sh\n[ \"$*\" = 'version --remote=false' ] || exit 64\necho '" + prints + "'\n"
    if fault == "does-not-run":
        script = "\x7fELF of another machine"
    files = {
        "bin/istioctl": script,
        "manifests/profiles/demo.yaml": "demo: true\n",
        "samples/sleep/sleep.yaml": "sleep: true\n",
        "tools/istioctl.bash": "istioctl_completion_is_loaded=yes\ncomplete -o default -F __start_istioctl istioctl\n",
        "tools/_istioctl": "#compdef istioctl\n_arguments '*:word:(version)'\n",
        "LICENSE": "a licence\n",
        "manifest.yaml": "version: " + version + "\n",
    }
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:

        def add(name, kind, target="", mode=0o644, data=b""):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode, member.size = kind, target, mode, len(data)
            member.uid = member.gid = 12345
            archive.addfile(member, io.BytesIO(data))

        add(top, tarfile.DIRTYPE, mode=0o750)  # as in some real releases
        for name, text in files.items():
            mode = 0o750 if name.startswith("bin/") else 0o640
            add(top + "/" + name, tarfile.REGTYPE, "", mode, text.encode())
        # Links that stay inside of the release are allowed.
        add(top + "/samples/profiles", tarfile.SYMTYPE, "../manifests/profiles", 0o777)
        add(top + "/LICENCE", tarfile.LNKTYPE, top + "/LICENSE")
        if ballast:
            add(top + "/ballast", tarfile.REGTYPE, data=os.urandom(ballast) if fault == "dense" else bytes(ballast))
        if fault == "device":
            add(top + "/samples/null", tarfile.CHRTYPE, mode=0o666)
        if fault == "setuid":
            add(top + "/bin/helper", tarfile.REGTYPE, mode=0o4755)
        if fault == "dotdot":
            add(top + "/../istioctl-dotdot", tarfile.REGTYPE)
    data = sink.getvalue()
    return data[: len(data) * 2 // 3] if fault == "cut" else data


def make(arguments):
    """Write an archive and its checksum file, and print the checksum."""
    directory = pathlib.Path(arguments.mirror, arguments.version)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / ("istio-" + arguments.version + "-linux-" + arguments.arch + ".tar.gz")
    prints = arguments.prints or "client version: " + arguments.version
    data = release(arguments.version, prints, arguments.fault, arguments.ballast)
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    beside = directory / (path.name + ".sha256")
    beside.unlink(missing_ok=True)
    if not arguments.no_sum:
        beside.write_text(digest + " " * arguments.spaces + path.name + "\n")
    print(digest)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the files of the mirror; below /FAULT/ with a fault."""

    was_cut: ClassVar[set] = set()
    meeting: ClassVar = threading.Barrier(2)

    def log_message(self, *_unused):
        word = " with a password" if self.headers.get("Authorization") else ""
        with open(pathlib.Path(self.directory) / "requests.log", "a") as log:
            log.write(self.requestline + word + "\n")

    def do_HEAD(self):
        self.answer(super().do_HEAD)

    def do_GET(self):
        self.answer(super().do_GET)

    def answer(self, correctly):
        """Answer correctly, or with the fault that the path begins with."""
        fault, _slash, rest = self.path[1:].partition("/")
        is_sum = self.path.partition("?")[0].endswith(".sha256")
        if fault not in ("cut", "cut-once", "page", "page-sum", "loop", "private", "moved", "signed", "together"):
            return correctly()
        self.path = "/" + rest
        if fault == "signed" and self.path.partition("?")[2] != "X-Amz-Signature=" + SIGNATURE:
            return self.send_error(403)
        if fault in ("private", "moved") and not is_basic(self.headers.get("Authorization"), NAME, PASSWORD):
            return self.send_error(401)
        if fault == "loop":
            return self.redirect("/loop/" + rest)
        if fault == "moved":
            return self.redirect("/" + rest)
        if (fault, is_sum) in (("page", False), ("page-sum", True)):
            return self.send(PAGE, len(PAGE))
        if fault == "together" and not is_sum:
            try:
                self.meeting.wait(120)
            except threading.BrokenBarrierError:
                return self.send_error(500)
        if fault == "cut-once" and not is_sum and self.path not in self.was_cut:
            fault = "cut"
            self.was_cut.add(self.path)
        if fault == "cut" and not is_sum:
            data = pathlib.Path(self.translate_path(self.path)).read_bytes()
            return self.send(data[: len(data) // 2], len(data))
        return correctly()

    def redirect(self, where):
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send(self, data, length):
        """Send data with a Content-Length header that may differ from its size."""
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


class Proxy(http.server.BaseHTTPRequestHandler):
    """Forwards authenticated requests to the loopback of this machine."""

    wanted: tuple
    log: pathlib.Path

    def log_message(self, *_unused):
        with open(self.log, "a") as log:
            log.write(self.requestline + "\n")

    def refused(self):
        """Whether the request was refused with status 407."""
        if not is_basic(self.headers.get("Proxy-Authorization"), *self.wanted):
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return True
        return False

    def do_GET(self):
        if self.refused():
            return
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        own = {name: value for name, value in self.headers.items() if name.lower() == "authorization"}
        try:
            answer = direct.open(urllib.request.Request(self.path, headers=own, method=self.command), timeout=30)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            data = answer.read()
            self.send_response(answer.status)
        self.send_header("Content-Length", answer.headers.get("Content-Length", str(len(data))))
        self.end_headers()
        self.wfile.write(data)

    do_HEAD = do_GET

    def do_CONNECT(self):
        if self.refused():
            return
        host, _colon, port = self.path.partition(":")
        if host != "127.0.0.1":
            self.send_error(403)
            return
        with socket.create_connection((host, int(port)), timeout=30) as upstream:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=forward, args=(upstream, self.connection), daemon=True)
            back.start()
            forward(self.connection, upstream)
            back.join(30)
        self.close_connection = True


def forward(source, sink):
    """Copy data from one socket to the other until the end."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the peer closed the connection


def is_basic(header, name, password):
    """Whether a header contains the name and the password."""
    return header == "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def run(server, mirror, name):
    """Serve until the process is stopped, at most 30 minutes."""
    threading.Timer(1800, os._exit, [0]).start()
    written = mirror / (name + ".json.part")
    written.write_text(json.dumps({"port": server.server_port, "pid": os.getpid()}))
    written.rename(mirror / (name + ".json"))
    server.serve_forever()


def serve(arguments):
    """Start the server of the mirror."""
    mirror = pathlib.Path(arguments.mirror)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=mirror))
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    run(server, mirror, "secure" if arguments.certificate else "server")


def proxy(arguments):
    """Start the proxy."""
    mirror = pathlib.Path(arguments.mirror)
    Proxy.wanted, Proxy.log = (arguments.name, arguments.password), mirror / "proxy.log"
    run(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy), mirror, "proxy")


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make")
    making.add_argument("mirror")
    making.add_argument("version")
    making.add_argument("--arch", default="amd64")
    making.add_argument("--prints")
    making.add_argument("--fault", choices=FAULTS)
    making.add_argument("--ballast", type=int, default=0)
    making.add_argument("--spaces", type=int, default=1)
    making.add_argument("--no-sum", action="store_true")
    making.set_defaults(run=make)
    serving = commands.add_parser("serve")
    serving.add_argument("mirror")
    serving.add_argument("--certificate")
    serving.set_defaults(run=serve)
    passing = commands.add_parser("proxy")
    passing.add_argument("mirror")
    passing.add_argument("name")
    passing.add_argument("password")
    passing.set_defaults(run=proxy)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
