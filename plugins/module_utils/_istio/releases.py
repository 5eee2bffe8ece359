# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of Istio releases: the Kubernetes versions that each supports, and differences between releases.

Versions are strings such as "1.27.0", "v1.7.4" or "1.30"; minors are pairs such as (1, 27).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# A minor version such as (1, 27).
Minor = tuple[int, int]


class ReleaseError(Exception):
    """A version that the table does not contain; the message is for the user."""


def minor_of(version: object) -> Minor:
    """Return the minor of a version: "v1.27.0-rc.1" gives (1, 27). Raises ReleaseError if it is not a version."""
    match = re.match(r"v?([0-9]+)\.([0-9]+)(?![0-9])", str(version).strip())
    if not match:
        raise ReleaseError(f"'{version}' is not a version such as 1.27.0")
    return int(match[1]), int(match[2])


def show(minor: Minor) -> str:
    """Format a minor: (1, 27) gives "1.27"."""
    return ".".join(str(part) for part in minor)


@dataclass(frozen=True)
class Release:
    """One Istio minor.

    version: newest patch, such as "1.27.9"; kubernetes_min: oldest Kubernetes minor that its installer accepts without
    a warning; oldest, newest: Kubernetes minors that it supports.
    """

    minor: Minor
    version: str
    kubernetes_min: Minor
    oldest: Minor
    newest: Minor


# One row per Istio minor. The newest patch is the last one announced in the repository istio/istio.io, below
# content/en/news/releases, by September 2026.
_ROWS = (
    # newest patch, installer's minimum Kubernetes, oldest and newest Kubernetes supported
    ("1.7.8", "1.16", "1.16", "1.18"),
    ("1.8.6", "1.16", "1.16", "1.19"),
    ("1.9.9", "1.17", "1.17", "1.20"),
    ("1.10.6", "1.17", "1.18", "1.21"),
    ("1.11.8", "1.17", "1.18", "1.22"),
    ("1.12.9", "1.17", "1.19", "1.22"),
    ("1.13.9", "1.19", "1.20", "1.23"),
    ("1.14.6", "1.19", "1.21", "1.24"),
    ("1.15.7", "1.19", "1.22", "1.25"),
    ("1.16.7", "1.19", "1.22", "1.25"),
    ("1.17.8", "1.23", "1.23", "1.26"),
    ("1.18.7", "1.23", "1.24", "1.27"),
    ("1.19.10", "1.25", "1.25", "1.28"),
    ("1.20.8", "1.25", "1.25", "1.29"),
    ("1.21.6", "1.26", "1.26", "1.29"),
    ("1.22.8", "1.26", "1.27", "1.30"),
    ("1.23.6", "1.26", "1.27", "1.30"),
    ("1.24.6", "1.28", "1.28", "1.31"),
    ("1.25.5", "1.28", "1.29", "1.32"),
    ("1.26.8", "1.29", "1.29", "1.33"),
    ("1.27.9", "1.29", "1.29", "1.33"),
    ("1.28.10", "1.30", "1.30", "1.34"),
    ("1.29.8", "1.30", "1.31", "1.35"),
    ("1.30.5", "1.32", "1.32", "1.36"),
)

RELEASES = {
    minor_of(version): Release(minor_of(version), version, *map(minor_of, kubernetes)) for version, *kubernetes in _ROWS
}

# The version that the lab and the role istioctl install by default.
DEFAULT = "1.27.0"

# Istio versions that are preferred to the newest one that supports a Kubernetes minor.
PREFERRED = {
    (1, 18): "1.7.4",  # the oldest pair that this collection is tested with
}


@dataclass(frozen=True)
class Feature:
    """A feature of releases: since the Istio minor since, and before the minor until (None: still present)."""

    since: Minor
    text: str
    until: Minor | None = None


FEATURES = {
    "honors_opt_out": Feature((1, 8), 'kube-inject does not inject a pod with sidecar.istio.io/inject: "false"'),
    "repairs_double": Feature((1, 9), "the webhook renders an injected pod again instead of breaking it"),
    "pod_label": Feature(
        (1, 9), "the label sidecar.istio.io/inject enables or disables injection of a pod by the webhook"
    ),
    "overrides": Feature((1, 9), "a container istio-proxy without the status annotation customizes the sidecar"),
    "by_webhook": Feature(
        (1, 10), "kube-inject calls the webhook of the cluster, unless it is given the three configuration files"
    ),
    "v1_webhooks": Feature((1, 10), "supports Kubernetes 1.22 and newer, which do not serve the v1beta1 webhook API"),
    "cluster_specific": Feature(
        (1, 16), "manifest generate --cluster-specific detects settings of the cluster, as install does"
    ),
    "any_weights": Feature((1, 15), "weights of a route may have any sum; before, it must be 100"),
    "root_uninstall": Feature((1, 15), "istioctl uninstall replaces istioctl x uninstall"),
    "inject_label": Feature((1, 16), "the label sidecar.istio.io/inject takes precedence over the annotation"),
    "default_validator": Feature((1, 20), "the default tag also has a validating webhook, istiod-default-validator"),
    "renders_again": Feature((1, 17), "kube-inject renders an injected workload again instead of skipping it"),
    "native_sidecars": Feature((1, 19), "istiod can inject a native sidecar, an init container that keeps running"),
    "strict_inject_values": Feature((1, 27), 'sidecar.istio.io/inject must be "true" or "false", not "yes" or "on"'),
    "status_verbosity": Feature((1, 27), "istioctl proxy-status shows the state of each type only with --verbosity 1"),
    "default_tracer": Feature(
        (1, 7),
        "proxies send spans to zipkin.istio-system:9411 by default; newer ones need a tracing provider in the mesh "
        "configuration and a Telemetry object that references it",
        until=(1, 22),
    ),
    "uses_loopback": Feature(
        (1, 7),
        "the sidecar forwards inbound requests to the loopback address of the application",
        until=(1, 10),
    ),
    "first_party_tokens": Feature(
        (1, 7),
        "istioctl falls back to first-party tokens if a cluster does not issue tokens for an audience, as Kubernetes "
        "1.18 by default",
        until=(1, 22),
    ),
    "operator": Feature(
        (1, 7),
        "istioctl install stores an IstioOperator in the cluster, and istioctl has the commands operator, manifest "
        "diff and profile diff",
        until=(1, 24),
    ),
    "verify_install": Feature((1, 7), "istioctl verify-install compares a cluster with its release", until=(1, 24)),
}


def release(version: str) -> Release:
    """The Release of an Istio version. Raises ReleaseError if the table does not contain it."""
    minor = minor_of(version)
    if minor not in RELEASES:
        raise ReleaseError(
            f"Istio {version} is not in the table of releases, "
            f"which contains {show(min(RELEASES))} to {show(max(RELEASES))}"
        )
    return RELEASES[minor]


def has(version: str, feature: str) -> bool:
    """Whether an Istio version has one of FEATURES. Versions newer than the table count as its newest.

    Raises ReleaseError for a version older than the table.
    """
    minor, entry = minor_of(version), FEATURES[feature]
    if minor < min(RELEASES):
        raise ReleaseError(f"Istio {version} is too old; the oldest supported release is {show(min(RELEASES))}")
    return entry.since <= minor and (entry.until is None or minor < entry.until)


def supported(istio: str, kubernetes: str) -> bool:
    """Whether an Istio version supports a Kubernetes version. Raises ReleaseError if istio is not in the table."""
    window = release(istio)
    return window.oldest <= minor_of(kubernetes) <= window.newest


def istio_for(kubernetes: str) -> list[str]:
    """The Istio minors that support a Kubernetes version, as strings, preferred ones first; empty if none does."""
    minor = minor_of(kubernetes)
    matching = [istio for istio, row in RELEASES.items() if row.oldest <= minor <= row.newest]
    first = minor_of(PREFERRED[minor]) if minor in PREFERRED else None
    return [show(istio) for istio in sorted(matching, key=lambda istio: (istio == first, istio), reverse=True)]


def version_for(kubernetes: str, available: Iterable[str] | None = None) -> str:
    """The full Istio version for a Kubernetes version, such as "1.30.5": the preferred one, else the newest.

    available: full versions to choose from, all if None. Raises ReleaseError if no version matches.
    """
    matching, preferred = istio_for(kubernetes), PREFERRED.get(minor_of(kubernetes))
    if not matching:
        windows = RELEASES.values()
        raise ReleaseError(
            f"no Istio release in the table supports Kubernetes {show(minor_of(kubernetes))}; "
            f"the table contains Istio {show(min(RELEASES))} to {show(max(RELEASES))}, which support "
            f"{show(min(x.oldest for x in windows))} to {show(max(x.newest for x in windows))}"
        )
    if available is None:
        return preferred or RELEASES[minor_of(matching[0])].version
    if preferred and preferred in available:
        return preferred
    candidates = [version for minor in matching for version in available if show(minor_of(version)) == minor]
    if not candidates:
        raise ReleaseError(
            f"Kubernetes {show(minor_of(kubernetes))} is supported by Istio {', '.join(matching)}; "
            f"available versions: {', '.join(map(str, available)) or 'none'}"
        )
    best = minor_of(candidates[0])
    return max((version for version in candidates if minor_of(version) == best), key=_order)


def _order(version: str) -> tuple[list[int], bool]:
    """The sort key of full versions: prereleases sort before their final release."""
    text, dash, _rest = str(version).strip().lstrip("v").partition("-")
    return [int(part) for part in re.findall(r"[0-9]+", text)], not dash


def suggestions(istio: str, kubernetes: str) -> str:
    """The alternatives to an unsupported pair, in a sentence. Raises ReleaseError if istio is not in the table."""
    window, matching = release(istio), istio_for(kubernetes)
    return (
        f"Istio {show(window.minor)} supports Kubernetes {show(window.oldest)} to {show(window.newest)}; "
        f"Kubernetes {show(minor_of(kubernetes))} "
        + (f"is supported by Istio {', '.join(matching)}" if matching else "is not supported by any Istio in the table")
    )


def next_step(installed: str, target: str) -> str | None:
    """The next minor, as a string, between an installed version and a target version, up or down.

    None if no minor lies between them, so that a control plane can be replaced in place.
    """
    (major, minor), goal = minor_of(installed), minor_of(target)
    if goal[0] != major or abs(goal[1] - minor) <= 1:
        return None
    return show((major, minor + 1 if goal[1] > minor else minor - 1))


def changes_in(minor: Minor) -> list[str]:
    """Sentences on what changes in a minor such as (1, 8), from FEATURES; removed features come first."""
    ending = [f"no longer: {entry.text}" for entry in FEATURES.values() if entry.until == minor]
    return ending + [entry.text for entry in FEATURES.values() if entry.since == minor]
