# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What istio_kube_inject writes, and when it writes nothing. The cluster and istioctl are stand-ins."""

from __future__ import annotations

import json
import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

PLAIN = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: web}]}}\n"
INJECTED = """apiVersion: v1
kind: Pod
metadata: {name: web, annotations: {sidecar.istio.io/status: x}}
spec: {containers: [{name: web}, {name: istio-proxy}]}
"""
FILES = ["inject-config.yaml", "inject-values.yaml", "mesh-config.yaml"]


WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
LABELED = {"matchLabels": {"istio-injection": "enabled"}}


class Api(BaseHTTPRequestHandler):
    """A cluster with a control plane in the namespace mesh, and a namespace that is labeled for injection."""

    def do_GET(self):
        """Answer 403 for the webhooks to the user view, and for the namespace refused to everyone."""
        root = "/api/v1/namespaces"
        found = {
            f"{root}/mesh/configmaps/istio": {"data": {"mesh": "M"}},
            f"{root}/mesh/configmaps/istio-sidecar-injector": {"data": {"config": "C", "values": "{}"}},
            f"{root}/default": {"metadata": {"name": "default"}},
            f"{root}/automatic": {"metadata": {"labels": {"istio-injection": "enabled"}}},
            f"{root}/misspelled": {"metadata": {"labels": {"istio.io/rev": "misspelled"}}},
            WEBHOOKS: {"items": [{"metadata": {"name": "injector"}, "webhooks": [{"namespaceSelector": LABELED}]}]},
            f"{root}/off/configmaps/istio-sidecar-injector": {"data": {"config": "policy: disabled", "values": "{}"}},
            f"{root}/off/configmaps/istio": {"data": {"mesh": "M"}},
        }.get(self.path.partition("?")[0])
        forbidden = self.path == f"{root}/refused"
        forbidden = forbidden or (self.path.startswith(WEBHOOKS) and "view" in (self.headers["Authorization"] or ""))
        content = json.dumps(found or {}).encode()
        self.send_response(403 if forbidden else 200 if found else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Suppress the log."""


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
        """Omits arguments that are None."""
        given = {
            "content": PLAIN,
            "kubeconfig": kubeconfig,
            "config_dir": str(tmp_path / "lab"),
            "istio_namespace": "mesh",
            "_ansible_diff": True,
        }
        given = {name: value for name, value in {**given, **arguments}.items() if value is not None}
        return run("istio_kube_inject", **given)[0]

    return inject


@pytest.mark.parametrize("directory", ["lab", "lab/of/mine"])
def test_configuration_is_kept_and_a_second_run_changes_nothing(inject, istioctl, tmp_path, directory):
    arguments = {"config_dir": str(tmp_path / directory), "dest": str(tmp_path / "lab" / "web.yaml")}
    predicted = inject(**arguments, _ansible_check_mode=True)
    assert not (tmp_path / "lab").exists()
    done = inject(**arguments)
    assert done["changed"] and predicted["changed"], done
    assert predicted["diff"] == done["diff"] and predicted["command"] == done["command"]
    assert f"--valuesFile {tmp_path / directory}/inject-values.yaml" in done["command"]
    assert [(tmp_path / directory / name).read_text() for name in FILES] == ["C", "{}", "M"]
    assert "istio-proxy" in (tmp_path / "lab" / "web.yaml").read_text()
    # istioctl got temporary copies.
    calls = istioctl.with_name("istioctl.calls").read_text().splitlines()
    assert not any(f"{tmp_path / directory}/" in line for line in calls if line.startswith("kube-inject"))
    again = inject(**arguments)
    assert not again["changed"], again
    assert istioctl.with_name("istioctl.calls").read_text().count(f"{tmp_path / directory}/") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"namespace": "automatic"}, "Pod automatic/web would be injected twice"),
        ({"dest": "{}/nowhere/web.yaml"}, "dest {}/nowhere/web.yaml: the parent directory does not exist"),
        ({"config_dir": "{}/istioctl/lab"}, "config_dir {}/istioctl/lab: {}/istioctl is not a directory"),
        ({"istio_namespace": "other"}, "ConfigMap other/istio-sidecar-injector does not exist"),
        ({}, "istioctl kube-inject failed"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_errors_are_the_same_in_check_mode_and_nothing_is_written(
    inject, istioctl, tmp_path, arguments, message, check
):
    if "failed" in message:
        istioctl.with_name("istioctl.fails").touch()
    before = {path.name for path in tmp_path.iterdir()}
    arguments = {key: value.format(tmp_path) for key, value in arguments.items()}
    refused = inject(**arguments, _ansible_check_mode=check)
    assert refused["failed"] and refused["msg"].startswith(message.replace("{}", str(tmp_path))), refused
    assert {path.name for path in tmp_path.iterdir()} - before <= {"istioctl.calls"}


def test_istioctl_gets_the_namespace_of_the_control_plane(inject, istioctl):
    done = inject(config_dir=None)
    assert "kube-inject -f - --istioNamespace mesh --kubeconfig KUBECONFIG_FILE" in done["command"]
    assert "--istioNamespace mesh" in istioctl.with_name("istioctl.calls").read_text()


def test_webhooks_decide_and_labels_without_permission_to_read_them(inject, kubeconfig):
    done = inject(namespace="misspelled")
    assert (done["decided_by"], done["workloads"][0]["result"]) == ("webhooks", "injected"), done
    kubeconfig["users"] = [{"name": "view", "user": {"token": "view"}}]
    kubeconfig["contexts"][0]["context"]["user"] = "view"
    refused = inject(namespace="misspelled", kubeconfig=kubeconfig)
    assert refused["msg"].startswith("Pod misspelled/web would be injected twice: namespace misspelled is labeled")
    assert inject(kubeconfig=kubeconfig)["decided_by"] == "labels"


def test_disabled_policy_of_the_cluster_allows_the_injection(inject):
    done = inject(namespace="automatic", istio_namespace="off")
    assert done["workloads"][0]["result"] == "injected", done


def test_disabled_policy_in_the_file_allows_the_injection(inject, tmp_path):
    for name, text in (("config", "policy: disabled"), ("mesh", "{}"), ("values", "{}")):
        (tmp_path / name).write_text(text)
    options = ("inject_config_file", "mesh_config_file", "values_file")
    files = dict(zip(options, (str(tmp_path / x) for x in ("config", "mesh", "values"))))
    namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: lab, labels: {istio-injection: enabled}}}\n---\n"
    arguments = {"config_dir": None, "kubeconfig": "", "namespace": "lab", "content": namespace + PLAIN, **files}
    (tmp_path / "istioctl.answer").write_text(INJECTED)
    assert inject(**arguments)["workloads"][0]["result"] == "injected"
    (tmp_path / "config").write_text("policy: enabled")
    assert inject(**arguments)["workloads"][0]["result"] == "refused"


@pytest.mark.parametrize("server", ["unreachable", "refuses_namespaces"])
def test_failed_request_with_the_three_files_mentions_how_to_inject_without_a_cluster(
    inject, kubeconfig, tmp_path, server
):
    if server == "unreachable":
        kubeconfig["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    files = ("inject_config_file", "mesh_config_file", "values_file")
    for name in files:
        (tmp_path / name).write_text("{}")
    arguments = {"config_dir": None, "namespace": "refused", **{name: str(tmp_path / name) for name in files}}
    failed = inject(**arguments, kubeconfig=kubeconfig)
    expected = (
        "cannot reach http://127.0.0.1:1: " if server == "unreachable" else "namespace refused: http://127.0.0.1:"
    )
    assert failed["msg"].startswith(expected), failed
    assert failed["msg"].endswith("; set kubeconfig to an empty string to inject without a cluster")
    assert inject(**arguments, kubeconfig="")["changed"] is False


SECRET = """{apiVersion: v1, kind: Secret, metadata: {name: db, annotations: {
  kubectl.kubernetes.io/last-applied-configuration: '{"data":"TOPSECRET"}'}}, stringData: {password: TOPSECRET}}
"""
WITH_SECRET = f"{SECRET}---\n{PLAIN}"


@pytest.fixture
def inject_logged(run, istioctl, kubeconfig):
    """Run the module on a pod and a Secret; returns its result, and everything that it returned or logged as text."""
    istioctl.with_name("istioctl.answer").write_text(INJECTED)

    def inject_logged(**arguments):
        given = {"kubeconfig": kubeconfig, "istio_namespace": "mesh", "_ansible_diff": True, **arguments}
        return run("istio_kube_inject", **given)

    return inject_logged


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("given", ["content", "definition", "src"])
def test_values_of_secrets_are_only_in_dest(inject_logged, tmp_path, given, check):
    dest, src = tmp_path / "web.yaml", tmp_path / "src.yaml"
    src.write_text(WITH_SECRET)
    values = {"content": WITH_SECRET, "definition": list(yaml.safe_load_all(WITH_SECRET)), "src": str(src)}
    arguments = {given: values[given], "dest": str(dest)}
    done, everything = inject_logged(**arguments, _ansible_check_mode=check)
    assert done["changed"] and done["secrets"] == ["Secret default/db"], done
    assert "password: (hidden)" in done["diff"][0]["after"]
    assert "TOPSECRET" not in everything
    assert "content" not in done and "definitions" not in done
    assert dest.exists() is not check
    if not check:
        assert "TOPSECRET" in dest.read_text() and stat.S_IMODE(dest.stat().st_mode) == 0o600
        again, everything = inject_logged(**arguments)
        assert not again["changed"] and "TOPSECRET" not in everything


def test_changed_secret_is_a_change_with_hidden_values(inject_logged, tmp_path):
    dest = tmp_path / "web.yaml"
    dest.write_text(WITH_SECRET)
    done, everything = inject_logged(content=WITH_SECRET.replace("TOP", "MOST"), dest=str(dest), backup=True)
    assert done["changed"] and "password: (hidden, changed)" in done["diff"][0]["after"]
    assert "MOSTSECRET" not in everything and "TOPSECRET" not in everything


def test_secret_requires_dest_or_return_secrets(inject_logged, istioctl):
    refused, everything = inject_logged(content=WITH_SECRET)
    assert refused["failed"] and refused["msg"].startswith("the manifest contains Secret default/db, whose values"), (
        refused
    )
    assert "TOPSECRET" not in everything
    assert not istioctl.with_name("istioctl.calls").exists()
    done, _everything = inject_logged(content=WITH_SECRET, return_secrets=True)
    assert done["definitions"][0]["stringData"] == {"password": "TOPSECRET"} and "TOPSECRET" in done["content"]


def test_mode_of_a_new_dest(inject, tmp_path):
    usual, chosen = tmp_path / "usual.yaml", tmp_path / "chosen.yaml"
    umask = os.umask(0o022)
    try:
        assert inject(dest=str(usual))["changed"]
        assert inject(dest=str(chosen), content=WITH_SECRET, mode="0640")["changed"]
    finally:
        os.umask(umask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (usual, chosen)] == [0o644, 0o640]
