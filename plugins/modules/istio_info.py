#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_info
short_description: Gather information about an Istio installation and detect problems
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Returns the versions of C(istioctl) and of every control plane, the revisions and revision tags, the injection
    webhooks, the injection state of each namespace, and every proxy with its version and sync state.
  - >-
    RV(problems) describes each problem and how to fix it: an installation that is missing or incomplete, an C(istiod)
    that is not ready, webhooks without a control plane, contradictory labels, labels with an unknown revision, pods
    that were not injected, and proxies that are outdated, not ready or not in sync.
  - >-
    A problem is never a failure. The module fails only if an option is invalid, the cluster does not respond, or the
    user may not read anything. Other missing permissions are reported in RV(problems).
  - >-
    C(istioctl) is optional. Without it, RV(client) is null, RV(client_reason) contains the reason, and the sync state
    of the proxies is unknown. If O(binary_path) is set, it must exist.
  - >-
    The injection state is derived from the selectors of the webhooks, as the API server does. It is correct for Istio
    1.7 to 1.30, with any revisions and tags.
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
  - meshlab.istio.istioctl
requirements:
  - python >= 3.9
  - kubernetes >= 24.2.0 (Python library)
attributes:
  check_mode:
    support: full
    details: The module changes nothing.
  diff_mode:
    support: none
    details: The module changes nothing.
  idempotent:
    support: full
options:
  namespaces:
    description: Names of the namespaces to read. All if not set. Control planes are read from all namespaces.
    type: list
    elements: str
    default: []
  proxies:
    description:
      - Whether to read proxies, which requires reading all pods.
    type: bool
    default: true
  workloads:
    description:
      - >-
        Whether to return for each workload whether it is injected, by what, and the reason. This also reads the owners
        of the pods, such as ReplicaSets.
      - Requires O(proxies).
    type: bool
    default: false
  sync:
    description:
      - Whether to read the sync state of the proxies with C(istioctl proxy-status).
      - >-
        This connects to each pod of C(istiod), which takes about 0.2 seconds in a small cluster, and requires
        permission to forward ports to them. If it fails, RV(sync_reason) contains the reason.
    type: bool
    default: true
  timeout:
    description: Maximum duration of one run of C(istioctl), in seconds.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Gather information about the mesh
  meshlab.istio.istio_info:
  register: mesh

- name: Show the problems of the mesh
  ansible.builtin.debug:
    msg: "{{ mesh.problems or 'no problems' }}"

- name: Gather information about one namespace, without connecting to istiod
  meshlab.istio.istio_info:
    namespaces: [default]
    sync: false
  register: mesh

- name: Gather the injection state of the workloads in one namespace
  meshlab.istio.istio_info:
    namespaces: [default]
    sync: false
    workloads: true
  register: mesh

- name: Fail unless pods in this namespace are injected
  ansible.builtin.assert:
    that: mesh.namespaces[0].injection == 'enabled'
    fail_msg: "{{ mesh.problems | join('\n') }}"
"""

RETURN = r"""
installed:
  description: Whether there is a control plane. Null without permission to read Deployments.
  returned: success
  type: bool
  sample: true
version:
  description: The version of the control planes. Null if their versions differ.
  returned: success
  type: str
  sample: 1.27.0
client:
  description: The C(istioctl) that is used. Null if none is found or if it cannot be run.
  returned: success
  type: dict
  contains:
    path:
      description: Path of C(istioctl).
      returned: always
      type: str
      sample: /opt/istio/current/bin/istioctl
    version:
      description: Version of C(istioctl).
      returned: always
      type: str
      sample: 1.27.0
client_reason:
  description: Why RV(client) is null.
  returned: success
  type: str
  sample: null
control_planes:
  description: Every Deployment with the label C(app=istiod), in all namespaces.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the Deployment.
      returned: always
      type: str
      sample: istiod
    namespace:
      description: Namespace of the Deployment.
      returned: always
      type: str
      sample: istio-system
    revision:
      description: Revision of the control plane.
      returned: always
      type: str
      sample: default
    version:
      description: Version of the control plane, from the tag of its image, else from the label that C(istioctl) sets.
      returned: always
      type: str
      sample: 1.27.0
    image:
      description: Image of C(istiod).
      returned: always
      type: str
      sample: docker.io/istio/pilot:1.27.0
    ready:
      description: Whether the Deployment is completely rolled out.
      returned: always
      type: bool
      sample: true
    replicas:
      description: Number of desired pods.
      returned: always
      type: int
      sample: 1
    ready_replicas:
      description: Number of ready pods.
      returned: always
      type: int
      sample: 1
    pods:
      description: The pods of the Deployment.
      returned: always
      type: list
      elements: dict
      contains:
        name:
          description: Name of the pod.
          returned: always
          type: str
          sample: istiod-866fd487f5-xqjzk
        ready:
          description: Number of ready containers and of all containers, as C(kubectl get pods) shows them.
          returned: always
          type: str
          sample: 1/1
        phase:
          description: Phase of the pod.
          returned: always
          type: str
          sample: Running
        restarts:
          description: Number of restarts of its containers.
          returned: always
          type: int
          sample: 0
    reasons:
      description: Why the control plane is not ready, as M(meshlab.istio.workload_wait) reports it.
      returned: always
      type: list
      elements: str
      sample: []
tags:
  description: The revision of each revision tag.
  returned: success
  type: dict
  sample: {default: default}
webhooks:
  description: Every MutatingWebhookConfiguration with the label C(app=sidecar-injector).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the configuration.
      returned: always
      type: str
      sample: istio-revision-tag-default
    revision:
      description: Revision of the control plane that injects.
      returned: always
      type: str
      sample: default
    tag:
      description: The revision tag that it serves. Null if it serves the revision itself.
      returned: always
      type: str
      sample: default
    active:
      description: Whether it can select pods. V(false) for a revision's webhook that a tag's webhook has replaced.
      returned: always
      type: bool
      sample: true
    failure_policy:
      description: >-
        What happens if the webhook does not respond. With V(Fail), pods are not created. With V(Ignore), they are
        created without a sidecar.
      returned: always
      type: str
      sample: Fail
    ca_bundle:
      description: Whether it has a CA bundle, which the control plane sets when it starts.
      returned: always
      type: bool
      sample: true
    service:
      description: The Service that it calls, as C(namespace/name). Null if it calls a URL.
      returned: always
      type: str
      sample: istio-system/istiod
    url:
      description: The URL that it calls. Null if it calls a Service.
      returned: always
      type: str
      sample: null
apis:
  description: The API groups of Istio and their versions. Null without permission to read them.
  returned: success
  type: dict
  sample: {networking.istio.io: [v1, v1beta1, v1alpha3], security.istio.io: [v1, v1beta1]}
namespaces:
  description: The namespaces that were read.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the namespace.
      returned: always
      type: str
      sample: default
    injection:
      description: >-
        Injection of pods without injection labels: V(enabled) if a webhook injects them, V(disabled) if the label
        C(istio-injection) disables it, else V(none). Without permission to read webhooks, only the labels count.
      returned: always
      type: str
      sample: enabled
    revision:
      description: Revision of the control plane that injects. Null if none does.
      returned: always
      type: str
      sample: default
    labels:
      description: The injection labels of the namespace, C(istio-injection) and C(istio.io/rev).
      returned: always
      type: dict
      sample: {istio-injection: enabled}
    webhooks:
      description: Names of the RV(webhooks) that inject.
      returned: always
      type: list
      elements: str
      sample: [istio-revision-tag-default]
    warnings:
      description: Problems with the labels, and how to fix them.
      returned: always
      type: list
      elements: str
      sample: []
    proxies:
      description: Number of pods with a proxy.
      returned: when O(proxies) is set
      type: int
      sample: 6
    without_proxy:
      description: Names of the pods without a proxy that would be injected if they were restarted.
      returned: when O(proxies) is set
      type: list
      elements: str
      sample: []
proxies:
  description: Every pod with a container C(istio-proxy), except pods that have ended.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: Namespace of the pod.
      returned: always
      type: str
      sample: default
    name:
      description: Name of the pod.
      returned: always
      type: str
      sample: reviews-v1-7b5d4c9c6b-x2x5s
    type:
      description: Type of the proxy, V(sidecar), V(router) (a gateway), V(waypoint) or V(ztunnel).
      returned: always
      type: str
      sample: sidecar
    revision:
      description: The revision that injected the proxy. Null if unknown.
      returned: always
      type: str
      sample: default
    version:
      description: Version of the proxy, from the tag of its image, else as C(istioctl) reports it.
      returned: always
      type: str
      sample: 1.27.0
    ready:
      description: Whether the proxy is ready.
      returned: always
      type: bool
      sample: true
    outdated:
      description: Whether the proxy is older than its control plane. Null if unknown.
      returned: always
      type: bool
      sample: false
    synced:
      description: >-
        Whether the proxy has acknowledged all configuration from its control plane. It may be V(false) for a moment
        after a change. Null if unknown, see RV(sync_reason).
      returned: always
      type: bool
      sample: true
    types:
      description: >-
        The state of each type of configuration, as C(istioctl proxy-status) reports it. Null if unknown. If it is null
        and RV(proxies[].synced) is V(false), the proxy is not connected to a control plane.
      returned: always
      type: dict
      sample: {CDS: SYNCED, LDS: SYNCED, EDS: SYNCED, RDS: SYNCED, ECDS: IGNORED}
    istiod:
      description: The pod of C(istiod) that the proxy is connected to. Null if unknown.
      returned: always
      type: str
      sample: istiod-866fd487f5-xqjzk
workloads:
  description: >-
    Every workload with pods in RV(namespaces), except pods that have ended. Empty unless O(workloads) is set.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: Namespace of the workload.
      returned: always
      type: str
      sample: default
    workload:
      description: Name of the workload.
      returned: always
      type: str
      sample: reviews-v1
    kind:
      description: >-
        Kind of the topmost owner of the pods, such as C(Deployment) instead of C(ReplicaSet). V(Pod) for a pod without
        an owner.
      returned: always
      type: str
      sample: Deployment
    injected:
      description: Whether all of its pods have an injected sidecar or gateway proxy.
      returned: always
      type: bool
      sample: true
    injected_by:
      description:
        - V(webhook) for automatic injection when the pod was created.
        - V(kube-inject) for a sidecar in the manifest, as C(istioctl kube-inject) writes it.
        - >-
          V(kube-inject and webhook) for both. Since Istio 1.9, the webhook renders such a pod again. In older releases,
          it breaks the pod.
        - V(unknown) for a pod without an owner that nothing would inject today.
        - Empty if the workload is not injected.
      returned: always
      type: str
      sample: webhook
    sidecar:
      description: >-
        V(native) for an init container that keeps running, V(container) for an ordinary container. Empty if the
        workload is not injected.
      returned: always
      type: str
      sample: native
    reason:
      description: Why the workload is injected or not.
      returned: always
      type: str
      sample: namespace default is labeled istio-injection=enabled
sync_reason:
  description: Why the sync state of some proxies is unknown. Null if it is known for all.
  returned: success
  type: str
  sample: null
counts:
  description: Numbers of objects. The numbers of proxies are null unless O(proxies) is set.
  returned: success
  type: dict
  contains:
    control_planes:
      description: Control planes.
      returned: always
      type: int
      sample: 1
    namespaces:
      description: Namespaces that were read.
      returned: always
      type: int
      sample: 6
    namespaces_injected:
      description: Namespaces whose pods are injected.
      returned: always
      type: int
      sample: 2
    proxies:
      description: Proxies.
      returned: always
      type: int
      sample: 11
    proxies_ready:
      description: Proxies that are ready.
      returned: always
      type: int
      sample: 11
    proxies_outdated:
      description: Proxies that are older than their control plane.
      returned: always
      type: int
      sample: 0
    proxies_not_synced:
      description: Proxies that are not in sync with their control plane.
      returned: always
      type: int
      sample: 0
problems:
  description: Each problem, and how to fix it.
  returned: success
  type: list
  elements: str
  sample:
    - "namespace shop: istio.io/rev=canary, but no webhook serves this revision or tag (available: default), so nothing
      is injected; set the label to default, or install that revision"
"""

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.inventory import find_istioctl, read_inventory
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.problems import client_problems
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import ISTIOCTL_ARGS, IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.kubeconfig import kubeconfig_file
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers


def gather(params):
    """Return the inventory of the cluster and of istioctl."""
    with connect(params) as cluster, kubeconfig_file(cluster.connection) as kubeconfig:
        istioctl, client, reason = find_istioctl(params["binary_path"], kubeconfig, params["timeout"])
        found = read_inventory(
            cluster, istioctl, params["namespaces"], *(params[x] for x in ("proxies", "sync", "workloads"))
        )
    found["problems"] += client_problems(client, found["control_planes"])
    return {"client": client, "client_reason": reason, **found}


def main():
    module = ClusterModule(
        argument_spec={
            **ISTIOCTL_ARGS,
            "namespaces": {"type": "list", "elements": "str", "default": []},
            "proxies": {"type": "bool", "default": True},
            "sync": {"type": "bool", "default": True},
            "workloads": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    check_numbers(module, {"timeout": (1, DAY)})
    if module.params["workloads"] and not module.params["proxies"]:
        module.fail_json(msg="workloads requires proxies: whether a workload is injected is read from its pods")
    try:
        result = gather(module.params)
    except IstioctlError as error:
        module.fail_json(**error.result())
    except ClusterError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
