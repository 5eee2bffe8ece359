# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the collections that galaxy.yml depends on into a directory: the newest or the lowest allowed versions.

Galaxy need not be reachable: the newest ones come from the package "ansible" of this environment, and the lowest ones
from the release of that package which has exactly them.

usage: dependencies.py newest|lowest DIRECTORY
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# The release of "ansible" that has the lowest version of each dependency in galaxy.yml.
LOWEST_ANSIBLE = "11.0.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meshlab/collections"


def dependencies() -> dict[str, str]:
    """The dependencies of galaxy.yml: version ranges by the names of collections."""
    return yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"]


def lower_bound(allowed: str) -> str:
    """The lowest version of a range such as ">=5.0.0,<7.0.0"."""
    return re.search(r">=([0-9.]+)", allowed).group(1)


def installed() -> Path:
    """The directory ansible_collections of the package "ansible" in this environment."""
    return Path(next(iter(importlib.util.find_spec("ansible_collections").submodule_search_locations)))


def downloaded(names: list[str]) -> Path:
    """The directory ansible_collections of LOWEST_ANSIBLE, downloaded once and reduced to these collections."""
    kept = CACHE / f"ansible-{LOWEST_ANSIBLE}"
    prefixes = tuple(f"ansible_collections/{name.replace('.', '/')}/" for name in names)
    if not all((kept / path / "MANIFEST.json").exists() for path in prefixes):
        with tempfile.TemporaryDirectory() as scratch:
            argv = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", scratch]
            subprocess.run([sys.executable, "-m", "pip", *argv, f"ansible=={LOWEST_ANSIBLE}"], check=True)
            with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
                wheel.extractall(kept, [name for name in wheel.namelist() if name.startswith(prefixes)])
    return kept / "ansible_collections"


def main(which: str, directory: str) -> None:
    ranges = dependencies()
    source = installed() if which == "newest" else downloaded(list(ranges))
    for name, allowed in ranges.items():
        path = source / name.replace(".", "/")
        version = json.loads((path / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"]
        if which == "lowest" and version != lower_bound(allowed):
            sys.exit(f"ansible {LOWEST_ANSIBLE} has {name} {version}; galaxy.yml allows {allowed}")
        shutil.copytree(path, Path(directory) / "ansible_collections" / name.replace(".", "/"))
        print(f"{name} {version}")


if __name__ == "__main__":
    main(*sys.argv[1:])
