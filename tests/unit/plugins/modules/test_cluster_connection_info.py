# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def test_a_path_is_returned(run):
    result, _written = run("cluster_connection_info", kubeconfig="/nowhere/kubeconfig")
    assert (result["source"], result["kubeconfig"]) == ("kubeconfig", "/nowhere/kubeconfig")
    assert result["changed"] is False


def test_the_content_of_a_kubeconfig_is_not_returned(run):
    result, written = run("cluster_connection_info", kubeconfig={"users": [{"user": {"token": "s3cret-t0ken"}}]})
    assert (result["source"], result["kubeconfig"]) == ("kubeconfig", None)
    assert "s3cret-t0ken" not in written


def test_without_a_cluster_it_fails(run):
    result, _written = run("cluster_connection_info", kubeconfig="", kubeconfig_option="shop_kubeconfig")
    assert result["failed"] is True
    assert result["msg"].startswith("no kubeconfig given: set shop_kubeconfig, or ")
