# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every integration target is run by something, and declares the targets whose files it uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ROOT / "tests/integration/targets"
ALIASES = {path.parent.name: path.read_text(encoding="utf-8").split() for path in TARGETS.glob("*/aliases")}
HIDDEN = {name for name, aliases in ALIASES.items() if "hidden" in aliases}
NOT_GROUPS = re.compile(r"hidden|gather_facts/.*|needs/.*")
# What CI and the scenarios run, by the name of a group or a target.
RUNNERS = "".join(
    path.read_text(encoding="utf-8") for path in [ROOT / "tests/run.sh", *sorted((ROOT / "molecule").glob("*/*.yml"))]
)
RUN = {
    *re.findall(r"support/targets\.py (?:--at-once \d+ )?([a-z_/]+)", RUNNERS),
    *re.findall(r"group: ([a-z_/]+)", RUNNERS),
    *re.findall(r"target(?:=|': ')([a-z_]+)", RUNNERS),
}


def test_every_directory_is_a_target():
    assert {path.name for path in TARGETS.iterdir()} == set(ALIASES)


@pytest.mark.parametrize("target", sorted(set(ALIASES) - HIDDEN))
def test_the_target_is_run(target):
    assert (TARGETS / target / "tasks/main.yml").exists()
    groups = [alias for alias in ALIASES[target] if not NOT_GROUPS.fullmatch(alias)]
    assert len(groups) == 1, f"{target}: one group is expected in aliases, got {groups}"
    assert {target, *groups} & RUN, (
        f"{target}: neither tests/run.sh nor a Molecule scenario runs it or its group {groups}"
    )


def test_every_group_and_target_that_is_run_exists():
    assert {*ALIASES, *(alias for aliases in ALIASES.values() for alias in aliases)} >= RUN


@pytest.mark.parametrize("target", sorted(ALIASES))
def test_the_target_declares_the_targets_whose_files_it_uses(target):
    # ansible-test copies only a target and those that it needs.
    def used(name):
        texts = [path.read_text(encoding="utf-8") for path in (TARGETS / name).rglob("*.yml")]
        return set(re.findall(r"targets/(\w+)/", "".join(texts))) - {name}

    direct = used(target)
    needed = {alias.removeprefix("needs/target/") for alias in ALIASES[target] if alias.startswith("needs/")}
    if target in HIDDEN:
        assert any(f"needs/target/{target}" in aliases for aliases in ALIASES.values()), f"no target uses {target}"
    else:
        assert direct | {x for name in direct for x in used(name)} == needed


def test_every_module_has_a_target():
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")} - {"__init__"}
    in_roles = {"go_build", "image_archive", "cluster_connection_info"}  # every lab runs them
    assert modules - in_roles <= set(ALIASES)


def test_no_target_has_the_name_of_a_role():
    # ansible-test would run the role instead.
    assert not set(ALIASES) & {path.name for path in (ROOT / "roles").iterdir()}
