# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.meshlab.istio.plugins.plugin_utils import kind_cluster

NOTHING = {"rc": 1, "stdout": "[]", "stderr": "no such container"}
PODMAN_NETWORK = {
    "name": "lab",
    "subnets": [{"subnet": "198.18.0.0/24"}],
    "labels": {"meshlab.istio/owner": "meshlab.istio"},
}
DOCKER_NETWORK = {
    "Name": "lab",
    "IPAM": {"Config": [{"Subnet": "198.18.0.0/24"}]},
    "Labels": {"meshlab.istio/owner": "meshlab.istio"},
}
NODE = {"Id": "4f9c", "State": {"Running": True}, "NetworkSettings": {"Networks": {"lab": {}}}}


def printed(thing):
    return {"rc": 0, "stdout": json.dumps([thing])}


# ---- discovery ----


@pytest.mark.parametrize("network", [PODMAN_NETWORK, DOCKER_NETWORK])
def test_node_on_a_labeled_network_belongs_to_the_role(network):
    assert kind_cluster.discovery(printed(NODE), printed(network), "lab") == {
        "node_id": "4f9c",
        "running": True,
        "network_exists": True,
        "subnet": "198.18.0.0/24",
        "foreign": "",
    }


@pytest.mark.parametrize("result", [NOTHING, {"skipped": True}, {"rc": 2, "msg": "no such file"}, {}])
def test_missing_node_and_network(result):
    assert kind_cluster.discovery(result, result, "lab") == {
        "node_id": "",
        "running": False,
        "network_exists": False,
        "subnet": "",
        "foreign": "",
    }


@pytest.mark.parametrize(
    ("node", "network", "foreign"),
    [
        (printed(NODE), NOTHING, "container"),
        (printed(NODE), printed({**PODMAN_NETWORK, "labels": {}}), "container"),
        (printed(NODE), printed({**DOCKER_NETWORK, "Labels": None}), "container"),
        (printed({**NODE, "NetworkSettings": {"Networks": {"kind": {}}}}), printed(PODMAN_NETWORK), "container"),
        (printed({**NODE, "NetworkSettings": {"Networks": None}}), printed(PODMAN_NETWORK), "container"),
        (NOTHING, printed({**PODMAN_NETWORK, "labels": None}), "network"),
        (NOTHING, printed(PODMAN_NETWORK), ""),  # after an interrupted creation
    ],
)
def test_foreign_container_or_network(node, network, foreign):
    assert kind_cluster.discovery(node, network, "lab")["foreign"] == foreign


def test_stopped_node():
    found = kind_cluster.discovery(printed({**NODE, "State": {"Running": False}}), printed(PODMAN_NETWORK), "lab")
    assert (found["node_id"], found["running"]) == ("4f9c", False)


# ---- Podman's configuration ----


@pytest.mark.parametrize(
    ("probe", "needs"),
    [
        ({"rc": 0, "stdout": "max\n", "stderr": ""}, []),
        ({"rc": 0, "stdout": "8192\n", "stderr": ""}, []),
        ({"rc": 0, "stdout": "8191\n", "stderr": ""}, ["processes"]),
        ({"rc": 0, "stdout": "", "stderr": ""}, []),
        ({"rc": 126, "stdout": "", "stderr": "crun: unknown version of cgroup"}, ["runtime"]),
        ({"rc": 126, "stdout": "", "stderr": "setrlimit RLIMIT_NPROC: rlimit"}, ["limits"]),
        ({"rc": 126, "stdout": "2048", "stderr": "cgroup, rlimit"}, ["runtime", "limits"]),
        ({"rc": 125, "stdout": "", "stderr": "no space left"}, []),
    ],
)
def test_engine_needs(probe, needs):
    assert kind_cluster.engine_needs(probe) == needs


# ---- health ----

READY = {
    "resources": [
        {"status": {"conditions": [{"type": "DiskPressure", "status": "False"}, {"type": "Ready", "status": "True"}]}}
    ]
}
NOT_READY = {"resources": [{"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}]}


def pod(**started):
    states = {name: {"running": {"startedAt": at}} if at else {"waiting": {}} for name, at in started.items()}
    return {"status": {"containerStatuses": [{"name": name, "state": state} for name, state in states.items()]}}


def test_stale_containers():
    pods = {"resources": [pod(old="2026-01-01T11:59:59Z", new="2026-01-01T12:00:00Z", waiting=""), {"status": {}}, {}]}
    assert kind_cluster.stale_containers(pods, "2026-01-01T12:00:00Z") == ["old"]
    assert kind_cluster.stale_containers(pods, "") == []
    assert kind_cluster.stale_containers({"msg": "refused"}, "2026-01-01T12:00:00Z") == []


def test_healthy_cluster():
    assert kind_cluster.health_problems({"status": 200}, READY, [], {"reasons": [], "pods": []}) == []


@pytest.mark.parametrize(
    ("api", "node", "stale", "dns", "reasons"),
    [
        ({"status": -1, "msg": "refused"}, {}, [], {}, ["the API server does not answer: refused"]),
        ({"status": 500}, READY, [], {}, ["the API server does not answer: no message"]),
        ({"status": 200}, NOT_READY, [], {}, ["the node is not Ready"]),
        ({"status": 200}, {"resources": []}, [], {}, ["the node is not Ready"]),
        ({"status": 200}, {"msg": "refused"}, [], {}, ["the node is not Ready"]),
        ({"status": 200}, READY, ["etcd", "istiod"], {}, ["the kubelet has not refreshed the status of etcd, istiod"]),
        ({"status": 200}, READY, [], {"msg": "not ready:", "reasons": ["coredns: 0 of 2"]}, ["coredns: 0 of 2"]),
        ({"status": 200}, READY, [], {"msg": "cannot reach the API server", "reasons": []}, []),
    ],
)
def test_health_problems(api, node, stale, dns, reasons):
    assert kind_cluster.health_problems(api, node, stale, dns) == reasons
