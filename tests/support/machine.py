"""What a lab may leave on a machine: interfaces, routes, packet filters, mounts, processes, containers, files.

    machine.py save FILE      writes it
    machine.py compare FILE   says what differs from FILE, and exits 1 if anything does

Left out: an engine's own empty chains and the rules that jump to them (netavark's, which Podman never takes away), the
mount of Podman's store on itself, and processes that the system starts and stops by itself.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

# Podman's netavark makes these once and keeps them, empty, for the next container.
ENGINE_RULES = re.compile(
    r"^:(NETAVARK_FORWARD|NETAVARK-HOSTPORT-(DNAT|MASQ|SETMARK)|PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) "
    r"|^-A (PREROUTING|OUTPUT|POSTROUTING|FORWARD) .*-j NETAVARK(_FORWARD|-HOSTPORT-(DNAT|MASQ))$"
    r"|^-A NETAVARK-HOSTPORT-(MASQ|SETMARK) .*-j (MASQUERADE|MARK .*)$"
)
# Podman mounts its store on itself while any podman command runs, "podman info" too: whoever asks meanwhile sees it.
ENGINE_MOUNT = re.compile(r"/containers/storage/overlay\s")
COMMANDS = {
    "interfaces": ["ip", "-brief", "address"],
    "routes": ["ip", "route", "show", "table", "all"],
    "rules of iptables": ["iptables-save"],
    "tables of nft": ["nft", "list", "tables"],
    "mounts": ["findmnt", "--list", "--noheadings", "--output", "TARGET,FSTYPE"],
    "containers": ["podman", "ps", "--all", "--noheading", "--format", "{{.Names}}"],
    "volumes": ["podman", "volume", "ls", "--quiet"],
    "networks": ["podman", "network", "ls", "--quiet"],
}
# What belongs to the lab, by name: everything else comes and goes on a living machine.
LAB_PROCESSES = re.compile(
    r"^(conmon|runc|crun|containerd|containerd-shim|kube|etcd|coredns|envoy|pilot|aardvark|netavark|standin|pause|docker-registry)"
)
PATHS = [
    "/lib/modules",
    "/etc/containers/containers.conf.d/50-meshlab.conf",
    "/opt/istio",
    "/etc/profile.d/istioctl.sh",
]


def processes():
    """Names of the lab's processes that belong to no running container: those come and go with its pods."""
    rows = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
    parents, names = {}, {}
    for row in rows.splitlines():
        pid, parent, name = row.split(maxsplit=2)
        parents[pid], names[pid] = parent, name
    inits = set(listed("inits", ["podman", "ps", "--format", "{{.Pid}}"]))
    watchers = {parents.get(x) for x in inits}

    def contained(pid):
        while pid and pid != "0":
            if pid in inits or pid in watchers:
                return True
            pid = parents.get(pid)
        return False

    return sorted(name for pid, name in names.items() if LAB_PROCESSES.match(name) and not contained(pid))


def listed(name, argv):
    """The lines that a command prints, sorted; none where it is not installed."""
    try:
        lines = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
    except FileNotFoundError:
        return []
    lines = [x.strip() for x in lines if x.strip() and not x.startswith("#")]
    if name == "rules of iptables":
        lines = [re.sub(r" \[\d+:\d+\]$", "", x) for x in lines if x != "COMMIT" and not x.startswith("*")]
        lines = [x for x in lines if not ENGINE_RULES.search(x)]
    if name == "mounts":
        lines = [x for x in lines if not ENGINE_MOUNT.search(x)]
    if name == "tables of nft":
        # iptables keeps its rules in these; whether they are empty is seen above.
        lines = [x for x in lines if x.split()[-1] not in ("nat", "filter", "mangle", "raw")]
    return sorted(lines)


def snapshot():
    found = {name: listed(name, argv) for name, argv in COMMANDS.items()}
    found["processes"] = processes()
    found["files"] = sorted(x for x in PATHS if Path(x).exists())
    return found


def differences(before, after):
    """A line for each thing that is there now and was not, or the other way round."""
    lines = []
    for name in before:
        old, new = list(before[name]), list(after[name])
        for item in before[name]:
            if item in new:
                old.remove(item)
                new.remove(item)
        lines += [f"{name}: gone: {x}" for x in old] + [f"{name}: left behind: {x}" for x in new]
    return lines


def main():
    verb, path = sys.argv[1], Path(sys.argv[2])
    if verb == "save":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(snapshot(), indent=1))
        return 0
    lines = differences(json.loads(path.read_text()), snapshot())
    print("\n".join(lines) or "the machine is as it was")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
