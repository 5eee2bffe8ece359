#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_config_wait
short_description: Wait until proxies have applied a VirtualService, DestinationRule or Gateway
version_added: "1.0.0"
description:
  - >-
    A rule takes effect only when the proxies have received it, which may take seconds or never happen. This module
    waits until the configuration of every proxy that needs the rule contains it.
  - >-
    On timeout, it reports the proxies that lag behind, what they have instead, and possible reasons: the rule does not
    exist in the API, no istiod pod is ready, no Service has the host, a proxy rejected an update (from its log),
    another rule takes precedence, and the findings of C(istioctl analyze).
  - >-
    A VirtualService is required in the sidecars of the namespaces that it is exported to (gateway C(mesh)), and in the
    pods of the Gateways that it names. It is applied if each of its hosts has its routes. The module compares their
    order, conditions (path, headers, method, query), destinations, subsets, ports and weights, redirects, direct
    responses, rewrites, mirrors, faults, header changes, and timeouts and retries if the rule sets them. It does not
    compare CORS policies, header changes of one of several destinations, or the routes of delegates. For TCP and TLS
    routes, it compares destinations, weights and server names.
  - >-
    A DestinationRule is required in every proxy that it is exported to, or only in those of its own namespace if its
    host belongs to another namespace. It is applied if the clusters of the host have its subsets and no others, and its
    load balancing, connection pool limits, outlier detection and TLS settings, except those for single ports. Labels of
    subsets are not visible in clusters. It also counts as applied where a DestinationRule of a nearer namespace or
    with a more specific host takes precedence.
  - >-
    A Gateway is required in the gateway pods that its selector matches. It is applied if they listen on its HTTP and
    HTTPS ports, and serve its hosts once a VirtualService is bound to it. Its other ports have no listener until a
    VirtualService is bound to them.
  - >-
    Sidecar objects and the label C(istio.io/rev) of the rules are respected. C(exportTo) of Services and mesh-wide
    defaults of C(exportTo) are not; use O(namespaces) in this case. The Kubernetes Gateway API and ambient mode are not
    supported.
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
  - meshlab.istio.istioctl
attributes:
  check_mode:
    support: full
    details: Changes nothing. In check mode, reads the proxies once and neither waits nor fails, because the rule may
      not have been applied.
  diff_mode:
    support: none
    details: Changes nothing.
  idempotent:
    support: full
options:
  definition:
    description:
      - Rules that the proxies must have, as a dictionary or a list of dictionaries.
      - Objects of other kinds are ignored, so this may be the complete list of applied objects.
      - Either O(definition) or O(name) is required.
    type: raw
  kind:
    description: Kind of the object. Required with O(name).
    type: str
    choices: [VirtualService, DestinationRule, Gateway]
  name:
    description: Name of the object. The proxies must have its current state in the API.
    type: str
  namespace:
    description: Namespace of the object, and of objects in O(definition) without a namespace.
    type: str
    default: default
  state:
    description:
      - V(present) waits until every proxy that needs the object has it.
      - >-
        V(absent) waits until the object does not exist in the API and no proxy has remains of it. O(definition) is
        required for a Gateway.
    type: str
    choices: [present, absent]
    default: present
  namespaces:
    description: Namespaces of the proxies to check. Defaults to all namespaces.
    type: list
    elements: str
  pods:
    description: Pods of the proxies to check, as C(NAME) or C(NAMESPACE/NAME). Defaults to all pods.
    type: list
    elements: str
  label_selector:
    description: Label selector for the pods of the proxies to check, such as V(app=client). Defaults to all pods.
    type: str
  allow_none:
    description:
      - Whether to succeed if no proxy needs the object.
      - >-
        If V(false), the module fails immediately in this case: there is no pod with a sidecar, the selector of a
        Gateway matches no pod, or no Service has the host, so the rule has no effect.
    type: bool
    default: false
  istio_namespace:
    description: Namespace of the control plane. Rules in it apply to the whole mesh.
    type: str
    default: istio-system
  timeout:
    description: Maximum time to wait, in seconds.
    type: int
    default: 60
    aliases: [wait_timeout]
requirements:
  - python >= 3.9
  - kubernetes >= 24.2.0 (Python library)
  - Permission to exec into the container C(istio-proxy)
  - istioctl 1.7 or newer (for the findings of C(istioctl analyze) on failure)
seealso:
  - module: meshlab.istio.istio_traffic_split
  - name: Debugging Envoy and istiod
    description: Istio task about inspecting the configuration of a proxy.
    link: https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Apply the rules
  kubernetes.core.k8s:
    kubeconfig: ~/.kube/lab
    src: weights.yml
  register: applied

- name: Wait until every proxy has the rules
  meshlab.istio.istio_config_wait:
    kubeconfig: ~/.kube/lab
    definition: "{{ applied.result.results | default([applied]) | map(attribute='result') }}"

- name: Wait until the client has a rule
  meshlab.istio.istio_config_wait:
    kubeconfig: ~/.kube/lab
    kind: VirtualService
    namespace: shop
    name: catalog
    namespaces: [shop]
    label_selector: app=client
    timeout: 20

- name: Wait until no proxy has a deleted rule
  meshlab.istio.istio_config_wait:
    kubeconfig: ~/.kube/lab
    kind: DestinationRule
    namespace: shop
    name: catalog
    state: absent
"""

RETURN = r"""
elapsed:
  description: Duration of the wait, in seconds.
  returned: always
  type: float
  sample: 0.4
checked:
  description: Number of proxies that were checked.
  returned: always
  type: int
  sample: 7
proxies:
  description: Proxies that were checked.
  returned: always
  type: list
  elements: dict
  contains:
    namespace:
      description: Namespace of the pod.
      returned: always
      type: str
      sample: shop
    name:
      description: Name of the pod.
      returned: always
      type: str
      sample: client-5d4c8b9f7c-9mwtq
    type:
      description: V(sidecar), or V(router) for a gateway.
      returned: always
      type: str
      sample: sidecar
    in_sync:
      description:
        - Whether the proxy has all rules. With O(state=absent), whether it has no remains of them.
        - Null if its configuration could not be read.
      returned: always
      type: bool
      sample: true
    applied:
      description: Parts of the rules that the proxy has.
      returned: always
      type: list
      elements: str
      sample: ["catalog.shop.svc in 8080: prefix / -> v1.shop:8080 80%, v2.shop:8080 20%"]
    missing:
      description: Missing parts and what the proxy has instead, or why its configuration could not be read.
      returned: always
      type: list
      elements: str
      sample: []
objects:
  description: Objects to wait for.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: Kind of the object.
      returned: always
      type: str
      sample: VirtualService
    namespace:
      description: Namespace of the object.
      returned: always
      type: str
      sample: shop
    name:
      description: Name of the object.
      returned: always
      type: str
      sample: catalog
reasons:
  description: Possible reasons for the failure, most specific first. Empty on success.
  returned: always
  type: list
  elements: str
  sample: ["no istiod pod is ready (0 of 1), so proxies receive no configuration"]
"""

import time

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.explanation import (
    analyze_arguments,
    failure_message,
    find_reasons,
    findings_about,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.mesh_reader import MeshReader
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.polling import (
    DesiredState,
    wait_for_proxies,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.proxies import ProxyFilter
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import (
    PLURALS,
    Rule,
    WaitError,
    rules_in,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import (
    ISTIOCTL_ARGS,
    Istioctl,
    IstioctlError,
)
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.kubeconfig import kubeconfig_file
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers

ANALYZE_SECONDS = 60


def rules_from(params):
    """Return the rules from definition, or from kind and name."""
    if params["definition"] is not None:
        return rules_in(params["definition"], params["namespace"])
    return [Rule(params["kind"], params["namespace"], params["name"])]


def analyze(params, kubeconfig, rules):
    """Return the findings of istioctl analyze about the rules, or the error of istioctl."""
    try:
        istioctl = Istioctl(params["binary_path"], kubeconfig, timeout=ANALYZE_SECONDS)
        lines = []
        for namespace in sorted({rule.namespace for rule in rules}):
            output = istioctl.run(*analyze_arguments(namespace), check=False)
            lines += findings_about(rules, output)
        return lines
    except IstioctlError as error:
        return [str(error)]


def main():
    module = ClusterModule(
        argument_spec={
            **ISTIOCTL_ARGS,
            "definition": {"type": "raw"},
            "kind": {"type": "str", "choices": list(PLURALS)},
            "name": {"type": "str"},
            "namespace": {"type": "str", "default": "default"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "namespaces": {"type": "list", "elements": "str"},
            "pods": {"type": "list", "elements": "str"},
            "label_selector": {"type": "str"},
            "allow_none": {"type": "bool", "default": False},
            "istio_namespace": {"type": "str", "default": "istio-system"},
            "timeout": {"type": "int", "default": 60, "aliases": ["wait_timeout"]},
        },
        mutually_exclusive=[("definition", "name"), ("definition", "kind")],
        required_one_of=[("definition", "name")],
        required_by={"name": "kind", "kind": "name"},
        supports_check_mode=True,
    )
    params, started = module.params, time.monotonic()
    result = {"elapsed": 0.0, "checked": 0, "proxies": [], "objects": [], "reasons": []}
    check_numbers(module, {"timeout": (0, DAY)}, **result)
    try:
        rules = rules_from(params)
        result["objects"] = [{"kind": x.kind, "namespace": x.namespace, "name": x.name} for x in rules]
        with connect(params) as cluster, kubeconfig_file(cluster.connection) as kubeconfig:
            mesh = MeshReader(cluster, rules, params["label_selector"])
            desired = DesiredState(
                params["state"] == "present",
                ProxyFilter(params["namespaces"], params["pods"]),
                params["istio_namespace"],
                params["allow_none"],
            )
            outcome = wait_for_proxies(mesh.read_api, mesh.read_proxy, desired, params["timeout"], module.check_mode)
            if not (outcome.met or outcome.problem or module.check_mode):
                istiod = mesh.istiod_pods(params["istio_namespace"])
                rejections = mesh.rejections(outcome.lagging)
                applied = [x for x in outcome.rules if mesh.facts.live.get(x.title)]
                findings = analyze(params, kubeconfig, applied)
                result["reasons"] = find_reasons(outcome, mesh.facts, istiod, rejections, findings)
            elif outcome.problem:
                result["reasons"] = [outcome.problem]
    except (WaitError, ClusterError) as error:
        module.fail_json(msg=str(error), **{**result, "elapsed": round(time.monotonic() - started, 1)})
    result.update(elapsed=outcome.elapsed, checked=len(outcome.proxies), proxies=outcome.proxies)
    if not outcome.met and not module.check_mode:
        module.fail_json(msg=failure_message(outcome, result["reasons"]), **result)
    for note in outcome.notes:
        module.warn(note)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
