# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release archives for the tests of the role istioctl, whole or with one fault, and a web server that gives them.

istioctl_archive.py make MIRROR VERSION [--prints TEXT] [--fault FAULT] [--spaces N] [--no-sum]
    writes MIRROR/VERSION/istio-VERSION-linux-amd64.tar.gz and its .sha256, laid out as Istio's are; prints the sum.
istioctl_archive.py serve MIRROR
    serves MIRROR on a free port of 127.0.0.1 for ten minutes at most; MIRROR/server.json tells the port and the
    process, MIRROR/requests.log has a line for each request.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import io
import json
import os
import pathlib
import tarfile
import threading

FAULTS = ["dotdot", "cut", "does-not-run"]


def release(version, prints, fault):
    """The bytes of a .tar.gz that holds a release whose istioctl prints the given text."""
    top = "istio-" + version
    script = "#!/bin/sh\n[ \"$*\" = 'version --remote=false' ] || exit 64\necho '" + prints + "'\n"
    if fault == "does-not-run":
        script = "\x7fELF of another machine"
    files = {
        "bin/istioctl": script,
        "manifests/profiles/demo.yaml": "demo: true\n",
        "samples/sleep/sleep.yaml": "sleep: true\n",
        "tools/istioctl.bash": "istioctl_completion_is_loaded=yes\n",
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

        add(top, tarfile.DIRTYPE, mode=0o750)  # as some real releases have it
        for name, text in files.items():
            mode = 0o750 if name.startswith("bin/") else 0o640
            add(top + "/" + name, tarfile.REGTYPE, "", mode, text.encode())
        # Links that stay inside are no fault.
        add(top + "/samples/profiles", tarfile.SYMTYPE, "../manifests/profiles", 0o777)
        add(top + "/LICENCE", tarfile.LNKTYPE, top + "/LICENSE")
        if fault == "dotdot":
            add(top + "/../istioctl-dotdot", tarfile.REGTYPE)
    data = sink.getvalue()
    return data[: len(data) * 2 // 3] if fault == "cut" else data


def make(arguments):
    """Write the archive and its checksum file, and print the checksum."""
    folder = pathlib.Path(arguments.mirror, arguments.version)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("istio-" + arguments.version + "-linux-amd64.tar.gz")
    prints = arguments.prints or "client version: " + arguments.version
    data = release(arguments.version, prints, arguments.fault)
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    beside = folder / (path.name + ".sha256")
    beside.unlink(missing_ok=True)
    if not arguments.no_sum:
        beside.write_text(digest + " " * arguments.spaces + path.name + "\n")
    print(digest)


def serve(arguments):
    """Serve the mirror until the process is ended, or ten minutes have passed."""
    mirror = pathlib.Path(arguments.mirror)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_unused):
            with open(mirror / "requests.log", "a") as log:
                log.write(self.requestline + "\n")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=mirror))
    threading.Timer(600, os._exit, [0]).start()
    written = mirror / "server.json.part"
    written.write_text(json.dumps({"port": server.server_port, "pid": os.getpid()}))
    written.rename(mirror / "server.json")
    server.serve_forever()


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    making = commands.add_parser("make")
    making.add_argument("mirror")
    making.add_argument("version")
    making.add_argument("--prints")
    making.add_argument("--fault", choices=FAULTS)
    making.add_argument("--spaces", type=int, default=1)
    making.add_argument("--no-sum", action="store_true")
    making.set_defaults(run=make)
    serving = commands.add_parser("serve")
    serving.add_argument("mirror")
    serving.set_defaults(run=serve)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
