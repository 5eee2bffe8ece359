# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster and its images: document, checks, and key facts of the page."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.values import (
    PASS,
    Check,
    Document,
    Facts,
    as_list,
    as_text,
)
from ansible_collections.meshlab.istio.plugins.plugin_utils.report.wording import plural

STANDINS = (
    "They keep the originals' paths, JSON and headers, and are far smaller. Their images carry the label "
    "meshlab.istio/stand-in."
)
BUILT = "Their programs come from the package registries of Debian, Python and Go. No container registry is needed."


def cluster(facts: Facts) -> Document:
    """The cluster that the lab runs on."""
    kind, name = None, as_text(facts.get("kind_cluster_name_used"))
    if facts.get("lab_cluster") == "existing":
        kind, name = "existing", ""
    elif name:
        kind = "kind"
    return {
        "kind": kind,
        "name": name or None,
        "kubernetes": as_text(facts.get("istio_kubernetes")) or None,
        "kubeconfig": as_text(facts.get("lab_kubeconfig")) or None,
    }


def images(facts: Facts) -> Document:
    """The source of the images; the lab does not know what an existing cluster pulls or already has."""
    existing = facts.get("lab_cluster") == "existing"
    return {
        "source": "cluster" if existing else as_text(facts.get("lab_source")) or None,
        "standins": [as_text(image) for image in as_list(facts.get("lab_standins"))],
    }


def differences(facts: Facts) -> list[Document]:
    """How the lab differs from one whose images come from a container registry."""
    found, source = [], images(facts)
    if source["source"] == "build":
        found.append({"what": "The images were built on this machine", "reason": BUILT})
    if source["standins"]:
        what = f"{plural(len(source['standins']), 'image')} of stand-ins, in place of the originals"
        found.append({"what": what, "reason": f"{join_and(map(_short_name, source['standins']))}. {STANDINS}"})
    note = as_text(facts.get("lab_istio_note"))
    if note:
        found.append({"what": "Envoy is a stock one, from its Python package", "reason": note})
    return found


def _short_name(image: str) -> str:
    """docker.io/istio/examples-bookinfo-reviews-v1:1.20.3 as examples-bookinfo-reviews-v1."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def checks(document: Document, _facts: Facts) -> Iterator[Check]:
    """What was checked of the cluster."""
    if document["cluster"]["kubernetes"]:
        yield f"the API server answers: Kubernetes {document['cluster']['kubernetes']}", PASS
    elif document["pods"] or document["splits"]:
        yield "the API server answers", PASS


def key_facts(document: Document) -> Iterator[dict[str, str]]:
    """The facts in the header of the page."""
    data, source = document["cluster"], document["images"]
    kinds = {"kind": f"kind, created by the lab ({data['name']})", "existing": "existing", None: "unknown"}
    yield {"name": "Cluster", "value": kinds[data["kind"]]}
    yield {"name": "Kubernetes", "value": (data["kubernetes"] or "").lstrip("v") or "not read in this run"}
    yield {"name": "Istio", "value": document["istio"]["version"] or "not read in this run"}
    sources = {"build": "built on this machine", "registry": "pulled from a registry", "cluster": "as in the cluster"}
    standins = f"; {plural(len(source['standins']), 'stand-in')}" if source["standins"] else ""
    yield {"name": "Images", "value": sources.get(source["source"], "unknown") + standins}
