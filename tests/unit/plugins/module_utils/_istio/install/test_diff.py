# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from install_fakes import DEFINITION

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import diff as subject


def test_secrets_and_schemas_are_not_shown():
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"key": "aHVudGVyMg=="}}
    other = {**secret, "data": {"key": "b3RoZXI="}}
    shown = subject.Difference(("Secret", "", "s"), "differs in data.key", secret, other).diff()
    assert "aHVudGVyMg" not in json.dumps(shown) and "b3RoZXI" not in json.dumps(shown)
    assert shown["before"] != shown["after"]
    assert "openAPIV3Schema" not in subject.show(DEFINITION) and "openAPIV3Schema" in json.dumps(DEFINITION)


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_copies_in_annotations_and_managed_fields_are_not_shown(kind):
    metadata = {
        "name": "istio-ca-secret",
        "annotations": {LAST_APPLIED: '{"data":{"ca-key.pem":"aHVudGVyMg=="}}', "example.com/note": "copy"},
        "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:data": {"f:aHVudGVyMg==": {}}}}],
    }
    definition = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {}}
    shown = subject.Difference((kind, "", "istio-ca-secret"), "is installed", definition, definition).diff()
    assert "aHVudGVyMg" not in json.dumps(shown)
    # Other tools than kubectl also store a copy of a Secret in an annotation.
    assert ("copy" in shown["before"]) == ("copy" in shown["after"]) == (kind != "Secret")
    assert "example.com/note" in shown["before"]
    assert LAST_APPLIED in definition["metadata"]["annotations"]


def test_a_long_list_of_paths_is_shortened():
    before = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {str(n): "a" for n in range(9)}}
    after = {**before, "data": {str(n): "b" for n in range(9)}}
    paths = list(subject.changed_paths(before, after))
    assert subject.differs_in(paths) == "differs in data.0, data.1, data.2, data.3 and 5 more"


VALUES = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["name", "x", "y"]), below, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_changed_paths_are_empty_only_for_equal_values(before, after):
    assert (list(subject.changed_paths(before, after)) == []) == (before == after)
