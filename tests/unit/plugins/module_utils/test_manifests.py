# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests as subject

TRICKY = st.sampled_from(
    ["", "1e3", "1234e5678", "22:22", "2020-01-01", "yes", "y", "on", "~", "null", "0o14", "0644", "=", "<<", "._1",
     "1_000", "+1", "-", ".inf", "a: b", "# c", "---\n--- x\n", "\n---\n", "a\r\nb", "x \ny", "\ttab", "é😀", "*a",
     "{{ x }}", " lead", "\n\n lead", "true", "0x1F", "- x", "? x", "a\n", "a\n\n"]
)  # fmt: skip
TEXTS = TRICKY | st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False, width=32) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
DEFINITIONS = st.lists(
    st.builds(lambda spec: {"apiVersion": "example.com/v1", "kind": "Thing", "spec": spec}, VALUES),
    min_size=1,
    max_size=3,
)

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@settings(max_examples=150)
@given(DEFINITIONS)
def test_written_manifest_is_read_back_unchanged_also_by_pyyaml(definitions):
    text = subject.dump_manifest(definitions)
    assert subject.parse_manifest(text, "x") == definitions
    assert list(yaml.safe_load_all(text)) == definitions
    assert subject.holds(text, definitions)


@settings(max_examples=100)
@given(DEFINITIONS)
def test_json_documents_for_istioctl_are_equivalent_yaml(definitions):
    assert subject.parse_manifest(subject.to_json_documents(definitions), "x") == definitions


# Nearly valid YAML gets further than random text.
NEARLY_YAML = st.lists(st.sampled_from(["kind: A", "- ", "\n", "---", "{", "&a ", "*a", ": ", "<<"])).map("".join)


@settings(max_examples=200)
@given(st.text(max_size=60) | NEARLY_YAML)
def test_any_text_is_a_manifest_or_an_error_that_names_it(text):
    try:
        definitions = subject.parse_manifest(text, "some.yaml")
    except subject.ManifestError as error:
        assert str(error).startswith("some.yaml")
    else:
        assert all(isinstance(definition["kind"], str) for definition in definitions)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("1e3", 1000.0), ("1234e5678", "1234e5678"), ("22:22", "22:22"), ("2020-01-01", "2020-01-01"), ("0644", 420),
        ("0o14", 12), ("0x1F", 31), ("1_000", 1000), ("08", 8), ("yes", True), ("Off", False), ("y", True), ("~", None),
        ("=", "="), (".5", 0.5), ("!!str 12", "12"), ("{8080: a, true: b}", {"8080": "a", "true": "b"}),
        ("{x: 1, y: 2, N: 3}", {"x": 1, "true": 2, "false": 3}), ("{1.10: a, 1e3: b}", {"1.1": "a", "1000": "b"}),
        ("1_0.5", 10.5), ("0x1_F", 31), ("!!bool y", True), ("!!float 1", 1.0), ("'y'", "y"), ("'1_0'", "1_0"),
    ],
)  # fmt: skip
def test_scalars_are_read_as_kubectl_reads_them(text, spec):
    (definition,) = subject.parse_manifest(f"kind: Thing\nspec: {text}\n", "x")
    assert json.dumps(definition["spec"]) == json.dumps(spec)


def test_crlf_byte_order_mark_comments_and_empty_documents():
    lines = [
        "\ufeff# first",
        "---",
        "---",
        "kind: A",
        "data:",
        "  x: |",
        "    one",
        "    two",
        "---",
        "# nothing",
        "...",
    ]
    text = "\r\n".join([*lines, "---", "kind: B", ""])
    assert subject.parse_manifest(text, "x") == [{"kind": "A", "data": {"x": "one\ntwo\n"}}, {"kind": "B"}]


def test_anchors_and_merges_become_separate_objects():
    text = """
base: &base {app: web, tier: front}
kind: Thing
a: *base
b: {<<: *base, tier: back}
c: &c {<<: *base, tier: mid}
d: {<<: *c}
"""
    (definition,) = subject.parse_manifest(text, "x")
    assert definition["b"] == {"app": "web", "tier": "back"}
    assert definition["d"] == {"app": "web", "tier": "mid"}
    definition["a"]["app"] = "other"
    assert definition["base"]["app"] == "web"
    assert "&" not in subject.dump_manifest([definition])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("s: &s {cpu: 100m}\nb: &b {cpu: '4', a: 1}\nv: {<<: [*s, *b]}", {"cpu": "100m", "a": 1}),
        ("p: &p {a: 1}\nq: &q {<<: *p, a: 2}\nv: {<<: *q}", {"a": 2}),
        ("p: &p {a: 1, b: 1}\nv: {<<: *p, b: 2}", {"a": 1, "b": 2}),
        ("v: &v {<<: *v, a: 1}", {"a": 1}),
        ("p: &p {a: 1}\nv: {a: 2, <<: *p}", {"a": 1}),
        ("p: &p {a: 1}\nq: &q {a: 2}\nv: {<<: *p, <<: *q}", {"a": 2}),
        ("v: |\n  x", "x\n"),
        ("v: |-\n  x", "x"),
    ],
)
def test_merge_keys_and_last_blocks_are_read_as_kubectl_reads_them(text, value):
    assert subject.parse_manifest(f"kind: Thing\n{text}", "x")[0]["v"] == value


# Each line doubles the previous one, so expansion would exhaust any memory.
BOMB = "kind: A\na0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 2000))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: A\n  x: 1\n", "m.yaml, line 2, column 4: mapping values are not allowed"),
        ("kind: A\nspec:\n\tx: 1\n", "m.yaml, line 3, column 1: found character "),
        ("kind: [A\n", "m.yaml, line 2, column 1: "),
        ("kind: A\nx: {{ tag }}\n", "m.yaml, line 2, column 5: a key must be a string, number or boolean"),
        ("kind: A\nspec:\n  a: 1\n  b: 2\n  a: 3\n", "m.yaml, line 5, column 3: duplicate key 'a', first used in"),
        ("kind: A\nx: {1: a, '1': b}\n", "m.yaml, line 2, column 11: duplicate key '1'"),
        ("kind: A\nkind: B\n", "m.yaml, line 2, column 1: duplicate key 'kind'"),
        ("kind: A\nx: {null: 1}\n", "m.yaml, line 2, column 5: a key must be a string, number or boolean"),
        ("kind: A\nx: !vault secret\n", "m.yaml, line 2, column 4: could not determine a constructor"),
        ("kind: A\nx: !!binary aGk=\n", "m.yaml, line 2, column 4: could not determine a constructor"),
        ("kind: A\nx: !!int abc\n", "m.yaml, line 2, column 4: 'abc' is not of type int"),
        ("kind: A\nx: !!bool maybe\n", "m.yaml, line 2, column 4: 'maybe' is not of type bool"),
        ("kind: A\nx: !!null x\n", "m.yaml, line 2, column 4: 'x' is not of type null"),
        ("kind: A\nx: !!map x\n", "m.yaml, line 2, column 4: expected a mapping, got a scalar"),
        ("kind: A\nx: !!map [a]\n", "m.yaml, line 2, column 4: expected a mapping, got a sequence"),
        ("kind: A\nx: .inf\n", "m.yaml, line 2, column 4: .inf is not a JSON number; quote it"),
        ('{"kind": "A", "x": 1E400}', "m.yaml: number 1E400 is out of range"),
        ('{"kind": "A", "x": "\\ud83d"}', "m.yaml, line 1: 'utf-8' codec can't encode character"),
        ('{"kind": "A",\n "x": {"a": 1, "a": 2}}', "m.yaml, line 2, column 16: duplicate key 'a', first used in"),
        ("kind: A\nx: {<<: 1}\n", "m.yaml, line 2, column 9: << must be a mapping or a list of mappings"),
        ("kind: A\nx: *nothing\n", "m.yaml, line 2, column 4: found undefined alias"),
        ("kind: A\nx: a\x07b\n", "m.yaml, line 2, column 5: YAML does not allow the character '\\x07'"),
        ("kind: A\n---\n- kind: B\n", "m.yaml, line 3: a list is not a Kubernetes object"),
        ("just text\n", "m.yaml, line 1: a str is not a Kubernetes object"),
        ("kind: A\n---\napiVersion: v1\n", "m.yaml, line 3: the object has no kind"),
        ("kind: A\nx: &a [*a]\n", "m.yaml, line 1: Circular reference detected"),
        ("kind: A\nx: " + "[" * 400 + "]" * 400, "m.yaml, line 1: nested deeper than 200 levels"),
        ('{"kind": "A", "x": ' + "[" * 5000 + "]" * 5000 + "}", "m.yaml"),
        (BOMB, "m.yaml, line 1, column 1: aliases expand "),
        (BOMB.replace("[", "{<<: [").replace("]", "]}"), "m.yaml, line 1, column 1: aliases expand "),
        ("kind: A\nx: " + "[" * 5000, "m.yaml"),
    ],
)  # fmt: skip
def test_malformed_manifest_is_an_error_with_its_position(text, message):
    with pytest.raises(subject.ManifestError) as caught:
        subject.parse_manifest(text, "m.yaml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "definitions"),
    [
        ('{"kind": "A", "x": "\\ud83d\\ude00"}', [{"kind": "A", "x": "😀"}]),
        ('{"kind": "A"} {"kind": "B"}\n', [{"kind": "A"}, {"kind": "B"}]),
        ('\n---\n{"kind": "A"}\n---\n{"kind": "\\ud83d\\ude00"}\n', [{"kind": "A"}, {"kind": "😀"}]),
        ('{"kind": "A", "x": yes}', [{"kind": "A", "x": True}]),  # YAML
        ('{"kind": "A", "x": NaN}', [{"kind": "A", "x": "NaN"}]),
    ],
)
def test_json_is_read_as_kubectl_reads_it(text, definitions):
    assert subject.parse_manifest(text, "x") == definitions


def test_nesting_is_limited():
    def nested(levels):
        return json.loads('{"kind": "A", "x": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}")

    assert subject.check_definitions(nested(200)) == [nested(200)]
    with pytest.raises(subject.ManifestError, match="definition 1: nested deeper than 200 levels"):
        subject.check_definitions(nested(201))


def test_check_definitions():
    thing = {"kind": "Thing"}
    assert subject.check_definitions(thing) == subject.check_definitions([None, thing]) == [thing]
    for wrong, message in (
        ("kind: Thing", "got str; use content for text"),
        ([thing, "x"], "definition 2: a str is not a Kubernetes object"),
        ([{"kind": ""}], "definition 1: the object has no kind"),
        ([{"kind": "A", "x": float("nan")}], "definition 1: Out of range float"),
    ):
        with pytest.raises(subject.ManifestError, match=message):
            subject.check_definitions(wrong)


def test_holds_ignores_formatting():
    definitions = [{"kind": "A", "x": {"a": True, "b": "1"}}]
    assert subject.holds("# comment\n{kind: A, x: {b: '1', a: yes}}", definitions)
    for other in ("kind: A\nx: {a: true, b: 1}", "kind: A\nx: {a: 1, b: '1'}", "", "kind: A\n  broken: 1"):
        assert not subject.holds(other, definitions)


# --- Secrets -----------------------------------------------------------------------------------------------------


def secret(name="db", namespace=None, applied=None, **values):
    annotations = {"annotations": {LAST_APPLIED: applied}} if applied else {}
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **annotations}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda one: one,
        lambda one: {"apiVersion": "v1", "kind": "List", "items": [one]},
        lambda one: {"apiVersion": "v1", "kind": "List", "items": [{"kind": "List", "items": [one]}]},
        lambda one: {"apiVersion": "v1", "kind": "SecretList", "items": [{**one, "kind": None}]},
    ],
)
def test_secrets_in_lists_are_found_and_hidden(wrapped):
    definitions = [{"kind": "ConfigMap", "data": {"a": "plain"}}, wrapped(secret(password="TOP", applied="{TOP}"))]
    assert subject.secret_titles(definitions, "shop") == ["Secret shop/db"]
    shown = subject.dump_manifest(subject.hide_secrets(definitions))
    assert "TOP" not in shown and "plain" in shown and "password: (hidden)" in shown
    assert "TOP" in subject.dump_manifest(definitions)  # the definitions are not modified


def test_copy_of_a_secret_in_any_annotation_is_hidden():
    definition = secret(password="TOP")
    definition["metadata"]["annotations"] = {"kapp.k14s.io/original": '{"stringData":{"password":"TOP"}}'}
    assert "TOP" not in subject.dump_manifest(subject.hide_secrets([definition]))


def test_diff_marks_changed_hidden_values():
    before = subject.dump_manifest([secret(user="me", password="OLD", applied="{OLD}"), secret("other", key="K")])
    after = [secret(user="me", password="NEW", token="T", applied="{NEW}"), secret("other", "ns", key="K")]
    earlier, later = (list(yaml.safe_load_all(text)) for text in subject.diff_texts(before, after))
    assert earlier[0]["stringData"] == {"user": "(hidden)", "password": "(hidden)"}
    changed = "(hidden, changed)"
    assert later[0]["stringData"] == {"user": "(hidden)", "password": changed, "token": changed}
    assert later[0]["metadata"]["annotations"] == {LAST_APPLIED: changed}
    assert later[1]["stringData"] == {"key": "(hidden)"}  # a Secret of another namespace is another Secret


def test_malformed_secret_is_hidden():
    assert subject.hide_secrets([{"kind": "Secret", "data": "TOP"}])[0]["data"] == "(hidden)"
    assert subject.hide_secrets([{"kind": "Secret", "data": {"a": ["TOP"]}}])[0]["data"] == {"a": "(hidden)"}


def test_diff_shows_an_invalid_manifest_only_without_secrets():
    assert subject.diff_texts("kind: A\n  broken: 1", [])[0] == "kind: A\n  broken: 1"
    assert "TOP" not in subject.diff_texts("kind: Secret\n  broken: TOP", [])[0]
    assert subject.diff_texts("", [{"kind": "A"}]) == ("", "---\nkind: A\n")
