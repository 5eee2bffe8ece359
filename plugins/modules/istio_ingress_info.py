#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_ingress_info
short_description: Find the address of an Istio ingress gateway, or say why it has none
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Finds the Service of an ingress gateway and returns its address, its ports by name, and the URLs: what Istio's
    documentation calls INGRESS_HOST, INGRESS_PORT, SECURE_INGRESS_PORT and GATEWAY_URL.
  - >-
    With type LoadBalancer, the address is the load balancer's IP or host name and the ports are the Service's own. With
    type NodePort, it is a node's address and the ports are node ports.
  - >-
    If there is no address, RV(reason) says why: no Istio, no gateway, a LoadBalancer that stays C(<pending>), or
    several gateways. None of this is a failure. It fails only for options that make no sense and for a cluster that it
    cannot reach or may not read Services of.
  - The role P(meshlab.istio.ingress_gateway#role) gives a gateway node ports that stay.
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
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
  service:
    description:
      - Name of the gateway's Service.
      - If not set, the Services with O(label_selector) are taken.
    type: str
  namespace:
    description: Namespace to look in. All namespaces if not set.
    type: str
  label_selector:
    description: Labels of the gateway's Service. V(istio=ingressgateway) if neither this nor O(service) is set.
    type: str
  address_type:
    description: Which of a node's addresses to take for node ports.
    type: str
    choices: [InternalIP, ExternalIP, Hostname]
    default: InternalIP
  mapped_address:
    description:
      - >-
        C(host:port) at which the port for HTTP is reached from where you are, if that is not the node's own: on a kind
        cluster, what the node port is mapped to on the machine.
      - It is returned as RV(reachable). Nothing is tried.
    type: str
"""

EXAMPLES = r"""
- name: Find the ingress gateway
  meshlab.istio.istio_ingress_info:
  register: gateway

- name: Say its address, or why it has none
  ansible.builtin.debug:
    msg: "{{ gateway.reason or 'GATEWAY_URL=' ~ gateway.url }}"

- name: Look at one of several gateways, whose HTTP port kind maps on this machine
  meshlab.istio.istio_ingress_info:
    namespace: istio-system
    service: istio-ingressgateway
    mapped_address: 127.0.0.1:30080
"""

RETURN = r"""
namespace:
  description: >-
    Namespace of the gateway's Service. Unless exactly one is found, it is null, and so are the values below before
    RV(reason), or empty.
  returned: success
  type: str
  sample: istio-system
service:
  description: Name of the gateway's Service.
  returned: success
  type: str
  sample: istio-ingressgateway
type:
  description: Type of the Service.
  returned: success
  type: str
  sample: NodePort
host:
  description: The address, the first of RV(addresses). Null if there is none, see RV(reason).
  returned: success
  type: str
  sample: 198.18.0.2
addresses:
  description: >-
    All addresses: of the load balancer and the Service's external IPs if it has any; else, with type NodePort, of the
    nodes, those that run a ready gateway pod first. With V(externalTrafficPolicy: Local), of those only.
  returned: success
  type: list
  elements: str
  sample: [198.18.0.2]
ports:
  description: The ports of the Service by name; a port without a name goes by its number.
  returned: success
  type: dict
  sample:
    http2: {port: 80, target_port: 8080, node_port: 30080}
    https: {port: 443, target_port: 8443, node_port: 30443}
http_port:
  description: >-
    The port for HTTP at RV(host), a node port if that is a node. It is the port with the name V(http2) or V(http), else
    the one with the number 80.
  returned: success
  type: int
  sample: 30080
https_port:
  description: The port for HTTPS at RV(host). It is the port with the name V(https), else the one with the number 443.
  returned: success
  type: int
  sample: 30443
url:
  description: C(host:port) for HTTP, what Istio's documentation calls GATEWAY_URL.
  returned: success
  type: str
  sample: 198.18.0.2:30080
secure_url:
  description: C(host:port) for HTTPS.
  returned: success
  type: str
  sample: 198.18.0.2:30443
node_url:
  description: >-
    C(host:port) for HTTP at a node. A Service of type LoadBalancer has it too, also while it waits for an address.
  returned: success
  type: str
  sample: 198.18.0.2:30080
reachable:
  description: O(mapped_address), else RV(url), else RV(node_url).
  returned: success
  type: str
  sample: 127.0.0.1:30080
ready:
  description: Whether a pod behind the Service is ready.
  returned: success
  type: bool
  sample: true
endpoints:
  description: How many pods are behind the Service.
  returned: success
  type: dict
  contains:
    ready:
      description: Pods that are ready.
      returned: always
      type: int
      sample: 1
    not_ready:
      description: Pods that are not.
      returned: always
      type: int
      sample: 0
not_ready:
  description: Why pods behind the Service are not ready, or why there are none.
  returned: success
  type: list
  elements: str
  sample: ["pod istio-ingressgateway-7b5d4c9c6b-x2x5s: container istio-proxy: running, not ready"]
reason:
  description: Why there is no RV(url), and what to do. Null if there is one.
  returned: success
  type: str
  sample: null
nodes:
  description: Addresses of the cluster's nodes, those that are ready first. Empty if they may not be read.
  returned: success
  type: list
  elements: str
  sample: [198.18.0.2]
gateways:
  description: Every gateway that was found, each with the values above from RV(namespace) to RV(reason).
  returned: success
  type: list
  elements: dict
  sample:
    - namespace: istio-system
      service: istio-ingressgateway
      type: NodePort
      host: 198.18.0.2
      addresses: [198.18.0.2]
      ports: {http2: {port: 80, target_port: 8080, node_port: 30080}}
      http_port: 30080
      https_port: null
      url: 198.18.0.2:30080
      secure_url: null
      node_url: 198.18.0.2:30080
      reachable: 198.18.0.2:30080
      ready: true
      endpoints: {ready: 1, not_ready: 0}
      not_ready: []
      reason: null
"""

from ansible_collections.meshlab.istio.plugins.module_utils._istio import ingress
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule


def main():
    module = ClusterModule(
        argument_spec={
            "service": {"type": "str"},
            "namespace": {"type": "str"},
            "label_selector": {"type": "str"},
            "address_type": {
                "type": "str",
                "choices": ["InternalIP", "ExternalIP", "Hostname"],
                "default": "InternalIP",
            },
            "mapped_address": {"type": "str"},
        },
        mutually_exclusive=[("service", "label_selector")],
        supports_check_mode=True,
    )
    try:
        ingress.check_options(module.params)
        with connect(module.params) as cluster:
            result = ingress.find_gateways(cluster, module.params)
    except (ingress.IngressError, ClusterError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
