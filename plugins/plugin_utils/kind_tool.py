# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the kind tool for the role kind_cluster: one in PATH, one in the cache, a download or a build.

Results are registered results of Ansible tasks with the modules command, stat and uri.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.plugin_utils.istioctl import failure

Result = Mapping[str, Any]

# Machine names of the kernel, and the architectures for which the kind project publishes binaries.
ARCHES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# Answers to a HEAD request; 405 comes from a server that supports only GET.
SERVER_HAS_FILE = (200, 405)


def download(machine: str, mirror: str, version: str, checksum: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return the download of a version of kind for a machine.

    machine: machine name of the kernel; checksum: requested SHA-256 checksum, empty for the one in known, which is by
    architecture. The result has machine, version, url (empty if there is no binary for the machine), file_name and
    checksum (of the file or, without a known one, the URL of the release's checksum file; with the prefix sha256:).
    """
    name = machine.strip()
    arch = ARCHES.get(name, "")
    url = f"{mirror.rstrip('/')}/v{version}/kind-linux-{arch}" if arch else ""
    digest = re.sub("^sha256:", "", checksum.strip().lower()) or known.get(arch, "")
    return {
        "machine": name,
        "version": version,
        "url": url,
        "file_name": f"kind-v{version}-linux-{arch}",
        "checksum": f"sha256:{digest or url + '.sha256sum'}",
    }


def choose(state: Mapping[str, Any]) -> dict[str, str]:
    """Choose the kind tool from what is known so far.

    state: output (result of "kind version"), path (option kind_cluster_kind_path) and minimum (version); once they are
    known, download (see above), kept (result of stat for the downloaded file), built (path of a built tool) and source
    (of the images); and answer, the result of a HEAD request for the download.

    Return method (path, kept, built, download or build; empty if state does not suffice for a choice), path (empty for
    a tool that must be built), problem (why neither PATH nor a download has the tool) and message (empty if the tool in
    PATH is used).
    """
    found = re.search(r"kind v?([0-9]+(?:\.[0-9]+)+)", state["output"].get("stdout") or "")
    if state["path"] or (found and numbers(found[1]) >= numbers(state["minimum"])):
        return _choice("path", state["path"] or "kind")
    problem = "kind is not in PATH"
    if found:
        problem = f"kind {found[1]} in PATH is too old ({state['minimum']} or newer is required)"
    if "download" not in state:
        return _choice("", problem=problem)
    wanted = state["download"]
    kept = state["kept"].get("stat") or {}
    if _is_kept(kept, wanted["checksum"]):
        return _choice("kept", kept["path"], problem, f"so {kept['path']} is used")
    if state["built"]:
        return _choice("built", state["built"], problem, f"so {state['built']} is used")
    if state["source"] != "build":
        if "answer" not in state and wanted["url"]:
            return _choice("", problem=problem)
        missing = _missing(wanted, state.get("answer", {}))
        if not missing:
            return _choice("download", "", problem, f"so kind {wanted['version']} is downloaded from {wanted['url']}")
        problem += f", and {missing}"
    return _choice("build", "", problem, f"so kind {wanted['version']} is built with Go (about 30 s)")


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a dotted version, for comparisons."""
    return tuple(int(x) for x in version.split("."))


def _choice(method: str, path: str = "", problem: str = "", consequence: str = "") -> dict[str, str]:
    message = f"{problem}, {consequence}" if consequence else ""
    return {"method": method, "path": path, "problem": problem, "message": message}


def _is_kept(kept: Result, checksum: str) -> bool:
    """Whether the downloaded file can be used. If its checksum is not known here, it was verified by the download."""
    if not kept.get("exists"):
        return False
    return "://" in checksum or checksum == f"sha256:{kept.get('checksum')}"


def _missing(wanted: Mapping[str, str], answer: Result) -> str:
    """Why kind cannot be downloaded; empty if it can."""
    if not wanted["url"]:
        return f"the kind project publishes no binary for {wanted['machine']}"
    if answer.get("status") in SERVER_HAS_FILE:
        return ""
    return f"{wanted['url']} cannot be downloaded ({failure(answer)['reason'] or 'no answer'})"
