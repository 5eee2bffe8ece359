# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How istioctl is called, and the configuration that is read from a cluster."""

from __future__ import annotations

import pytest
from injection_fakes import NEW, OLD

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import configuration


@pytest.mark.parametrize(
    ("version", "revision", "files", "expected"),
    [
        (NEW, None, None, "--istioNamespace mesh"),
        (NEW, "canary", None, "--revision canary --istioNamespace mesh"),
        ("1.9.0", None, None, "--istioNamespace mesh"),
        ("1.9.0", "default", None, "--revision default --istioNamespace mesh"),
        (
            "1.9.0",
            "x",
            None,
            "--revision x --istioNamespace mesh --meshConfigMapName istio-x "
            "--injectConfigMapName istio-sidecar-injector-x",
        ),
        (OLD, None, "abc", "--injectConfigFile a --meshConfigFile b --valuesFile c"),
    ],
)
def test_arguments(version, revision, files, expected):
    assert configuration.arguments(version, revision, files, "mesh") == ["kube-inject", "-f", "-", *expected.split()]


def test_with_final_paths():
    command = configuration.with_final_paths(
        "istioctl --valuesFile /tmp/x --meshConfigFile '/my lab/m'", {"/my lab/v": "/tmp/x"}
    )
    assert command == "istioctl --valuesFile '/my lab/v' --meshConfigFile '/my lab/m'"


MAPS = "/api/v1/namespaces/istio-system/configmaps"


def config_map(name, **data):
    return {"metadata": {"name": name}, "data": data}


def live(revision=None, **maps):
    """live_configuration() of a cluster with these ConfigMaps, whose names have _ for -."""
    objects = {
        f"{MAPS}/{name.replace('_', '-')}": config_map(name.replace("_", "-"), **data) for name, data in maps.items()
    }
    return configuration.live_configuration({**objects, MAPS: {"items": list(objects.values())}}.get, revision)


def test_live_configuration_has_the_order_of_the_arguments():
    texts = live(istio={"mesh": "M", "meshNetworks": "N"}, istio_sidecar_injector={"values": "{}", "config": "C\r\n"})
    assert list(texts.items()) == [
        ("inject-config.yaml", "C\r\n"), ("mesh-config.yaml", "M"), ("inject-values.yaml", "{}")
    ]  # fmt: skip
    maps = {"istio_canary": {"mesh": "m"}, "istio_sidecar_injector_canary": {"values": "v", "config": "c"}}
    assert list(live("canary", **maps).values()) == ["c", "m", "v"]
    assert live("default", istio={"mesh": "M"}, istio_sidecar_injector={"values": "{}", "config": "C"})


def test_live_configuration_of_another_namespace():
    maps = {"istio": {"mesh": "M"}, "istio-sidecar-injector": {"values": "{}", "config": "C"}}
    objects = {f"/api/v1/namespaces/mesh/configmaps/{name}": config_map(name, **data) for name, data in maps.items()}
    assert list(configuration.live_configuration(objects.get, namespace="mesh").values()) == ["C", "M", "{}"]
    with pytest.raises(
        configuration.ConfigurationError, match=r"^ConfigMap other/istio-sidecar-injector does not exist"
    ):
        configuration.live_configuration(objects.get, namespace="other")


@pytest.mark.parametrize(
    ("revision", "maps", "message"),
    [
        (
            None,
            {},
            "ConfigMap istio-system/istio-sidecar-injector does not exist: "
            "install Istio first, or set istio_namespace to its namespace",
        ),
        (
            "blue",
            {"istio_sidecar_injector_green": {}, "istio_sidecar_injector": {}, "other": {}},
            "ConfigMap istio-system/istio-sidecar-injector-blue does not exist: "
            "set revision to an installed one: default, green",
        ),
        (
            None,
            {"istio_sidecar_injector": {"config": "c", "values": "v"}},
            "ConfigMap istio-system/istio does not exist: set revision to an installed one: default",
        ),
        (
            None,
            {"istio_sidecar_injector": {"config": "c"}, "istio": {"mesh": "m"}},
            "ConfigMap istio-system/istio-sidecar-injector has no key values",
        ),
        (
            None,
            {"istio_sidecar_injector": {}},
            "ConfigMap istio-system/istio-sidecar-injector has no key config",
        ),
    ],
)
def test_missing_configuration_is_named_with_the_remedy(revision, maps, message):
    with pytest.raises(configuration.ConfigurationError) as caught:
        live(revision, **maps)
    assert str(caught.value) == message
