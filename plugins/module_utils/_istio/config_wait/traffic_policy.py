# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the traffic policy of a DestinationRule with a cluster of Envoy."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_form import duration_seconds

# Connection pool settings of a DestinationRule and their names in Envoy.
_LIMITS = {
    ("tcp", "maxConnections"): "max_connections",
    ("http", "http1MaxPendingRequests"): "max_pending_requests",
    ("http", "http2MaxRequests"): "max_requests",
    ("http", "maxRetries"): "max_retries",
}


_BALANCERS = {
    "ROUND_ROBIN": "ROUND_ROBIN",
    "LEAST_CONN": "LEAST_REQUEST",
    "LEAST_REQUEST": "LEAST_REQUEST",
    "RANDOM": "RANDOM",
    "PASSTHROUGH": "CLUSTER_PROVIDED",
}


def _seconds(text: str | None) -> str | None:
    seconds = duration_seconds(text)
    return None if seconds is None else f"{seconds:g} s"


def policy_differences(policy: dict, cluster: dict) -> list[str]:
    """Phrases about how a cluster differs from a traffic policy; only the settings of the policy are compared."""
    differences = []

    def expect(name, wanted, had):
        if wanted is not None and wanted != had:
            differences.append(f"{name} {'none' if had is None else had} instead of {wanted}")

    def expect_duration(name, wanted, had):
        expect(name, _seconds(wanted), _seconds(had))

    balancer = policy.get("loadBalancer") or {}
    if cluster.get("type", "EDS") == "EDS" and not cluster.get("load_balancing_policy"):
        had = cluster.get("lb_policy", "ROUND_ROBIN")
        expect("load balancing", _BALANCERS.get(balancer.get("simple") or ""), had)
        if balancer.get("consistentHash") and had not in ("RING_HASH", "MAGLEV"):
            differences.append(f"load balancing {had} instead of a consistent hash")
    pool = policy.get("connectionPool") or {}
    limits = ((cluster.get("circuit_breakers") or {}).get("thresholds") or [{}])[0]
    for (part, name), envoy_name in _LIMITS.items():
        expect(name, (pool.get(part) or {}).get(name), limits.get(envoy_name))
    expect_duration("connectTimeout", (pool.get("tcp") or {}).get("connectTimeout"), cluster.get("connect_timeout"))
    if policy.get("outlierDetection"):
        wanted, had = policy["outlierDetection"], cluster.get("outlier_detection") or {}
        expect("consecutive5xxErrors", wanted.get("consecutive5xxErrors"), had.get("consecutive_5xx"))
        expect_duration("interval", wanted.get("interval"), had.get("interval"))
        expect_duration("baseEjectionTime", wanted.get("baseEjectionTime"), had.get("base_ejection_time"))
        expect("maxEjectionPercent", wanted.get("maxEjectionPercent"), had.get("max_ejection_percent"))
    mode = (policy.get("tls") or {}).get("mode")
    has_tls = bool(cluster.get("transport_socket") or cluster.get("transport_socket_matches"))
    if mode == "DISABLE" and has_tls:
        differences.append("TLS instead of none")
    elif mode in ("SIMPLE", "MUTUAL", "ISTIO_MUTUAL") and not has_tls:
        differences.append(f"no TLS instead of {mode}")
    return differences
