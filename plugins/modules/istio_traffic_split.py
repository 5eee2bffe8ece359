#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_traffic_split
short_description: Measure how traffic splits over backends
version_added: "1.0.0"
description:
  - >-
    Sends HTTP requests from a pod through the mesh, tells the backends apart by their responses, and reports
    whether the traffic splits over them as O(backends) declare.
  - >-
    The verdict is an exact binomial test of each backend, with Bonferroni's correction for more than two backends. The
    test is never repeated until it passes, because that would hide a wrong split.
  - >-
    A backend of weight 0 has to get exactly nothing, and a backend that has all the weight has to get everything. No
    tolerance applies to them.
  - >-
    Responses that match no backend or more than one backend, responses of another status than 200, and requests without
    a response are errors. They are counted separately, and the verdict is V(fail) if there are more than O(max_errors).
    The denominator of all shares is the number of responses that match exactly one backend.
  - >-
    The verdict is V(inconclusive) where the sample decides nothing: too few requests could be sent or were answered, or
    what came fits an even split just as well, as if there were no rule.
  - >-
    All requests are sent in one exec, by O(parallel) workers and each over a connection of its own, and are counted in
    the pod. Environment variables that name an HTTP proxy are not followed, nor are redirects taken for an answer.
  - >-
    Where there is no client to send from, O(ephemeral_client=true) creates a pod for the time of the measurement.
  - >-
    Weights act in the proxy of the client. A client pod without a sidecar is measured nevertheless, and shows how the
    Service spreads its traffic.
  - >-
    The test takes each request for an independent draw, as Envoy's weighted routes are. It does not fit a
    DestinationRule that keeps a client on one backend (session affinity, consistent hash).
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: partial
    details: >-
      Nothing would be changed, but traffic would be sent. In check mode the options are checked, no cluster is asked,
      and the task is skipped.
  diff_mode:
    support: none
    details: Changes nothing.
  idempotent:
    support: full
    details: >-
      Never reports a change. What it counts differs from run to run, as chance has it. The pod of
      O(ephemeral_client=true) is not a change either, because it is removed when the task ends.
options:
  url:
    description:
      - Where to send C(GET) requests to, as the client pod sees it.
      - >-
        Plain HTTP only. Characters beyond ASCII and spaces have to be percent-encoded.
    type: str
    required: true
  backends:
    description:
      - The backends to tell apart, and the share that each of them should get.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - A name for the backend, for the results.
        type: str
        required: true
      weight:
        description:
          - Its weight, 0 or more. The share is the weight divided by the sum of all weights, which may be any.
        type: int
        required: true
      match:
        description:
          - >-
            A POSIX extended regular expression, as in C(grep -E). A response belongs to the backend if any line of its
            body contains a match. Case matters, and line ends do not count (LF or CRLF).
          - C(\d), C(\w) and the like are not POSIX, and are refused. Write C([0-9]) or C([[:alnum:]_]).
        type: str
        required: true
      header:
        description:
          - >-
            The name of a response header, in any case. If set, O(backends[].match) is searched for in its value,
            and not in the body.
          - With C(wget), this takes one that has the option C(-S).
        type: str
  requests:
    description:
      - How many requests to send and count, 1 to 100000.
      - >-
        The default settles whether the rule is in force (80/20 or 50/50). Thousands are needed to tell neighbours such
        as 80/20 and 75/25 apart. RV(backends[].detectable) says what a run could tell, and a warning comes if it could
        not even tell an even split.
    type: int
    default: 400
  parallel:
    description:
      - How many requests may be under way at a time, 1 to 16. With V(1) they are sent one after the other.
    type: int
    default: 4
  warmup:
    description:
      - How many requests to send before, which are not counted and may fail.
      - They end with the first one that fails after O(request_timeout) seconds of them.
    type: int
    default: 10
  headers:
    description:
      - >-
        Request headers to send, as a dictionary of names and values. For a rule that matches a header, or a C(Host) of
        its own.
      - The values are visible in the process list of the client pod.
    type: dict
    default: {}
  method:
    description:
      - The program in the client container that sends the requests.
      - V(auto) takes C(curl) if it is there, which is faster, else C(wget).
      - C(wget) may be the one of BusyBox or of GNU.
      - Besides it, C(sh) and C(awk) have to be there, as in every BusyBox image.
    type: str
    choices: [auto, wget, curl]
    default: auto
  namespace:
    description:
      - The namespace of the client pod.
    type: str
    default: default
  pod:
    description:
      - The client pod, by its name.
      - Exactly one of O(pod), O(deployment), O(label_selector), and O(ephemeral_client) is required.
    type: str
  deployment:
    description:
      - The client pod, as one of this Deployment.
    type: str
  label_selector:
    description:
      - The client pod, by its labels, such as V(app=client).
      - If there are several running pods, a ready one is taken, the first by name.
    type: str
  container:
    description:
      - The container of the client pod to send from.
      - >-
        If not set, the one that the annotation C(kubectl.kubernetes.io/default-container) names, else the first one
        that is not C(istio-proxy).
    type: str
  ephemeral_client:
    description:
      - >-
        Whether to send from a pod that is created in O(namespace) and removed at the end of the task, whether it
        succeeds or fails. With an existing client (O(pod), O(deployment), O(label_selector)) nothing is created.
      - It has a sidecar where O(namespace) is labelled for automatic injection.
      - >-
        Its name starts with C(traffic-split-). Should the module be killed, it ends by itself at the latest two and a
        half minutes after O(timeout), and remains as a completed pod.
      - Requires permission to create and delete pods.
    type: bool
    default: false
  ephemeral_client_image:
    description:
      - >-
        The image of that pod. It must contain C(sh), C(sleep), C(awk), and C(curl) or C(wget), and must run as any
        user.
    type: str
    default: docker.io/curlimages/curl
  request_timeout:
    description:
      - How long one request may take, in seconds.
    type: int
    default: 5
  timeout:
    description:
      - How long all requests together may take, in seconds. At least O(request_timeout).
      - >-
        The verdict is no V(pass) if not all of them could be sent. A run ends earlier when O(max_errors) is exceeded
        by about ten failed requests.
    type: int
    default: 300
  max_errors:
    description:
      - How many errors are accepted.
    type: int
    default: 0
  significance:
    description:
      - >-
        How often a right split may be judged V(fail) by chance. 0.001 is once in a thousand runs. Smaller values let
        wrong splits pass more easily.
    type: float
    default: 0.001
  tolerance:
    description:
      - >-
        Accept shares that are off by at most this many percentage points, in place of the exact test. V(5) accepts
        0.75 to 0.85 where 0.8 is expected.
      - >-
        It is refused if a right split would leave it by chance more often than O(significance) allows, with the number
        of O(requests) that resolve it.
    type: float
  fail_on_verdict:
    description:
      - Whether the task fails if the verdict is not V(pass). Set to V(false) to look at RV(verdict) in the play.
      - A measurement that is not possible fails the task always.
    type: bool
    default: true
requirements:
  - python >= 3.9
  - kubernetes >= 24.2.0 (Python library)
seealso:
  - name: Traffic shifting
    description: Istio's own task about weighted routes.
    link: https://istio.io/latest/docs/tasks/traffic-management/traffic-shifting/
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Check that 80 of 100 requests go to Tomcat and 20 to httpd
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    deployment: client
    url: http://web-svc:8080/
    backends:
      - {name: tomcat, weight: 80, match: Apache Tomcat}
      - {name: httpd, weight: 20, match: hello httpd}

- name: See how the Service spreads traffic before there is a rule
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    label_selector: app=client
    url: http://web-svc:8080/
    backends:
      - {name: tomcat, weight: 50, match: Apache Tomcat}
      - {name: httpd, weight: 50, match: hello httpd}
    fail_on_verdict: false
  register: baseline

- name: Show the counts
  ansible.builtin.debug:
    msg: "{{ baseline.verdict }}: {{ baseline.msg }}"

- name: Tell 80/20 from 75/25
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    deployment: client
    url: http://web-svc:8080/
    requests: 2500
    backends:
      - {name: tomcat, weight: 80, match: Apache Tomcat}
      - {name: httpd, weight: 20, match: hello httpd}

- name: Accept 80/20 within five percentage points
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    deployment: client
    url: http://web-svc:8080/
    requests: 1000
    tolerance: 5
    backends:
      - {name: tomcat, weight: 80, match: Apache Tomcat}
      - {name: httpd, weight: 20, match: hello httpd}

- name: Check that a request which meets the rule's condition goes to Tomcat alone
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    deployment: client
    url: http://web-svc:8080/
    headers:
      end-user: jason
    backends:
      - {name: tomcat, weight: 100, match: Apache Tomcat}
      - {name: httpd, weight: 0, match: hello httpd}

- name: Tell versions apart by a field of their JSON bodies, from an ephemeral client
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    namespace: shop
    ephemeral_client: true
    url: http://reviews:9080/reviews/0
    backends:
      - {name: v1, weight: 80, match: '"podname": *"reviews-v1-'}
      - {name: v2, weight: 20, match: '"podname": *"reviews-v2-'}

- name: Tell versions apart by a response header
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    namespace: shop
    deployment: client
    container: app
    url: http://catalog:8080/items?page=1
    backends:
      - {name: v1, weight: 9, header: x-version, match: ^v1$}
      - {name: v2, weight: 1, header: x-version, match: ^v2$}
"""

RETURN = r"""
verdict:
  description:
    - V(pass) if the split holds, and V(fail) if it does not, or if there were more errors than O(max_errors).
    - >-
      V(inconclusive) if the sample does not decide: not all requests could be sent, no backend responded, the accepted
      errors leave too few responses for the O(tolerance), or an even split fits the counts too, by the same test at the
      same O(significance). Without O(tolerance), a V(pass) thus rules out an even split.
  returned: when the split was measured
  type: str
  sample: pass
msg:
  description: The verdict with its reasons in a sentence, or what went wrong.
  returned: always
  type: str
  sample: >-
    the 80/20 split holds: tomcat 316 of 400 = 79.0% (expected 80.0%), httpd 84 of 400 = 21.0% (expected 20.0%);
    p = 0.65, not below significance 0.001
likely_cause:
  description: What most likely made the verdict V(fail) or V(inconclusive). Empty if it is V(pass).
  returned: when the split was measured
  type: str
  sample: "the client has no sidecar: weights act in the client's proxy"
requests:
  description: The number of requests that were to be counted, O(requests).
  returned: when the split was measured
  type: int
  sample: 400
sent:
  description: The number of requests that were sent and counted. Less than RV(requests) if the run ended early.
  returned: when the split was measured
  type: int
  sample: 400
answered:
  description: The number of responses that exactly one backend gave. The denominator of the shares.
  returned: when the split was measured
  type: int
  sample: 400
backends:
  description: What each backend got, in the order of O(backends).
  returned: when the split was measured
  type: list
  elements: dict
  contains:
    name:
      description: The name of the backend.
      returned: always
      type: str
      sample: tomcat
    weight:
      description: Its weight.
      returned: always
      type: int
      sample: 80
    expected_share:
      description: The share that its weight stands for, 0 to 1.
      returned: always
      type: float
      sample: 0.8
    count:
      description: How many responses it gave.
      returned: always
      type: int
      sample: 316
    share:
      description: The share of RV(answered) that it gave, 0 to 1. Null if no backend gave a response.
      returned: always
      type: float
      sample: 0.79
    interval:
      description: >-
        The Clopper-Pearson interval of its true share, lower and upper end, at confidence 1 - O(significance).
      returned: always
      type: list
      elements: float
      sample: [0.716, 0.852]
    p_value:
      description: >-
        How likely a count at least this far off is, in either direction, if the true share is the expected one.
      returned: always
      type: float
      sample: 0.65
    detectable:
      description: >-
        A true share below the first value, or above the second, would have been judged V(fail) in at least 99 of 100
        such runs. Null in place of a value that no share reaches.
      returned: always
      type: list
      elements: float
      sample: [0.678, 0.9]
p_value:
  description: >-
    The p-value of the whole split. Without O(tolerance), the verdict is V(fail) if it is below O(significance).
  returned: when the split was measured
  type: float
  sample: 0.65
significance:
  description: O(significance), which the verdict and the intervals go by.
  returned: when the split was measured
  type: float
  sample: 0.001
errors:
  description: The responses and requests that no backend counts, by kind.
  returned: when the split was measured
  type: dict
  contains:
    total:
      description: All of them together, what O(max_errors) limits.
      returned: always
      type: int
      sample: 0
    unknown:
      description: Responses that no backend matches.
      returned: always
      type: int
      sample: 0
    ambiguous:
      description: Responses that more than one backend matches.
      returned: always
      type: int
      sample: 0
    timeout:
      description: Requests that were not answered within O(request_timeout).
      returned: always
      type: int
      sample: 0
    dns:
      description: Requests whose host could not be resolved.
      returned: always
      type: int
      sample: 0
    connection:
      description: Requests whose connection was refused, or had no way to its host.
      returned: always
      type: int
      sample: 0
    broken:
      description: Requests whose connection ended before the response was whole.
      returned: always
      type: int
      sample: 0
    other:
      description: Requests that failed in another way.
      returned: always
      type: int
      sample: 0
    status:
      description: Responses of a status other than 200, by status.
      returned: always
      type: dict
      sample: {"503": 2}
    messages:
      description: What the client program said of requests that failed, each message once.
      returned: always
      type: list
      elements: str
      sample: ["wget: download timed out"]
samples:
  description: >-
    The start of the body, at most 200 characters, of the first response of each kind of error that there was.
    The kinds are C(unknown), C(ambiguous), and C(failed).
  returned: when the split was measured
  type: dict
  sample: {unknown: "<html><head><title>Welcome</title>"}
elapsed:
  description: How long the counted requests took, in seconds, by the clock of the client pod.
  returned: when the split was measured
  type: float
  sample: 1.46
client:
  description: Where the requests came from.
  returned: when the split was measured
  type: dict
  contains:
    namespace:
      description: The namespace of the pod.
      returned: always
      type: str
      sample: default
    pod:
      description: The name of the pod.
      returned: always
      type: str
      sample: client-7d9c5b6f4-x2x8k
    container:
      description: The container.
      returned: always
      type: str
      sample: client
    sidecar:
      description: Whether the pod has a ready sidecar (container C(istio-proxy)).
      returned: always
      type: bool
      sample: true
    method:
      description: The program that sent the requests, V(curl) or V(wget).
      returned: always
      type: str
      sample: wget
"""

import contextlib

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule
from ansible_collections.meshlab.istio.plugins.module_utils._traffic import measurement, verdict
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import find_client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.ephemeral_client import ephemeral_client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import SplitError, plan_from, plan_warnings

CLIENTS = ("pod", "deployment", "label_selector")


def measure(params, plan):
    """Find or create the client, send the plan's requests from it, and return the verdict with its grounds."""
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(connect(params))
        if params["ephemeral_client"]:
            created = ephemeral_client(cluster, plan, params["namespace"], params["ephemeral_client_image"])
            client = stack.enter_context(created)
        else:
            named = [params[name] for name in CLIENTS]
            client = find_client(cluster, params["namespace"], *named, params["container"])
        return verdict.judge(plan, measurement.measure(cluster, plan, client), client)


def main():
    module = ClusterModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "backends": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "weight": {"type": "int", "required": True},
                    "match": {"type": "str", "required": True},
                    "header": {"type": "str"},
                },
            },
            "requests": {"type": "int", "default": 400},
            "parallel": {"type": "int", "default": 4},
            "warmup": {"type": "int", "default": 10},
            "headers": {"type": "dict", "default": {}},
            "method": {"type": "str", "choices": ["auto", "wget", "curl"], "default": "auto"},
            "namespace": {"type": "str", "default": "default"},
            "pod": {"type": "str"},
            "deployment": {"type": "str"},
            "label_selector": {"type": "str"},
            "container": {"type": "str"},
            "ephemeral_client": {"type": "bool", "default": False},
            "ephemeral_client_image": {"type": "str", "default": "docker.io/curlimages/curl"},
            "request_timeout": {"type": "int", "default": 5},
            "timeout": {"type": "int", "default": 300},
            "max_errors": {"type": "int", "default": 0},
            "significance": {"type": "float", "default": 0.001},
            "tolerance": {"type": "float"},
            "fail_on_verdict": {"type": "bool", "default": True},
        },
        mutually_exclusive=[CLIENTS],
        required_if=[("ephemeral_client", False, CLIENTS, True)],
        supports_check_mode=True,
    )
    for name in (*CLIENTS, "container"):
        if module.params["ephemeral_client"] and module.params[name]:
            module.fail_json(msg=f"ephemeral_client and {name} are mutually exclusive")
    try:
        plan = plan_from(module.params)
        for warning in plan_warnings(plan):
            module.warn(warning)
        if module.check_mode:
            module.exit_json(changed=False, skipped=True, msg="not measured: check mode sends no traffic")
        result = measure(module.params, plan)
    except (SplitError, ClusterError) as error:
        module.fail_json(msg=str(error))
    if result["verdict"] != "pass" and module.params["fail_on_verdict"]:
        module.fail_json(**result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
