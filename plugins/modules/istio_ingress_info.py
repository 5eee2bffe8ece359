#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_ingress_info
short_description: Gather information about the address of an Istio ingress gateway
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - >-
    Finds the Service of an ingress gateway and returns its address, its ports by name, and its URLs. Istio's
    documentation calls them C(INGRESS_HOST), C(INGRESS_PORT), C(SECURE_INGRESS_PORT) and C(GATEWAY_URL).
  - >-
    For a Service of type C(LoadBalancer), the address is the IP address or host name of the load balancer, and the
    ports are those of the Service. For type C(NodePort), they are the address of a node and the node ports.
  - >-
    If there is no address, RV(reason) explains it, for example because Istio is not installed, there is no gateway, a
    load balancer is C(<pending>), or there are several gateways. None of these is a failure. The module fails only if
    an option is invalid, the cluster does not respond, or the user may not read Services.
  - The role P(meshlab.istio.ingress_gateway#role) sets permanent node ports of a gateway.
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
    details: The module changes nothing.
  diff_mode:
    support: none
    details: The module changes nothing.
  idempotent:
    support: full
options:
  service:
    description:
      - Name of the gateway's Service.
      - If not set, the Services with O(label_selector) are used.
    type: str
  namespace:
    description: Namespace of the Service. All namespaces are searched if not set.
    type: str
  label_selector:
    description: Label selector of the gateway's Service. V(istio=ingressgateway) if neither this nor O(service) is set.
    type: str
  address_type:
    description: Type of the node address to use with node ports.
    type: str
    choices: [InternalIP, ExternalIP, Hostname]
    default: InternalIP
  mapped_address:
    description:
      - >-
        C(host:port) that is mapped to the gateway's HTTP port, such as the address on this host that kind maps to a
        node port.
      - Returned as RV(local_address). The module does not connect to it.
    type: str
"""

EXAMPLES = r"""
- name: Find the ingress gateway
  meshlab.istio.istio_ingress_info:
  register: gateway

- name: Show the address of the gateway, or the reason why it has none
  ansible.builtin.debug:
    msg: "{{ gateway.reason or 'GATEWAY_URL=' ~ gateway.url }}"

- name: Find one of several gateways, with the address on this host that kind maps to its HTTP port
  meshlab.istio.istio_ingress_info:
    namespace: istio-system
    service: istio-ingressgateway
    mapped_address: 127.0.0.1:30080
"""

RETURN = r"""
namespace:
  description: >-
    Namespace of the gateway's Service. If no gateway or several gateways are found, this value and those below, up to
    RV(endpoints), are null, empty or V(false).
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
  description: The first of RV(addresses). Null if there is none, see RV(reason).
  returned: success
  type: str
  sample: 198.18.0.2
addresses:
  description: >-
    The addresses of the load balancer and the external IP addresses of the Service. If there are none and the type is
    C(NodePort), the addresses of the nodes, those with a ready gateway pod first. With
    C(externalTrafficPolicy=Local), only the nodes with a ready gateway pod.
  returned: success
  type: list
  elements: str
  sample: [198.18.0.2]
ports:
  description: The ports of the Service by name, or by number if a port has no name.
  returned: success
  type: dict
  sample:
    http2: {port: 80, target_port: 8080, node_port: 30080}
    https: {port: 443, target_port: 8443, node_port: 30443}
http_port:
  description: >-
    The HTTP port at RV(host): the Service's port named C(http2) or C(http), else its port 80. If RV(host) is a node,
    the node port of that port.
  returned: success
  type: int
  sample: 30080
https_port:
  description: "The HTTPS port at RV(host), in the same way: the port named C(https), else port 443."
  returned: success
  type: int
  sample: 30443
url:
  description: C(host:port) for HTTP. Istio's documentation calls it C(GATEWAY_URL).
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
    C(host:port) for HTTP at a node. Also set for a Service of type C(LoadBalancer) that has no address yet.
  returned: success
  type: str
  sample: 198.18.0.2:30080
local_address:
  description: C(host:port) for HTTP from this host. O(mapped_address) if set, else RV(url), else RV(node_url).
  returned: success
  type: str
  sample: 127.0.0.1:30080
ready:
  description: Whether at least one pod of the Service is ready.
  returned: success
  type: bool
  sample: true
endpoints:
  description: The pods of the Service.
  returned: success
  type: dict
  contains:
    ready:
      description: Number of pods that are ready.
      returned: always
      type: int
      sample: 1
    not_ready:
      description: Number of pods that are not ready.
      returned: always
      type: int
      sample: 0
    reasons:
      description: Why pods are not ready, or why there are none.
      returned: always
      type: list
      elements: str
      sample: ["pod istio-ingressgateway-7b5d4c9c6b-x2x5s: container istio-proxy: running, not ready"]
reason:
  description: Why there is no RV(url), and how to fix it. Null if there is one.
  returned: success
  type: str
  sample: null
nodes:
  description: Addresses of the cluster's nodes, ready nodes first. Empty without permission to read nodes.
  returned: success
  type: list
  elements: str
  sample: [198.18.0.2]
gateways:
  description: All gateways found, each with the values from RV(namespace) to RV(reason).
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
      local_address: 198.18.0.2:30080
      ready: true
      endpoints: {ready: 1, not_ready: 0, reasons: []}
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
