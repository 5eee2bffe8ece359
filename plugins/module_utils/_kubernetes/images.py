# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an image could not be pulled, from the kubelet's messages, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.events import events_about

# Reasons of a waiting container whose image could not be pulled.
PULL_FAILURES = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "InvalidImageName"}

# Fragments of the kubelet's message, whether a retry may succeed, and the remedy. The first match counts.
_CAUSES = (
    (
        ("invalid reference", "InvalidImageName", "couldn't parse"),
        "final",
        "The image name is not valid: expected [HOST[:PORT]/]NAME[:TAG] in lower case.",
    ),
    (
        ("toomanyrequests", "429 Too Many Requests", "pull rate limit"),
        "passing",
        "The pull rate limit of the registry is reached (Docker Hub counts pulls per address or account): wait some "
        "hours, use a pull secret of an account with a higher limit, or pull from a mirror.",
    ),
    (
        ("no space left on device",),
        "passing",
        "The node's disk is full: free space on it (crictl rmi --prune or docker image prune removes unused images).",
    ),
    (
        ("no match for platform in manifest", "no matching manifest for"),
        "final",
        "The image does not exist for the node's architecture: use or push one that does.",
    ),
    (
        ("unauthorized", "authentication required", "no basic auth", " 401 ", " 403 ", "denied", "insufficient_scope"),
        "final",
        "The registry denies access, or conceals that the image does not exist: create a Secret with credentials "
        "(kubectl create secret docker-registry) and set it as an image pull secret of the pod or of its "
        "ServiceAccount (for Istio's own pods, set the value global.imagePullSecrets).",
    ),
    (
        ("not found", "manifest unknown", "does not exist", "NotFound"),
        "final",
        "The registry has no such image: correct the name or tag, or push the image.",
    ),
    (
        ("http: server gave HTTP response to HTTPS client",),
        "final",
        "The registry serves plain HTTP: configure the node's container runtime for it (containerd: a hosts.toml).",
    ),
    (
        ("x509", "certificate"),
        "final",
        "The node does not trust the registry's certificate: add its CA to the node's container runtime.",
    ),
    (
        ("connection refused", "no such host", "i/o timeout", "EOF", "reset by peer", "no route to host", "deadline",
         "network is unreachable", "TLS handshake timeout", "unexpected status"),
        "passing",
        "The node cannot reach the registry, or the registry stopped responding.",
    ),
)  # fmt: skip


def pull_cause(message: str) -> tuple[str, str]:
    """Return the kind of a failed pull, "passing" (a retry may succeed) or "final", and the remedy.

    message: the kubelet's. The remedy is empty for an unknown message.
    """
    for words, kind, advice in _CAUSES:
        if any(x in message for x in words):
            return kind, advice
    return "passing", ""


def image_advice(pod: dict, events: Iterable[dict] = ()) -> list[str]:
    """Return one line for each image of a pod that could not be pulled, with the remedy.

    events: of its namespace. The kubelet creates them before the pod's status shows the failure.
    """
    status, spec = pod.get("status") or {}, pod["spec"]
    images = {x["name"]: x.get("image") for x in [*(spec.get("initContainers") or ()), *spec["containers"]]}
    failures = " ".join(
        x.get("message") or "" for x in events_about(events, pod["metadata"]["name"]) if x.get("reason") == "Failed"
    )
    missing = {}
    for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        image, waiting = images.get(each["name"]), (each.get("state") or {}).get("waiting")
        if (
            waiting
            and image
            and (waiting.get("reason") in PULL_FAILURES or f'Failed to pull image "{image}"' in failures)
        ):
            missing[image] = f"{waiting.get('reason')} {waiting.get('message') or ''} {failures}"
    return [
        f"image {image} could not be pulled. {pull_cause(message)[1]}".rstrip()
        + " If the name is correct, load the image onto every node beforehand (meshlab.istio.image_prepull; kind load "
        "docker-image or image-archive; elsewhere ctr --namespace k8s.io images import), or set the image to a copy on "
        "a mirror that the nodes can reach (roles have a variable per image; for Istio's own, set the value global.hub)"
        for image, message in sorted(missing.items())
    ]
