# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster and its images: document, checks, and view."""

from __future__ import annotations

import posixpath
import shlex
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

_STANDINS = (
    "They behave like the originals as far as the lab uses them. Their images carry the label meshlab.istio/stand-in."
)
_BUILT = "Their programs come from the package registries of Debian, Python and Go, without a container registry."


def cluster(facts: Facts) -> Document:
    """The cluster that the lab runs on."""
    kind, name = None, as_text(facts.get("kind_cluster_name_used"))
    if facts.get("lab_cluster") == "existing":
        kind, name = "existing", ""
    elif name:
        kind = "kind"
    kubeconfig = as_text(facts.get("lab_kubeconfig")) or None
    return {
        "type": kind,
        "name": name or None,
        "kubernetes": as_text(facts.get("istio_kubernetes")) or None,
        "kubeconfig": kubeconfig,
        "context": as_text(facts.get("lab_context")) or None,
        "command": _exports(kubeconfig, facts) if kubeconfig else None,
    }


def _exports(kubeconfig: str, facts: Facts) -> str:
    """Shell command that makes kubectl and istioctl use the cluster."""
    # The lab links istioctl beside the kubectl that it copied.
    program = as_text(facts.get("lab_kubectl_path")) or as_text(facts.get("istioctl_binary"))
    path = f' PATH={shlex.quote(posixpath.dirname(program))}:"$PATH"' if program else ""
    return f"export KUBECONFIG={shlex.quote(kubeconfig)}{path}"


def images(facts: Facts) -> Document:
    """The source of the images, which is unknown for an existing cluster, and the stand-ins."""
    existing = facts.get("lab_cluster") == "existing"
    return {
        "source": "cluster" if existing else as_text(facts.get("lab_image_source")) or None,
        "standins": [as_text(image) for image in as_list(facts.get("lab_standins"))],
    }


def has_standin(images: Document, prefix: str) -> bool:
    """Whether one of the stand-ins has a name that, without registry and path, starts with the prefix."""
    return any(_short_name(image).startswith(prefix) for image in images["standins"])


def differences(facts: Facts) -> list[Document]:
    """The differences between this lab and one with images from a container registry and with a browser."""
    found, source = [], images(facts)
    if source["source"] == "build":
        found.append({"difference": "The images were built on this host", "reason": _BUILT})
    if source["standins"]:
        text = f"{plural(len(source['standins']), 'image')} of stand-ins, in place of the originals"
        found.append({"difference": text, "reason": f"{join_and(map(_short_name, source['standins']))}. {_STANDINS}"})
    note = as_text(facts.get("lab_istio_note"))
    if note:
        found.append({"difference": "Envoy is a stock build, from its Python package", "reason": note})
    browser = as_text(facts.get("lab_browser_problem"))
    if browser:
        found.append({"difference": "There are no screenshots of Bookinfo", "reason": f"{browser}."})
    return found


def _short_name(image: str) -> str:
    """docker.io/istio/examples-bookinfo-reviews-v1:1.20.3 as examples-bookinfo-reviews-v1."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def checks(document: Document, _facts: Facts) -> Iterator[Check]:
    """The checks of the cluster."""
    if document["cluster"]["kubernetes"]:
        yield f"the API server responds: Kubernetes {document['cluster']['kubernetes']}", PASS
    elif document["pods"] or document["splits"]:
        yield "the API server responds", PASS


# ---- view ----


def key_facts(document: Document) -> Iterator[dict[str, str]]:
    """The facts in the header of the page."""
    data, source = document["cluster"], document["images"]
    types = {"kind": f"kind, created by the lab ({data['name']})", "existing": "existing", None: "unknown"}
    yield {"name": "Cluster", "value": types[data["type"]]}
    yield {"name": "Kubernetes", "value": (data["kubernetes"] or "").lstrip("v") or "not read in this run"}
    yield {"name": "Istio", "value": document["istio"]["version"] or "not read in this run"}
    sources = {
        "build": "built on this host",
        "registry": "pulled from a registry",
        "cluster": "those of the existing cluster",
    }
    standins = f"; {plural(len(source['standins']), 'stand-in')}" if source["standins"] else ""
    yield {"name": "Images", "value": sources.get(source["source"], "unknown") + standins}


def access(data: Document) -> Document | None:
    """How to use the cluster from a shell."""
    if not data["command"]:
        return None
    context = f" with --context {shlex.quote(data['context'])} (helm: --kube-context)" if data["context"] else ""
    description = f"In that shell, kubectl, istioctl and helm{context} use this cluster."
    return {"command": data["command"], "description": description}
