# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.traffic_policy import policy_differences

POLICY = {
    "loadBalancer": {"simple": "RANDOM"},
    "connectionPool": {"tcp": {"maxConnections": 7, "connectTimeout": "30ms"}, "http": {"http2MaxRequests": 9}},
    "outlierDetection": {"consecutive5xxErrors": 6, "interval": "5m", "maxEjectionPercent": 50},
    "tls": {"mode": "DISABLE"},
}


CLUSTER = {
    "type": "EDS",
    "lb_policy": "RANDOM",
    "connect_timeout": "0.030s",
    "circuit_breakers": {"thresholds": [{"max_connections": 7, "max_requests": 9, "max_retries": 4294967295}]},
    "outlier_detection": {"consecutive_5xx": 6, "interval": "300s", "max_ejection_percent": 50},
}


def test_no_difference():
    assert policy_differences(POLICY, CLUSTER) == []
    assert policy_differences({}, CLUSTER) == []


@pytest.mark.parametrize(
    ("policy", "difference"),
    [
        ({"loadBalancer": {"simple": "ROUND_ROBIN"}}, "load balancing RANDOM instead of ROUND_ROBIN"),
        (
            {"loadBalancer": {"consistentHash": {"useSourceIp": True}}},
            "load balancing RANDOM instead of a consistent hash",
        ),
        ({"connectionPool": {"tcp": {"maxConnections": 8}}}, "maxConnections 7 instead of 8"),
        ({"connectionPool": {"http": {"http1MaxPendingRequests": 1}}}, "http1MaxPendingRequests none instead of 1"),
        ({"connectionPool": {"tcp": {"connectTimeout": "1s"}}}, "connectTimeout 0.03 s instead of 1 s"),
        ({"outlierDetection": {"interval": "10s"}}, "interval 300 s instead of 10 s"),
        ({"tls": {"mode": "ISTIO_MUTUAL"}}, "no TLS instead of ISTIO_MUTUAL"),
    ],
)
def test_difference(policy, difference):
    assert policy_differences(policy, CLUSTER) == [difference]


def test_unexpected_tls():
    assert policy_differences({"tls": {"mode": "DISABLE"}}, {"transport_socket_matches": [{}]}) == [
        "TLS instead of none"
    ]
