# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
import re

import pytest
from install_fakes import PARAMS, FakeIstioctl, lab, present

from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import request as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError


def test_without_options_istioctl_uses_its_defaults():
    request = subject.request_from(PARAMS)
    assert request.arguments("install") == ["install"] and request.stdin is None


def test_options_become_an_istio_operator_on_standard_input():
    request = subject.request_from(
        {
            **PARAMS,
            "profile": "demo",
            "hub": "registry.example/istio",
            "tag": "1.27.0-debug",
            "revision": "canary",
            "values": {"pilot": {"env": {"A": "b"}}},
            "components": {"pilot": {"enabled": True}},
            "mesh_config": {"accessLogFile": "/dev/stdout"},
            "set": {"values.pilot.traceSampling": 100, "components.cni.enabled": True, "meshConfig.trustDomain": "a=b"},
        }
    )
    assert json.loads(request.stdin) == {
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "spec": {
            "profile": "demo",
            "hub": "registry.example/istio",
            "tag": "1.27.0-debug",
            "revision": "canary",
            "values": {"pilot": {"env": {"A": "b"}}},
            "components": {"pilot": {"enabled": True}},
            "meshConfig": {"accessLogFile": "/dev/stdout"},
        },
    }
    assert request.arguments("manifest", "generate", settings=["x=y"]) == [
        "manifest", "generate", "--filename", "-", "--set", "x=y", "--set", "values.pilot.traceSampling=100",
        "--set", "components.cni.enabled=true", "--set", "meshConfig.trustDomain=a=b",
    ]  # fmt: skip


def test_a_file_comes_before_the_options_merged_over_it(tmp_path):
    file = tmp_path / "operator.yml"
    file.write_text("spec: {}")
    request = subject.request_from({**PARAMS, "file": str(file), "manifests": str(tmp_path)})
    assert request.arguments() == ["--filename", str(file), "--manifests", str(tmp_path)]
    request = subject.request_from({**PARAMS, "file": str(file), "tag": "1.27.1"})
    assert request.arguments() == ["--filename", str(file), "--filename", "-"]
    assert json.loads(request.stdin)["spec"] == {"tag": "1.27.1"}


def test_an_operator_is_merged_and_not_modified():
    operator = {
        "kind": "IstioOperator",
        "metadata": {"name": "lab"},
        "spec": {"values": {"pilot": {"a": 1}}, "tag": "x"},
    }
    before = copy.deepcopy(operator)
    request = subject.request_from({**PARAMS, "operator": operator, "tag": "y", "values": {"pilot": {"b": 2}}})
    assert json.loads(request.stdin) == {
        "apiVersion": "install.istio.io/v1alpha1",
        "kind": "IstioOperator",
        "metadata": {"name": "lab"},
        "spec": {"values": {"pilot": {"a": 1, "b": 2}}, "tag": "y"},
    }
    assert operator == before


def test_another_namespace_is_set_for_every_release():
    request = subject.request_from({**PARAMS, "namespace": "mesh", "values": {"global": {"network": "n"}}})
    operator = json.loads(request.stdin)
    assert operator["metadata"] == {"namespace": "mesh"}
    assert operator["spec"] == {
        "namespace": "mesh",
        "values": {"global": {"network": "n", "istioNamespace": "mesh"}},
    }


def test_the_default_revision_has_no_name():
    assert subject.request_from({**PARAMS, "revision": "default"}).stdin is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"operator": {"kind": "Deployment"}}, "operator must be an IstioOperator, got kind Deployment"),
        ({"operator": {"profile": "demo"}}, "operator must have a spec"),
        ({"operator": {"spec": "x"}}, "operator.spec must be a dictionary, got str"),
        ({"operator": {"metadata": "x", "spec": {}}}, "operator.metadata must be a dictionary, got str"),
        ({"operator": {"spec": {"values": [1]}}}, "operator.spec.values must be a dictionary, got list"),
        (
            {"operator": {"spec": {"values": {"global": 1}}}},
            "operator.spec.values.global must be a dictionary, got int",
        ),
        ({"operator": {"spec": {"components": []}}}, "operator.spec.components must be a dictionary, got list"),
        ({"operator": {"spec": {"meshConfig": "a"}}}, "operator.spec.meshConfig must be a dictionary, got str"),
        ({"values": {"global": "x"}}, "values.global must be a dictionary, got str"),
        ({"file": "/no/such.yml"}, "file: /no/such.yml is not a file"),
        ({"manifests": "/no/such"}, "manifests: /no/such is not a directory"),
        ({"set": {"values.pilot": {"a": 1}}}, "set: values.pilot must be a string, a number or a boolean, got dict"),
        ({"set": {"values.pilot": None}}, "set: values.pilot must be a string, a number or a boolean, got null"),
    ],
)
def test_invalid_input_is_reported_before_any_run(params, message):
    cluster = lab()
    istioctl = FakeIstioctl(cluster)
    with pytest.raises(InstallError, match=f"^{re.escape(message)}"):
        present(cluster, istioctl, **params)
    assert istioctl.runs == []


@pytest.mark.parametrize(
    ("params", "owner"),
    [
        ({}, ("", "istio-system")),
        ({"operator": {"metadata": {"name": "lab"}, "spec": {}}}, ("lab", "istio-system")),
        ({"namespace": "mesh"}, ("", "mesh")),
        ({"operator": {"metadata": {"namespace": "mesh"}, "spec": {}}}, ("", "mesh")),
        ({"operator": {"spec": {"namespace": "mesh"}}}, ("", "mesh")),
        ({"values": {"global": {"istioNamespace": "mesh"}}}, ("", "mesh")),
        ({"set": {"values.global.istioNamespace": "mesh"}}, ("", "mesh")),
    ],
)
def test_the_owner_is_that_of_the_labels_of_istioctl(params, owner):
    assert subject.request_from({**PARAMS, **params}).owner() == owner


def test_the_owner_is_read_from_a_file(tmp_path):
    file = tmp_path / "operator.yml"
    file.write_text("metadata: {name: filed, namespace: mesh}\nspec:\n")
    assert subject.request_from({**PARAMS, "file": str(file)}).owner() == ("filed", "mesh")
    assert subject.request_from({**PARAMS, "file": str(file), "tag": "x"}).owner() == ("filed", "mesh")
    for text, message in (
        ("a: b: c", " is not valid YAML"),
        ("- a", " must contain one IstioOperator, got a list"),
        ("metadata: x", ": metadata must be a dictionary, got str"),
        ("spec: {values: [a]}", ": spec.values must be a dictionary, got list"),
    ):
        file.write_text(text)
        with pytest.raises(InstallError, match=f"^file {file}{message}"):
            subject.request_from({**PARAMS, "file": str(file)}).owner()
