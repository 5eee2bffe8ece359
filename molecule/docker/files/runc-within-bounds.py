#!/usr/bin/env python3
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""runc for a machine that lacks a capability: Debian's Docker asks for all of them where a container is privileged.

Takes what the machine's bounding set lacks out of the container's definition, and becomes runc. Where nothing is
lacking, nothing is changed.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

# By number, as in linux/capability.h; only what may be lacking has to be named, and only CAP_SYS_RESOURCE was seen to.
NAMES = {16: "CAP_SYS_MODULE", 17: "CAP_SYS_RAWIO", 22: "CAP_SYS_BOOT", 24: "CAP_SYS_RESOURCE", 25: "CAP_SYS_TIME"}


def lacking():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            bounds = int(line.split()[1], 16)
    return {name for number, name in NAMES.items() if not bounds >> number & 1}


def restrict(path, without):
    """Take capabilities out of a container's definition, or out of that of a process in one."""
    spec = json.loads(path.read_text())
    held = spec.get("process", spec).get("capabilities", {})
    for kind in held:
        held[kind] = [x for x in held[kind] if x not in without]
    path.write_text(json.dumps(spec))


def main():
    without = lacking()
    for option, value in zip(sys.argv, sys.argv[1:]):
        if without and option == "--bundle":
            restrict(Path(value) / "config.json", without)
        elif without and option == "--process":
            restrict(Path(value), without)
    os.execvp("runc", ["runc", *sys.argv[1:]])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
