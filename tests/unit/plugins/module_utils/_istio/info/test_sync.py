# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from info_objects import SYNCED, Client, healthy, istiod, istiod_pod, status, workload

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.inventory import read_inventory
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError


def test_a_proxy_that_is_not_in_sync_or_not_connected_is_reported():
    found = read_inventory(healthy(), Client(default=status(("web.shop", "SYNCED", "STALE (Never Acknowledged)"))))
    assert [(x["synced"], x["types"]) for x in found["proxies"]] == [
        (False, {"CDS": "SYNCED", "LDS": "STALE"}),
        (False, None),
    ]
    assert found["counts"]["proxies_not_synced"] == 2
    assert found["problems"][0].startswith(
        "namespace shop: proxies that are not connected to any istiod: db; restart them"
    )
    assert found["problems"][1].startswith(
        "namespace shop: proxies that are not in sync with their istiod: web (LDS STALE). This is normal"
    )


def test_a_proxy_of_two_control_planes_is_in_sync_if_one_of_them_reports_it():
    control_planes = [istiod(), istiod("canary")]
    stale, synced = ("web.shop", "STALE", "STALE"), ("web.shop", "SYNCED", "SYNCED")
    for first, second in ((stale, synced), (synced, stale)):
        lab = healthy(control_planes=control_planes, pods=[istiod_pod(), workload("web")])
        found = read_inventory(lab, Client(default=status(first), canary=status(second)))
        assert found["proxies"][0]["synced"] is True


def test_a_failed_proxy_status_leaves_the_sync_state_unknown():
    for answer, reason in (
        (IstioctlError("istioctl proxy-status failed with exit code 1: Error: forbidden"), "exit code 1"),
        ("nothing", "the output has no line that begins with NAME"),
    ):
        found = read_inventory(healthy(), Client(default=answer))
        assert [x["synced"] for x in found["proxies"]] == [None, None]
        assert found["sync_reason"].startswith("istioctl proxy-status for istio-system/istiod: ")
        assert reason in found["sync_reason"]
        assert found["problems"] == []


def test_a_control_plane_without_proxies_is_not_a_failure():
    failed = IstioctlError("istioctl proxy-status failed with exit code 1: Error: no proxies found (checked 1 istiods)")
    found = read_inventory(healthy(pods=[istiod_pod()]), Client(default=failed))
    assert (found["sync_reason"], found["problems"]) == (None, [])


def test_a_control_plane_that_is_not_ready_leaves_its_proxies_unknown():
    control_planes = [istiod(), istiod("canary", ready=0)]
    pods = [istiod_pod(), workload("web"), workload("new", revision="canary")]
    client = Client(default=status(("web.shop", "SYNCED", "SYNCED")))
    found = read_inventory(healthy(control_planes=control_planes, pods=pods), client)
    assert found["sync_reason"] == "istio-system/istiod-canary is not ready"
    assert [x["synced"] for x in found["proxies"]] == [True, None]
    assert len(client.ran) == 1


def test_the_version_of_an_image_without_one_comes_from_istioctl():
    found = read_inventory(healthy(pods=[istiod_pod(), workload("web", proxy="latest")]), Client(default=SYNCED))
    assert (found["proxies"][0]["version"], found["proxies"][0]["outdated"]) == ("1.27.0", False)


def test_a_table_without_types_leaves_the_sync_state_unknown():
    text = "NAME         CLUSTER        ISTIOD       VERSION     SUBSCRIBED TYPES\n"
    text += "web.shop     Kubernetes     istiod-1     1.27.0      4 (CDS,LDS,EDS,RDS)\n"
    found = read_inventory(healthy(pods=[istiod_pod(), workload("web")]), Client(default=text))
    assert (found["proxies"][0]["synced"], found["proxies"][0]["istiod"]) == (None, "istiod-1")
