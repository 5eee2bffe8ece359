# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata of the package agrees with the code: requirements, programs, versions, tools."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# The package that provides an import; urllib3 comes with kubernetes, which uses it.
PACKAGES = {"kubernetes": "kubernetes", "selenium": "selenium", "urllib3": "kubernetes", "yaml": "PyYAML"}
# Roles that need an engine or root on this machine, or run on managed hosts, and so not in an execution environment.
NOT_IN_AN_ENVIRONMENT = {"artifacts", "build_images", "build_node_image", "build_rootfs", "istioctl", "kind_cluster"}
DRIVER = {"chromedriver": "chromium-driver"}


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def requirements(path):
    """The requirements of a file, as {package: version range}, without included files."""
    lines = [line.split("#")[0].strip() for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]
    return dict(re.fullmatch(r"([\w-]+)(.*)", line).groups() for line in lines if line and not line.startswith("-"))


def imports():
    """The top-level names that plugins import."""
    for path in ROOT.glob("plugins/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module.partition(".")[0]


def programs(node):
    """The programs that tasks run, at any depth."""
    if isinstance(node, list):
        for item in node:
            yield from programs(item)
    elif isinstance(node, dict):
        argv = (node.get("ansible.builtin.command") or {}).get("argv")
        if isinstance(argv, list):
            yield argv[0]
        for value in node.values():
            yield from programs(value)


def test_an_execution_environment_gets_what_plugins_import():
    metadata = load("meta/execution-environment.yml")["dependencies"]
    required = requirements(metadata["python"])
    third_party = set(imports()) - set(sys.stdlib_module_names) - {"ansible", "ansible_collections"}
    assert {PACKAGES[name] for name in third_party} == set(required)
    # Other collections share the environment.
    assert all(re.fullmatch(r">=[0-9.]+", version) for version in required.values())
    pinned = requirements("requirements.txt")
    assert set(required) <= set(pinned)


def test_an_execution_environment_gets_the_versions_that_the_modules_document():
    required = requirements("meta/ee-requirements.txt")
    texts = [path.read_text(encoding="utf-8") for path in ROOT.glob("plugins/modules/*.py")]
    documented = {pair for text in texts for pair in re.findall(r"(?m)^  - (kubernetes|PyYAML) (>= [0-9.]+)", text)}
    assert documented == {(name, required[name].replace(">=", ">= ")) for name in ("kubernetes", "PyYAML")}


def test_an_execution_environment_gets_the_programs_that_roles_run():
    listed = re.findall(r"(?m)^([\w-]+) \[", (ROOT / "bindep.txt").read_text(encoding="utf-8"))
    paths = [x for x in ROOT.glob("roles/*/tasks/*.yml") if x.parts[-3] not in NOT_IN_AN_ENVIRONMENT]
    run = {name for path in paths for name in programs(yaml.safe_load(path.read_text(encoding="utf-8")))}
    assert run and {DRIVER.get(name, name) for name in run} <= set(listed)


def test_the_package_contains_what_its_metadata_names():
    ignored = load("galaxy.yml")["build_ignore"]
    metadata = load("meta/execution-environment.yml")["dependencies"]
    # The playbook artifacts.yml uses requirements.txt.
    for path in (*metadata.values(), "requirements.txt"):
        assert (ROOT / path).exists() and path not in ignored
    assert {"tests", "molecule", "tools"} <= set(ignored)


def test_the_changelog_has_the_version_of_the_package():
    version = load("galaxy.yml")["version"]
    assert version in load("changelogs/changelog.yaml")["releases"]
    assert f'<a id="v{version.replace(".", "-")}"></a>' in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_plugin_and_entry_point_has_the_version_that_added_it():
    versions = set(load("changelogs/changelog.yaml")["releases"])
    plugins = [x for kind in ("modules", "filter", "lookup", "test") for x in ROOT.glob(f"plugins/{kind}/*.py")]
    added = {x.name: re.findall(r'(?m)^version_added: "(.*)"$', x.read_text(encoding="utf-8")) for x in plugins}
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        for entry_point, spec in load(path)["argument_specs"].items():
            added[f"{path.parts[-3]} {entry_point}"] = [spec.get("version_added")]
    assert {name: x for name, x in added.items() if len(x) != 1 or x[0] not in versions} == {}


def test_pre_commit_uses_the_versions_of_the_static_checks():
    hooks = [hook for repository in load(".pre-commit-config.yaml")["repos"] for hook in repository["hooks"]]
    used = {x for hook in hooks for x in hook.get("additional_dependencies", [])}
    pinned = {f"{name}{version}" for name, version in requirements("requirements-test.txt").items()}
    assert used and used <= pinned


def test_the_ci_workflow_runs_parts_of_the_tests_that_exist():
    parts = set(re.findall(r"(?m)^    (\w+)\)", (ROOT / "tests/run.sh").read_text(encoding="utf-8")))
    jobs = load(".github/workflows/ci.yml")["jobs"]
    named = {part for job in jobs.values() for entry in job["strategy"]["matrix"]["parts"] for part in entry.split()}
    assert {"static", "unit", "offline", "molecule", "registry"} <= named <= parts
