# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes Kubernetes manifests as kubectl does, and hides the values of Secrets in what is only shown.

Definitions are dictionaries of JSON types.
"""

from __future__ import annotations

import copy
import json
import re
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

try:
    import yaml

    YAML_IMPORT_ERROR = None
    # The C parser and emitter where PyYAML has them: injected manifests are long.
    _SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
except ImportError:
    yaml = None  # type: ignore[assignment]
    YAML_IMPORT_ERROR = traceback.format_exc()
    _SafeLoader = _SafeDumper = object

# More values than any manifest has; only aliases can multiply a readable text into this many.
MOST_VALUES = 1_000_000


class ManifestError(Exception):
    """A manifest that cannot be used: what is wrong, and where."""


class _Loader(_SafeLoader):
    """Reads YAML as kubectl does: JSON types only, keys are texts, no key twice, no dates, no base-60 numbers."""

    def construct_mapping(self, node, deep=False):
        self.flatten_mapping(node)
        return {self.key(key): self.construct_object(value, deep=deep) for key, value in node.value}

    def flatten_mapping(self, node):
        """Put what << merges before a mapping's own keys. Of a list, the first mapping wins.

        PyYAML 6.0.4 lets the last one win, and drops own keys by the identity of their texts.
        """
        pairs, node.value = node.value, []
        own = [pair for pair in pairs if pair[0].tag != "tag:yaml.org,2002:merge"]
        merged = []
        for key_node, value_node in pairs:
            if key_node.tag == "tag:yaml.org,2002:merge":
                parts = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for part in reversed(parts):
                    if not isinstance(part, yaml.MappingNode):
                        raise yaml.constructor.ConstructorError(
                            None, None, "<< must be a mapping or a list of mappings", part.start_mark
                        )
                    self.flatten_mapping(part)
                    merged.extend(part.value)
        node.value = merged + own

    def key(self, node):
        """A mapping's key as text, as JSON wants it: 8080 gives "8080" and true gives "true"."""
        value = self.construct_object(node, deep=True) if isinstance(node, yaml.ScalarNode) else None
        if value is None:
            raise yaml.constructor.ConstructorError(None, None, "a key must be a text", node.start_mark)
        return value if isinstance(value, str) else json.dumps(value)

    def check(self, node):
        """Raise ConstructorError for a key that one mapping holds twice, as every reader would silently drop the first,
        and for aliases that would multiply a small document into a huge one."""
        sizes = {}
        size = self._check(node, sizes)
        if size > MOST_VALUES and size > 10 * len(sizes):
            raise yaml.constructor.ConstructorError(
                None, None, f"aliases make more than {MOST_VALUES} values out of {len(sizes)}", node.start_mark
            )

    def _check(self, node, sizes):
        """How many values a node holds with its aliases followed; sizes has those that were looked at, by id."""
        if id(node) in sizes:  # an alias of what was looked at, perhaps of what holds it
            return sizes[id(node)]
        size = sizes[id(node)] = 1
        if isinstance(node, yaml.MappingNode):
            keys = {}
            for key_node, value_node in node.value:
                size += self._check(value_node, sizes)
                if key_node.tag == "tag:yaml.org,2002:merge":
                    continue
                key = self.key(key_node)
                if key in keys:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"key '{key}' is here again, after line {keys[key] + 1}", key_node.start_mark
                    )
                keys[key] = key_node.start_mark.line
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                size += self._check(item, sizes)
        sizes[id(node)] = size
        return size

    def to_int(self, node):
        text = self.construct_scalar(node).replace("_", "")
        try:
            return int(text, 8 if re.fullmatch(r"[-+]?0[0-7]+", text) else 0)
        except ValueError:
            raise yaml.constructor.ConstructorError(None, None, f"'{text}' is no integer", node.start_mark) from None

    def to_float(self, node):
        text = self.construct_scalar(node)
        try:
            number = int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)  # 08 is no octal, so it is 8
        except ValueError:
            raise yaml.constructor.ConstructorError(None, None, f"'{text}' is no number", node.start_mark) from None
        # Too large for a number is a text, such as the commit 1234e5678.
        return text if number in (float("inf"), float("-inf")) else number


class _Dumper(_SafeDumper):
    """Writes YAML that PyYAML, kubectl and Go programs all read as the same values; without anchors."""

    def ignore_aliases(self, data):
        return True

    def text(self, value):
        if "\n" in value and not re.search(r"[\r\t]|[ ]$", value, re.MULTILINE) and value[0] not in "\n ":
            return self.represent_scalar("tag:yaml.org,2002:str", value, style="|")
        # Readers disagree on what looks like a number, a date or a boolean; quotes end the debate.
        doubtful = re.match(r"[-+]?\.?[0-9]|[-+]?\.|[~=<]|(?:y|n|yes|no|on|off|true|false|null)$", value, re.IGNORECASE)
        return self.represent_scalar("tag:yaml.org,2002:str", value, style="'" if doubtful else None)


def _set_up_yaml():
    _Loader.yaml_implicit_resolvers = {}
    _Loader.yaml_constructors = {}
    for name, pattern, first, constructor in (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""], _Loader.construct_yaml_null),
        (
            "bool",
            r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF",
            list("yYnNtTfFoO"),
            _Loader.construct_yaml_bool,
        ),
        (
            "int",
            r"[-+]?(?:0|[1-9][0-9_]*|0[0-7_]+|0o[0-7]+|0b[01]+|0x[0-9a-fA-F]+)",
            list("-+0123456789"),
            _Loader.to_int,
        ),
        (
            "float",
            r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
            list("-+.0123456789"),
            _Loader.to_float,
        ),
        ("merge", r"<<", ["<"], _Loader.construct_yaml_str),  # a plain << that is no key is a text
    ):
        _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"(?:{pattern})$"), first)
        _Loader.add_constructor(f"tag:yaml.org,2002:{name}", constructor)
    _Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_yaml_str)
    _Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.construct_yaml_seq)
    _Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)
    _Loader.add_constructor(None, _Loader.construct_undefined)
    _Dumper.add_representer(str, _Dumper.text)


if yaml is not None:
    _set_up_yaml()

_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse_manifest(text: str, where: str) -> list[dict[str, Any]]:
    """The definitions in a YAML (or JSON) text, as a list of dictionaries; empty documents are dropped.

    where names the text in messages. Raises ManifestError with line and column.
    """
    stray = _NOT_YAML.search(text)
    if stray:
        line, column = text.count("\n", 0, stray.start()) + 1, stray.start() - text.rfind("\n", 0, stray.start())
        raise ManifestError(f"{where}, line {line}, column {column}: YAML does not allow the character {stray[0]!r}")
    definitions, loader = [], _Loader(text if text.endswith("\n") else f"{text}\n")  # as kubectl reads a last block
    try:
        while loader.check_node():
            node = loader.get_node()
            loader.check(node)
            document = loader.construct_document(node)
            if document is not None:
                definitions.append(_check_definition(document, f"{where}, line {node.start_mark.line + 1}"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        context = f" {error.context}" if error.context else ""
        raise ManifestError(f"{where}{place}: {error.problem}{context}") from error
    except RecursionError as error:
        raise ManifestError(f"{where}: it is nested too deeply") from error
    finally:
        loader.dispose()
    return definitions


def check_definitions(value: Any) -> list[dict[str, Any]]:
    """The definitions in a module parameter: a dictionary or a list of them, as a list of plain dictionaries.

    Raises ManifestError if it is something else.
    """
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise ManifestError(
            f"definition is a dictionary or a list of them, not {type(value).__name__}; give a text as content"
        )
    return [_check_definition(item, f"definition {n}") for n, item in enumerate(value, 1) if item is not None]


def _check_definition(value, where):
    if not isinstance(value, dict):
        raise ManifestError(f"{where}: a {type(value).__name__} is no Kubernetes object")
    if not isinstance(value.get("kind"), str) or not value["kind"]:
        raise ManifestError(f"{where}: this object has no kind")
    try:
        # Through JSON, so that no two places share one object and nothing but JSON types is left.
        return json.loads(json.dumps(value, allow_nan=False))
    except (ValueError, TypeError) as error:
        raise ManifestError(f"{where}: {error}") from error


def dump_manifest(definitions: list[dict[str, Any]]) -> str:
    """The definitions as YAML text, each in a document of its own, keys in their order."""
    return yaml.dump_all(
        definitions,
        Dumper=_Dumper,
        explicit_start=True,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=1_000_000,
    )


def holds(text: str, definitions: list[dict[str, Any]]) -> bool:
    """Whether a text holds exactly these definitions, in this order, however it is written."""
    try:
        held = parse_manifest(text, "")
    except ManifestError:
        return False
    return _canonical(held) == _canonical(definitions)


def _canonical(value):
    return json.dumps(value, sort_keys=True)  # unlike ==, it tells true from 1


def to_json_documents(definitions: Iterable[dict[str, Any]]) -> str:
    """The definitions for istioctl: JSON documents, since no two YAML libraries disagree about JSON."""
    documents = []
    for definition in definitions:
        text = json.dumps(definition, ensure_ascii=False)  # YAML does not know JSON's surrogate pairs
        text = re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", text)
        documents.append(f"{text}\n---\n")
    return "".join(documents)


def objects_in(definitions: list[dict[str, Any]]) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Every object in a list of definitions as (the list that holds it, its place in it), also within kind List."""
    for index, definition in enumerate(definitions):
        if definition.get("kind") == "List" and definition.get("apiVersion") == "v1":
            items = definition.get("items") or []
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise ManifestError("a List must hold a list of objects in items")
            yield from objects_in(items)
        else:
            yield definitions, index


# --- Secrets -----------------------------------------------------------------------------------------------------

# What stands in a diff for a value of a Secret, and for one that differs from the other side of the diff.
HIDDEN, HIDDEN_CHANGED = "(hidden)", "(hidden, changed)"


def secret_titles(definitions: Iterable[dict[str, Any]], namespace: str) -> list[str]:
    """The Secrets in a manifest, such as "Secret shop/db". namespace: of those that name none."""
    metadata = [secret.get("metadata") or {} for secret in _secrets(definitions)]
    return [f"Secret {x.get('namespace') or namespace}/{x.get('name') or '(no name)'}" for x in metadata]


def hide_secrets(definitions: list[dict[str, Any]], other: Iterable[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """A copy of definitions in which the values of Secrets are hidden.

    other: the definitions on the other side of a diff, so that a hidden value that differs from theirs says so.
    """
    hidden, others = copy.deepcopy(definitions), {_identity(secret): secret for secret in _secrets(other)}
    for secret in _secrets(hidden):
        _hide(secret, others.get(_identity(secret), secret))
    return hidden


def diff_texts(before: str, definitions: list[dict[str, Any]]) -> tuple[str, str]:
    """A file's text and the definitions that replace it as two texts for Ansible's diff, without values of Secrets."""
    try:
        held = parse_manifest(before, "") if before else []
    except ManifestError:
        shown = before if "Secret" not in before else "(not shown: it is not a manifest, and may hold a Secret)\n"
        return shown, dump_manifest(hide_secrets(definitions))
    return dump_manifest(hide_secrets(held)), dump_manifest(hide_secrets(definitions, held))


def _secrets(definitions: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The Secrets in a list of definitions, those in lists (List, SecretList) among them."""
    for definition in definitions:
        kind, items = str(definition.get("kind")), definition.get("items")
        if kind == "Secret":
            yield definition
        elif kind.endswith("List") and isinstance(items, list):
            objects = [item for item in items if isinstance(item, dict)]
            yield from objects if kind == "SecretList" else _secrets(objects)


def _identity(secret):
    metadata = secret.get("metadata") or {}
    return metadata.get("namespace"), metadata.get("name")


def _hide(secret, other):
    """Hide the values of a Secret in place. other: the same Secret on the other side of a diff, or this one."""

    def shown(value, its):
        if isinstance(value, dict):
            its = its if isinstance(its, dict) else {}
            return {key: shown(inner, its.get(key)) for key, inner in value.items()}
        return HIDDEN if value == its else HIDDEN_CHANGED

    for field in ("data", "stringData"):
        if field in secret:
            secret[field] = shown(secret[field], other.get(field))
    annotations = (secret.get("metadata") or {}).get("annotations") or {}
    # kubectl and other tools keep the whole Secret in an annotation.
    annotations.update(shown(annotations, (other.get("metadata") or {}).get("annotations")))
