# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the traffic policy of a DestinationRule with a cluster of Envoy."""

from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.route_form import duration_seconds

# A DestinationRule's connection pool and what Envoy calls it.
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


def policy_differences(policy: dict, cluster: dict) -> list[str]:
    """In what a cluster differs from a traffic policy, in words, a list; only what the policy sets is compared."""
    told = []

    def compare(what, wanted, had):
        if wanted is not None and wanted != had:
            told.append(f"{what} {'none' if had is None else had} instead of {wanted}")

    balancer = policy.get("loadBalancer") or {}
    if cluster.get("type", "EDS") == "EDS" and not cluster.get("load_balancing_policy"):
        had = cluster.get("lb_policy", "ROUND_ROBIN")
        compare("load balancing", _BALANCERS.get(balancer.get("simple") or ""), had)
        if balancer.get("consistentHash") and had not in ("RING_HASH", "MAGLEV"):
            told.append(f"load balancing {had} instead of a consistent hash")
    pool = policy.get("connectionPool") or {}
    limits = ((cluster.get("circuit_breakers") or {}).get("thresholds") or [{}])[0]
    for (part, name), theirs in _LIMITS.items():
        compare(name, (pool.get(part) or {}).get(name), limits.get(theirs))
    compare(
        "connectTimeout",
        duration_seconds((pool.get("tcp") or {}).get("connectTimeout")),
        duration_seconds(cluster.get("connect_timeout")),
    )
    if policy.get("outlierDetection"):
        wanted, had = policy["outlierDetection"], cluster.get("outlier_detection") or {}
        compare("consecutive5xxErrors", wanted.get("consecutive5xxErrors"), had.get("consecutive_5xx"))
        compare("interval", duration_seconds(wanted.get("interval")), duration_seconds(had.get("interval")))
        compare(
            "baseEjectionTime",
            duration_seconds(wanted.get("baseEjectionTime")),
            duration_seconds(had.get("base_ejection_time")),
        )
        compare("maxEjectionPercent", wanted.get("maxEjectionPercent"), had.get("max_ejection_percent"))
    mode = (policy.get("tls") or {}).get("mode")
    has_tls = bool(cluster.get("transport_socket") or cluster.get("transport_socket_matches"))
    if mode == "DISABLE" and has_tls:
        told.append("TLS instead of none")
    elif mode in ("SIMPLE", "MUTUAL", "ISTIO_MUTUAL") and not has_tls:
        told.append(f"no TLS instead of {mode}")
    return told
