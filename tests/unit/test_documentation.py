# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation agrees with the code: its commands, paths, tables and numbers."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases, upgrade_path
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import statistics

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("support_examples", ROOT / "tests/support/examples.py")
examples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(examples)

PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.rst"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")]
)
SHELL = [
    pytest.param(block, id=f"{path.relative_to(ROOT)}:{block.line}")
    for path in PAGES
    for block in examples.blocks(path)
    if block.language in ("bash", "sh", "console")
]
YAML = [
    pytest.param(yaml.safe_load(block.text), id=f"{path.relative_to(ROOT)}:{block.line}")
    for path in PAGES
    for block in examples.blocks(path)
    if block.language == "yaml"
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def page(name):
    return (ROOT / f"docs/docsite/rst/{name}.rst").read_text(encoding="utf-8")


def lines(text):
    """The lines of a shell block, with continued ones joined and without comments."""
    return [re.sub(r"(^|\s)#.*", "", line) for line in text.replace("\\\n", " ").splitlines()]


def test_blocks_of_both_formats_are_found(tmp_path):
    (tmp_path / "page.md").write_text("A list:\n\n```yaml\n- a\n```\n\n```bash\nls\n```\n")
    (tmp_path / "page.rst").write_text("A list:\n\n.. code-block:: yaml\n\n   - a\n\n     - b\n\nText\n")
    found = {path.suffix: list(examples.blocks(path)) for path in tmp_path.iterdir()}
    assert found[".md"] == [examples.Block(4, "yaml", "- a\n"), examples.Block(8, "bash", "ls\n")]
    assert found[".rst"] == [examples.Block(5, "yaml", "- a\n\n  - b\n")]


@pytest.mark.parametrize("block", SHELL)
def test_shell_commands_parse(block):
    result = subprocess.run(["bash", "-n"], input=block.text, text=True, capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("block", SHELL)
def test_shell_commands_name_what_exists(block):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"(?m)^([a-z]+):", makefile), *re.search(r"(?m)^PARTS := (.*)$", makefile)[1].split()}
    parts = re.findall(r"(?m)^    (\w+)\)", (ROOT / "tests/run.sh").read_text(encoding="utf-8"))
    playbooks = {x.stem for x in ROOT.glob("playbooks/*.yml")}
    for line in lines(block.text):
        assert set(re.findall(r"\bmake ([a-z]\w*)", line)) <= targets
        assert set(re.findall(r"\btests/run\.sh (\w+)", line)) <= set(parts)
        assert set(re.findall(r"\bplaybooks/([\w-]+)\.yml", line)) <= playbooks
        if "ansible-playbook" in line:
            assert set(re.findall(r"\bmeshlab\.istio\.(\w+)", line)) <= playbooks
            assert extra_variables(line) <= known_variables()


@pytest.mark.parametrize("block", SHELL)
def test_shell_commands_name_files_tags_and_ports_that_exist(block):
    chapters = yaml.safe_load((ROOT / "playbooks/vars/chapters.yml").read_text(encoding="utf-8"))["chapters"]
    cluster = yaml.safe_load((ROOT / "roles/kind_cluster/defaults/main.yml").read_text(encoding="utf-8"))
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    for line in lines(block.text):
        files = re.findall(r"(?<![\w./])(?:tests|playbooks|tools|roles)/[\w./-]+", line)
        assert [x for x in files if not (ROOT / x).exists()] == []
        tags = {x for value in re.findall(r"--tags (\S+)", line) for x in value.split(",")}
        assert tags <= {chapter["name"] for chapter in chapters}
        assert set(map(int, re.findall(r"127\.0\.0\.1:(\d+)", line))) <= {
            x["host"] for x in cluster["kind_cluster_ports"]
        }
        assert set(re.findall(r"meshlab-istio-(\d[\d.]*\d)", line)) <= {version}


def commands(program):
    """The arguments of each command of the documentation that runs a program, without variables in front of it."""
    found = [shlex.split(line) for param in SHELL for line in lines(param.values[0].text) if program in line]
    return [words[next(i for i, x in enumerate(words) if x.endswith(program)) :] for words in found]


def test_ansible_playbook_accepts_its_arguments():
    code = """if True:
        import json, sys
        from ansible.cli.playbook import PlaybookCLI
        for arguments in json.load(sys.stdin):
            PlaybookCLI(arguments).parse()
    """
    found = commands("ansible-playbook")
    assert len(found) > 15
    result = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(found), text=True, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_the_selected_unit_tests_exist():
    for file, word in re.findall(r"pytest (\S+) -k (\w+)", "\n".join(param.values[0].text for param in SHELL)):
        assert re.search(rf"(?m)^def test_\w*{word}", (ROOT / file).read_text(encoding="utf-8"))


def extra_variables(line):
    """The names that a command sets with -e NAME=VALUE or with -e JSON."""
    pairs = set(re.findall(r"-e (\w+)=", line))
    return pairs.union(*(json.loads(text) for text in re.findall(r"-e '(\{.*?\})'", line)))


def known_variables():
    texts = [
        x.read_text(encoding="utf-8") for x in [*ROOT.glob("roles/*/defaults/main.yml"), *ROOT.glob("playbooks/**/*.*")]
    ]
    return {word for text in texts for word in re.findall(r"\w+", text)}


def module_options(module):
    """The options of a module of this collection, without those of kubernetes.core's fragment."""
    text = (ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8")
    documentation = yaml.safe_load(text.split('DOCUMENTATION = r"""')[1].split('"""')[0])
    fragments = documentation["extends_documentation_fragment"]
    options = set(documentation.get("options", {}))
    if "meshlab.istio.cluster" in fragments:
        options |= {"kubeconfig", "context"}
    return options | ({"binary_path"} if "meshlab.istio.istioctl" in fragments else set())


def mappings(node):
    """Every mapping in a document, at any depth."""
    if isinstance(node, list):
        for item in node:
            yield from mappings(item)
    elif isinstance(node, dict):
        yield node
        for value in node.values():
            yield from mappings(value)


@pytest.mark.parametrize("document", YAML)
def test_examples_set_options_that_exist(document):
    specs = {x.parts[-3]: x for x in ROOT.glob("roles/*/meta/argument_specs.yml")}
    for mapping in mappings(document):
        for key, value in mapping.items():
            module = re.fullmatch(r"meshlab\.istio\.(\w+)", str(key))
            if module:
                assert set(value or {}) <= module_options(module[1])
        included = mapping.get("ansible.builtin.include_role", {}).get("name", mapping.get("role", ""))
        if isinstance(included, str) and included.startswith("meshlab.istio."):
            role = included.rpartition(".")[2]
            entries = yaml.safe_load(specs[role].read_text(encoding="utf-8"))["argument_specs"].values()
            known = {name for entry in entries for name in entry.get("options", {})}
            given = {x for x in {**mapping, **mapping.get("vars", {})} if x.startswith(f"{role}_")}
            assert given <= known


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_of_the_repository_that_a_page_names_exist(path):
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:docs|tests|tools|plugins|roles|playbooks|changelogs|meta)/[\w./-]+)`", text))
    # In a role's page and in the guide for contributors, a path may be one of any role, and NAME stands for any name.
    places = [ROOT, path.parent, *ROOT.glob("roles/istio")]
    assert {x for x in named if "NAME" not in x and not any((place / x).exists() for place in places)} == set()
    linked = {x for x in re.findall(r"\]\(([^)#:]+)\)", text) if path.suffix == ".md"}
    assert {x for x in linked if not (path.parent / x).exists()} == set()


def test_every_page_is_in_the_index_of_the_site():
    sections = yaml.safe_load((ROOT / "docs/docsite/extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    listed = [x for section in sections for x in section["toctree"]]
    assert sorted(listed) == sorted(x.stem for x in ROOT.glob("docs/docsite/rst/*.rst"))


def test_the_readme_is_short_and_lists_every_module():
    assert len(README.splitlines()) < 120
    modules = {x.stem for x in ROOT.glob("plugins/modules/*.py")}
    section = README.split("## Modules")[1].split("\n## ")[0]
    assert modules <= set(re.findall(r"`(\w+)`", section))


def test_the_compatibility_table_of_the_readme_is_that_of_the_code():
    section = README.split("## Compatibility")[1].split("\n## ")[0]
    rows = re.findall(r"(?m)^\| ([0-9.]+) \| ([0-9.]+) to ([0-9.]+) \| (.*) \|$", section)
    shown = {minor: (oldest, newest, note) for minor, oldest, newest, note in rows}
    for minor, (oldest, newest, _note) in shown.items():
        row = releases.release(minor)
        assert (oldest, newest) == (releases.show(row.oldest), releases.show(row.newest)), minor
    assert releases.show(max(releases.RELEASES)) in shown
    default = shown[releases.show(releases.minor_of(releases.DEFAULT))]
    assert f"default ({releases.DEFAULT})" in default[2]


def test_the_numbers_of_the_page_about_splits_are_computed():
    text = page("traffic_split")
    lowest, highest = statistics.acceptance(400, 0.8, 0.001)
    shares = f"{lowest / 4:.0f}% to {highest / 4:.0f}%"
    assert f"counts from {lowest} to {highest} pass ({shares})" in text
    rows = re.findall(r"\* - (\d+), ([0-9.]+)[^\n]*\n((?:     - [0-9.]+%\n)+)", text)
    assert [(int(n), float(significance)) for n, significance, _cells in rows] == [
        (400, 0.001),
        (1000, 0.001),
        (2500, 0.001),
        (2000, 0.000001),
    ]
    lab = yaml.safe_load((ROOT / "roles/traffic_shifting/defaults/main.yml").read_text(encoding="utf-8"))
    last = (lab["traffic_shifting_requests"], lab["traffic_shifting_significance"])
    assert (int(rows[-1][0]), float(rows[-1][1])) == last
    for n, significance, cells in rows:
        for share, cell in zip((0.78, 0.75, 0.7, 0.5), re.findall(r"[0-9.]+", cells)):
            power = 100 * statistics.split_power(int(n), (0.8, 0.2), (share, 1 - share), float(significance))
            digits = len(cell.partition(".")[2])
            assert round(power, digits) == float(cell), (n, share, power)
    for wrong, stated in ((0.75, 2200), (0.78, 13000)):
        needed = statistics.requests_to_tell((0.8, 0.2), (wrong, 1 - wrong), 0.001)
        assert abs(needed - stated) < 0.02 * needed and f"about {stated}" in text
    band = [statistics.outside(100, share, 70, 90) for share in (0.7, 0.8)]
    assert f"in {100 * (1 - band[0]):.0f}% of the runs" in text and f"in {100 * band[1]:.1f}%" in text


def test_the_example_of_the_page_about_upgrades_is_the_plan():
    text = page("upgrade")
    start, kubernetes, target = re.search(
        r"\{\{ '([\d.]+)' \| \S+_upgrade_path\('v([\d.]+)', '([\d.]+)'\)", text
    ).groups()
    steps = upgrade_path.upgrade_path(start, kubernetes, target)
    assert f"Istio {releases.show(releases.minor_of(target))} is {len(steps)} steps away" in text
    moves = [(step["product"], step["from"], step["to"]) for step in steps]
    stages = []
    for product, before, after in moves:
        if stages and stages[-1][0] == product:
            stages[-1][2] = after
        else:
            stages.append([product, before, after])
    rows = re.findall(r"\* - \d\n     - ([\d., …to]+)\n     - ([\d., …to]+)\n", text)
    shown = [("Istio", row[0]) if " to " in row[0] else ("Kubernetes", row[1]) for row in rows]
    assert [[name, cell.split(" to ")[0], re.findall(r"[\d.]+", cell)[-1]] for name, cell in shown] == stages
