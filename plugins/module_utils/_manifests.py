# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes Kubernetes manifests as kubectl does, and hides the values of Secrets in diffs.

Definitions are dictionaries of JSON types.
"""

from __future__ import annotations

import copy
import json
import re
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import hide_secret

try:
    import yaml

    YAML_IMPORT_ERROR = None
    # The C parser and emitter if available: injected manifests are long.
    _SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    _SafeDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
except ImportError:
    yaml = None  # type: ignore[assignment]
    YAML_IMPORT_ERROR = traceback.format_exc()
    _SafeLoader = _SafeDumper = object

# Upper limit of values in a document with aliases, against exponential expansion.
MAX_VALUES = 1_000_000


class ManifestError(Exception):
    """An invalid manifest. The message says what is wrong, and where."""


class _Loader(_SafeLoader):
    """Reads YAML as kubectl does: JSON types only, string keys, no dates, no base-60 numbers, no duplicate keys."""

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
        """Return a key as a string, as in JSON: 8080 gives "8080" and true gives "true"."""
        value = self.construct_object(node, deep=True) if isinstance(node, yaml.ScalarNode) else None
        if value is None:
            raise yaml.constructor.ConstructorError(
                None, None, "a key must be a string, number or boolean", node.start_mark
            )
        return value if isinstance(value, str) else json.dumps(value)

    def check(self, node):
        """Raise ConstructorError for duplicate keys, of which readers silently drop one, and for aliases that expand
        a small document into a huge one."""
        sizes = {}
        size = self._check(node, sizes)
        if size > MAX_VALUES and size > 10 * len(sizes):
            raise yaml.constructor.ConstructorError(
                None, None, f"aliases expand {len(sizes)} values to more than {MAX_VALUES}", node.start_mark
            )

    def _check(self, node, sizes):
        """Return the number of values in a node with its aliases expanded. sizes: results by id of the node."""
        if id(node) in sizes:  # an alias, possibly of a parent
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
                        None, None, f"duplicate key '{key}', first used in line {keys[key] + 1}", key_node.start_mark
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
            raise yaml.constructor.ConstructorError(
                None, None, f"'{text}' is not an integer", node.start_mark
            ) from None

    def to_float(self, node):
        text = self.construct_scalar(node)
        try:
            number = int(text) if re.fullmatch(r"[-+]?[0-9]+", text) else float(text)  # 08 is not octal, so it is 8
        except ValueError:
            raise yaml.constructor.ConstructorError(None, None, f"'{text}' is not a number", node.start_mark) from None
        # A number that is too large, such as the commit 1234e5678, is a string.
        return text if number in (float("inf"), float("-inf")) else number


class _Dumper(_SafeDumper):
    """Writes YAML that PyYAML, kubectl and Go programs read as the same values; without anchors."""

    def ignore_aliases(self, data):
        return True

    def text(self, value):
        if "\n" in value and not re.search(r"[\r\t]|[ ]$", value, re.MULTILINE) and value[0] not in "\n ":
            return self.represent_scalar("tag:yaml.org,2002:str", value, style="|")
        # Quote ambiguous scalars.
        ambiguous = re.match(
            r"[-+]?\.?[0-9]|[-+]?\.|[~=<]|(?:y|n|yes|no|on|off|true|false|null)$", value, re.IGNORECASE
        )
        return self.represent_scalar("tag:yaml.org,2002:str", value, style="'" if ambiguous else None)


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
        ("merge", r"<<", ["<"], _Loader.construct_yaml_str),  # as a value, << is a string
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
    """Return the definitions in a YAML or JSON text, without empty documents.

    where: name of the text in messages. Raises ManifestError with line and column.
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
        raise ManifestError(f"{where}: the manifest is nested too deeply") from error
    finally:
        loader.dispose()
    return definitions


def check_definitions(value: Any) -> list[dict[str, Any]]:
    """Return the definitions in a module parameter, a dictionary or a list of dictionaries, reduced to JSON types.

    Raises ManifestError for other values.
    """
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise ManifestError(
            f"definition must be a dictionary or a list of dictionaries, got {type(value).__name__}; "
            "use content for text"
        )
    return [_check_definition(item, f"definition {n}") for n, item in enumerate(value, 1) if item is not None]


def _check_definition(value, where):
    if not isinstance(value, dict):
        raise ManifestError(f"{where}: a {type(value).__name__} is not a Kubernetes object")
    if not isinstance(value.get("kind"), str) or not value["kind"]:
        raise ManifestError(f"{where}: the object has no kind")
    try:
        # By JSON, so that no objects are shared and only JSON types remain.
        return json.loads(json.dumps(value, allow_nan=False))
    except (ValueError, TypeError) as error:
        raise ManifestError(f"{where}: {error}") from error


def dump_manifest(definitions: list[dict[str, Any]]) -> str:
    """Return the definitions as YAML text, one document each, with the order of the keys kept."""
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
    """Whether a text contains exactly these definitions in this order, regardless of formatting."""
    try:
        held = parse_manifest(text, "")
    except ManifestError:
        return False
    return _canonical(held) == _canonical(definitions)


def _canonical(value):
    return json.dumps(value, sort_keys=True)  # unlike ==, distinguishes true from 1


def to_json_documents(definitions: Iterable[dict[str, Any]]) -> str:
    """Return the definitions for istioctl as JSON documents, which all YAML libraries read in the same way."""
    documents = []
    for definition in definitions:
        text = json.dumps(definition, ensure_ascii=False)  # YAML does not support surrogate pairs
        text = re.sub("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", text)
        documents.append(f"{text}\n---\n")
    return "".join(documents)


def objects_in(definitions: list[dict[str, Any]]) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Yield every object in a list of definitions as (list, index in the list), including those within kind List."""
    for index, definition in enumerate(definitions):
        if definition.get("kind") == "List" and definition.get("apiVersion") == "v1":
            items = definition.get("items") or []
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise ManifestError("items of a List must be a list of objects")
            yield from objects_in(items)
        else:
            yield definitions, index


# --- Secrets -----------------------------------------------------------------------------------------------------


def secret_titles(definitions: Iterable[dict[str, Any]], namespace: str) -> list[str]:
    """Return the Secrets in a manifest, such as "Secret shop/db". namespace: of Secrets without one."""
    metadata = [secret.get("metadata") or {} for secret in _secrets(definitions)]
    return [f"Secret {x.get('namespace') or namespace}/{x.get('name') or '(no name)'}" for x in metadata]


def hide_secrets(definitions: list[dict[str, Any]], other: Iterable[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return a copy of definitions with hidden values of Secrets.

    other: the definitions on the other side of a diff, to mark the values that changed.
    """
    hidden, others = copy.deepcopy(definitions), {_identity(secret): secret for secret in _secrets(other)}
    for secret in _secrets(hidden):
        hide_secret(secret, others.get(_identity(secret), secret))
    return hidden


def diff_texts(before: str, definitions: list[dict[str, Any]]) -> tuple[str, str]:
    """Return a file's text and the definitions that replace it for Ansible's diff, without values of Secrets."""
    try:
        old = parse_manifest(before, "") if before else []
    except ManifestError:
        shown = before if "Secret" not in before else "(not shown: not a manifest, but may contain a Secret)\n"
        return shown, dump_manifest(hide_secrets(definitions))
    return dump_manifest(hide_secrets(old)), dump_manifest(hide_secrets(definitions, old))


def _secrets(definitions: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the Secrets in a list of definitions, including those in lists (List, SecretList)."""
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
