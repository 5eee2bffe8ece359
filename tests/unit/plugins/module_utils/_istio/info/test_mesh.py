# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info import mesh as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import IstioctlError, Output
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

# ---- objects as an API server gives them, without what nobody reads ----


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
    """As Istio 1.7 and 1.8 install it."""
    namespaces = {"matchLabels": {"istio-injection": "enabled"}}
    if revision:
        namespaces = selector(NO_INJECTION, ("istio.io/rev", "In", [revision]))
    made = injector(revision or "default")
    made["webhooks"] = [{**made["webhooks"][0], "namespaceSelector": namespaces}]
    del made["webhooks"][0]["objectSelector"]
    return made


# What istioctl install of 1.27 leaves: the tag default took over.
MODERN = [injector(tag="default"), injector(active=False)]


def space(name="shop", **labels):
    labels = {key.replace("_", "-") if key == "istio_injection" else "istio.io/rev": x for key, x in labels.items()}
    return {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}}}


def workload(name, namespace="shop", proxy="1.27.0", revision="default", ready=True, native=False, **more):
    """A pod with a sidecar as the webhook of late leaves it; without one if proxy is None."""
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
    """A cluster of these objects. refused: API paths that answer 403."""

    def __init__(self, planes=(), hooks=(), spaces=(), pods=(), apis=ISTIO_APIS, events=(), refused=()):
        self.lists = {
            "/apis/apps/v1/deployments": planes,
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations": hooks,
            "/api/v1/namespaces": spaces,
            "/api/v1/namespaces/istio-system/events": events,
        }
        self.spaces, self.pods, self.apis, self.refused = spaces, pods, apis, refused
        self.asked = []

    def get(self, path):
        self._ask(path)
        if path == "/apis":
            return {"groups": [{"name": "apps", "versions": [{"version": "v1"}]}, *self.apis]}
        return next((x for x in self.spaces if path.endswith(f"/{x['metadata']['name']}")), None)

    def items(self, path, labelSelector=None):
        self._ask(path)
        if path.endswith("/pods"):
            namespace = path.split("/")[4] if "/namespaces/" in path else None
            for pod in self.pods:
                chosen = not labelSelector or (pod["metadata"].get("labels") or {}).get("app") == "istiod"
                if chosen and namespace in (None, pod["metadata"]["namespace"]):
                    yield pod
            return
        yield from self.lists.get(path, ())

    def _ask(self, path):
        self.asked.append(path)
        if path in self.refused:
            raise ClusterError(f"it answered 403 Forbidden to GET {path}", 403)


class Client:
    """An istioctl that prints what it is given, by the revision that it is asked for."""

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
    lab = {"planes": [istiod()], "hooks": MODERN, "spaces": [space(istio_injection="enabled")], "pods": pods, **more}
    return Lab(**lab)


SYNCED = status(("web.shop", "SYNCED (1m)", "SYNCED"), ("db.shop", "SYNCED", "SYNCED"))

# ---- versions ----


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/istio/pilot:1.27.0", "1.27.0"),
        ("localhost:5000/istio/pilot:1.7.4", "1.7.4"),
        ("pilot:1.20-alpha.6f4c", "1.20"),
        ("gcr.io/istio-testing/pilot:1.27.0-rc.1-distroless", "1.27.0-rc.1"),
        ("pilot:v1.26.2-debug@sha256:0123", "1.26.2"),
        ("localhost:5000/pilot", None),
        ("pilot@sha256:0123456789", None),
        ("pilot:latest", None),
        ("pilot:1.2.3.4", None),
        ("auto", None),
        (None, None),
    ],
)
def test_the_version_is_in_the_tag_of_an_image(image, version):
    assert subject.version_of(image) == version


def test_versions_are_compared_as_numbers():
    assert subject.number("1.9.0") < subject.number("1.10.0") < subject.number("1.10.1-rc.1")
    assert subject.number("1.27") == (1, 27, 0)
    assert subject.number("unknown") is subject.number(None) is None


# ---- control planes ----


def test_a_control_plane_that_is_ready():
    made = subject.control_plane(istiod(), [istiod_pod()])
    assert made == {
        "name": "istiod",
        "namespace": "istio-system",
        "revision": "default",
        "version": "1.27.0",
        "image": "docker.io/istio/pilot:1.27.0",
        "ready": True,
        "replicas": 1,
        "ready_replicas": 1,
        "pods": [{"name": "istiod-866fd487f5-xqjzk", "ready": "1/1", "phase": "Running", "restarts": 0}],
        "reasons": [],
    }


def test_an_image_without_a_version_leaves_what_istioctl_noted():
    made = istiod(tag="latest")
    assert subject.control_plane(made, [])["version"] is None
    made["metadata"]["labels"]["operator.istio.io/version"] = "1.27.0"
    assert subject.control_plane(made, [])["version"] == "1.27.0"


def test_a_control_plane_that_is_not_ready_says_why():
    found = subject.look(
        healthy(planes=[istiod(ready=0)], pods=[istiod_pod(ready=False)], spaces=[space(istio_injection="enabled")]),
        None,
    )
    assert found["control_planes"][0]["ready"] is False
    assert found["problems"][0] == (
        "control plane istio-system/istiod is not ready: Deployment istiod: 0 of 1 pods available; "
        "pod istiod-866fd487f5-xqjzk: container discovery: ErrImagePull"
    )
    assert found["problems"][1] == (
        "webhook istio-revision-tag-default calls an istiod that is not ready; no pod can be made in shop until it is"
    )
    assert found["sync_reason"] == "istioctl is not there, see client_reason"


def test_a_control_plane_that_is_scaled_to_nothing_is_not_ready():
    made = subject.control_plane(istiod(ready=0, replicas=0), [])
    assert (made["ready"], made["reasons"]) == (False, ["Deployment istiod: it is scaled to 0"])


# ---- webhooks ----


def test_a_webhook_and_the_one_whose_place_it_took():
    tag, revision = map(subject.webhook, MODERN)
    assert tag == {
        "name": "istio-revision-tag-default",
        "revision": "default",
        "tag": "default",
        "active": True,
        "failure_policy": "Fail",
        "ca_bundle": True,
        "service": "istio-system/istiod",
        "url": None,
    }
    assert (revision["name"], revision["tag"], revision["active"]) == ("istio-sidecar-injector", None, False)


@pytest.mark.parametrize(("ca", "there"), [(None, False), ("", False), ("Cg==", False), ("Q0E=", True)])
def test_a_ca_bundle_has_to_hold_something(ca, there):
    assert subject.webhook(injector(ca=ca))["ca_bundle"] is there


def test_a_configuration_without_webhooks_does_nothing():
    made = subject.webhook({"metadata": {"name": "empty", "labels": None}})
    assert (made["active"], made["ca_bundle"], made["service"], made["revision"]) == (False, False, None, "default")


# ---- namespaces ----


@pytest.mark.parametrize(
    ("labels", "hooks", "injection", "revision"),
    [
        ({}, MODERN, "none", None),
        ({"istio_injection": "enabled"}, MODERN, "enabled", "default"),
        ({"istio_injection": "disabled"}, MODERN, "disabled", None),
        ({"rev": "default"}, MODERN, "enabled", "default"),
        ({"istio_injection": "enabled"}, [old_injector()], "enabled", "default"),
        ({}, [old_injector()], "none", None),
        ({"rev": "canary"}, [old_injector(), old_injector("canary")], "enabled", "canary"),
        ({"rev": "canary"}, [*MODERN, injector("canary")], "enabled", "canary"),
        ({"rev": "prod"}, [injector("1-26"), injector("1-27"), injector("1-27", "prod")], "enabled", "1-27"),
        ({"istio_injection": "enabled"}, [injector("1-27"), injector("1-27", "default")], "enabled", "1-27"),
    ],
)
def test_what_injects_is_what_the_webhooks_select(labels, hooks, injection, revision):
    state = subject.namespace_state(space(**labels), hooks)
    assert (state["injection"], state["revision"], state["warnings"]) == (injection, revision, [])
    assert len(state["webhooks"]) == (injection == "enabled")


@pytest.mark.parametrize(
    ("labels", "hooks", "injection", "said"),
    [
        (
            {"istio_injection": "true"},
            MODERN,
            "disabled",
            "istio-injection=true means nothing: only enabled and disabled do",
        ),
        (
            {"rev": "canary"},
            MODERN,
            "none",
            "istio.io/rev=canary, and no webhook serves this revision or tag (there are default), so nothing is "
            "injected; label it with default instead, or install that revision",
        ),
        (
            {"rev": "canary"},
            [],
            "none",
            "istio.io/rev=canary, and no webhook serves this revision or tag (there is none), so nothing is injected",
        ),
        (
            {"istio_injection": "enabled"},
            [injector("1-27")],
            "none",
            "istio-injection=enabled, and no webhook serves the default revision (there are 1-27), so nothing is "
            "injected; label it istio.io/rev=1-27 instead, or run istioctl tag set default --revision 1-27",
        ),
        (
            {"istio_injection": "enabled"},
            [],
            "none",
            "istio-injection=enabled, and no webhook serves the default revision (there is none), "
            "so nothing is injected",
        ),
        (
            {"istio_injection": "enabled", "rev": "canary"},
            [*MODERN, injector("canary")],
            "enabled",
            "istio-injection=enabled and istio.io/rev=canary contradict each other, and the first one holds; "
            "remove one (kubectl label namespace shop istio.io/rev-)",
        ),
        (
            {"istio_injection": "disabled", "rev": "default"},
            MODERN,
            "disabled",
            "istio-injection=disabled and istio.io/rev=default contradict each other, and the first one holds; "
            "remove one (kubectl label namespace shop istio.io/rev-)",
        ),
        (
            {"istio_injection": "enabled"},
            [injector(), injector("1-26", "default")],
            "enabled",
            "2 webhooks inject here, one after the other: istio-sidecar-injector, istio-revision-tag-default",
        ),
    ],
)
def test_labels_that_do_not_do_what_they_say_are_told_with_the_cure(labels, hooks, injection, said):
    state = subject.namespace_state(space(**labels), hooks)
    assert state["injection"] == injection
    assert state["warnings"] == [said]


def test_two_labels_that_mean_the_same_are_well():
    both = space(istio_injection="enabled", rev="default")
    assert subject.namespace_state(both, MODERN)["warnings"] == []


def test_system_namespaces_are_never_injected():
    state = subject.namespace_state(space("kube-system", istio_injection="enabled"), MODERN)
    assert (state["injection"], state["webhooks"]) == ("none", [])
    assert state["warnings"] == ["it is labelled for injection, which istiod never does in kube-system"]
    assert subject.namespace_state(space("kube-system"), MODERN)["warnings"] == []
    unread = subject.namespace_state(space("local-path-storage", istio_injection="enabled"), None)
    assert (unread["injection"], len(unread["warnings"])) == ("none", 1)


@pytest.mark.parametrize(
    ("labels", "injection", "revision"),
    [
        ({}, "none", None),
        ({"istio_injection": "enabled"}, "enabled", None),
        ({"istio_injection": "disabled", "rev": "a"}, "disabled", None),
        ({"rev": "canary"}, "enabled", "canary"),
    ],
)
def test_where_webhooks_may_not_be_read_the_labels_tell(labels, injection, revision):
    state = subject.namespace_state(space(**labels), None)
    assert (state["injection"], state["revision"], state["warnings"]) == (injection, revision, [])


# ---- proxies ----


@pytest.mark.parametrize("native", [False, True])
def test_a_sidecar_is_found_wherever_it_is(native):
    assert subject.proxy_of(workload("web", native=native)) == {
        "namespace": "shop",
        "name": "web",
        "type": "sidecar",
        "revision": "default",
        "version": "1.27.0",
        "ready": True,
        "outdated": None,
        "synced": None,
        "types": None,
        "istiod": None,
    }
    assert subject.proxy_of(workload("web", native=native, ready=False))["ready"] is False
    assert subject.proxy_of(workload("web", proxy=None)) is None


def test_a_pod_that_has_not_started_has_a_proxy_that_is_not_ready():
    made = workload("web")
    made["status"] = {"phase": "Pending"}
    assert subject.proxy_of(made)["ready"] is False


@pytest.mark.parametrize("kind", ["router", "waypoint", "ztunnel"])
def test_a_gateway_is_no_sidecar(kind):
    made = workload("gate")
    made["spec"]["containers"][1]["args"] = ["proxy", kind]
    assert subject.proxy_of(made)["type"] == kind


@pytest.mark.parametrize(
    ("labels", "annotations", "revision"),
    [
        ({}, {}, None),
        ({"istio.io/rev": "prod"}, {"sidecar.istio.io/status": '{"revision": "1-27"}'}, "1-27"),
        ({"istio.io/rev": ""}, {"sidecar.istio.io/status": '{"version": "0123"}'}, "default"),
        ({"istio.io/rev": "canary"}, {"sidecar.istio.io/status": "broken"}, "canary"),
        ({}, {"istio.io/rev": "default", "sidecar.istio.io/status": "[]"}, "default"),
    ],
)
def test_each_release_leaves_the_revision_elsewhere(labels, annotations, revision):
    made = workload("web", revision=None, labels=labels, annotations=annotations)
    assert subject.proxy_of(made)["revision"] == revision


INJECT = "sidecar.istio.io/inject"


@pytest.mark.parametrize(
    ("labels", "pod", "wanted"),
    [
        ({"istio_injection": "enabled"}, {}, True),
        ({}, {}, False),
        ({}, {"labels": {INJECT: "true"}}, True),
        ({}, {"labels": {INJECT: "true"}, "annotations": {INJECT: "false"}}, True),  # the label wins since 1.16
        ({"istio_injection": "enabled"}, {"labels": {INJECT: "false"}}, False),
        ({"istio_injection": "enabled"}, {"annotations": {INJECT: "false"}}, False),
        ({"istio_injection": "enabled"}, {"annotations": {INJECT: "no"}}, True),  # an invalid value since 1.27
        ({"istio_injection": "enabled"}, {"spec": {"hostNetwork": True}}, False),
        ({"istio_injection": "enabled"}, {"namespace": "kube-system"}, False),
        ({"istio_injection": "enabled"}, {"namespace": "local-path-storage"}, False),
    ],
)
def test_which_pods_would_get_a_sidecar(labels, pod, wanted):
    namespace = space(pod.get("namespace", "shop"), **labels)
    decision = subject.decide_pod(workload("web", proxy=None, **pod), namespace, MODERN, "1.27.0")
    assert (decision.injected, decision.decided_by) == (wanted, "webhooks")


# ---- a cluster ----


def test_a_mesh_that_is_well():
    client = Client(default=SYNCED)
    found = subject.look(healthy(), client)
    assert (found["installed"], found["version"], found["problems"], found["sync_reason"]) == (True, "1.27.0", [], None)
    assert found["tags"] == {"default": "default"}
    assert found["apis"] == {"networking.istio.io": ["v1", "v1alpha3"]}
    assert found["namespaces"] == [
        {
            "name": "shop",
            "injection": "enabled",
            "revision": "default",
            "labels": {"istio-injection": "enabled"},
            "webhooks": ["istio-revision-tag-default"],
            "warnings": [],
            "proxies": 2,
            "without_proxy": [],
        }
    ]
    assert [(x["name"], x["outdated"], x["synced"], x["istiod"]) for x in found["proxies"]] == [
        ("web", False, True, "istiod-1"),
        ("db", False, True, "istiod-1"),
    ]
    assert found["counts"] == {
        "control_planes": 1,
        "namespaces": 1,
        "namespaces_injected": 1,
        "proxies": 2,
        "proxies_ready": 2,
        "proxies_outdated": 0,
        "proxies_not_synced": 0,
    }
    assert client.ran == [("proxy-status", "--istioNamespace", "istio-system", "--verbosity", "1")]


def test_without_istio_it_says_so_and_nothing_else():
    found = subject.look(Lab(spaces=[space()], pods=[workload("web", proxy=None)], apis=[]), Client())
    assert (found["installed"], found["version"], found["control_planes"], found["apis"]) == (False, None, [], {})
    assert (found["proxies"], found["sync_reason"]) == ([], "no istiod is ready")
    assert found["problems"] == [
        "Istio is not installed: no Deployment has the label app=istiod. Install it with the role meshlab.istio.istio."
    ]


def test_what_is_left_of_istio_is_told():
    lab = Lab(hooks=[injector()], spaces=[space(istio_injection="enabled")], pods=[workload("web")])
    assert subject.look(lab, None)["problems"] == [
        "Istio is not installed: no Deployment has the label app=istiod, though its CRDs are there "
        "(networking.istio.io) and pods have proxies (1); an installation was not finished or not taken away whole. "
        "Install it with the role meshlab.istio.istio.",
        "webhook istio-sidecar-injector serves revision default, and there is no istiod of it; no pod can be made in "
        "shop. Install that revision, or remove the webhook "
        "(kubectl delete mutatingwebhookconfiguration istio-sidecar-injector).",
    ]


def test_a_control_plane_outside_of_the_cluster_is_no_problem():
    lab = Lab(hooks=[injector(url="https://istiod.example.com/inject")], spaces=[space()])
    found = subject.look(lab, None)
    assert (found["installed"], found["problems"]) == (False, [])


def test_crds_that_are_missing_and_webhooks_that_are_missing_are_told():
    problems = subject.look(healthy(apis=[], hooks=[], spaces=[]), None)["problems"]
    assert problems[0].startswith("Istio's CRDs are missing, so no rule can be made")
    assert problems[1].startswith("no webhook injects sidecars; only istioctl kube-inject does")


def test_a_webhook_without_a_ca_bundle_is_told():
    problems = subject.look(healthy(hooks=[injector(ca=None)]), None)["problems"]
    assert problems == [
        "webhook istio-sidecar-injector has no CA bundle; no pod can be made in shop. Its istiod sets it when it "
        "starts: see whether it is ready, and whether its log says why it may not."
    ]


def test_a_webhook_that_may_fail_leaves_pods_without_a_sidecar():
    made = injector(ca=None)
    made["webhooks"][0]["failurePolicy"] = "Ignore"
    problems = subject.look(healthy(hooks=[made]), None)["problems"]
    assert problems[0].startswith(
        "webhook istio-sidecar-injector has no CA bundle; pods are made without a sidecar in shop. Its istiod"
    )


def test_two_revisions_are_told_apart():
    planes = [istiod(tag="1.26.2"), istiod("1-27", "1.27.0")]
    hooks = [injector(), injector("1-27"), injector("1-27", "prod")]
    pods = [
        istiod_pod(),
        istiod_pod("1-27"),
        workload("old", proxy="1.25.0"),
        workload("new", "next", revision="1-27"),
        workload("tagged", "next", revision=None, labels={"istio.io/rev": "prod"}, proxy="1.26.2"),
        workload("lost", "next", revision="1-24", proxy="1.24.0"),
    ]
    spaces = [space(istio_injection="enabled"), space("next", rev="prod")]
    names = ("tagged.next", "lost.next")
    client = Client(
        **{
            "default": status(("old.shop", "SYNCED", "SYNCED")),
            "1-27": status(("new.next", "SYNCED", "SYNCED"), *((x, "SYNCED", "SYNCED") for x in names)),
        }
    )
    found = subject.look(Lab(planes, hooks, spaces, pods), client)
    assert (found["version"], found["tags"]) == (None, {"prod": "1-27"})
    assert [x["revision"] for x in found["namespaces"]] == ["default", "1-27"]
    assert {x["name"]: x["outdated"] for x in found["proxies"]} == {
        "old": True,
        "new": False,
        "tagged": True,
        "lost": None,
    }
    assert [args[3:5] for args in client.ran] == [("--verbosity", "1"), ("--revision", "1-27")]
    assert found["problems"] == [
        "namespace next: proxies that are older than their control plane: tagged (1.26.2); "
        "restart them (kubectl rollout restart deployment -n next)",
        "namespace next: proxies of revision 1-24, which is not there or there twice: lost; label the namespace for a "
        "revision that is there, and restart them (kubectl rollout restart deployment -n next)",
        "namespace shop: proxies that are older than their control plane: old (1.25.0); "
        "restart them (kubectl rollout restart deployment -n shop)",
    ]


def test_the_same_revision_twice_is_told():
    planes = [istiod(), istiod(namespace="other")]
    problems = subject.look(healthy(planes=planes, pods=[]), None)["problems"]
    assert problems == [
        "2 control planes have the revision default: istio-system/istiod, other/istiod; give each a revision of its own"
    ]


def test_a_proxy_newer_than_its_control_plane_is_told():
    pods = [istiod_pod(), workload("web", proxy="1.28.1")]
    problems = subject.look(healthy(pods=pods), None)["problems"]
    assert len(problems) == 1
    assert problems[0].startswith(
        "namespace shop: proxies that are newer than their control plane, which is not supported: web (1.28.1); upgrade"
    )


def test_pods_that_missed_injection_are_told_and_ended_ones_are_not():
    pods = [
        istiod_pod(),
        *(workload(f"old-{i}", proxy=None) for i in range(7)),
        workload("done", proxy=None, phase="Succeeded"),
        workload("failed", phase="Failed"),
    ]
    found = subject.look(healthy(pods=pods), None)
    assert len(found["namespaces"][0]["without_proxy"]) == 7
    assert found["proxies"] == []
    assert found["problems"] == [
        "namespace shop: pods without a sidecar that would get one today: "
        "old-0, old-1, old-2, old-3, old-4 and 2 more. "
        "They predate the label or webhook; restart them (kubectl rollout restart deployment -n shop)."
    ]


def test_a_proxy_that_is_not_ready_is_told():
    problems = subject.look(healthy(pods=[istiod_pod(), workload("web", ready=False)]), None)["problems"]
    assert problems == ["namespace shop: proxies that are not ready: web; see kubectl logs -n shop web -c istio-proxy"]


# ---- whether proxies are in step ----


def test_a_proxy_that_is_behind_or_unknown_is_told():
    found = subject.look(healthy(), Client(default=status(("web.shop", "SYNCED", "STALE (Never Acknowledged)"))))
    assert [(x["synced"], x["types"]) for x in found["proxies"]] == [
        (False, {"CDS": "SYNCED", "LDS": "STALE"}),
        (False, None),
    ]
    assert found["counts"]["proxies_not_synced"] == 2
    assert found["problems"][0].startswith("namespace shop: proxies that no istiod knows: db; restart them")
    assert found["problems"][1].startswith(
        "namespace shop: proxies that are behind their istiod: web (LDS STALE). They"
    )


def test_a_proxy_with_two_control_planes_is_in_step_if_it_is_with_one():
    planes = [istiod(), istiod("canary")]
    stale, synced = ("web.shop", "STALE", "STALE"), ("web.shop", "SYNCED", "SYNCED")
    for first, second in ((stale, synced), (synced, stale)):
        lab = healthy(planes=planes, pods=[istiod_pod(), workload("web")])
        found = subject.look(lab, Client(default=status(first), canary=status(second)))
        assert found["proxies"][0]["synced"] is True


def test_what_istioctl_cannot_tell_is_not_known():
    for said, why in (
        (IstioctlError("istioctl proxy-status failed with exit code 1: Error: forbidden"), "exit code 1"),
        ("nothing", "it printed no line that begins with NAME"),
    ):
        found = subject.look(healthy(), Client(default=said))
        assert [x["synced"] for x in found["proxies"]] == [None, None]
        assert found["sync_reason"].startswith("istioctl proxy-status of istio-system/istiod: ")
        assert why in found["sync_reason"]
        assert found["problems"] == []


def test_a_control_plane_without_proxies_is_no_failure():
    failed = IstioctlError("istioctl proxy-status failed with exit code 1: Error: no proxies found (checked 1 istiods)")
    found = subject.look(healthy(pods=[istiod_pod()]), Client(default=failed))
    assert (found["sync_reason"], found["problems"]) == (None, [])


def test_a_control_plane_that_is_not_ready_leaves_its_proxies_unknown():
    planes = [istiod(), istiod("canary", ready=0)]
    pods = [istiod_pod(), workload("web"), workload("new", revision="canary")]
    client = Client(default=status(("web.shop", "SYNCED", "SYNCED")))
    found = subject.look(healthy(planes=planes, pods=pods), client)
    assert found["sync_reason"] == "istio-system/istiod-canary is not ready"
    assert [x["synced"] for x in found["proxies"]] == [True, None]
    assert len(client.ran) == 1


def test_an_image_without_a_version_leaves_what_istioctl_says():
    found = subject.look(healthy(pods=[istiod_pod(), workload("web", proxy="latest")]), Client(default=SYNCED))
    assert (found["proxies"][0]["version"], found["proxies"][0]["outdated"]) == ("1.27.0", False)


def test_the_table_of_late_releases_without_types_tells_nothing_of_step():
    text = "NAME         CLUSTER        ISTIOD       VERSION     SUBSCRIBED TYPES\n"
    text += "web.shop     Kubernetes     istiod-1     1.27.0      4 (CDS,LDS,EDS,RDS)\n"
    found = subject.look(healthy(pods=[istiod_pod(), workload("web")]), Client(default=text))
    assert (found["proxies"][0]["synced"], found["proxies"][0]["istiod"]) == (None, "istiod-1")


# ---- what is asked for, and what may be read ----


def test_only_the_namespaces_that_are_named_are_looked_at():
    lab = healthy(spaces=[space(), space("other")])
    found = subject.look(lab, None, ["shop", "nowhere", "shop"])
    assert [x["name"] for x in found["namespaces"]] == ["shop"]
    assert len(found["proxies"]) == 2
    assert "namespace nowhere: there is none" in found["problems"]
    assert "/api/v1/namespaces" not in lab.asked
    assert lab.asked.count("/api/v1/namespaces/shop/pods") == 1


def test_proxies_and_step_are_only_looked_at_if_asked_for():
    client = Client(default=SYNCED)
    lab = healthy()
    found = subject.look(lab, client, proxies=False)
    assert (found["proxies"], found["sync_reason"], client.ran) == ([], "it was not asked for", [])
    assert found["counts"]["proxies"] is None
    assert lab.asked.count("/api/v1/pods") == 1  # of istiod alone
    assert "proxies" not in found["namespaces"][0]
    found = subject.look(healthy(), client, sync=False)
    assert (len(found["proxies"]), found["sync_reason"], client.ran) == (2, "it was not asked for", [])


HOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
DEPLOYMENTS = "/apis/apps/v1/deployments"


@pytest.mark.parametrize(
    ("refused", "installed"), [(HOOKS, True), (DEPLOYMENTS, None), ("/apis", True), ("/api/v1/namespaces", True)]
)
def test_what_may_not_be_read_is_told_and_nothing_is_concluded_from_it(refused, installed):
    found = subject.look(healthy(refused=[refused]), None)
    assert found["installed"] is installed
    assert found["problems"] == [f"this user may not read all: it answered 403 Forbidden to GET {refused}"]


def test_pods_that_may_not_be_read_are_told():
    found = subject.look(healthy(refused=["/api/v1/namespaces/shop/pods"]), None, ["shop"])
    assert found["proxies"] == []
    assert found["problems"] == [
        "this user may not read all: it answered 403 Forbidden to GET /api/v1/namespaces/shop/pods"
    ]


def test_who_may_read_nothing_is_told():
    with pytest.raises(ClusterError, match=f"403 Forbidden to GET {DEPLOYMENTS}"):
        subject.look(healthy(refused=[DEPLOYMENTS, HOOKS, "/api/v1/namespaces"]), None)


def test_a_cluster_that_breaks_is_a_failure():
    class Broken(Lab):
        def _ask(self, path):
            if path == "/api/v1/pods":
                raise ClusterError("cannot reach it")

    with pytest.raises(ClusterError, match="cannot reach it"):
        subject.look(Broken(spaces=[space()]), None)


# ---- istioctl ----


def script(folder, text):
    path = folder / "istioctl"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_istioctl_is_found_and_not_required(tmp_path, monkeypatch):
    istioctl, client, why = subject.find_client(script(tmp_path, "echo 1.7.4"), None, 5)
    assert (istioctl.version, client, why) == ("1.7.4", {"path": f"{tmp_path}/istioctl", "version": "1.7.4"}, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    broken = script(tmp_path, "exit 3")
    assert subject.find_client(broken, None, 5)[:2] == (None, None)
    assert "failed with exit code 3" in subject.find_client(None, None, 5)[2]
    monkeypatch.setenv("ISTIOCTL_PATH", f"{tmp_path}/nowhere")
    assert subject.find_client(None, None, 5) == (
        None,
        None,
        f"ISTIOCTL_PATH {tmp_path}/nowhere: no executable file is there",
    )
    with pytest.raises(IstioctlError, match=r"binary_path .*: no executable file is there"):
        subject.find_client(f"{tmp_path}/nowhere", None, 5)


@pytest.mark.parametrize(
    ("client", "planes", "told"),
    [
        ("1.27.1", ["1.27.0"], False),
        ("1.26.0", ["1.26.3", "1.27.0"], False),
        ("1.26.0", ["1.27.0"], True),
        ("unknown", ["1.27.0"], False),
        ("1.26.0", [None], False),
        (None, ["1.27.0"], False),
    ],
)
def test_istioctl_has_to_be_of_the_minor_of_a_control_plane(client, planes, told):
    problems = subject.client_problems(client and {"version": client}, [{"version": x} for x in planes])
    assert bool(problems) is told


def test_another_istioctl_is_told_with_all_versions():
    planes = [{"version": x} for x in ("1.10.0", "1.9.1")]
    assert subject.client_problems({"version": "1.27.0"}, planes) == [
        "istioctl is 1.27.0 and the control plane 1.9.1 and 1.10.0; "
        "use one of the same minor release (role meshlab.istio.istioctl)"
    ]


# ---- workloads ----


def owned(pod, kind, name, **template):
    """A pod that something owns, and that owner, whose pods are made of this template (metadata and spec)."""
    pod["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "controller": True}]
    return {
        "metadata": {"name": name, "namespace": pod["metadata"]["namespace"], "ownerReferences": []},
        "spec": {"template": {"metadata": {}, "spec": {"containers": [{"name": "app"}]}, **template}},
    }


def deployment_of(pod, name, **template):
    replicas = owned(pod, "ReplicaSet", f"{name}-5d4f", **template)
    replicas["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": name, "controller": True}]
    return replicas


INJECTED = {"metadata": {"annotations": {"sidecar.istio.io/status": "{}"}}}
MARK = "its pods have the annotation sidecar.istio.io/status already in the manifest"


@pytest.mark.parametrize(
    ("labels", "pod", "template", "injected", "how", "reason"),
    [
        ({"istio_injection": "enabled"}, {}, {}, True, "webhook", "namespace shop is labelled istio-injection=enabled"),
        ({"rev": "default"}, {}, {}, True, "webhook", "namespace shop is labelled istio.io/rev=default"),
        (
            {},
            {"labels": {"sidecar.istio.io/inject": "true"}},
            {},
            True,
            "webhook",
            "its pods are labelled sidecar.istio.io/inject=true",
        ),
        ({}, {}, {}, True, "webhook", "it was when its pods were created; nothing would inject them today"),
        ({}, {}, INJECTED, True, "kube-inject", MARK),
        (
            {"istio_injection": "enabled"},
            {},
            INJECTED,
            True,
            "kube-inject and webhook",
            f"{MARK}, and namespace shop is labelled istio-injection=enabled",
        ),
        (
            {"istio_injection": "enabled"},
            {"labels": {"sidecar.istio.io/inject": "false"}},
            INJECTED,
            True,
            "kube-inject",
            MARK,
        ),
        (
            {},
            {"proxy": None},
            {},
            False,
            "",
            "namespace shop has neither label, istio-injection nor istio.io/rev",
        ),
        (
            {"istio_injection": "disabled"},
            {"proxy": None},
            {},
            False,
            "",
            "namespace shop is labelled istio-injection=disabled",
        ),
        (
            {"istio_injection": "enabled"},
            {"proxy": None},
            {},
            False,
            "",
            "the pods predate the label or webhook; restart them (kubectl rollout restart deployment -n shop)",
        ),
        (
            {"istio_injection": "enabled"},
            {"proxy": None, "labels": {"sidecar.istio.io/inject": "false"}},
            {},
            False,
            "",
            "the pod template sets sidecar.istio.io/inject=false",
        ),
        (
            {"istio_injection": "enabled"},
            {"proxy": None, "annotations": {"sidecar.istio.io/inject": "false"}},
            {},
            False,
            "",
            "the pod template sets sidecar.istio.io/inject=false",
        ),
        (
            {"istio_injection": "enabled"},
            {"proxy": None, "spec": {"hostNetwork": True}},
            {},
            False,
            "",
            "its pods use the host network",
        ),
        (
            {"rev": "canary"},
            {"proxy": None},
            {},
            False,
            "",
            "namespace shop: istio.io/rev=canary, and no webhook serves this revision or tag (there are default), so "
            "nothing is injected; label it with default instead, or install that revision",
        ),
    ],
)
def test_who_is_injected_and_who_is_not_has_a_reason(labels, pod, template, injected, how, reason):
    pod = workload("web-5d4f-x", **pod)
    lab = healthy(spaces=[space(**labels)], pods=[pod])
    lab.lists["/apis/apps/v1/namespaces/shop/replicasets"] = [deployment_of(pod, "web", **template)]
    row = subject.look(lab, None, ["shop"], sync=False, workloads=True)["workloads"]
    sidecar = "container" if injected else ""
    names = {"namespace": "shop", "workload": "web", "kind": "Deployment"}
    assert row == [{**names, "injected": injected, "how": how, "sidecar": sidecar, "reason": reason}]


def test_a_workload_is_named_by_what_its_owner_owes():
    night, agent, lone, static = (
        workload(name, native=True) for name in ("night-1-x", "agent-x", "lone", "static-node")
    )
    strange = workload("clone-0")
    job = owned(night, "Job", "night-1")
    job["metadata"]["ownerReferences"] = [{"kind": "CronJob", "name": "night", "controller": True}]
    daemons = owned(agent, "DaemonSet", "agent")
    owned(static, "Node", "node")
    owned(strange, "CloneSet", "clone")
    lab = healthy(pods=[night, agent, lone, static, strange])
    lab.lists |= {"/apis/batch/v1/jobs": [job], "/apis/apps/v1/daemonsets": [daemons]}
    rows = subject.look(lab, None, sync=False, workloads=True)["workloads"]
    assert [(x["kind"], x["workload"], x["sidecar"]) for x in rows] == [
        ("DaemonSet", "agent", "native"),
        ("CloneSet", "clone", "container"),
        ("Pod", "lone", "native"),
        ("CronJob", "night", "native"),
        ("Pod", "static-node", "native"),
    ]
    assert {x["how"] for x in rows} == {"webhook"}


def test_a_pod_whose_manifest_nobody_has_is_not_judged():
    lab = healthy(spaces=[space()], pods=[workload("lone")])
    (row,) = subject.look(lab, None, sync=False, workloads=True)["workloads"]
    assert (row["injected"], row["how"]) == (True, "unknown")


def test_one_pod_without_a_sidecar_is_enough():
    pods = [workload("web-5d4f-x"), workload("web-5d4f-y", proxy=None), workload("web-5d4f-z")]
    replicas = [deployment_of(pod, "web") for pod in pods]
    lab = healthy(pods=pods)
    lab.lists["/apis/apps/v1/replicasets"] = replicas[:1]
    (row,) = subject.look(lab, None, sync=False, workloads=True)["workloads"]
    assert not row["injected"]
    assert row["reason"].startswith("1 of 3 pods: the pods predate the label")


@pytest.mark.parametrize(("name", "made"), [("ingress", False), ("gateway", True)])
def test_a_gateway_is_injected_only_if_the_webhook_made_it(name, made):
    pod = workload(name, revision="default" if made else None)
    pod["spec"]["containers"] = [{"name": "istio-proxy", "image": "proxyv2:1.27.0", "args": ["proxy", "router"]}]
    template = {"spec": {"containers": [{"name": "istio-proxy", "image": "auto"}]}}
    lab = healthy(pods=[pod])
    lab.lists["/apis/apps/v1/replicasets"] = [deployment_of(pod, name, **template)]
    (row,) = subject.look(lab, None, sync=False, workloads=True)["workloads"]
    assert (row["injected"], row["how"]) == (made, "webhook" if made else "")
    assert made or row["reason"] == "it is a gateway (router), not an injected workload"


def test_system_namespaces_have_a_reason_of_their_own():
    lab = healthy(spaces=[space("kube-system")], pods=[workload("dns", "kube-system", proxy=None)])
    (row,) = subject.look(lab, None, sync=False, workloads=True)["workloads"]
    assert row["reason"] == "istiod never injects in namespace kube-system"


@pytest.mark.parametrize("version", ["latest", "1.6.14", "1.8.6", "1.99.0"])
def test_whatever_the_release_workloads_are_told(version):
    lab = healthy(planes=[istiod(tag=version)])
    rows = subject.look(lab, None, sync=False, workloads=True)["workloads"]
    assert [x["how"] for x in rows] == ["webhook", "webhook"]


def test_owners_that_may_not_be_read_are_told_and_their_pods_stay():
    pod = workload("web-5d4f-x")
    deployment_of(pod, "web", **INJECTED)
    hooks = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    lab = healthy(pods=[pod], refused=("/apis/apps/v1/replicasets", hooks))
    found = subject.look(lab, None, sync=False, workloads=True)
    (row,) = found["workloads"]
    assert (row["kind"], row["workload"], row["how"]) == ("ReplicaSet", "web-5d4f", "webhook")
    assert any("replicasets" in x for x in found["problems"])


def test_workloads_are_read_only_if_asked_for():
    lab = healthy()
    assert subject.look(lab, None, sync=False)["workloads"] == []
    assert not any("replicasets" in x for x in lab.asked)
