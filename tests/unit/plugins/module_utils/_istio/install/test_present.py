# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from install_fakes import (
    GATEWAY,
    RENDERED,
    FakeCluster,
    FakeIstioctl,
    installed,
    istiod,
    lab,
    present,
    reported,
    surplus,
)

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install import present as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

SUPPORT_1_34 = ", ".join(releases.istio_for("1.34"))


def test_a_version_that_only_istiod_reports_is_read():
    cluster = lab(istiod=installed(istiod("registry.example/pilot:mine")))
    del cluster.objects[cluster.path(istiod())]["metadata"]["labels"]["operator.istio.io/version"]
    rendered = [istiod("registry.example/pilot:mine")]
    assert present(cluster, FakeIstioctl(cluster, rendered), check_mode=True)["version"] == "1.26.3"


@pytest.mark.parametrize(
    ("kubernetes", "installed_version", "version", "message"),
    [
        ("v1.34.0", None, "1.27.0", "Istio 1.27.0 does not support Kubernetes v1.34.0: Istio 1.27 supports"),
        ("v1.34.0", None, "1.27.0", f"Kubernetes 1.34 is supported by Istio {SUPPORT_1_34}"),
        ("v1.33.0", None, "1.6.0", "Istio 1.6.0 is not in the table"),
        ("v1.33.0", "1.27.0", "1.29.1", "install Istio 1.28 first"),
        ("v1.33.0", "1.29.0", "1.27.0", "install Istio 1.28 first"),
        ("v1.33.0", "1.26.5", "1.27.0", None),
        ("v1.33.0", "1.28.5", "1.27.0", None),
        ("v1.33.0", "1.30.0", "1.31.0", None),
    ],
)
def test_unsupported_versions_are_refused_before_any_change(kubernetes, installed_version, version, message):
    objects = [installed(istiod(f"docker.io/istio/pilot:{installed_version}"))] if installed_version else []
    cluster = FakeCluster(*objects)
    cluster.kubernetes = kubernetes
    istioctl = FakeIstioctl(cluster, [istiod(f"docker.io/istio/pilot:{version}")], version)
    if message is None:
        assert present(cluster, istioctl)["warnings"] == []
        return
    for check_mode in (True, False):
        with pytest.raises(InstallError) as caught:
            present(cluster, istioctl, check_mode)
        assert message in str(caught.value) and "Set skip_version_check to override this check." in str(caught.value)
    assert istioctl.installs == [] and cluster.applied == []
    if version != "1.6.0":  # too old for the commands that the runner knows
        result = present(cluster, istioctl, skip_version_check=True)
        assert message in result["warnings"][0] and len(istioctl.installs) == 1


def test_the_tag_of_the_image_decides_whether_a_minor_release_is_skipped():
    cluster = FakeCluster()
    istioctl = FakeIstioctl(cluster, [istiod("docker.io/istio/pilot:1.25.3")])
    assert present(cluster, istioctl, tag="1.25.3")["changed"]
    again = present(cluster, istioctl, tag="1.25.3")
    assert not again["changed"] and again["warnings"] == []
    with pytest.raises(
        InstallError, match=r"Istio 1\.25\.3 is installed .* to 1\.27\.0 would skip .* install Istio 1\.26 first"
    ):
        present(cluster, FakeIstioctl(cluster))


def test_without_differences_nothing_is_installed_or_applied():
    cluster = lab()
    istioctl = FakeIstioctl(cluster)
    for check_mode in (True, False):
        result = present(cluster, istioctl, check_mode)
        assert not result["changed"] and reported(result) == []
        assert (result["version"], result["revision"], result["installed"], result["objects"]) == (
            "1.27.0", "default", True, 4,
        )  # fmt: skip
        assert "command" not in result
    assert istioctl.installs == [] and cluster.applied == [] and cluster.deleted == []


def test_an_empty_cluster_gets_every_object():
    cluster = FakeCluster()
    istioctl = FakeIstioctl(cluster)
    check = present(cluster, istioctl, True)
    assert [x.reason for x in check["differences"]] == ["is missing"] * 4
    assert (check["changed"], check["installed"], check["version"]) == (True, False, None)
    assert cluster.objects == {} and istioctl.installs == []
    result = present(cluster, istioctl, timeout=5)
    assert reported(result) == reported(check)
    assert (result["changed"], result["installed"], result["version"]) == (True, True, "1.27.0")
    assert (result["command"], result["stdout"]) == ("istioctl install", "installed")
    assert istioctl.installs[0][2] == 5 + subject.GRACE_SECONDS
    assert not present(cluster, istioctl)["changed"]


def test_an_object_that_is_no_longer_rendered_is_removed_without_an_install():
    cluster = lab(egress=surplus())
    istioctl = FakeIstioctl(cluster)
    check = present(cluster, istioctl, True)
    assert reported(check) == [("Service", "istio-egressgateway", "is no longer rendered")]
    assert check["differences"][0].diff()["after"] == ""
    assert cluster.deleted == []
    result = present(cluster, istioctl)
    assert result["changed"] and cluster.deleted == ["istio-egressgateway"] and istioctl.installs == []
    assert not present(cluster, istioctl)["changed"]


def test_the_token_fallback_of_old_releases_is_a_warning():
    cluster = lab()
    line = "Detected that your cluster does not support third party JWT authentication. Falling back to less secure"
    istioctl = FakeIstioctl(cluster, stderr=f"{line}\n", version="1.26.0")
    assert present(cluster, istioctl)["warnings"] == [f"istioctl: {line}"]


def test_an_old_release_gets_the_token_policy_that_its_install_detects():
    cluster = lab()
    cluster.kubernetes = "v1.18.19"
    istioctl = FakeIstioctl(cluster, [istiod("docker.io/istio/pilot:1.7.4")], "1.7.4")
    params = {"check_mode": True, "skip_version_check": True}
    assert len(present(cluster, istioctl, **params)["warnings"]) == 1  # of 1.27 to 1.7
    assert istioctl.runs[0][0] == ("manifest", "generate")
    get = cluster.get
    cluster.get = lambda path, **query: {"resources": []} if path == "/api/v1" else get(path, **query)
    assert "less secure" in present(cluster, istioctl, **params)["warnings"][0]
    assert istioctl.runs[-1][0][-2:] == ("--set", "values.global.jwtPolicy=first-party-jwt")
    present(cluster, istioctl, values={"global": {"jwtPolicy": "third-party-jwt"}}, **params)
    assert "--set" not in istioctl.runs[-1][0]


def test_a_failed_install_reports_what_is_not_ready():
    cluster = FakeCluster()
    error = IstioctlError("istioctl install failed with exit code 1: timed out", 1, "out", "err", "istioctl install")
    with pytest.raises(InstallError) as caught:
        present(cluster, FakeIstioctl(cluster, fails=error))
    assert str(caught.value) == f"{error}\nnamespace istio-system does not exist"
    result = caught.value.result
    assert (result["rc"], result["stderr"], result["command"]) == (1, "err", "istioctl install")
    # It may be partly installed.
    assert result["changed"] and len(reported(result)) == 4


def test_an_error_between_two_changes_has_the_differences():
    cluster = lab(gateway=surplus())
    cluster.put(surplus("istio-other"))
    delete = cluster.delete

    def fails_later(path):
        if cluster.deleted:
            raise ClusterError("cannot reach it")
        return delete(path)

    cluster.delete = fails_later
    with pytest.raises(InstallError, match=r"^cannot reach it$") as caught:
        present(cluster)
    assert caught.value.result["changed"] and len(reported(caught.value.result)) == 2
    cluster.deleted = ["the first change fails"]
    with pytest.raises(InstallError, match=r"^cannot reach it$") as caught:
        present(cluster)
    assert not caught.value.result["changed"]


def test_a_deployment_that_is_not_rolled_out_is_an_error_with_wait():
    live = installed(istiod())
    live["status"]["availableReplicas"] = 0
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
    cluster = lab(istiod=live, namespace=namespace)
    with pytest.raises(InstallError, match="not ready after 0 s:\nDeployment istiod: 0 of 1 pods available") as caught:
        present(cluster)
    assert caught.value.result["version"] == "1.27.0"
    assert not present(cluster, wait=False)["changed"]
    assert not present(cluster, check_mode=True)["changed"]


def stopped_cluster():
    """A cluster whose istiod is scaled to 0 and has an autoscaler, and its istioctl."""
    deployment = istiod()
    del deployment["spec"]["replicas"]
    metadata = {"name": "istiod", "namespace": "istio-system", "labels": deployment["metadata"]["labels"]}
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "istiod"}, "minReplicas": 1}
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
    live = installed(deployment)
    live["spec"]["replicas"] = 0
    cluster = lab(istiod=live, scaler=installed(scaler))
    return cluster, FakeIstioctl(cluster, [*RENDERED[:2], deployment, GATEWAY, scaler])


def test_a_control_plane_scaled_to_zero_is_started():
    cluster, istioctl = stopped_cluster()
    check = present(cluster, istioctl, True)
    assert check["changed"] and reported(check) == [("Deployment", "istiod", "is scaled to 0 replicas")]
    assert cluster.patched == []
    result = present(cluster, istioctl)
    assert result["changed"] and reported(result) == reported(check)
    path = "/apis/apps/v1/namespaces/istio-system/deployments/istiod"
    assert cluster.patched == [(path, {"spec": {"replicas": 1}})] and istioctl.installs == []
    assert not present(cluster, istioctl)["changed"]


def test_a_control_plane_that_stays_at_zero_replicas_is_not_ready():
    cluster, istioctl = stopped_cluster()
    cluster.patch = lambda path, changes: None
    with pytest.raises(
        InstallError, match="not ready after 0 s:\nDeployment istio-system/istiod: scaled to 0 replicas"
    ):
        present(cluster, istioctl)


def test_a_missing_object_is_installed_after_the_control_plane_is_started():
    cluster, istioctl = stopped_cluster()
    del cluster.objects[cluster.path(GATEWAY)]
    istioctl.fails = IstioctlError("failed", 1)
    with pytest.raises(InstallError, match="failed"):
        present(cluster, istioctl)
    assert len(cluster.patched) == 1
