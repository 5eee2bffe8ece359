"""Save what a lab may leave on a machine, or compare the machine with what was saved.

Included are interfaces, routes, packet filters, mounts, processes, containers and files. Not included are the empty
chains of Podman's netavark and the rules that jump to them, which Podman never removes, the mount of Podman's store on
itself, and processes that the system starts and stops.

usage: machine.py save FILE
       machine.py compare FILE    prints the differences; the exit status is 1 if there are any
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

# netavark creates these once and keeps them, empty, for the next container.
ENGINE_RULES = re.compile(
    r"^:(NETAVARK_FORWARD|NETAVARK-HOSTPORT-(DNAT|MASQ|SETMARK)|PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) "
    r"|^-A (PREROUTING|OUTPUT|POSTROUTING|FORWARD) .*-j NETAVARK(_FORWARD|-HOSTPORT-(DNAT|MASQ))$"
    r"|^-A NETAVARK-HOSTPORT-(MASQ|SETMARK) .*-j (MASQUERADE|MARK .*)$"
)
# Podman mounts its store on itself while a podman command runs, even "podman info".
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
# Names of the lab's processes. Other processes of the machine start and stop at any time.
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
    """Names of the lab's processes outside running containers."""
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
    """The sorted lines that a command prints; an empty list if it is not installed."""
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
        # The tables of iptables, whose rules are compared above.
        lines = [x for x in lines if x.split()[-1] not in ("nat", "filter", "mangle", "raw")]
    return sorted(lines)


def snapshot():
    found = {name: listed(name, argv) for name, argv in COMMANDS.items()}
    found["processes"] = processes()
    found["files"] = sorted(x for x in PATHS if Path(x).exists())
    return found


def differences(before, after):
    """A line for each item that is only in one of the two snapshots."""
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
