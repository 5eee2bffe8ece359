# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends, bodies and builders that the tests of traffic splits share."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.answer import Tally
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.client import Client
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.plan import Backend, Plan
from ansible_collections.meshlab.istio.plugins.module_utils._traffic.verdict import judge

TOMCAT = b"<html>\r\n<head><title>Apache Tomcat/8.0</title></head>\r\n<body>\r\n" + b"<p>x</p>\n" * 30 + b"</body>"
HTTPD = b"hello httpd\n"
BACKENDS = (Backend("tomcat", 80, "Apache Tomcat"), Backend("httpd", 20, "hello httpd"))
THREE = (Backend("v1", 80, "v1"), Backend("v2", 10, "v2"), Backend("v3", 10, "v3"))
CANARY = (Backend("v1", 100, "v1"), Backend("v2", 0, "v2"))
URL = "http://web-svc:8080/"
CLIENT = Client("default", "client-1", "client", True)

every_client = pytest.mark.parametrize(
    ("box", "method"), [("system", "curl"), ("system", "wget"), ("busybox", "curl"), ("busybox", "wget")]
)


def plan_for(server, *backends, **options):
    """The Plan of a measurement of a Server of conftest.py."""
    settings = {"requests": 20, "warmup": 0, "request_timeout": 5, "timeout": 40, **options}
    return Plan(url=server.url, backends=backends or BACKENDS, **settings)


def judged(counts, backends=BACKENDS, sidecar=True, **options):
    """The module's result for these counts. options: of Plan and of Tally."""
    plan_options = {key: options.pop(key) for key in ("tolerance", "max_errors", "significance") if key in options}
    tally = Tally(method="wget", backends=list(counts), **options)
    tally.sent = tally.sent or tally.answered + tally.errors
    plan = Plan(url=URL, backends=backends, requests=tally.sent, **plan_options)
    return judge(plan, tally, dataclasses.replace(CLIENT, sidecar=sidecar))
