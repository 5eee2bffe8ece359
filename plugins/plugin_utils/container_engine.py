# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses the container engine of the role kind_cluster, and explains why Docker cannot be used.

The arguments are registered results of Ansible tasks with the module command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

Result = Mapping[str, Any]

# What Docker reports, and the remedy. The first that matches applies.
_DOCKER_FAILURES = (
    (
        r"permission denied",
        "this user may not use Docker",
        "Add the user to the group docker (sudo usermod -aG docker $USER), and log in again.",
    ),
    (
        r"cannot connect to the docker daemon|refused",
        "Docker's daemon does not answer",
        "Start it (sudo systemctl start docker, or Docker Desktop).",
    ),
    (r"", "Docker does not work", "Fix what it reports."),
)


def _error(result: Result) -> str:
    """Return the line of the output that contains the cause."""
    lines = [x.strip() for x in (result.get("stderr") or "").splitlines() if x.strip()]
    causes = [x for x in lines if re.search(r"cannot connect|permission denied|refused|error", x, re.IGNORECASE)]
    line = next(iter(causes + lines), str(result.get("msg") or "no message"))
    line = re.sub(r"^error( during connect)?: *", "", line, flags=re.IGNORECASE)
    return re.sub(r"(\. Is the docker daemon running\?)?\.?$", "", line, flags=re.IGNORECASE)


def _docker_problem(version: Result, info: Result) -> tuple[str, str]:
    """Return why Docker cannot be used and the remedy; both are empty if it can, or if there is no docker command."""
    if version.get("rc") != 0:
        return "", ""
    printed = (version.get("stdout") or "").strip()
    if not printed.startswith("Docker version"):
        return (
            f'the docker command is not Docker (docker --version prints "{printed}"), as with podman-docker',
            "Install Docker, or use Podman.",
        )
    if info.get("rc") == 0:
        return "", ""
    error = _error(info)
    found = next(x for x in _DOCKER_FAILURES if re.search(x[0], error, re.IGNORECASE))
    return f"{found[1]}: {error}", found[2]


def _document(info: Result) -> dict[str, Any]:
    """Return what "info" printed as JSON; empty if it is not JSON."""
    try:
        document = json.loads(info.get("stdout") or "{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def engine(infos: Iterable[Result], docker_version: Result) -> dict[str, Any]:
    """Return the engine to use, and why it is not Docker.

    infos: results of "docker info" and "podman info", with the name of the engine as item; docker_version: of
    "docker --version".
    name: docker or podman, "" if none answers; reason and remedy: of a docker command that cannot be used, else "";
    error: the error of the first engine, "" if it answers; info: what the engine printed about itself; memory_mb: that
    it has, 0 if unknown; images_dir: directory of its images.
    """
    results = list(infos)
    docker = next((x for x in results if x.get("item") == "docker"), None)
    reason, remedy = _docker_problem(docker_version, docker) if docker else ("", "")
    answering = [x for x in results if x.get("rc") == 0 and not (x["item"] == "docker" and reason)]
    used = answering[0] if answering else {}
    first = results[0]
    error = "" if used is first else reason if first.get("item") == "docker" and reason else _error(first)
    info = _document(used)
    return {
        "name": used.get("item", ""),
        "reason": reason,
        "remedy": remedy,
        "error": error,
        "info": info,
        "memory_mb": int(info.get("MemTotal") or 0) // 2**20,
        "images_dir": info.get("DockerRootDir") or (info.get("store") or {}).get("graphRoot") or "",
    }
