# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an image could not be pulled, from the kubelet's messages, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.events import events_about

# What a container waits for whose image did not come.
PULL_FAILURES = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable", "InvalidImageName"}


# What is in a message of the kubelet about a pull, whether another try may help, and the way out. The first that fits.
_CAUSES = (
    (
        ("invalid reference", "InvalidImageName", "couldn't parse"),
        "final",
        "That is no image's name: it is [HOST[:PORT]/]NAME[:TAG], in small letters.",
    ),
    (
        ("toomanyrequests", "429 Too Many Requests", "pull rate limit"),
        "passing",
        "The registry takes no more pulls for now (Docker Hub counts them by address, or by account): wait for some "
        "hours, name a pull secret of an account that may pull more, or pull from a mirror.",
    ),
    (
        ("no space left on device",),
        "passing",
        "The node's disk is full: make room on it (crictl rmi --prune, or docker image prune, takes away unused "
        "images).",
    ),
    (
        ("no match for platform in manifest", "no matching manifest for"),
        "final",
        "The image is there, but not for the node's kind of machine: name one that is made for it, or push one.",
    ),
    (
        ("unauthorized", "authentication required", "no basic auth", " 401 ", " 403 ", "denied", "insufficient_scope"),
        "final",
        "The registry does not let this cluster have it, or has no such image and does not say so: make a Secret with "
        "credentials (kubectl create secret docker-registry), and name it as a pull secret of the pod or of its "
        "ServiceAccount (Istio's own pods take the value global.imagePullSecrets).",
    ),
    (
        ("not found", "manifest unknown", "does not exist", "NotFound"),
        "final",
        "The registry has no such image: correct its name or tag, or push it there.",
    ),
    (
        ("http: server gave HTTP response to HTTPS client",),
        "final",
        "The registry speaks plain HTTP, and the node's runtime must be told so (containerd: a hosts.toml for it).",
    ),
    (
        ("x509", "certificate"),
        "final",
        "The node does not trust the registry's certificate: give its CA to the node's runtime.",
    ),
    (
        ("connection refused", "no such host", "i/o timeout", "EOF", "reset by peer", "no route to host", "deadline",
         "network is unreachable", "TLS handshake timeout", "unexpected status"),
        "passing",
        "The node does not reach the registry, or the registry stopped.",
    ),
)  # fmt: skip


def pull_cause(message: str) -> tuple[str, str]:
    """Whether another try may mend a pull that failed with this message ("passing") or not ("final"); and the way out.

    The way out is empty where the message is none that is known.
    """
    for words, kind, advice in _CAUSES:
        if any(x in message for x in words):
            return kind, advice
    return "passing", ""


def image_advice(pod: dict, events: Iterable[dict] = ()) -> list[str]:
    """The ways out for a pod whose images did not come, a line for each image.

    events: of its namespace. The kubelet's are there before the pod's state says the same.
    """
    status, spec = pod.get("status") or {}, pod["spec"]
    images = {x["name"]: x.get("image") for x in [*(spec.get("initContainers") or ()), *spec["containers"]]}
    told = " ".join(
        x.get("message") or "" for x in events_about(events, pod["metadata"]["name"]) if x.get("reason") == "Failed"
    )
    missing = {}
    for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        image, waiting = images.get(each["name"]), (each.get("state") or {}).get("waiting")
        if waiting and image and (waiting.get("reason") in PULL_FAILURES or f'Failed to pull image "{image}"' in told):
            missing[image] = f"{waiting.get('reason')} {waiting.get('message') or ''} {told}"
    return [
        f"image {image} did not come to the node. {pull_cause(message)[1]}".rstrip()
        + " If its name is right, load it on every node beforehand (meshlab.istio.image_prepull; kind "
        "load docker-image or image-archive; elsewhere ctr --namespace k8s.io images import), or name a copy of it on "
        "a mirror that the nodes reach (roles have a variable for each image; Istio's own take the value global.hub)"
        for image, message in sorted(missing.items())
    ]
