# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are written in several places agree: defaults, argument specs, metadata, locks, chapters."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.meshlab.istio.plugins.module_utils._build import go_build
from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_tool

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(x.parent.parent.name for x in ROOT.glob("roles/*/meta/argument_specs.yml"))
MODULES = sorted(x.stem for x in ROOT.glob("plugins/modules/*.py"))
TYPES = {str: ("str", "path"), int: ("int",), float: ("float",), bool: ("bool",), list: ("list",), dict: ("dict",)}
# Variables with the same meaning in several roles, without the role's prefix.
SHARED = ("busybox", "cache", "go", "suite", "tomcat")
EXCEPTIONS = ("istioctl_cache",)  # has the layout of a mirror, and is off by default


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def defaults(role):
    return load(f"roles/{role}/defaults/main.yml") or {}


def variables(role):
    path = f"roles/{role}/vars/main.yml"
    return (load(path) or {}) if (ROOT / path).exists() else {}


def entry_points(role):
    return load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]


def options(role):
    """The options of all entry points of a role."""
    return {name: option for entry in entry_points(role).values() for name, option in entry.get("options", {}).items()}


CHAPTERS = load("playbooks/vars/chapters.yml")["chapters"]


def is_template(value):
    return isinstance(value, str) and "{{" in value


def documentation(module, name="DOCUMENTATION"):
    """The DOCUMENTATION (or another block) of a module, read without importing it."""
    tree = ast.parse((ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return yaml.safe_load(node.value.value)
    raise AssertionError(f"{module} has no {name}")


def values(contains, path=""):
    """Every value in a RETURN block at any depth, as (path, documentation)."""
    for name, value in contains.items():
        yield f"{path}{name}", value
        yield from values(value.get("contains", {}), f"{path}{name}.")


# ---- roles: defaults and argument specs ----


def test_every_role_has_an_argument_spec():
    assert sorted(x.name for x in (ROOT / "roles").iterdir() if x.is_dir()) == ROLES


@pytest.mark.parametrize("role", ROLES)
def test_every_default_is_documented_and_every_documented_default_exists(role):
    assert set(defaults(role)) - set(options(role)) == set()
    assert {name for name, option in options(role).items() if "default" in option} - set(defaults(role)) == set()
    for entry in entry_points(role).values():
        for name, option in entry.get("options", {}).items():
            assert option == options(role)[name], f"{name} differs between entry points"


@pytest.mark.parametrize("role", ROLES)
def test_documented_defaults_are_the_defaults(role):
    for name, value in defaults(role).items():
        option = options(role)[name]
        if is_template(value):
            # A computed default is described in words: in the default of a string option, else in the description.
            default = option.get("default", "")
            assert isinstance(default, str) and not is_template(default), name
            described = re.search("Defaults to|By default", "".join(option["description"]))
            assert option["type"] in ("str", "path") if default else described, name
        else:
            assert (option["default"], type(option["default"])) == (value, type(value)), name
            assert option["type"] in TYPES[type(value)], name
            assert value in option.get("choices", [value]), name


@pytest.mark.parametrize("role", ROLES)
def test_every_documented_option_is_used(role):
    directory = ROOT / "roles" / role
    texts = [
        x.read_text(encoding="utf-8")
        for part in ("tasks", "templates", "vars", "defaults")
        for x in directory.glob(f"{part}/*")
    ]
    words = re.findall(r"\w+", re.sub(r"(?m)^\w+:", "", "\n".join(texts)))
    assert set(options(role)) - set(words) == set()


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_has_a_tasks_file(role):
    for entry in entry_points(role):
        assert (ROOT / "roles" / role / "tasks" / f"{entry}.yml").exists(), entry


def included_roles(node):
    """Every included role as (role, tasks_from, vars), at any depth of the tasks."""
    if isinstance(node, list):
        for item in node:
            yield from included_roles(item)
    elif isinstance(node, dict):
        for key in ("ansible.builtin.include_role", "ansible.builtin.import_role"):
            if key in node and re.fullmatch(r"meshlab\.istio\.\w+", str(node[key]["name"])):
                yield (
                    node[key]["name"].rpartition(".")[2],
                    node[key].get("tasks_from", "main").removesuffix(".yml"),
                    node.get("vars", {}),
                )
        for value in node.values():
            yield from included_roles(value)


PLAYS = sorted(str(x.relative_to(ROOT)) for x in [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")])


@pytest.mark.parametrize("path", PLAYS)
def test_included_roles_have_the_entry_point_and_options(path):
    for role, entry, variables_set in included_roles(load(path)):
        assert entry in entry_points(role), f"{role} has no entry point {entry}"
        own = {x for x in variables_set if x.startswith(f"{role}_")}
        assert own - set(options(role)) == set(), role


# ---- values in several places ----


@pytest.mark.parametrize("name", SHARED)
def test_shared_variable_has_the_same_default_in_every_role(name):
    values = {role: defaults(role)[f"{role}_{name}"] for role in ROLES if f"{role}_{name}" in defaults(role)}
    values = {role: value for role, value in values.items() if f"{role}_{name}" not in EXCEPTIONS}
    assert len(values) > 1
    assert len(set(values.values())) == 1, values
    documented = {options(role)[f"{role}_{name}"].get("default") for role in values}
    assert len(documented - {None}) <= 1


def test_cluster_maps_the_ports_of_gateway_and_jaeger():
    mapped = {x["name"]: x["node"] for x in defaults("kind_cluster")["kind_cluster_ports"]}
    gateway = defaults("ingress_gateway")
    assert mapped["http"] == gateway["ingress_gateway_http_port"]
    assert mapped["https"] == gateway["ingress_gateway_https_port"]
    assert mapped["jaeger"] == defaults("jaeger")["jaeger_node_port"]


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("ingress_gateway", "ingress_gateway_namespace"),
        ("jaeger", "jaeger_namespace"),
        ("bookinfo", "bookinfo_gateway_namespace"),
        ("sidecar_injection", "sidecar_injection_istio_namespace"),
        ("traffic_shifting", "traffic_shifting_istio_namespace"),
    ],
)
def test_namespaces_default_to_the_namespace_of_istio(role, name):
    namespace = defaults("istio")["istio_namespace"]
    assert defaults(role)[name] == f"{{{{ istio_namespace | default('{namespace}') }}}}"


def test_every_feature_in_release_has_exists():
    texts = [
        x.read_text(encoding="utf-8")
        for x in [*ROOT.glob("roles/*/*/*"), *ROOT.glob("playbooks/**/*.yml")]
        if x.is_file()
    ]
    used = {name for text in texts for name in re.findall(r"release_has\(['\"](\w+)", text)}
    assert used and used <= set(releases.FEATURES)


def locked(path, module):
    """The version of a Go module in a go.mod below roles/."""
    return re.search(rf"(?m)^(?:require )?\s*{re.escape(module)} v(\S+)", (ROOT / "roles" / path).read_text()).group(1)


def minor(version):
    """The minor version of 1.33.13, (1, 33)."""
    return tuple(int(x) for x in version.lstrip("v").split(".")[:2])


def test_pulled_images_are_the_built_ones():
    images = [defaults("build_images")[f"build_images_{name}"] for name in ("busybox", "tomcat")]
    assert defaults("artifacts")["artifacts_images"] == images
    samples = [
        str(variables(role)[f"__{role}_samples"]).replace(f"{role}_istio_version", "VERSION")
        for role in ("artifacts", "build_images")
    ]
    assert samples[0] == samples[1]


def test_built_release_is_the_installed_one():
    default = "lookup('meshlab.istio.istio_default_version')"
    assert defaults("istioctl")["istioctl_version"] == f"{{{{ {default} }}}}"
    for role in ("build_images", "artifacts"):
        assert defaults(role)[f"{role}_istio_version"] == f"{{{{ istioctl_version | default({default}) }}}}"
    assert releases.DEFAULT in variables("build_images")["__build_images_can_build"]


@pytest.mark.parametrize("version", variables("build_images")["__build_images_can_build"])
def test_every_buildable_release_has_a_lock(version):
    assert (ROOT / "roles/build_images/files/locks" / "istio-{}.{}".format(*minor(version)) / "go.mod").exists()
    assert releases.release(version)


@pytest.mark.parametrize("kubernetes", variables("build_node_image")["__build_node_image_table"])
def test_node_images_have_the_same_kubernetes_and_a_buildable_release_supports_it(kubernetes):
    row = variables("build_node_image")["__build_node_image_table"][kubernetes]
    built = locked(f"build_node_image/files/locks/{row['kubernetes']}/go.mod", "k8s.io/kubernetes")
    assert row["kubernetes"] == f"kubernetes-{kubernetes}"
    pulled = variables("kind_cluster")["__kind_cluster_known_images"][kubernetes].rpartition(":")[2]
    assert minor(pulled) == minor(built) == minor(kubernetes)
    assert releases.version_for(built, variables("build_images")["__build_images_can_build"])


def test_every_kubernetes_choice_can_be_built_and_pulled():
    table = list(variables("build_node_image")["__build_node_image_table"])
    assert options("build_node_image")["build_node_image_kubernetes"]["choices"] == sorted(table)
    assert options("kind_cluster")["kind_cluster_kubernetes"]["choices"] == sorted(table)
    assert list(variables("kind_cluster")["__kind_cluster_known_images"]) == sorted(table)
    default = defaults("kind_cluster")["kind_cluster_kubernetes"]
    assert default == defaults("build_node_image")["build_node_image_kubernetes"]
    assert releases.supported(releases.DEFAULT, default)


def test_minimum_go_is_the_newest_that_a_lock_requires():
    required = [go_build.required_go(x.read_text()) for x in ROOT.glob("roles/*/files/**/go.mod")]
    assert go_build.dotted(max(required)) == variables("kind_cluster")["__kind_cluster_min_go"]


def test_downloaded_kind_is_the_built_one():
    kind = variables("kind_cluster")
    assert kind["__kind_cluster_kind_pinned"] == locked(
        "build_node_image/files/locks/kind-0.33/go.mod", "sigs.k8s.io/kind"
    )
    assert minor(kind["__kind_cluster_kind_minimum"]) <= minor(kind["__kind_cluster_kind_pinned"])
    checksums = kind["__kind_cluster_kind_checksums"]
    assert set(checksums) == set(kind_tool.ARCHES.values()) and len(set(checksums.values())) == len(checksums)
    assert all(re.fullmatch(r"[0-9a-f]{64}", x) for x in checksums.values())
    described = "".join(options("kind_cluster")["kind_cluster_kind_path"]["description"])
    assert kind["__kind_cluster_kind_pinned"] in described and kind["__kind_cluster_kind_minimum"] in described


def test_artifacts_are_gathered_on_each_architecture_that_has_a_kind_tool():
    names = variables("artifacts")
    assert names["__artifacts_machine_arches"] == kind_tool.ARCHES
    assert set(kind_tool.ARCHES.values()) <= set(names["__artifacts_known_arches"])


def test_the_lab_installs_the_packages_of_the_browser():
    block = load("playbooks/tasks/install_browser.yml")[0]["block"]
    assert block[0]["ansible.builtin.apt"]["name"] == variables("bookinfo")["__bookinfo_browser_packages"]


def test_every_lock_exists():
    rows = variables("build_node_image")["__build_node_image_table"].values()
    jaeger = re.findall(r"jaeger-[\d.]+", variables("build_images")["__build_images_jaeger_lock"])
    for role, variable in (
        ("build_node_image", "__build_node_image_programs"),
        ("build_images", "__build_images_programs"),
    ):
        for program in variables(role)[variable]:
            column = re.fullmatch(r"\{\{ __build_node_image_row\.(\w+) \}\}", program["lock"])
            if program["lock"] == "{{ __build_images_istio_lock }}":  # depends on the release, see above
                continue
            locks = [row[column[1]] for row in rows] if column else [program["lock"]]
            for lock in jaeger if program["lock"] == "{{ __build_images_jaeger_lock }}" else locks:
                assert (ROOT / "roles" / role / "files/locks" / lock / "go.mod").exists(), program["name"]


# ---- metadata of the collection ----


def test_roles_require_the_ansible_of_the_collection():
    required = load("meta/runtime.yml")["requires_ansible"]
    for role in ROLES:
        assert required == f">={load(f'roles/{role}/meta/main.yml')['galaxy_info']['min_ansible_version']}.0", role


def test_action_group_has_all_modules_that_talk_to_a_cluster():
    group = load("meta/runtime.yml")["action_groups"]["istio"]
    fragments = {module: documentation(module)["extends_documentation_fragment"] for module in MODULES}
    assert group == sorted(group)
    assert group == [x for x in MODULES if "meshlab.istio.cluster" in fragments[x]]
    assert group == [x for x in MODULES if "meshlab.istio.attributes.action_group" in fragments[x]]


def test_every_module_that_talks_to_a_cluster_is_a_cluster_module():
    for module in load("meta/runtime.yml")["action_groups"]["istio"]:
        tree = ast.parse((ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert "ClusterModule" in names and "AnsibleModule" not in names, module


@pytest.mark.parametrize("module", MODULES)
def test_every_module_documents_check_and_diff_mode(module):
    doc = documentation(module)
    assert doc["module"] == module
    assert {"check_mode", "diff_mode", "idempotent"} <= set(doc["attributes"])
    assert "meshlab.istio.attributes" in doc["extends_documentation_fragment"]


@pytest.mark.parametrize("module", MODULES)
def test_every_return_value_is_documented(module):
    documented = dict(values(documentation(module, "RETURN")))
    assert documented
    for path, value in documented.items():
        assert {"description", "returned", "type"} <= set(value), path
        assert value["type"] != "list" or "elements" in value, path


def test_page_of_releases_is_up_to_date(tmp_path):
    subprocess.run([sys.executable, str(ROOT / "tools/releases_page.py"), str(tmp_path / "page.rst")], check=True)
    expected = (tmp_path / "page.rst").read_text(encoding="utf-8")
    assert (ROOT / "docs/docsite/rst/releases.rst").read_text(encoding="utf-8") == expected, (
        "run tools/releases_page.py"
    )


def test_known_checksums_have_full_versions_and_known_architectures():
    known = load("roles/istioctl/files/checksums.yml")
    arches = set(options("istioctl")["istioctl_arch"]["choices"]) - {""}
    checksums = [value for row in known.values() for value in row.values()]
    assert {"1.7.4"} <= set(known) and all(re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version) for version in known)
    assert all(set(row) <= arches for row in known.values())
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in checksums) and len(set(checksums)) == len(checksums)
    assert all(releases.release(version) for version in known)


# ---- chapters ----


def imported(path):
    """The names of the imported playbooks, in their order."""
    plays = [play.get("ansible.builtin.import_playbook") for play in load(path)]
    return [Path(name).stem for name in plays if name]


def test_full_lab_imports_the_chapters_in_order():
    assert imported("playbooks/full_lab.yml") == [chapter["name"] for chapter in CHAPTERS]
    assert imported("playbooks/full-lab.yml") == ["full_lab"]


def test_default_scenario_runs_the_full_lab():
    assert (
        load("molecule/default/molecule.yml")["provisioner"]["playbooks"]["converge"] == "../../playbooks/full_lab.yml"
    )


def test_every_chapter_has_the_same_fields():
    fields = {"name", "title", "summary", "roles", "requires", "facts", "namespaces"}
    for chapter in CHAPTERS:
        assert fields <= set(chapter) <= fields | {"ran", "release_required"}, chapter["name"]


def test_chapters_run_after_their_requirements():
    names = [chapter["name"] for chapter in CHAPTERS]
    for index, chapter in enumerate(CHAPTERS):
        assert set(chapter["requires"]) <= set(names[:index]), chapter["name"]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter["name"])
def test_playbook_of_a_chapter_has_its_tag_and_roles(chapter):
    path = f"playbooks/{chapter['name']}.yml"
    assert chapter["name"] in load(path)[0]["tags"]
    # The cluster's playbook includes its roles from tasks files.
    paths = [path, "playbooks/tasks/kind_cluster.yml"] if chapter["name"] == "cluster" else [path]
    used = {role for path in paths for role, _entry, _vars in included_roles(load(path))}
    assert set(chapter["roles"]) <= used | {role for name in used for role in roles_of(name)}


def roles_of(role):
    """The roles of the collection that a role includes."""
    files = (ROOT / "roles" / role / "tasks").glob("*.yml")
    return {name for path in files for name, _entry, _vars in included_roles(load(path.relative_to(ROOT)))}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter["name"])
def test_facts_of_a_chapter_are_variables_of_the_lab_or_its_roles(chapter):
    prefixes = tuple(f"{name}_" for name in ["lab", *chapter["roles"]])
    facts = [*chapter["facts"], *([chapter["ran"]] if "ran" in chapter else [])]
    assert [fact for fact in facts if not fact.startswith(prefixes)] == []


@pytest.mark.parametrize("chapter", [x for x in CHAPTERS if "ran" in x], ids=lambda chapter: chapter["name"])
def test_a_task_sets_the_fact_that_a_chapter_ran(chapter):
    paths = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/tasks/*.yml")]
    assert any(re.search(rf"(?m)^ +{chapter['ran']}: ", path.read_text(encoding="utf-8")) for path in paths)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter["name"])
def test_reset_can_remove_a_chapter_by_its_last_role(chapter):
    role = chapter["roles"][-1]
    assert {"present", "absent"} <= set(options(role)[f"{role}_state"]["choices"])
    if chapter["name"] not in ("cluster", "report"):
        assert {f"{role}_kubeconfig", f"{role}_context"} <= set(options(role))


def test_readme_lists_the_chapters():
    rows = [
        "| {} | `playbooks/{}.yml` | {} |".format(
            chapter["summary"], chapter["name"], ", ".join(f"[{role}](roles/{role})" for role in chapter["roles"])
        )
        for chapter in CHAPTERS
    ]
    table = "\n".join(["| chapter | playbook | roles |", "|---|---|---|", *rows, ""])
    assert table in (ROOT / "README.md").read_text(encoding="utf-8"), table


def test_tasks_at_which_the_lab_is_killed_exist():
    """The scenario "interrupted" waits for tasks of the roles by their names."""
    killed = load("molecule/interrupted/converge.yml")[0]["tasks"]
    loops = [task["loop"] for task in killed if "molecule_kill" in str(task) and "loop" in task]
    names = {item["task"] if isinstance(item, dict) else item for items in loops for item in items}
    text = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("roles/*/tasks/*.yml"))
    # Each entry is the beginning of a task's name.
    assert names and {x for x in names if not re.search(rf'(?m)- name: "?{re.escape(x)}', text)} == set()


def test_guide_has_every_stop_of_the_tour_in_order():
    """The headings of the guide are the stops of the tour."""
    page = (ROOT / "docs/docsite/rst/how_it_works.rst").read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^(.+)\n-{3,}$", page)
    stops = load("playbooks/vars/tour.yml")["tour_stops"]
    assert [stop["name"] for stop in stops] == headings


# ---- structure of the code ----

SHARED_CODE = [x for area in ("module_utils", "plugin_utils") for x in sorted((ROOT / "plugins" / area).rglob("*.py"))]


@pytest.mark.parametrize("path", SHARED_CODE, ids=lambda x: str(x.relative_to(ROOT / "plugins")))
def test_shared_code_has_small_files_and_type_hints(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    classes = [x.body for x in tree.body if isinstance(x, ast.ClassDef) and not x.name.startswith("_")]
    functions = [x for body in [tree.body, *classes] for x in body if isinstance(x, ast.FunctionDef)]
    for function in functions:
        if not function.name.startswith("_"):
            arguments = [x for x in function.args.args + function.args.kwonlyargs if x.arg not in ("self", "cls")]
            assert function.returns is not None and all(x.annotation is not None for x in arguments), function.name


def test_the_tasks_in_which_the_lab_is_killed_exist():
    [play] = load("molecule/interrupted/converge.yml")
    killed = [task for task in play["tasks"] if "molecule_kill" in str(task)]
    names = [item["task"] if isinstance(item, dict) else item for task in killed for item in task["loop"]]
    assert names
    texts = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("roles/*/tasks/*.yml"))
    assert [name for name in names if not re.search(f"- name: [\"']?{re.escape(name)}", texts)] == []
