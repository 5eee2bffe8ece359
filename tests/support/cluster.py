"""Save a hash of every object of the cluster of K8S_AUTH_KUBECONFIG, or compare the cluster with what was saved.

Not included: objects that a cluster creates, changes and deletes by itself (events, leases, endpoints, objects that a
controller owns), the status of objects, and metadata that the API server and its controllers write.

usage: cluster.py save FILE
       cluster.py compare FILE    prints the differences; the exit status is 1 if there are any
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import kubernetes

LIVING = {"Event", "Lease", "EndpointSlice", "Endpoints", "ComponentStatus", "NodeMetrics", "PodMetrics"}
# Users create these only if no other object owns them. The mirror of a static pod belongs to the kubelet.
OWNED = {"Pod", "ReplicaSet", "ControllerRevision", "Job"}
MIRROR = "kubernetes.io/config.mirror"
# Compared by name only: the taints of a node depend on its health.
BY_NAME = {"Node", "CSINode"}
# The kubelet requests certificates from these signers; the requests are deleted after an hour.
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
# kube-public/cluster-info has a signature for each bootstrap token, and tokens expire.
SIGNATURE = "jws-kubeconfig-"


def is_kept(kind, item):
    """Whether an object changes only if a user changes it."""
    meta = item["metadata"]
    if kind in OWNED and (meta.get("ownerReferences") or MIRROR in (meta.get("annotations") or {})):
        return False
    signer = (item.get("spec") or {}).get("signerName") or "" if kind == "CertificateSigningRequest" else ""
    return not signer.startswith(KUBELET_SIGNERS)


def hashes(kind, item):
    """A hash of each part of an object that users write. Hashes reveal no Secret."""
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
        if part  # an empty list is the same as a missing one
    }


def differences(before, now):
    """The differences between two snapshots, a line for each object."""
    lines = [f"gone: {x}" for x in sorted(before.keys() - now.keys())]
    lines += [f"left behind: {x}" for x in sorted(now.keys() - before.keys())]
    for name in sorted(before.keys() & now.keys()):
        old, new = before[name], now[name]
        parts = sorted(x for x in old.keys() | new.keys() if old.get(x) != new.get(x))
        if parts:
            lines.append(f"changed: {name}: {', '.join(parts)}")
    return lines


def resources(client):
    """The resources that can be listed, each kind in one version: the preferred one if it has the kind."""
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
    client.resources.invalidate_cache()  # a file that may be older than the cluster's APIs
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
