# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every module that talks to a cluster, each run as a process of its own, as Ansible does."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[4]
MODULES = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]["istio"]
# All but the one that never connects.
CONNECTING = [x for x in MODULES if x != "cluster_connection_info"]

# What each module needs beside the cluster.
NEEDED = {
    "cluster_connection_info": {},
    "image_prepull": {"images": ["busybox"]},
    "istio_config_wait": {"kind": "VirtualService", "name": "web", "timeout": 1},
    "istio_info": {},
    "istio_ingress_info": {},
    "istio_install": {"state": "absent"},
    "istio_kube_inject": {"content": "{apiVersion: v1, kind: Pod, spec: {containers: [{name: web}]}}"},
    "istio_traffic_split": {
        "url": "http://web/",
        "pod": "web",
        "backends": [{"name": name, "weight": 1, "match": name} for name in "ab"],
    },
    "workload_wait": {"namespace": "default", "timeout": 1},
}

TOKEN, KEY, WORD = "s3cret-t0ken", "LS0tLS1CRUdJTiBQ\nUklWQVRFIEtFWS0t\n", "hush"


def kubeconfig(server):
    """A cluster as a dictionary, with secrets of many kinds."""
    user = {
        "token": TOKEN,
        "password": WORD,
        "client-key-data": KEY,
        "auth-provider": {"name": "oidc", "config": {"id-token": f"{TOKEN}-2"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": TOKEN}}, {"name": "other", "user": user}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
    }


@pytest.fixture
def closed():
    """The URL of a port where nobody listens, and nobody else will meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def shown(written):
    """Which of the secrets are somewhere in a text, also escaped."""
    return [x for x in (TOKEN, WORD, KEY, KEY.split()[0], KEY.split()[1]) if x in written]


@pytest.mark.parametrize("module", CONNECTING)
def test_a_kubeconfig_that_is_a_dictionary_is_not_shown(module, run, closed):
    result, written = run(module, **NEEDED[module], kubeconfig=kubeconfig(closed))
    assert f"cannot reach {closed}" in written  # so it was used
    assert "logged: " in written
    assert shown(written) == []
    assert result["invocation"]["module_args"]["kubeconfig"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert "context" in result["invocation"]["module_args"]


@pytest.mark.parametrize("module", MODULES)
def test_wrong_arguments_show_no_kubeconfig_either(module, run, closed):
    result, written = run(module, **NEEDED[module], kubeconfig=kubeconfig(closed), no_such_option=1)
    assert result["failed"] and "no_such_option" in result["msg"]
    assert shown(written) == []


@pytest.mark.parametrize("module", CONNECTING)
def test_the_text_of_a_kubeconfig_is_refused_without_showing_it(module, run, closed):
    result, written = run(module, **NEEDED[module], kubeconfig=yaml.safe_dump(kubeconfig(closed)))
    assert result["msg"].startswith("kubeconfig is a path or a dictionary, and this is the text of one")
    assert shown(written) == []


def test_a_path_is_shown_and_logged(run, tmp_path, closed):
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(kubeconfig(closed)))
    result, written = run("istio_ingress_info", kubeconfig=str(path))
    assert result["invocation"]["module_args"]["kubeconfig"] == str(path)
    assert f"kubeconfig={path}" in written
    assert shown(written) == []


@pytest.fixture
def silent():
    """A socket that listens, and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(120)
        yield server


@pytest.mark.parametrize(
    ("module", "how"), [*((x, signal.SIGTERM) for x in CONNECTING), ("workload_wait", signal.SIGHUP)]
)
def test_a_module_that_is_asked_to_end_leaves_no_kubeconfig(module, how, start, silent, tmp_path):
    server = f"http://127.0.0.1:{silent.getsockname()[1]}"
    child = start(
        module,
        {**NEEDED[module], "kubeconfig": kubeconfig(server)},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # a background job may ignore it
    )
    try:
        connection = silent.accept()[0]  # so it waits for an answer
        assert list(tmp_path.glob("meshlab-kubeconfig-*"))
        child.send_signal(how)
        stderr = child.communicate(timeout=120)[1]
    finally:
        child.kill()
        child.wait()
    connection.close()
    assert child.returncode == 1, stderr
    assert not list(tmp_path.glob("meshlab-kubeconfig-*"))
