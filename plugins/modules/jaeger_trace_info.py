#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: jaeger_trace_info
short_description: Find traces in Jaeger, and report whether they are complete
version_added: "1.0.0"
description:
  - Finds the traces of a service through Jaeger's query API, and returns the services, spans, depth, duration and span
    tree of each.
  - >-
    Waits for a complete trace if O(timeout) is set. Spans arrive in Jaeger one by one and a few seconds late, so a
    trace may be incomplete at first.
  - >-
    Distinguishes traces that are late (spans still arrive), broken (an application does not forward the tracing
    headers, so one request is split into several traces, or parents of spans are missing), incomplete for another
    reason, and missing.
  - A trace is complete if it is one tree, no span's parent is missing, and it meets O(services), O(min_services) and
    O(min_spans). Without any of these options, it is complete when no span has arrived for O(settle) seconds.
  - >-
    Istio names services C(NAME.NAMESPACE). A name without a namespace matches such a service too.
extends_documentation_fragment:
  - meshlab.istio.attributes
attributes:
  check_mode:
    support: full
    details: Changes nothing. In check mode, reads the traces once and neither waits nor fails.
  diff_mode:
    support: none
    details: Changes nothing.
  idempotent:
    support: full
options:
  url:
    description:
      - URL of Jaeger's query service with its base path, as seen from the host where the module runs.
      - The base path of Istio's add-on is C(/jaeger).
      - HTTP proxies from the environment are not used for a loopback address.
    type: str
    required: true
  service:
    description: Service whose traces to find, such as the ingress gateway or the client.
    type: str
    required: true
  operation:
    description: Operation that a span of the service must have.
    type: str
  tags:
    description: Tags that a span of the service must have, as names and values.
    type: dict
  lookback:
    description: Maximum age of the traces, in seconds.
    type: int
    default: 3600
  start:
    description:
      - Earliest start of the traces, in seconds since 1970, as printed by C(date +%s).
      - Overrides O(lookback).
    type: float
  end:
    description: Latest start of the traces, in seconds since 1970. Defaults to the current time.
    type: float
  limit:
    description: Maximum number of traces to return. The newest ones are returned.
    type: int
    default: 20
  services:
    description: Services that must have spans in a complete trace.
    type: list
    elements: str
    default: []
  min_services:
    description: Minimum number of services in a complete trace.
    type: int
    default: 0
  min_spans:
    description: Minimum number of spans in a complete trace.
    type: int
    default: 0
  timeout:
    description:
      - Maximum time to wait for a complete trace, in seconds. With V(0), the traces are read once.
      - The wait ends early if the traces are broken.
    type: int
    default: 0
    aliases: [wait_timeout]
  settle:
    description:
      - >-
        Time without new spans after which a trace is considered final, in seconds. Proxies send their spans about every
        five seconds.
      - A trace that ended this long ago is final too, so the clocks of this host and of the cluster should agree.
    type: int
    default: 15
  fail_on_verdict:
    description: Whether to fail if RV(verdict) is not V(complete).
    type: bool
    default: false
  span_tags:
    description: Tags to return for each span.
    type: list
    elements: str
    default: [http.method, http.status_code, http.url, response_flags, upstream_cluster]
  validate_certs:
    description: Whether to validate the certificate of an C(https) URL.
    type: bool
    default: true
  url_username:
    description: User name for basic authentication.
    type: str
  url_password:
    description: Password for basic authentication.
    type: str
seealso:
  - name: Distributed tracing
    description: Headers that an application must forward.
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

- name: Wait for a complete trace of a request to Bookinfo
  meshlab.istio.jaeger_trace_info:
    url: http://127.0.0.1:30686/jaeger
    service: istio-ingressgateway
    services: [istio-ingressgateway, productpage, details, reviews, ratings]
    min_spans: 8
    lookback: 300
    timeout: 60
    fail_on_verdict: true
  register: found

- name: Show the newest complete trace
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
    - V(complete) if there is a complete trace.
    - V(late) if there are traces, and spans of them arrived within the last O(settle) seconds.
    - V(broken) if requests are split into several traces, or parents of spans are missing.
    - V(incomplete) if there are traces that are not complete for another reason.
    - V(none) if there is no trace.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: str
  sample: complete
reason:
  description: Reason for the verdict.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: str
  sample: 1 of 1 traces is complete; the newest one, 4bf92f3577b34da6, has 8 spans of 5 services
service:
  description: Full name of the service.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: str
  sample: istio-ingressgateway.istio-system
services:
  description: All services in Jaeger.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: list
  elements: str
  sample: [details.default, istio-ingressgateway.istio-system, productpage.default, ratings.default, reviews.default]
traces:
  description: Traces, newest first.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: list
  elements: dict
  contains:
    trace_id:
      description: ID of the trace.
      returned: always
      type: str
      sample: 4bf92f3577b34da6a3ce929d0e0e4736
    services:
      description: Names of its services.
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
      description: Number of levels of its tree, 1 for a single span.
      returned: always
      type: int
      sample: 6
    start:
      description: Start in seconds since 1970.
      returned: always
      type: float
      sample: 1793000000.123456
    duration_ms:
      description: Time from the start of its first span to the end of its last one, in milliseconds.
      returned: always
      type: float
      sample: 27.451
    errors:
      description: Number of spans with an error.
      returned: always
      type: int
      sample: 0
    complete:
      description: Whether the trace is complete.
      returned: always
      type: bool
      sample: true
    settled:
      description: Whether no span has arrived for O(settle) seconds, or the trace ended that long ago.
      returned: always
      type: bool
      sample: false
    reasons:
      description: Reasons why the trace is not complete. Empty if it is.
      returned: always
      type: list
      elements: str
      sample: []
    missing_parents:
      description: Spans whose parents are missing.
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
          description: ID of the missing parent.
          returned: always
          type: str
          sample: b7ad6b7169203331
        service:
          description: Service of the span.
          returned: always
          type: str
          sample: reviews.default
    tree:
      description: Its root spans by start time. A complete trace has one.
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
          description: Name of the operation.
          returned: always
          type: str
          sample: productpage.default.svc.cluster.local:9080/productpage
        kind:
          description: V(client) for an outgoing call, V(server) for an incoming one, as reported by the proxies.
          returned: always
          type: str
          sample: client
        start_ms:
          description: Start in milliseconds after the start of the trace.
          returned: always
          type: float
          sample: 0.0
        duration_ms:
          description: Duration in milliseconds.
          returned: always
          type: float
          sample: 27.451
        error:
          description: Whether the span has an error.
          returned: always
          type: bool
          sample: false
        tags:
          description: Tags of the span, limited to O(span_tags).
          returned: always
          type: dict
          sample: {http.method: GET, http.status_code: "200"}
        children:
          description: Child spans, with the same keys.
          returned: always
          type: list
          elements: dict
          sample: []
fragments:
  description: Services that split a request into several traces.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: list
  elements: dict
  contains:
    service:
      description: Service that did not forward the tracing headers.
      returned: always
      type: str
      sample: productpage.default
    trace_id:
      description: ID of the trace in which the service was called.
      returned: always
      type: str
      sample: 4bf92f3577b34da6a3ce929d0e0e4736
    fragment_id:
      description: ID of the trace that starts with a call by the service.
      returned: always
      type: str
      sample: 9cf92f3577b34da6a3ce929d0e0e4711
elapsed:
  description: Duration of the search in seconds.
  returned: success, and when O(fail_on_verdict) makes it fail
  type: float
  sample: 6.2
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.meshlab.istio.plugins.module_utils._tracing import traces
from ansible_collections.meshlab.istio.plugins.module_utils._tracing.jaeger import Jaeger, JaegerError
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers

# Seconds by which the cluster's clock may be ahead of this host's.
MAX_CLOCK_SKEW = 60


def find_traces(params, once):
    """Find the traces for the module's parameters, and return the SearchResult. once: do not wait."""
    jaeger = Jaeger(
        params["url"],
        validate_certs=params["validate_certs"],
        username=params["url_username"],
        password=params["url_password"],
    )
    start = time.time() - params["lookback"] if params["start"] is None else params["start"]

    def find(service):
        end = time.time() + MAX_CLOCK_SKEW if params["end"] is None else params["end"]
        # Operation and tags apply to the requested service only; fragments have others.
        own = service == traces.find_service(params["service"], [service])
        operation, tags = (params["operation"], params["tags"]) if own else (None, None)
        return jaeger.traces(service, start, end, params["limit"], operation, tags)

    return traces.wait(
        jaeger.services,
        find,
        params["service"],
        traces.Criteria(tuple(params["services"]), params["min_services"], params["min_spans"]),
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
        outcome = find_traces(module.params, module.check_mode)
    except JaegerError as error:
        module.fail_json(msg=str(error))
    result = vars(outcome)
    if outcome.verdict != "complete" and module.params["fail_on_verdict"] and not module.check_mode:
        module.fail_json(msg=f"{outcome.verdict}: {outcome.reason}", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
