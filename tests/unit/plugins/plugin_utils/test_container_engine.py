# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.plugin_utils.container_engine import engine

DOCKER_VERSION = {"rc": 0, "stdout": "Docker version 28.2.2, build e6534b4"}
ABSENT = {"rc": 2, "msg": "[Errno 2] No such file or directory: b'docker'"}
DOCKER = {"item": "docker", "rc": 0, "stdout": '{"MemTotal": 4194304000, "DockerRootDir": "/var/lib/docker"}'}
PODMAN = {"item": "podman", "rc": 0, "stdout": '{"host": {}, "store": {"graphRoot": "/var/lib/containers/storage"}}'}
NO_PODMAN = {"item": "podman", "rc": 2, "msg": "[Errno 2] No such file or directory: b'podman'"}
# The command prints its version although the daemon does not answer.
STOPPED = {
    "item": "docker",
    "rc": 1,
    "stdout": '{"ServerVersion": ""}',
    "stderr": "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
}
FORBIDDEN = {
    "item": "docker",
    "rc": 1,
    "stdout": "",
    "stderr": "ERROR: permission denied while trying to connect to the Docker daemon socket at "
    "unix:///var/run/docker.sock: dial unix /var/run/docker.sock: connect: permission denied\n"
    "errors pretty printing info",
}


def test_docker_is_preferred():
    found = engine([DOCKER, PODMAN], DOCKER_VERSION)
    assert found == {
        "name": "docker",
        "reason": "",
        "remedy": "",
        "error": "",
        "info": {"MemTotal": 4194304000, "DockerRootDir": "/var/lib/docker"},
        "memory_mb": 4000,
        "images_dir": "/var/lib/docker",
    }


def test_requested_podman_beside_a_docker_that_was_not_asked():
    found = engine([PODMAN], DOCKER_VERSION)
    assert (found["name"], found["reason"], found["remedy"]) == ("podman", "", "")


def test_podman_without_a_docker_command():
    found = engine([{**ABSENT, "item": "docker"}, PODMAN], ABSENT)
    assert (found["name"], found["reason"]) == ("podman", "")
    assert (found["memory_mb"], found["images_dir"]) == (0, "/var/lib/containers/storage")


@pytest.mark.parametrize(
    ("info", "reason", "remedy"),
    [
        (
            STOPPED,
            "Docker's daemon does not answer: Cannot connect to the Docker daemon at unix:///var/run/",
            "Start it",
        ),
        (FORBIDDEN, "this user may not use Docker: permission denied while trying to connect", "to the group docker"),
        ({"item": "docker", "rc": 125, "stderr": "\nbad context"}, "Docker does not work: bad context", "Fix what"),
        ({"item": "docker", "rc": 1}, "Docker does not work: no message", "Fix what"),
    ],
)
@pytest.mark.parametrize("podman", [PODMAN, NO_PODMAN])
def test_docker_command_without_a_usable_daemon(info, reason, remedy, podman):
    found = engine([info, podman], DOCKER_VERSION)
    assert found["name"] == ("podman" if podman is PODMAN else "")
    assert found["reason"].startswith(reason)
    assert remedy in found["remedy"]
    assert "ERROR" not in found["reason"] and not found["reason"].endswith(("?", "."))


def test_the_docker_command_of_podman_is_not_docker():
    found = engine([DOCKER, PODMAN], {"rc": 0, "stdout": "podman version 5.2.1\n"})
    assert found["name"] == "podman"
    assert '(docker --version prints "podman version 5.2.1")' in found["reason"]
    assert engine([DOCKER], {"rc": 0, "stdout": "podman version 5.2.1"})["name"] == ""


@pytest.mark.parametrize(
    ("infos", "version", "error"),
    [
        ([STOPPED], DOCKER_VERSION, "Docker's daemon does not answer: Cannot connect"),
        ([{**ABSENT, "item": "docker"}], ABSENT, "[Errno 2] No such file or directory"),
        ([NO_PODMAN], DOCKER_VERSION, "[Errno 2] No such file or directory"),
        ([PODMAN], DOCKER_VERSION, ""),
    ],
)
def test_error_of_a_requested_engine(infos, version, error):
    found = engine(infos, version)["error"]
    assert found.startswith(error) and bool(found) == bool(error)


@pytest.mark.parametrize("printed", ["", "not JSON", "[]"])
def test_information_that_is_not_a_document(printed):
    assert engine([{**DOCKER, "stdout": printed}], DOCKER_VERSION)["info"] == {}
