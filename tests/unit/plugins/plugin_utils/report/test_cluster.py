# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster, and the source of its images."""

from __future__ import annotations

from report_support import FACTS, build_document, chapters_by_name, render_page


def test_a_cluster_without_a_kubeconfig_has_a_chapter_too():
    document = build_document({**FACTS, "lab_kubeconfig": ""})
    assert chapters_by_name(document)["cluster"]["verdict"] == "pass"
    assert "KUBECONFIG" not in render_page(document)


def test_a_lab_from_a_registry_has_no_differences():
    document = build_document({**FACTS, "lab_image_source": "registry", "lab_standins": [], "lab_istio_note": ""})
    assert document["differences"] == []
    assert "None known" in render_page(document)


def test_the_images_of_an_existing_cluster_are_unknown():
    images = {"lab_image_source": "registry", "lab_standins": [], "lab_istio_note": ""}
    facts = {**FACTS, **images, "lab_cluster": "existing"}
    document = build_document({name: value for name, value in facts.items() if name != "kind_cluster_name_used"})
    assert (document["images"]["source"], document["differences"]) == ("cluster", [])
    assert document["cluster"] == {**build_document()["cluster"], "type": "existing", "name": None}
    assert "the lab did not create this cluster" in render_page(document)


def test_the_command_finds_kubectl_and_istioctl():
    def command(**changed):
        return build_document({**FACTS, "lab_kubeconfig": "/c/kubeconfig", **changed})["cluster"]["command"]

    assert command(lab_kubectl_path="/c d/bin/kubectl") == "export KUBECONFIG=/c/kubeconfig PATH='/c d/bin':\"$PATH\""
    # An existing cluster: its user has a kubectl.
    assert command(lab_kubectl_path="", istioctl_binary="/opt/istio/istio-1.27.0/bin/istioctl") == (
        'export KUBECONFIG=/c/kubeconfig PATH=/opt/istio/istio-1.27.0/bin:"$PATH"'
    )
    assert command(lab_kubectl_path="", istioctl_binary="") == "export KUBECONFIG=/c/kubeconfig"


def test_the_reason_for_missing_screenshots_is_shown():
    document = build_document({**FACTS, "lab_browser_problem": "WebDriver (chromedriver in PATH) not found"})
    difference = {
        "difference": "There are no screenshots of Bookinfo",
        "reason": "WebDriver (chromedriver in PATH) not found.",
    }
    assert difference in document["differences"]
    assert difference["reason"] in render_page(document)
    assert difference not in build_document()["differences"]
