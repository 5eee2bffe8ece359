#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_info
short_description: Tell what of Istio is in a cluster, and what is wrong with it
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Returns in one call the versions of C(istioctl) and of every control plane, revisions and tags, the injection
    webhooks, what injects sidecars into which namespace, every proxy with its version, and whether it is in step with
    its control plane.
  - >-
    RV(problems) says in words what is wrong, each with the cure: no Istio or half of it, an C(istiod) that is not ready
    and why, webhooks without a control plane, labels that contradict each other or name a revision that is not there,
    pods that missed injection, proxies that are outdated, not ready, or behind.
  - >-
    It changes nothing, and what it finds is never a failure. It fails only for options that make no sense and for a
    cluster that it cannot reach or may read nothing of. What this user may not read is named in RV(problems).
  - >-
    C(istioctl) is not required. Without it RV(client) is null, RV(client_reason) says why, and it is not known which
    proxies are in step. One that is named by O(binary_path) has to be there.
  - >-
    What injects is worked out from the webhooks' own selectors, as the API server does, so it holds for Istio 1.7 to
    1.30 with whatever revisions and tags.
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
    details: It changes nothing.
  diff_mode:
    support: none
    details: It changes nothing.
  idempotent:
    support: full
options:
  namespaces:
    description: Names of the namespaces to look at. All if not set. Control planes are looked for everywhere.
    type: list
    elements: str
    default: []
  proxies:
    description:
      - Whether to look at proxies, which means to read all pods.
    type: bool
    default: true
  workloads:
    description:
      - >-
        Whether to say of each workload whether it is injected, how, and why. This reads what owns the pods too, such as
        ReplicaSets.
      - It takes O(proxies).
    type: bool
    default: false
  sync:
    description:
      - Whether to ask which proxies are in step with their control plane, by C(istioctl proxy-status).
      - >-
        It takes a connection to each pod of C(istiod), about 0.2 seconds in a small cluster, and the permission to
        forward ports to them. Where it does not work, RV(sync_reason) says why.
    type: bool
    default: true
  timeout:
    description: Time for one run of C(istioctl), in seconds.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Look at the mesh
  meshlab.istio.istio_info:
  register: mesh

- name: Say what is wrong with it
  ansible.builtin.debug:
    msg: "{{ mesh.problems or 'nothing' }}"

- name: Look at one namespace, without asking istiod
  meshlab.istio.istio_info:
    namespaces: [default]
    sync: false
  register: mesh

- name: See who is injected in it, and who is not, and why
  meshlab.istio.istio_info:
    namespaces: [default]
    sync: false
    workloads: true
  register: mesh

- name: Stop unless its pods are injected
  ansible.builtin.assert:
    that: mesh.namespaces[0].injection == 'enabled'
    fail_msg: "{{ mesh.problems | join('\n') }}"
"""

RETURN = r"""
installed:
  description: Whether there is a control plane. Null if this user may not read Deployments.
  returned: success
  type: bool
  sample: true
version:
  description: The version of the control planes, if all have the same, else null.
  returned: success
  type: str
  sample: 1.27.0
client:
  description: The C(istioctl) that was found. Null if there is none that runs.
  returned: success
  type: dict
  contains:
    path:
      description: Where it is.
      returned: always
      type: str
      sample: /opt/istio/current/bin/istioctl
    version:
      description: Its version.
      returned: always
      type: str
      sample: 1.27.0
client_reason:
  description: Why RV(client) is null.
  returned: success
  type: str
  sample: null
control_planes:
  description: Every Deployment with the label C(app=istiod), in whichever namespace.
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
      description: Its namespace.
      returned: always
      type: str
      sample: istio-system
    revision:
      description: Its revision.
      returned: always
      type: str
      sample: default
    version:
      description: Its version, from the tag of its image, else from what C(istioctl) noted when it installed it.
      returned: always
      type: str
      sample: 1.27.0
    image:
      description: Its image.
      returned: always
      type: str
      sample: docker.io/istio/pilot:1.27.0
    ready:
      description: Whether it is rolled out whole.
      returned: always
      type: bool
      sample: true
    replicas:
      description: Number of pods that it shall have.
      returned: always
      type: int
      sample: 1
    ready_replicas:
      description: Number of pods that are ready.
      returned: always
      type: int
      sample: 1
    pods:
      description: Its pods.
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
          description: Ready containers of all that keep running.
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
      description: Why it is not ready, in the words of M(meshlab.istio.workload_wait).
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
      description: Its name.
      returned: always
      type: str
      sample: istio-revision-tag-default
    revision:
      description: The revision that it injects.
      returned: always
      type: str
      sample: default
    tag:
      description: The tag that it serves. Null if it serves the revision itself.
      returned: always
      type: str
      sample: default
    active:
      description: Whether it selects anything. Where a tag took over from a revision, the revision's does not.
      returned: always
      type: bool
      sample: true
    failure_policy:
      description: What comes of a pod if it does not answer, V(Fail) (it is not made) or V(Ignore) (it has no sidecar).
      returned: always
      type: str
      sample: Fail
    ca_bundle:
      description: Whether the API server can trust it. The control plane sets this when it starts.
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
  description: Istio's API groups and their versions, as its CRDs bring them. Null if this user may not read them.
  returned: success
  type: dict
  sample: {networking.istio.io: [v1, v1beta1, v1alpha3], security.istio.io: [v1, v1beta1]}
namespaces:
  description: The namespaces that were looked at.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      returned: always
      type: str
      sample: default
    injection:
      description: >-
        What happens to a pod without labels of its own: V(enabled) if a webhook injects it, V(disabled) if the label
        C(istio-injection) says so, else V(none). Where webhooks may not be read it is told from the labels alone.
      returned: always
      type: str
      sample: enabled
    revision:
      description: The revision that injects. Null if none does.
      returned: always
      type: str
      sample: default
    labels:
      description: Its labels that are about injection, C(istio-injection) and C(istio.io/rev).
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
      description: What is wrong with its labels, with the cure.
      returned: always
      type: list
      elements: str
      sample: []
    proxies:
      description: Number of its pods that have a proxy.
      returned: if O(proxies)
      type: int
      sample: 6
    without_proxy:
      description: Names of its pods that have none and would get one if they were restarted.
      returned: if O(proxies)
      type: list
      elements: str
      sample: []
proxies:
  description: Every pod with a container C(istio-proxy), except those that ended.
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
      description: What its proxy is, V(sidecar), V(router) (a gateway), V(waypoint) or V(ztunnel).
      returned: always
      type: str
      sample: sidecar
    revision:
      description: The revision that injected it. Null if it left no trace.
      returned: always
      type: str
      sample: default
    version:
      description: The version of the proxy, from the tag of its image, else as C(istioctl) has it.
      returned: always
      type: str
      sample: 1.27.0
    ready:
      description: Whether the proxy is ready.
      returned: always
      type: bool
      sample: true
    outdated:
      description: Whether it is older than its control plane. Null if that is not known.
      returned: always
      type: bool
      sample: false
    synced:
      description: >-
        Whether it has taken all that its control plane sent it. Null if that is not known, see RV(sync_reason). For a
        moment after a change it may be V(false).
      returned: always
      type: bool
      sample: true
    types:
      description: >-
        The state of each type of configuration, as C(istioctl proxy-status) has it, without the time. Null if that is
        not known. If RV(proxies[].synced) is V(false), null means that no control plane knows it.
      returned: always
      type: dict
      sample: {CDS: SYNCED, LDS: SYNCED, EDS: SYNCED, RDS: SYNCED, ECDS: IGNORED}
    istiod:
      description: The pod of the control plane that it is connected to. Null if that is not known.
      returned: always
      type: str
      sample: istiod-866fd487f5-xqjzk
workloads:
  description: >-
    Every workload that has pods in the RV(namespaces), except pods that ended. Empty unless O(workloads).
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: Its namespace.
      returned: always
      type: str
      sample: default
    workload:
      description: Its name.
      returned: always
      type: str
      sample: reviews-v1
    kind:
      description: >-
        What it is, C(Deployment) rather than C(ReplicaSet) and C(CronJob) rather than C(Job). V(Pod) for one that
        nothing owns.
      returned: always
      type: str
      sample: Deployment
    injected:
      description: Whether all of its pods have a sidecar, or a gateway's proxy, that injection made.
      returned: always
      type: bool
      sample: true
    how:
      description:
        - V(webhook) is automatic injection, when the pod was made.
        - V(kube-inject) is a sidecar that the manifest has already, as C(istioctl kube-inject) writes it.
        - >-
          V(kube-inject and webhook) is both, one after the other: the webhook renders such a pod again since Istio 1.9,
          and breaks it before.
        - V(unknown) is a pod that nothing owns and nothing would inject today.
        - Empty if it is not injected.
      returned: always
      type: str
      sample: webhook
    sidecar:
      description: >-
        V(native) if it is an init container that keeps running, V(container) if it is an ordinary one. Empty if it is
        not injected.
      returned: always
      type: str
      sample: native
    reason:
      description: Why it is injected, or why not, in words.
      returned: always
      type: str
      sample: namespace default is labeled istio-injection=enabled
sync_reason:
  description: Why it is not known of all proxies whether they are in step. Null if it is known.
  returned: success
  type: str
  sample: null
counts:
  description: How many there are. Those of proxies are null unless O(proxies).
  returned: success
  type: dict
  contains:
    control_planes:
      description: Control planes.
      returned: always
      type: int
      sample: 1
    namespaces:
      description: Namespaces that were looked at.
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
      description: Proxies that are known to be outdated.
      returned: always
      type: int
      sample: 0
    proxies_not_synced:
      description: Proxies that are known not to be in step.
      returned: always
      type: int
      sample: 0
problems:
  description: What is wrong, each in words with the cure.
  returned: success
  type: list
  elements: str
  sample:
    - "namespace shop: istio.io/rev=canary, and no webhook serves this revision or tag (there are default), so nothing
      is injected; label it with default instead, or install that revision"
"""

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.inventory import find_client, read_inventory
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.problems import client_problems
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import ISTIOCTL_ARGS, IstioctlError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.kubeconfig import kubeconfig_file
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers


def gather(params):
    """The inventory of the cluster and the istioctl that the parameters name."""
    with connect(params) as cluster, kubeconfig_file(cluster.connection) as kubeconfig:
        istioctl, client, reason = find_client(params["binary_path"], kubeconfig, params["timeout"])
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
        module.fail_json(msg="workloads needs proxies: whether a workload is injected is read from its pods")
    try:
        result = gather(module.params)
    except IstioctlError as error:
        module.fail_json(**error.result())
    except ClusterError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
