# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as an API server returns them, reduced to the fields that are read; and a fake istioctl."""

from __future__ import annotations

import json

from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import Output
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError


def istiod(revision="default", tag="1.27.0", ready=1, namespace="istio-system", replicas=1):
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "generation": 1,
            "labels": {"app": "istiod", "istio.io/rev": revision},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "istiod", "istio.io/rev": revision}},
            "template": {
                "spec": {"containers": [{"name": "discovery", "image": f"docker.io/istio/pilot:{tag}"}]},
            },
        },
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    }


def istiod_pod(revision="default", ready=True, namespace="istio-system"):
    name = "istiod" if revision == "default" else f"istiod-{revision}"
    state = {"running": {}} if ready else {"waiting": {"reason": "ErrImagePull"}}
    return {
        "metadata": {
            "name": f"{name}-866fd487f5-xqjzk",
            "namespace": namespace,
            "labels": {"app": "istiod", "istio.io/rev": revision, "sidecar.istio.io/inject": "false"},
        },
        "spec": {"containers": [{"name": "discovery"}]},
        "status": {
            "phase": "Running" if ready else "Pending",
            "containerStatuses": [{"name": "discovery", "ready": ready, "restartCount": 0, "state": state}],
        },
    }


def selector(*expressions):
    return {
        "matchExpressions": [
            {"key": key, "operator": operator, **({"values": values} if values else {})}
            for key, operator, values in expressions
        ]
    }


NOT_OUT = ("sidecar.istio.io/inject", "NotIn", ["false"])
NO_REVISION, NO_INJECTION = ("istio.io/rev", "DoesNotExist", None), ("istio-injection", "DoesNotExist", None)


def injector(revision="default", tag=None, active=True, ca="Q0E=", url=None, default=None):
    """A MutatingWebhookConfiguration as Istio 1.10 and newer install it. default: whether it reads istio-injection."""
    served = tag or revision
    selectors = [
        (selector(("istio.io/rev", "In", [served]), NO_INJECTION), selector(NOT_OUT)),
        (selector(NO_REVISION, NO_INJECTION), selector(NOT_OUT, ("istio.io/rev", "In", [served]))),
    ]
    if served == "default" if default is None else default:
        selectors += [
            (selector(("istio-injection", "In", ["enabled"])), selector(NOT_OUT)),
            (
                selector(NO_INJECTION, NO_REVISION),
                selector(("sidecar.istio.io/inject", "In", ["true"]), NO_REVISION),
            ),
        ]
    if not active:
        selectors = [({"matchLabels": {"istio.io/deactivated": "never-match"}},) * 2 for _each in selectors]
    suffix = "" if revision == "default" else f"-{revision}"
    client = {"url": url} if url else {"service": {"namespace": "istio-system", "name": f"istiod{suffix}"}}
    return {
        "metadata": {
            "name": f"istio-revision-tag-{tag}" if tag else f"istio-sidecar-injector{suffix}",
            "labels": {"app": "sidecar-injector", "istio.io/rev": revision, **({"istio.io/tag": tag} if tag else {})},
        },
        "webhooks": [
            {
                "name": f"{i}.sidecar-injector.istio.io",
                "clientConfig": {**client, **({"caBundle": ca} if ca else {})},
                "namespaceSelector": namespaces,
                "objectSelector": pods,
            }
            for i, (namespaces, pods) in enumerate(selectors)
        ],
    }


def old_injector(revision=""):
    """The MutatingWebhookConfiguration of Istio 1.7 and 1.8."""
    namespaces = {"matchLabels": {"istio-injection": "enabled"}}
    if revision:
        namespaces = selector(NO_INJECTION, ("istio.io/rev", "In", [revision]))
    webhook = injector(revision or "default")
    webhook["webhooks"] = [{**webhook["webhooks"][0], "namespaceSelector": namespaces}]
    del webhook["webhooks"][0]["objectSelector"]
    return webhook


# The webhooks after istioctl install of 1.27: the default tag has replaced the revision's own.
MODERN = [injector(tag="default"), injector(active=False)]


def namespace_object(name="shop", **labels):
    labels = {key.replace("_", "-") if key == "istio_injection" else "istio.io/rev": x for key, x in labels.items()}
    return {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}}}


def workload(name, namespace="shop", proxy="1.27.0", revision="default", ready=True, native=False, **more):
    """A pod as current webhooks inject it; without a sidecar if proxy is None."""
    sidecar = {"name": "istio-proxy", "image": f"docker.io/istio/proxyv2:{proxy}", "args": ["proxy", "sidecar"]}
    spec = {"containers": [{"name": "app", "image": "app"}], "initContainers": []}
    status = {"name": "istio-proxy", "ready": ready, "restartCount": 0, "state": {"running": {}}}
    statuses = {"containerStatuses": [{"name": "app", "ready": True, "restartCount": 0, "state": {}}]}
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}, "annotations": {}}
    if proxy and native:
        spec["initContainers"].append({**sidecar, "restartPolicy": "Always"})
        statuses["initContainerStatuses"] = [status]
    elif proxy:
        spec["containers"].append(sidecar)
        statuses["containerStatuses"].append(status)
    if proxy and revision:
        metadata["annotations"] = {"sidecar.istio.io/status": json.dumps({"revision": revision})}
    for field in ("labels", "annotations"):
        metadata[field].update(more.get(field, {}))
    spec.update(more.get("spec", {}))
    return {"metadata": metadata, "spec": spec, "status": {"phase": more.get("phase", "Running"), **statuses}}


ISTIO_APIS = ({"name": "networking.istio.io", "versions": [{"version": "v1"}, {"version": "v1alpha3"}]},)


class Lab:
    """A cluster with these objects. config: of the injector; refused: API paths that are answered with 403."""

    def __init__(
        self, control_planes=(), hooks=(), namespaces=(), pods=(), apis=ISTIO_APIS, events=(), config=None, refused=()
    ):
        self.lists = {
            "/apis/apps/v1/deployments": control_planes,
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": hooks,
            "/api/v1/namespaces": namespaces,
            "/api/v1/namespaces/istio-system/events": events,
        }
        self.namespaces, self.pods, self.apis, self.refused = namespaces, pods, apis, refused
        self.config = config
        self.requests = []

    def get(self, path):
        self._record(path)
        if path == "/apis":
            return {"groups": [{"name": "apps", "versions": [{"version": "v1"}]}, *self.apis]}
        if self.config and path == "/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector":
            return {"data": {"config": self.config}}
        return next((x for x in self.namespaces if path.endswith(f"/{x['metadata']['name']}")), None)

    def items(self, path, labelSelector=None):
        self._record(path)
        if path.endswith("/pods"):
            namespace = path.split("/")[4] if "/namespaces/" in path else None
            for pod in self.pods:
                chosen = not labelSelector or (pod["metadata"].get("labels") or {}).get("app") == "istiod"
                if chosen and namespace in (None, pod["metadata"]["namespace"]):
                    yield pod
            return
        yield from self.lists.get(path, ())

    def _record(self, path):
        self.requests.append(path)
        if path in self.refused:
            raise ClusterError(f"it answered 403 Forbidden to GET {path}", 403)


class Client:
    """An istioctl with a predefined output for each revision."""

    path, version = "/bin/istioctl", "1.27.0"

    def __init__(self, **printed):
        self.printed = printed
        self.ran = []

    def run(self, *args):
        self.ran.append(args)
        revision = args[args.index("--revision") + 1] if "--revision" in args else "default"
        if isinstance(self.printed[revision], Exception):
            raise self.printed[revision]
        return Output(0, self.printed[revision], "", "istioctl proxy-status")


def status(*rows):
    """A table as istioctl 1.27 --verbosity 1 prints it: name, state of CDS, state of LDS."""
    lines = [("NAME", "CLUSTER", "CDS", "LDS", "ISTIOD", "VERSION")]
    lines += [(name, "Kubernetes", cds, lds, "istiod-1", "1.27.0") for name, cds, lds in rows]
    return "".join("".join(cell.ljust(40) for cell in line).rstrip() + "\n" for line in lines)


def healthy(**more):
    pods = [istiod_pod(), workload("web"), workload("db", native=True)]
    lab = {
        "control_planes": [istiod()],
        "hooks": MODERN,
        "namespaces": [namespace_object(istio_injection="enabled")],
        "pods": pods,
        **more,
    }
    return Lab(**lab)


SYNCED = status(("web.shop", "SYNCED (1m)", "SYNCED"), ("db.shop", "SYNCED", "SYNCED"))
