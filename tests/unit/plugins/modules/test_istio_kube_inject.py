# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What istio_kube_inject writes, and when it writes nothing. The cluster and istioctl are stand-ins."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PLAIN = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: web}]}}\n"
INJECTED = """apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {sidecar.istio.io/status: x}}
spec: {containers: [{name: web}, {name: istio-proxy}]}
"""
FILES = ["inject-config.yaml", "inject-values.yaml", "mesh-config.yaml"]


class Api(BaseHTTPRequestHandler):
    """A cluster with a control plane in the namespace mesh, and a namespace that is labelled for injection."""

    def do_GET(self):
        root = "/api/v1/namespaces"
        found = {
            f"{root}/mesh/configmaps/istio": {"data": {"mesh": "M"}},
            f"{root}/mesh/configmaps/istio-sidecar-injector": {"data": {"config": "C", "values": "{}"}},
            f"{root}/default": {"metadata": {"name": "default"}},
            f"{root}/automatic": {"metadata": {"labels": {"istio-injection": "enabled"}}},
        }.get(self.path)
        content = json.dumps(found or {}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Says nothing."""


@pytest.fixture
def kubeconfig():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": ""}}],
    }
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def inject(run, istioctl, kubeconfig, tmp_path):
    """Run the module on a plain pod, with config_dir tmp_path/lab."""
    istioctl.with_name("istioctl.answer").write_text(INJECTED)

    def inject(**arguments):
        given = {
            "content": PLAIN,
            "kubeconfig": kubeconfig,
            "config_dir": str(tmp_path / "lab"),
            "istio_namespace": "mesh",
            "_ansible_diff": True,
        }
        return run("istio_kube_inject", **{**given, **arguments})[0]

    return inject


@pytest.mark.parametrize("folder", ["lab", "lab/of/mine"])
def test_the_configuration_is_kept_and_a_second_run_changes_nothing(inject, istioctl, tmp_path, folder):
    arguments = {"config_dir": str(tmp_path / folder), "dest": str(tmp_path / "lab" / "web.yaml")}
    foretold = inject(**arguments, _ansible_check_mode=True)
    assert not (tmp_path / "lab").exists()
    done = inject(**arguments)
    assert done["changed"] and foretold["changed"], done
    assert foretold["diff"] == done["diff"] and foretold["command"] == done["command"]
    assert f"--valuesFile {tmp_path / folder}/inject-values.yaml" in done["command"]
    assert [(tmp_path / folder / name).read_text() for name in FILES] == ["C", "{}", "M"]
    assert "istio-proxy" in (tmp_path / "lab" / "web.yaml").read_text()
    # What istioctl was given were copies.
    calls = istioctl.with_name("istioctl.calls").read_text().splitlines()
    assert not any(f"{tmp_path / folder}/" in line for line in calls if line.startswith("kube-inject"))
    again = inject(**arguments)
    assert not again["changed"], again
    assert istioctl.with_name("istioctl.calls").read_text().count(f"{tmp_path / folder}/") == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"namespace": "automatic"}, "Pod automatic/web would be injected twice"),
        ({"dest": "{}"}, "dest {}: this is a folder"),
        ({"dest": "{}/nowhere/web.yaml"}, "dest {}/nowhere/web.yaml: its folder does not exist"),
        ({"dest": "{}/lab/below/web.yaml"}, "dest {}/lab/below/web.yaml: its folder does not exist"),
        ({"config_dir": "{}/istioctl/lab"}, "config_dir {}/istioctl/lab: {}/istioctl is no folder"),
        ({"config_dir": "{}/istioctl"}, "config_dir {}/istioctl: {}/istioctl is no folder"),
        ({"istio_namespace": "other"}, "there is no ConfigMap istio-sidecar-injector in namespace other"),
        ({}, "istioctl kube-inject failed"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_what_is_refused_is_refused_in_both_modes_and_nothing_is_written(
    inject, istioctl, tmp_path, arguments, said, check
):
    if "failed" in said:
        istioctl.with_name("istioctl.fails").touch()
    before = {path.name for path in tmp_path.iterdir()}
    arguments = {key: value.format(tmp_path) for key, value in arguments.items()}
    refused = inject(**arguments, _ansible_check_mode=check)
    assert refused["failed"] and refused["msg"].startswith(said.replace("{}", str(tmp_path))), refused
    assert {path.name for path in tmp_path.iterdir()} - before <= {"istioctl.calls"}


def test_the_namespace_of_the_control_plane_is_told_to_istioctl(inject, istioctl):
    done = inject(config_dir=None)
    assert "kube-inject -f - --istioNamespace mesh --kubeconfig KUBECONFIG_FILE" in done["command"]
    assert "--istioNamespace mesh" in istioctl.with_name("istioctl.calls").read_text()
