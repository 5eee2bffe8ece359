#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_config_wait
short_description: Wait until a VirtualService, DestinationRule or Gateway has reached the proxies
version_added: "1.0.0"
description:
  - >-
    A rule that was applied acts only when the proxies have it, which takes from a moment to seconds, or never comes to
    pass. This module waits for it, and reads it from the proxies' own configuration, in every pod that needs the rule.
  - >-
    When the time is over it names the proxies that lag, what they have instead, and why: the rule is not in the API, no
    istiod is ready, no Service has a host, a proxy refused an update (its log says so), another rule came first, and
    what C(istioctl analyze) finds about it.
  - >-
    A VirtualService is needed by the sidecars in the namespaces that it is exported to (gateway C(mesh)), and by the
    pods of the Gateways that it names. It is there when each of its hosts has its routes. Compared are their order,
    their conditions (path, headers, method, query), destinations, subsets, ports and weights, redirects, direct
    responses, rewrites, mirrors, faults, headers that they set, add or remove, and timeouts and retries where the rule
    sets them. Not compared are CORS policies, headers of one of several destinations, and the routes of delegates. Of
    TCP and TLS routes, destinations, weights and server names are compared.
  - A DestinationRule is needed by every proxy that it is exported to, or by those of its own namespace if its host
    belongs to another one. It is there when the host's clusters come from it, with its subsets and no others, and have
    its load balancing, limits of the connection pool, outlier detection and TLS as far as it sets them, other than for
    single ports. Labels of subsets do not show in clusters.
  - A Gateway is needed by the gateway pods that its selector fits. It is there when they listen on its HTTP and HTTPS
    ports, and serve its hosts once a VirtualService is bound to it. Its other ports open with a VirtualService only.
  - >-
    Sidecar objects are heeded. C(exportTo) of Services and mesh-wide defaults of it are not; O(namespaces) can help
    there. Rules written for the Kubernetes Gateway API and ambient mode are not known.
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
  - meshlab.istio.istioctl
attributes:
  check_mode:
    support: full
    details: It changes nothing. In check mode it looks once and does not wait or fail, since what it would wait for
      may not have been made.
  diff_mode:
    support: none
    details: It changes nothing.
  idempotent:
    support: full
options:
  definition:
    description:
      - What was applied, as a dictionary or a list of dictionaries. The proxies must have exactly this.
      - Objects of other kinds in it are left out, so that it may be the very list that was applied.
      - Either O(definition) or O(name) is required.
    type: raw
  kind:
    description: Kind of the object. Required with O(name).
    type: str
    choices: [VirtualService, DestinationRule, Gateway]
  name:
    description: Name of the object. The proxies must have what the API holds of it.
    type: str
  namespace:
    description: Namespace of the object, or of those in O(definition) that name none.
    type: str
    default: default
  state:
    description:
      - V(present) waits until every proxy that needs it has it.
      - >-
        V(absent) waits until the API does not hold it any more, and no proxy has anything left of it. For a Gateway
        this takes its O(definition).
    type: str
    choices: [present, absent]
    default: present
  namespaces:
    description: Look only at proxies in these namespaces. At all if not set.
    type: list
    elements: str
  pods:
    description: Look only at the proxies of these pods, by C(NAME) or C(NAMESPACE/NAME). At all if not set.
    type: list
    elements: str
  label_selector:
    description: Look only at the proxies of pods with these labels, such as V(app=client). At all if not set.
    type: str
  allow_none:
    description:
      - Whether it is well if no proxy needs the object.
      - >-
        If V(false), that fails at once. The rule would act nowhere, since no pod with a sidecar is there to read it, a
        Gateway's selector fits no pod, or its host is known to nobody.
    type: bool
    default: false
  istio_namespace:
    description: Namespace of the control plane, whose rules count for the whole mesh.
    type: str
    default: istio-system
  timeout:
    description: Time to wait, in seconds.
    type: int
    default: 60
    aliases: [wait_timeout]
requirements:
  - python >= 3.9
  - kubernetes >= 24.2.0 (Python library)
  - Permission to exec into the container C(istio-proxy)
  - istioctl 1.7 or newer, for its findings only
seealso:
  - module: meshlab.istio.istio_traffic_split
  - name: Debugging Envoy and istiod
    description: Istio's own way to look at the configuration of one proxy.
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

- name: Wait until every proxy has them
  meshlab.istio.istio_config_wait:
    kubeconfig: ~/.kube/lab
    definition: "{{ applied.result.results | default([applied]) | map(attribute='result') }}"

- name: Wait until one client has a rule
  meshlab.istio.istio_config_wait:
    kubeconfig: ~/.kube/lab
    kind: VirtualService
    namespace: shop
    name: catalog
    namespaces: [shop]
    label_selector: app=client
    timeout: 20

- name: Wait until no proxy has a rule any more
  meshlab.istio.istio_config_wait:
    kubeconfig: ~/.kube/lab
    kind: DestinationRule
    namespace: shop
    name: catalog
    state: absent
"""

RETURN = r"""
elapsed:
  description: Time that it took, in seconds.
  returned: always
  type: float
  sample: 0.4
checked:
  description: How many proxies were looked at.
  returned: always
  type: int
  sample: 7
proxies:
  description: The proxies that were looked at.
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
      description: V(sidecar), or V(router), which is a gateway.
      returned: always
      type: str
      sample: sidecar
    in_sync:
      description:
        - Whether it has all of the rules. With O(state=absent), whether it has nothing left of them.
        - Null if its configuration could not be read.
      returned: always
      type: bool
      sample: true
    applied:
      description: What it has of the rules, in words.
      returned: always
      type: list
      elements: str
      sample: ["catalog.shop.svc in 8080: prefix / -> v1.shop:8080 80 %, v2.shop:8080 20 %"]
    missing:
      description: What it lacks, and what it has instead, or why its configuration could not be read.
      returned: always
      type: list
      elements: str
      sample: []
objects:
  description: The objects that were waited for.
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
  description: Why the proxies may not be as wanted, most telling first. Empty on success.
  returned: always
  type: list
  elements: str
  sample: ["no istiod is ready (1 pods of it there), so that proxies hear of nothing"]
"""

import time

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.explanation import (
    analyze_arguments,
    failure_message,
    find_reasons,
    findings_about,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.mesh_reader import MeshReader
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.polling import Request, wait_for_proxies
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
    """The rules that the user named, in either way."""
    if params["definition"] is not None:
        return rules_in(params["definition"], params["namespace"])
    return [Rule(params["kind"], params["namespace"], params["name"])]


def analyze(params, kubeconfig, rules):
    """What istioctl finds about the rules, a list of lines; one that says so if it cannot be asked."""
    try:
        istioctl = Istioctl(params["binary_path"], kubeconfig, timeout=ANALYZE_SECONDS)
        lines = []
        for namespace in sorted({rule.namespace for rule in rules}):
            output = istioctl.run(*analyze_arguments(namespace), check=False)
            lines += findings_about(rules, output)
        return lines
    except IstioctlError as error:
        return [f"not asked, {error}"]


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
            request = Request(
                params["state"] == "present",
                ProxyFilter(params["namespaces"], params["pods"]),
                params["istio_namespace"],
                params["allow_none"],
            )
            outcome = wait_for_proxies(mesh.read_api, mesh.read_proxy, request, params["timeout"], module.check_mode)
            if not (outcome.met or outcome.problem or module.check_mode):
                istiod = mesh.istiod_pods(params["istio_namespace"])
                refusals = mesh.refusals(outcome.lagging)
                applied = [x for x in outcome.rules if mesh.facts.live.get(x.title)]
                findings = analyze(params, kubeconfig, applied)
                result["reasons"] = find_reasons(outcome, mesh.facts, istiod, refusals, findings)
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
