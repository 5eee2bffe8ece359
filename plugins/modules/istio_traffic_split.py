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
    Sends HTTP requests from a pod through the mesh, assigns each response to a backend, and reports whether the traffic
    splits as the weights in O(backends) declare.
  - >-
    The verdict is based on an exact binomial test for each backend, with Bonferroni correction for more than two
    backends. The test is never repeated until it passes, because that would hide a wrong split.
  - >-
    A backend with weight 0 must receive no request, and a backend with all the weight must receive every request. No
    tolerance applies to them.
  - >-
    Responses that match no backend or several backends, responses with a status other than 200, and requests without a
    response are errors. They are counted separately, and more than O(max_errors) of them make the verdict V(fail). The
    denominator of all shares is the number of responses that match exactly one backend.
  - >-
    The verdict is V(inconclusive) if the sample cannot decide: not all requests were sent, too few were answered, or
    the counts are also consistent with an even split, as without any rule.
  - >-
    All requests are sent in one exec by O(parallel) workers, each request over its own connection, and the responses
    are counted in the pod. HTTP proxies from environment variables are ignored, and a redirect is an error.
  - >-
    If there is no client to send from, O(ephemeral_client=true) creates a pod for the duration of the measurement.
  - >-
    Weights are applied by the client's sidecar. A client pod without a sidecar is measured too, and shows how the
    Service distributes its traffic.
  - >-
    The test assumes that every request is routed independently, as Envoy's weighted routes do. It is not suitable for a
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
      Nothing is changed, but traffic would be sent. In check mode the options are validated, no request goes to the
      cluster, and the task is skipped.
  diff_mode:
    support: none
    details: Changes nothing.
  idempotent:
    support: full
    details: >-
      Never reports a change. The counts vary randomly between runs. The pod of O(ephemeral_client=true) is not a change
      either, because it is removed when the task ends.
options:
  url:
    description:
      - URL for the C(GET) requests, as seen from the client pod.
      - Plain HTTP only. Spaces and non-ASCII characters must be percent-encoded.
    type: str
    required: true
  backends:
    description:
      - Backends with the share that each of them is expected to get.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the backend in the results.
        type: str
        required: true
      weight:
        description:
          - Weight of the backend, at least 0. Its share is this weight divided by the sum of all weights.
        type: int
        required: true
      match:
        description:
          - >-
            POSIX extended regular expression, as for C(grep -E). A response belongs to the backend if any line of its
            body contains a match. Case-sensitive. Line ends (LF or CRLF) are not part of a line.
          - C(\d), C(\w) and the like are not POSIX and are rejected. Use C([0-9]) or C([[:alnum:]_]).
        type: str
        required: true
      header:
        description:
          - >-
            Name of a response header, not case-sensitive. If set, O(backends[].match) is applied to its value instead
            of the body.
          - With C(wget), this requires its option C(-S).
        type: str
  requests:
    description:
      - Number of requests to send and count, 1 to 100000.
      - >-
        By default, the number is computed from the weights, O(significance) and O(tolerance), for example 450 for
        80/20. It is enough to detect an even split in 99% of runs, to get a response from every backend in 99% of runs,
        and to detect a shift of 10 percentage points (70/30 instead of 80/20) in 95% of runs. It is at least 100 and at
        most 5000.
      - >-
        More requests are needed to tell similar splits apart, such as 80/20 and 75/25. RV(sensitivity) and
        RV(backends[].detectable) show what the run could detect. A warning is shown if it could not even detect an even
        split.
    type: int
  parallel:
    description:
      - Number of requests in flight at a time, 1 to 16. With V(1) they are sent one after the other.
    type: int
    default: 4
  warmup:
    description:
      - Number of requests to send first. They are not counted and may fail.
      - Once the warm-up has taken O(request_timeout) seconds, it ends at its next failure.
    type: int
    default: 10
  headers:
    description:
      - >-
        Request headers to send, as a dictionary of names and values, for example a header that a rule matches, or
        C(Host).
      - >-
        The values are sent to the pod on standard input and are therefore not in the audit log of the API server. They
        are visible in the process list of the client pod. For secrets, set C(no_log) for the task.
    type: dict
    default: {}
  method:
    description:
      - Program in the client container that sends the requests.
      - V(auto) uses C(curl) if the container has it, because it is faster, and C(wget) otherwise.
      - Both BusyBox C(wget) and GNU C(wget) are supported.
      - The container must also have C(sh) and C(awk), as every BusyBox image does.
    type: str
    choices: [auto, wget, curl]
    default: auto
  namespace:
    description:
      - Namespace of the client pod.
    type: str
    default: default
  pod:
    description:
      - Name of the client pod.
      - Exactly one of O(pod), O(deployment), O(label_selector), and O(ephemeral_client) is required.
    type: str
  deployment:
    description:
      - Name of the Deployment of the client pod.
    type: str
  label_selector:
    description:
      - Label selector of the client pod, such as V(app=client).
      - Of several running pods, the first ready one by name is used.
    type: str
  container:
    description:
      - Container of the client pod to send from.
      - >-
        Defaults to the container that the annotation C(kubectl.kubernetes.io/default-container) names, or else the
        first container other than C(istio-proxy).
    type: str
  ephemeral_client:
    description:
      - >-
        Whether to send from a pod that is created in O(namespace) and removed at the end of the task, even if the task
        fails. With an existing client (O(pod), O(deployment), O(label_selector)) nothing is created.
      - It has a sidecar if O(namespace) is labeled for automatic injection.
      - >-
        Its name starts with C(traffic-split-). If the module is killed, the pod completes at most two and a half
        minutes after O(timeout), and is not deleted.
      - Requires permission to create and delete pods.
    type: bool
    default: false
  ephemeral_client_image:
    description:
      - >-
        Image of the ephemeral client. It must contain C(sh), C(sleep), C(awk), and C(curl) or C(wget), and must run as
        any user.
    type: str
    default: docker.io/curlimages/curl
  request_timeout:
    description:
      - Maximum time for one request, in seconds.
    type: int
    default: 5
  timeout:
    description:
      - Maximum time for all requests together, in seconds. At least O(request_timeout).
      - >-
        The verdict cannot be V(pass) if not all requests were sent in this time. A run ends earlier if there are about
        ten errors more than O(max_errors).
    type: int
    default: 300
  max_errors:
    description:
      - Number of errors that are accepted.
    type: int
    default: 0
  significance:
    description:
      - >-
        Probability that a correct split is judged V(fail) by chance. V(0.001) is once in a thousand runs. Smaller
        values make it more likely that a wrong split passes.
    type: float
    default: 0.001
  tolerance:
    description:
      - >-
        Maximum deviation of a share in percentage points. Replaces the exact test. V(5) accepts 0.75 to 0.85 where 0.8
        is expected.
      - >-
        Rejected if a correct split would exceed it by chance more often than O(significance) allows. The message then
        gives the number of O(requests) that is sufficient.
    type: float
  fail_on_verdict:
    description:
      - >-
        Whether to fail if the verdict is not V(pass). Set to V(false) to evaluate RV(verdict) in the play.
      - The task always fails if nothing could be measured.
    type: bool
    default: true
requirements:
  - python >= 3.9
  - kubernetes >= 24.2.0 (Python library)
seealso:
  - name: Traffic shifting
    description: Istio task about weighted routes.
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

- name: Measure how the Service distributes traffic without a rule
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

- name: Send enough requests to tell 80/20 from 75/25
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

- name: Check that requests with the matched header go to Tomcat only
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    deployment: client
    url: http://web-svc:8080/
    headers:
      end-user: jason
    backends:
      - {name: tomcat, weight: 100, match: Apache Tomcat}
      - {name: httpd, weight: 0, match: hello httpd}

- name: Identify versions by a field of their JSON responses, from an ephemeral client
  meshlab.istio.istio_traffic_split:
    kubeconfig: ~/.kube/lab
    namespace: shop
    ephemeral_client: true
    url: http://reviews:9080/reviews/0
    backends:
      - {name: v1, weight: 80, match: '"podname": *"reviews-v1-'}
      - {name: v2, weight: 20, match: '"podname": *"reviews-v2-'}

- name: Identify versions by a response header
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
      V(inconclusive) if the sample cannot decide: not all requests were sent, no backend responded, the accepted errors
      leave too few responses for O(tolerance), or the counts are also consistent with an even split, by the same test
      at the same O(significance). Without O(tolerance), V(pass) therefore rules out an even split. A backend with a
      small weight and without a response is also V(inconclusive), because its weight may be 0.
    - >-
      Weights whose shares are within one percentage point of an even split (50/50, 34/33/33) are not compared with it.
      They pass without a rule too.
  returned: when the split was measured
  type: str
  sample: pass
msg:
  description: The verdict with its reasons, or the error.
  returned: always
  type: str
  sample: >-
    the 80/20 split holds: tomcat 316 of 400 = 79.0% (expected 80.0%), httpd 84 of 400 = 21.0% (expected 20.0%);
    p = 0.65, not below significance 0.001; an actual 75/25 split would pass in 81% of runs, with 1700 requests in less
    than 5%
reason:
  description: The most likely reason why the verdict is not V(pass). Empty if it is V(pass).
  returned: when the split was measured
  type: str
  sample: the client has no sidecar, which would apply the weights
findings:
  description: >-
    Findings in the API that may explain RV(reason): the weights of the VirtualServices for the host, and wrong fields
    of VirtualServices, DestinationRules and the Service. Empty if RV(verdict) is V(pass). Objects that the user may not
    read are left out.
  returned: when the split was measured
  type: list
  elements: str
  sample: []
requests:
  description: Number of requests that were planned, O(requests).
  returned: when the split was measured
  type: int
  sample: 400
sent:
  description: Number of requests that were sent and counted. Less than RV(requests) if the run ended early.
  returned: when the split was measured
  type: int
  sample: 400
answered:
  description: Number of responses that match exactly one backend. The denominator of the shares.
  returned: when the split was measured
  type: int
  sample: 400
backends:
  description: Result for each backend, in the order of O(backends).
  returned: when the split was measured
  type: list
  elements: dict
  contains:
    name:
      description: Name of the backend.
      returned: always
      type: str
      sample: tomcat
    weight:
      description: Weight of the backend.
      returned: always
      type: int
      sample: 80
    expected_share:
      description: Share that corresponds to its weight, 0 to 1.
      returned: always
      type: float
      sample: 0.8
    count:
      description: Number of its responses.
      returned: always
      type: int
      sample: 316
    share:
      description: Share of RV(answered), 0 to 1. Null if no backend responded.
      returned: always
      type: float
      sample: 0.79
    interval:
      description: >-
        Clopper-Pearson interval of its true share, lower and upper bound. With Bonferroni correction, so all intervals
        together have the confidence 1 - O(significance).
      returned: always
      type: list
      elements: float
      sample: [0.716, 0.852]
    p_value:
      description: >-
        Probability of a deviation at least this large, in either direction, if the true share is the expected one.
      returned: always
      type: float
      sample: 0.65
    detectable:
      description: >-
        A true share below the first value or above the second one is judged V(fail) in at least 99% of such runs. A
        value is null if no share on its side is detected so reliably.
      returned: always
      type: list
      elements: float
      sample: [0.678, 0.9]
p_value:
  description: >-
    P-value of the whole split. Without O(tolerance), the verdict is V(fail) if it is below O(significance).
  returned: when the split was measured
  type: float
  sample: 0.65
sensitivity:
  description: >-
    A similar split that may pass with the same number of responses. Null if there is only one backend or no response.
  returned: when the split was measured
  type: dict
  contains:
    shares:
      description: >-
        Shares of the similar split, in the order of O(backends). Five percentage points, and the O(tolerance), are
        moved from the largest share to the smallest one.
      returned: always
      type: list
      elements: float
      sample: [0.75, 0.25]
    pass_probability:
      description: Probability that the similar split passes. An upper bound for more than two backends.
      returned: always
      type: float
      sample: 0.81
    requests:
      description: >-
        Approximate number of O(requests) with which the similar split passes in less than 5% of runs. Null if it
        already does, or if O(tolerance) applies.
      returned: always
      type: int
      sample: 1700
significance:
  description: O(significance), which the verdict and the intervals are based on.
  returned: when the split was measured
  type: float
  sample: 0.001
errors:
  description: Number of errors by kind.
  returned: when the split was measured
  type: dict
  contains:
    total:
      description: All errors, which O(max_errors) limits.
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
      description: Requests whose connection was refused, or whose host was unreachable.
      returned: always
      type: int
      sample: 0
    broken:
      description: Requests whose connection ended before the response was complete.
      returned: always
      type: int
      sample: 0
    other:
      description: Requests that failed in another way.
      returned: always
      type: int
      sample: 0
    status:
      description: Responses with a status other than 200, by status.
      returned: always
      type: dict
      sample: {"503": 2}
    messages:
      description: Error messages of the client program, each once.
      returned: always
      type: list
      elements: str
      sample: ["wget: download timed out"]
samples:
  description: >-
    Start of the body, at most 200 characters, of the first response of each kind of error (C(unknown), C(ambiguous),
    C(failed)).
  returned: when the split was measured
  type: dict
  sample: {unknown: "<html><head><title>Welcome</title>"}
elapsed:
  description: Duration of the counted requests in seconds, by the clock of the client pod.
  returned: when the split was measured
  type: float
  sample: 1.46
client:
  description: Client that sent the requests.
  returned: when the split was measured
  type: dict
  contains:
    namespace:
      description: Namespace of the pod.
      returned: always
      type: str
      sample: default
    pod:
      description: Name of the pod.
      returned: always
      type: str
      sample: client-7d9c5b6f4-x2x8k
    container:
      description: Name of the container.
      returned: always
      type: str
      sample: client
    sidecar:
      description: Whether the pod has a ready sidecar (container C(istio-proxy)).
      returned: always
      type: bool
      sample: true
    method:
      description: Program that sent the requests, V(curl) or V(wget).
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
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.findings import find_in_api
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import SplitError, plan_from, plan_warnings

CLIENTS = ("pod", "deployment", "label_selector")


def measure(params, plan):
    """Find or create the client, send the requests of the plan from it, and return the module's result."""
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(connect(params))
        if params["ephemeral_client"]:
            created = ephemeral_client(cluster, plan, params["namespace"], params["ephemeral_client_image"])
            client = stack.enter_context(created)
        else:
            named = [params[name] for name in CLIENTS]
            client = find_client(cluster, params["namespace"], *named, params["container"])
        result = verdict.judge(plan, measurement.measure(cluster, plan, client), client)
        if result["verdict"] == "pass":
            return result
        return verdict.with_findings(result, find_in_api(cluster, plan, client))


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
            "requests": {"type": "int"},
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
        for warning in verdict.warnings(plan, result):
            module.warn(warning)
    except (SplitError, ClusterError) as error:
        module.fail_json(msg=str(error))
    if result["verdict"] != "pass" and module.params["fail_on_verdict"]:
        module.fail_json(**result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
