#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: jaeger_trace_info
short_description: Find traces in Jaeger, wait for a complete one, and say why there is none
version_added: "1.0.0"
description:
  - Finds the traces of a service through Jaeger's query API, and returns of each its services, spans, depth, duration
    and tree.
  - >-
    Waits for a complete one if O(timeout) is set. Spans come to Jaeger one by one and seconds late, so the first look
    may find half of them.
  - >-
    Tells apart a trace that is late (spans still come), one that is broken (an application does not pass on the headers
    that it got, so that one request falls apart into several traces, or parents of spans never came), one that merely
    lacks something, and none at all.
  - A trace is complete if it is one tree, no span's parent is missing, and it has what O(services), O(min_services) and
    O(min_spans) ask for. Where they ask for nothing, it is complete when nothing has come for O(settle) seconds.
  - >-
    Istio calls services C(NAME.NAMESPACE). Where a name is given here without a namespace, such a service answers to
    it too.
extends_documentation_fragment:
  - meshlab.istio.attributes
attributes:
  check_mode:
    support: full
    details: It changes nothing. In check mode it looks once and does not wait or fail.
  diff_mode:
    support: none
    details: It changes nothing.
  idempotent:
    support: full
options:
  url:
    description:
      - Jaeger's query service, with its base path, as the host where the module runs sees it.
      - Istio's add-on has the base path C(/jaeger).
      - For an address of this very machine, no proxy from the environment is asked.
    type: str
    required: true
  service:
    description: The service whose traces to find, such as the ingress gateway or the client.
    type: str
    required: true
  operation:
    description: Only traces with a span of this service and this operation.
    type: str
  tags:
    description: Only traces with a span of this service that has all of these tags, as names and values.
    type: dict
  lookback:
    description: Only traces of so many last seconds.
    type: int
    default: 3600
  start:
    description:
      - Only traces that began at this time or later, in seconds since 1970, as C(date +%s) prints it.
      - Sets O(lookback) aside.
    type: float
  end:
    description: Only traces that began at this time or earlier, in seconds since 1970. Up to now if not set.
    type: float
  limit:
    description: How many traces to find at most, the newest ones.
    type: int
    default: 20
  services:
    description: The services that a complete trace has spans of.
    type: list
    elements: str
    default: []
  min_services:
    description: How many services a complete trace has at least.
    type: int
    default: 0
  min_spans:
    description: How many spans a complete trace has at least.
    type: int
    default: 0
  timeout:
    description:
      - How long to wait for a complete trace, in seconds. Looks once if V(0).
      - It ends earlier if the traces are broken.
    type: int
    default: 0
    aliases: [wait_timeout]
  settle:
    description:
      - >-
        A trace of which nothing has come for so many seconds is taken for all there is. Proxies send their spans every
        five seconds or so.
      - One that ended as long ago counts as well, so the clocks of this host and of the cluster should agree.
    type: int
    default: 15
  fail_on_verdict:
    description: Whether to fail if RV(verdict) is another than V(complete).
    type: bool
    default: false
  span_tags:
    description: The tags to return of each span.
    type: list
    elements: str
    default: [http.method, http.status_code, http.url, response_flags, upstream_cluster]
  validate_certs:
    description: Whether to check the certificate of an C(https) URL.
    type: bool
    default: true
  url_username:
    description: User for basic authentication.
    type: str
  url_password:
    description: Password for basic authentication.
    type: str
seealso:
  - name: Distributed tracing
    description: Which headers an application has to pass on.
    link: https://istio.io/latest/docs/tasks/observability/distributed-tracing/overview/
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Load the product page
  ansible.builtin.uri:
    url: http://127.0.0.1:30080/productpage
    headers:
      Host: bookinfo.example.com

- name: Wait until Jaeger has all of a request to Bookinfo
  meshlab.istio.jaeger_trace_info:
    url: http://127.0.0.1:30686/jaeger
    service: istio-ingressgateway
    services: [istio-ingressgateway, productpage, details, reviews, ratings]
    min_spans: 8
    lookback: 300
    timeout: 60
    fail_on_verdict: true
  register: found

- name: Show the newest complete one
  ansible.builtin.debug:
    msg: "{{ trace.span_count }} spans, depth {{ trace.depth }}, {{ trace.duration_ms }} ms"
  vars:
    trace: "{{ found.traces | selectattr('complete') | first }}"

- name: Find requests that failed in the last ten minutes
  meshlab.istio.jaeger_trace_info:
    url: http://127.0.0.1:30686/jaeger
    service: productpage.default
    tags:
      error: "true"
    lookback: 600
"""

RETURN = r"""
verdict:
  description:
    - V(complete), there is a complete trace.
    - V(late), there are traces, and spans of them came within the last O(settle) seconds.
    - V(broken), requests fell apart into several traces, or parents of spans never came.
    - V(incomplete), there are traces, but they lack something, and nothing shows that they are broken.
    - V(none), there is no trace.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: str
  sample: complete
reason:
  description: The verdict's reason, in a sentence.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: str
  sample: 1 of 1 traces is complete; the newest of them, 4bf92f3577b34da6, has 8 spans of 5 services
service:
  description: The service that was searched for, in full.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: str
  sample: istio-ingressgateway.istio-system
services:
  description: All services that Jaeger knows.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: list
  elements: str
  sample: [details.default, istio-ingressgateway.istio-system, productpage.default, ratings.default, reviews.default]
traces:
  description: The traces, newest first.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: list
  elements: dict
  contains:
    trace_id:
      description: ID of the trace, as Jaeger's user interface takes it.
      returned: always
      type: str
      sample: 4bf92f3577b34da6a3ce929d0e0e4736
    services:
      description: Names of the services that have spans in it.
      returned: always
      type: list
      elements: str
      sample: [details.default, istio-ingressgateway.istio-system, productpage.default]
    span_count:
      description: Number of its spans.
      returned: always
      type: int
      sample: 8
    depth:
      description: Number of levels of its tree; a root alone is 1.
      returned: always
      type: int
      sample: 6
    start:
      description: When it began, in seconds since 1970.
      returned: always
      type: float
      sample: 1793000000.123456
    duration_ms:
      description: From the start of its first span to the end of its last one, in milliseconds.
      returned: always
      type: float
      sample: 27.451
    errors:
      description: Number of spans that tell of an error.
      returned: always
      type: int
      sample: 0
    complete:
      description: Whether it is complete.
      returned: always
      type: bool
      sample: true
    settled:
      description: Whether nothing has come of it for O(settle) seconds, or it ended as long ago.
      returned: always
      type: bool
      sample: false
    lacks:
      description: What it lacks, in words.
      returned: always
      type: list
      elements: str
      sample: []
    missing_parents:
      description: The spans whose parents are not there.
      returned: always
      type: list
      elements: dict
      contains:
        span_id:
          description: ID of the span.
          returned: always
          type: str
          sample: 00f067aa0ba902b7
        parent_id:
          description: ID of the parent that is not there.
          returned: always
          type: str
          sample: b7ad6b7169203331
        service:
          description: Service of the span.
          returned: always
          type: str
          sample: reviews.default
    tree:
      description: Its roots, in the order of time. A complete trace has one.
      returned: always
      type: list
      elements: dict
      contains:
        span_id:
          description: ID of the span.
          returned: always
          type: str
          sample: 00f067aa0ba902b7
        service:
          description: Service that reported it.
          returned: always
          type: str
          sample: istio-ingressgateway.istio-system
        operation:
          description: What it did.
          returned: always
          type: str
          sample: productpage.default.svc.cluster.local:9080/productpage
        kind:
          description: V(client) for a call that goes out, V(server) for one that came in, as the proxies tell it.
          returned: always
          type: str
          sample: client
        start_ms:
          description: When it began, in milliseconds from the start of the trace.
          returned: always
          type: float
          sample: 0.0
        duration_ms:
          description: How long it took, in milliseconds.
          returned: always
          type: float
          sample: 27.451
        error:
          description: Whether it tells of an error.
          returned: always
          type: bool
          sample: false
        tags:
          description: Those of its tags that O(span_tags) names.
          returned: always
          type: dict
          sample: {http.method: GET, http.status_code: "200"}
        children:
          description: The spans beneath it, each like this one.
          returned: always
          type: list
          elements: dict
          sample: []
pieces:
  description: Where requests fell apart.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: list
  elements: dict
  contains:
    service:
      description: The service that did not pass on the headers.
      returned: always
      type: str
      sample: productpage.default
    trace_id:
      description: The trace in which it was called.
      returned: always
      type: str
      sample: 4bf92f3577b34da6a3ce929d0e0e4736
    piece:
      description: The trace that began with its own call.
      returned: always
      type: str
      sample: 9cf92f3577b34da6a3ce929d0e0e4711
elapsed:
  description: Time that it took, in seconds.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: float
  sample: 6.2
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshlab.istio.plugins.module_utils._tracing import traces
from ansible_collections.meshlab.istio.plugins.module_utils._tracing.jaeger import Jaeger, JaegerError
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers

# How far ahead the cluster's clock may be of this one, in seconds.
AHEAD = 60


def look(params, once):
    """Look for traces as the parameters say; returns the Outcome."""
    jaeger = Jaeger(
        params["url"],
        validate_certs=params["validate_certs"],
        username=params["url_username"],
        password=params["url_password"],
    )
    start = time.time() - params["lookback"] if params["start"] is None else params["start"]

    def find(service):
        end = time.time() + AHEAD if params["end"] is None else params["end"]
        # Operation and tags are those of the service itself; what broke off has others.
        own = service == traces.find_service(params["service"], [service])
        operation, tags = (params["operation"], params["tags"]) if own else (None, None)
        return jaeger.traces(service, start, end, params["limit"], operation, tags)

    return traces.wait(
        jaeger.services,
        find,
        params["service"],
        traces.Wanted(tuple(params["services"]), params["min_services"], params["min_spans"]),
        params["settle"],
        0 if once else params["timeout"],
        params["span_tags"],
    )


def main():
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "service": {"type": "str", "required": True},
            "operation": {"type": "str"},
            "tags": {"type": "dict"},
            "lookback": {"type": "int", "default": 3600},
            "start": {"type": "float"},
            "end": {"type": "float"},
            "limit": {"type": "int", "default": 20},
            "services": {"type": "list", "elements": "str", "default": []},
            "min_services": {"type": "int", "default": 0},
            "min_spans": {"type": "int", "default": 0},
            "timeout": {"type": "int", "default": 0, "aliases": ["wait_timeout"]},
            "settle": {"type": "int", "default": 15},
            "fail_on_verdict": {"type": "bool", "default": False},
            "span_tags": {
                "type": "list",
                "elements": "str",
                "default": ["http.method", "http.status_code", "http.url", "response_flags", "upstream_cluster"],
            },
            "validate_certs": {"type": "bool", "default": True},
            "url_username": {"type": "str"},
            "url_password": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    limits = {
        "lookback": (1, None),
        "start": (0, None),
        "end": (0, None),
        "limit": (1, None),
        "min_services": (0, None),
        "min_spans": (0, None),
        "timeout": (0, DAY),
        "settle": (0, DAY),
    }
    check_numbers(module, limits)
    try:
        outcome = look(module.params, module.check_mode)
    except JaegerError as error:
        module.fail_json(msg=str(error))
    result = vars(outcome)
    if outcome.verdict != "complete" and module.params["fail_on_verdict"] and not module.check_mode:
        module.fail_json(msg=f"{outcome.verdict}: {outcome.reason}", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
