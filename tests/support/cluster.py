"""Every object of a cluster, by kind, namespace and name, with a hash of each part that people write.

    cluster.py save FILE      writes it          (the cluster of K8S_AUTH_KUBECONFIG)
    cluster.py compare FILE   says what differs from FILE, and exits 1 if anything does

Left out: what a cluster makes, drops and changes by itself (events, leases, endpoints, what a controller owns), and of
all objects their status and what the API server and its controllers note in their metadata.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import kubernetes

LIVING = {"Event", "Lease", "EndpointSlice", "Endpoints", "ComponentStatus", "NodeMetrics", "PodMetrics"}
# These are somebody's own where no other object owns them. A static pod's mirror is kubelet's.
OWNED = {"Pod", "ReplicaSet", "ControllerRevision", "Job"}
MIRROR = "kubernetes.io/config.mirror"
# By their names alone: a node's taints come and go with its health.
BY_NAME = {"Node", "CSINode"}
# A kubelet asks for its certificate by one, which is dropped after an hour.
KUBELET_SIGNERS = ("kubernetes.io/kubelet-", "kubernetes.io/kube-apiserver-client-kubelet")

SERVER_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "autoscaling.alpha.kubernetes.io/",
    "control-plane.alpha.kubernetes.io/leader",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
)
NOT_WRITTEN = {"apiVersion", "kind", "metadata", "status"}
# kube-public/cluster-info is signed for each bootstrap token, and these expire.
SIGNATURE = "jws-kubeconfig-"


def is_kept(kind, item):
    """Whether an object is one that stays as it is until somebody changes it."""
    meta = item["metadata"]
    if kind in OWNED and (meta.get("ownerReferences") or MIRROR in (meta.get("annotations") or {})):
        return False
    signer = (item.get("spec") or {}).get("signerName") or "" if kind == "CertificateSigningRequest" else ""
    return not signer.startswith(KUBELET_SIGNERS)


def hashes(kind, item):
    """A hash of each part of an object that people write: no Secret can be read in them."""
    if kind in BY_NAME:
        return {}
    meta = item["metadata"]
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if not k.startswith(SERVER_ANNOTATIONS)}
    parts = {"metadata.labels": meta.get("labels"), "metadata.annotations": annotations}
    parts.update((k, v) for k, v in item.items() if k not in NOT_WRITTEN)
    if kind == "ConfigMap" and item.get("data"):
        parts["data"] = {k: v for k, v in item["data"].items() if not k.startswith(SIGNATURE)}
    return {
        name: hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]
        for name, part in parts.items()
        if part  # an empty list and none are the same
    }


def differences(before, now):
    """What is other than before, a line for each object."""
    lines = [f"gone: {x}" for x in sorted(before.keys() - now.keys())]
    lines += [f"left behind: {x}" for x in sorted(now.keys() - before.keys())]
    for name in sorted(before.keys() & now.keys()):
        old, new = before[name], now[name]
        parts = sorted(x for x in old.keys() | new.keys() if old.get(x) != new.get(x))
        if parts:
            lines.append(f"changed: {name}: {', '.join(parts)}")
    return lines


def resources(client):
    """What the cluster has lists of, each kind in one version: the preferred one where the kind is in it."""
    chosen = {}
    for resource in client.resources.search():
        listed = "list" in (getattr(resource, "verbs", None) or [])
        if not listed or resource.kind in LIVING or resource.kind.endswith("List"):
            continue
        key = (resource.group or "", resource.kind)
        rank = (not resource.preferred, resource.api_version)
        if key not in chosen or rank < chosen[key][0]:
            chosen[key] = (rank, resource)
    return [resource for _rank, resource in chosen.values()]


def snapshot():
    kubernetes.config.load_kube_config(os.environ["K8S_AUTH_KUBECONFIG"])
    client = kubernetes.dynamic.DynamicClient(kubernetes.client.ApiClient())
    client.resources.invalidate_cache()  # it keeps in a file what the API served some time ago
    found = {}
    for resource in resources(client):
        try:
            items = client.get(resource).to_dict()["items"]
        except kubernetes.client.ApiException as error:
            if error.status in (404, 405):
                continue
            raise
        for item in items:
            meta = item["metadata"]
            if is_kept(resource.kind, item):
                name = f"{resource.group or ''}/{resource.kind} {meta.get('namespace') or ''}/{meta['name']}".lstrip(
                    "/"
                )
                found[name] = hashes(resource.kind, item)
    return found


def main():
    verb, path = sys.argv[1], Path(sys.argv[2])
    now = snapshot()
    if verb == "save":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(now, indent=1))
        return 0
    lines = differences(json.loads(path.read_text()), now)
    print("\n".join(lines) or f"the cluster is as it was ({len(now)} objects)")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
