"""Every object of a cluster, by kind, namespace and name, with the content of those that others may have changed.

    cluster.py save FILE      writes it          (the cluster of K8S_AUTH_KUBECONFIG)
    cluster.py compare FILE   says what differs from FILE, and exits 1 if anything does

Left out: what a cluster makes and drops by itself (events, leases, pods and replica sets of controllers that restart).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import kubernetes

LIVING = {"Event", "Lease", "EndpointSlice", "Endpoints", "ComponentStatus", "Pod", "ReplicaSet", "ControllerRevision"}
# Their labels and annotations are compared too: roles label namespaces.
LOOKED_INTO = {"Namespace"}
OWN_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration",)


def snapshot():
    kubernetes.config.load_kube_config(os.environ["K8S_AUTH_KUBECONFIG"])
    client = kubernetes.dynamic.DynamicClient(kubernetes.client.ApiClient())
    found = {}
    for resource in client.resources.search():
        verbs = getattr(resource, "verbs", None) or []
        if "list" not in verbs or resource.kind in LIVING or resource.kind.endswith("List"):
            continue
        try:
            items = client.get(resource).to_dict()["items"]
        except kubernetes.client.ApiException as error:
            if error.status in (404, 405):
                continue
            raise
        for item in items:
            meta = item["metadata"]
            name = f"{resource.group}/{resource.kind} {meta.get('namespace') or ''}/{meta['name']}"
            found[name] = ""
            if resource.kind in LOOKED_INTO:
                notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k not in OWN_ANNOTATIONS}
                found[name] = json.dumps([meta.get("labels"), notes], sort_keys=True)
    return found


def main():
    verb, path = sys.argv[1], Path(sys.argv[2])
    now = snapshot()
    if verb == "save":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(now, indent=1))
        return 0
    before = json.loads(path.read_text())
    lines = [f"gone: {x}" for x in sorted(before.keys() - now.keys())]
    lines += [f"left behind: {x}" for x in sorted(now.keys() - before.keys())]
    lines += [
        f"changed: {x}: {before[x]} -> {now[x]}" for x in sorted(before.keys() & now.keys()) if before[x] != now[x]
    ]
    print("\n".join(lines) or f"the cluster is as it was ({len(now)} objects)")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
