# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes Kubernetes manifests as kubectl does, and hides the values of Secrets in diffs.

Definitions are dictionaries of JSON types.
"""

from __future__ import annotations

import copy
import json
import math
import re
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils import _yaml_scalars
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
# Upper limit of nesting, far above that of Kubernetes objects and below Python's for recursion.
MAX_DEPTH = 200

_MERGE = "tag:yaml.org,2002:merge"
_TAGS = {
    type(None): "tag:yaml.org,2002:null",
    bool: "tag:yaml.org,2002:bool",
    int: "tag:yaml.org,2002:int",
    float: "tag:yaml.org,2002:float",
    str: "tag:yaml.org,2002:str",
}


class ManifestError(Exception):
    """An invalid manifest. The message says what is wrong, and where."""


class _Loader(_SafeLoader):
    """Reads YAML as kubectl does: JSON types only, string keys, no dates. Rejects duplicate keys, unlike kubectl."""

    def resolve(self, kind, value, implicit):
        if kind is not yaml.ScalarNode or not implicit[0]:
            return super().resolve(kind, value, implicit)
        return _MERGE if value == "<<" else _TAGS[type(_yaml_scalars.resolve(value))]

    def construct_resolved(self, node):
        """Construct a null, boolean or number, whose tag may be explicit."""
        text = self.construct_scalar(node)
        value = _yaml_scalars.resolve(text)
        if node.tag == _TAGS[float] and _TAGS[type(value)] == _TAGS[int]:
            value = float(value)
        if _TAGS[type(value)] != node.tag:
            raise _constructor_error(f"'{text}' is not of type {node.tag.rpartition(':')[2]}", node)
        if isinstance(value, float) and not math.isfinite(value):
            raise _constructor_error(f"{text} is not a JSON number; quote it", node)
        return value

    def construct_mapping(self, node, deep=False):
        if not isinstance(node, yaml.MappingNode):
            raise _constructor_error(f"expected a mapping, got a {node.id}", node)
        self.flatten_mapping(node)
        return {self.key(key): self.construct_object(value, deep=deep) for key, value in node.value}

    def flatten_mapping(self, node):
        """Replace << by the keys that it merges. As in kubectl, later keys win, but in a list the first mapping wins.

        PyYAML 6.0.4 prefers the last mapping of a list, and may drop keys of the node itself.
        """
        pairs, node.value = node.value, []
        flat = []
        for key_node, value_node in pairs:
            if key_node.tag != _MERGE:
                flat.append((key_node, value_node))
                continue
            parts = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for part in reversed(parts):
                if not isinstance(part, yaml.MappingNode):
                    raise _constructor_error("<< must be a mapping or a list of mappings", part)
                self.flatten_mapping(part)
                flat.extend(part.value)
        node.value = flat

    def key(self, node):
        """Return a key as a string, as in JSON: 8080 gives "8080" and true gives "true"."""
        value = self.construct_object(node, deep=True) if isinstance(node, yaml.ScalarNode) else None
        text = _yaml_scalars.key_text(value)
        if text is None:
            raise _constructor_error("a key must be a string, number or boolean", node)
        return text

    def check(self, node):
        """Raise ConstructorError for duplicate keys, of which readers silently drop one, and for aliases that expand
        a small document into a huge one."""
        sizes = {}
        size = self._check(node, sizes)
        if size > MAX_VALUES and size > 10 * len(sizes):
            raise _constructor_error(f"aliases expand {len(sizes)} values to more than {MAX_VALUES}", node)

    def _check(self, node, sizes):
        """Return the number of values in a node with its aliases expanded. sizes: results by id of the node."""
        if id(node) in sizes:  # an alias, possibly of a parent
            return sizes[id(node)]
        size = sizes[id(node)] = 1
        if isinstance(node, yaml.MappingNode):
            keys = {}
            for key_node, value_node in node.value:
                size += self._check(value_node, sizes)
                if key_node.tag == _MERGE:
                    continue
                key = self.key(key_node)
                if key in keys:
                    raise _constructor_error(f"duplicate key '{key}', first used in line {keys[key] + 1}", key_node)
                keys[key] = key_node.start_mark.line
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                size += self._check(item, sizes)
        sizes[id(node)] = size
        return size


def _constructor_error(message, node):
    return yaml.constructor.ConstructorError(None, None, message, node.start_mark)


class _Dumper(_SafeDumper):
    """Writes YAML that PyYAML, kubectl and Go programs read as the same values; without anchors."""

    def ignore_aliases(self, data):
        return True

    def text(self, value):
        if "\n" in value and not re.search(r"[\r\t]|[ ]$", value, re.MULTILINE) and value[0] not in "\n ":
            return self.represent_scalar("tag:yaml.org,2002:str", value, style="|")
        # Quote ambiguous scalars.
        ambiguous = re.match(
            r"[-+]?_*\.?[0-9]|[-+]?\.|[~=<]|(?:y|n|yes|no|on|off|true|false|null)$", value, re.IGNORECASE
        )
        return self.represent_scalar("tag:yaml.org,2002:str", value, style="'" if ambiguous else None)


def _set_up_yaml():
    _Loader.yaml_implicit_resolvers = {}
    _Loader.yaml_constructors = {}
    for kind in (type(None), bool, int, float):
        _Loader.add_constructor(_TAGS[kind], _Loader.construct_resolved)
    for tag in (_TAGS[str], _MERGE):  # as a value, << is a string
        _Loader.add_constructor(tag, _Loader.construct_yaml_str)
    _Loader.add_constructor("tag:yaml.org,2002:seq", _Loader.construct_yaml_seq)
    _Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)
    _Loader.add_constructor(None, _Loader.construct_undefined)
    _Dumper.add_representer(str, _Dumper.text)


if yaml is not None:
    _set_up_yaml()

_BETWEEN_JSON = re.compile(r"(?:\s|^---[ \t\r]*$)*", re.MULTILINE)
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse_manifest(text: str, where: str) -> list[dict[str, Any]]:
    """Return the definitions in a YAML or JSON text, without empty documents.

    where: name of the text in messages. Raises ManifestError with line and column.
    """
    stray = _NOT_YAML.search(text)
    if stray:
        line, column = text.count("\n", 0, stray.start()) + 1, stray.start() - text.rfind("\n", 0, stray.start())
        raise ManifestError(f"{where}, line {line}, column {column}: YAML does not allow the character {stray[0]!r}")
    documents = _parse_json(text, where)
    if documents is not None:
        return [_check_definition(document, place) for document, place in documents if document is not None]
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
        raise ManifestError(f"{where}: nested deeper than {MAX_DEPTH} levels") from error
    finally:
        loader.dispose()
    return definitions


def load_yaml(text: str, where: str) -> Any:
    """Return the value of a text with one YAML document. Raises ManifestError."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        raise ManifestError(f"{where}: {error}") from error
    finally:
        loader.dispose()


def _parse_json(text, where):
    """Return [(document, its position)] if the text is JSON, else None, so that it is read as YAML."""

    def unique(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError("YAML reports duplicate keys with their lines")
        return dict(pairs)

    def finite(number):
        if math.isinf(float(number)):
            raise ManifestError(f"{where}: number {number} is out of range")
        return float(number)

    def reject(constant):
        raise ValueError(f"{constant} is not JSON")

    decoder = json.JSONDecoder(object_pairs_hook=unique, parse_float=finite, parse_constant=reject)
    documents, position = [], _BETWEEN_JSON.match(text).end()
    if not text.startswith("{", position):
        return None
    while position < len(text):
        place = f"{where}, line {text.count(chr(10), 0, position) + 1}"
        try:
            document, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return None
        documents.append((document, place))
        position = _BETWEEN_JSON.match(text, position).end()
    return documents


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
        # By JSON in UTF-8, so that no objects are shared, and only JSON types and valid characters remain.
        definition = json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except RecursionError as error:
        raise ManifestError(f"{where}: nested deeper than {MAX_DEPTH} levels") from error
    except (ValueError, TypeError) as error:
        raise ManifestError(f"{where}: {error}") from error
    if _is_deeper(definition, MAX_DEPTH):
        raise ManifestError(f"{where}: nested deeper than {MAX_DEPTH} levels")
    return definition


def _is_deeper(value, depth):
    """Whether a value has more than this number of nested lists and dictionaries."""
    level = [value]
    for _level in range(depth + 1):
        containers = [x.values() if isinstance(x, dict) else x for x in level if isinstance(x, (dict, list))]
        level = [item for container in containers for item in container]
        if not containers:
            return False
    return True


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
