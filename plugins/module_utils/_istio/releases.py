# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of Istio releases: which Kubernetes each supports, and in what their commands differ.

A version is given as text ("1.27.0", "v1.7.4", "1.30") wherever one is asked for; a minor is a pair such as (1, 27).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# A minor version such as (1, 27).
Minor = tuple[int, int]


class ReleaseError(Exception):
    """A version that the table does not cover; the message is for the user."""


def minor_of(version: object) -> Minor:
    """Return the minor of a version: "v1.27.0-rc.1" gives (1, 27). Raises ReleaseError if it is not a version."""
    match = re.match(r"v?([0-9]+)\.([0-9]+)(?![0-9])", str(version).strip())
    if not match:
        raise ReleaseError(f"'{version}' is not a version; one looks like 1.27.0")
    return int(match[1]), int(match[2])


def show(minor: Minor) -> str:
    """A minor as text: (1, 27) gives "1.27"."""
    return ".".join(str(part) for part in minor)


@dataclass(frozen=True)
class Release:
    """One Istio minor.

    minor, kubernetes_min, oldest and newest are pairs such as (1, 27): the minor itself, the oldest Kubernetes that its
    installer accepts without a warning, and the oldest and newest Kubernetes that it supports. version is its newest
    patch, such as "1.27.9".
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

# What the lab and the role istioctl install by default.
DEFAULT = "1.27.0"

# Where several minors support a Kubernetes, the newest is proposed, except here. Kubernetes minor: whole Istio version.
PREFERRED = {
    (1, 18): "1.7.4",  # the classic pair that this collection is tested with
}


@dataclass(frozen=True)
class Feature:
    """What a release can do: since which Istio minor, and from which on no longer (None: to this day)."""

    since: Minor
    text: str
    until: Minor | None = None


FEATURES = {
    "honours_opt_out": Feature((1, 8), 'kube-inject leaves a pod with sidecar.istio.io/inject: "false" alone'),
    "repairs_double": Feature((1, 9), "the webhook renders an injected pod again instead of breaking it"),
    "pod_label": Feature((1, 9), "the label sidecar.istio.io/inject selects a pod for the webhook, or keeps it away"),
    "overrides": Feature((1, 9), "a container istio-proxy without the status annotation customizes the sidecar"),
    "by_webhook": Feature((1, 10), "kube-inject asks the webhook of the cluster, unless it is given the three files"),
    "v1_webhooks": Feature((1, 10), "installs on Kubernetes 1.22 and newer, which dropped the v1beta1 webhook API"),
    "cluster_specific": Feature((1, 16), "manifest generate --cluster-specific asks the cluster, as install does"),
    "any_weights": Feature((1, 15), "weights of a route may add up to anything, which was 100 and nothing else"),
    "root_uninstall": Feature((1, 15), "istioctl uninstall, which was istioctl x uninstall"),
    "inject_label": Feature((1, 16), "the injector reads the label sidecar.istio.io/inject before the annotation"),
    "default_validator": Feature((1, 20), "the default tag has a validating webhook too, istiod-default-validator"),
    "renders_again": Feature((1, 17), "kube-inject renders an injected workload again instead of leaving it"),
    "native_sidecars": Feature(
        (1, 19), "istiod can make the sidecar a native one, an init container that keeps running"
    ),
    "strict_inject_values": Feature((1, 27), 'sidecar.istio.io/inject knows "true" and "false" only, no yes or on'),
    "status_verbosity": Feature((1, 27), "istioctl proxy-status shows the state of each type only with --verbosity 1"),
    "default_tracer": Feature(
        (1, 7),
        "proxies send spans to zipkin.istio-system:9411 by themselves; newer ones need a tracing provider in the mesh "
        "configuration, and a Telemetry object that names it",
        until=(1, 22),
    ),
    "uses_loopback": Feature(
        (1, 7),
        "the sidecar hands what comes in to the application's loopback address, also where it listens on no other",
        until=(1, 10),
    ),
    "first_party_tokens": Feature(
        (1, 7),
        "istioctl falls back to first-party tokens where a cluster gives out none for an audience, as Kubernetes 1.18 "
        "is by default",
        until=(1, 22),
    ),
    "operator": Feature(
        (1, 7),
        "istioctl install leaves an IstioOperator in the cluster, and istioctl has operator, manifest diff and profile "
        "diff",
        until=(1, 24),
    ),
    "verify_install": Feature((1, 7), "istioctl verify-install compares a cluster with its release", until=(1, 24)),
}


def release(version: str) -> Release:
    """The Release of an Istio version. Raises ReleaseError if the table does not hold it."""
    minor = minor_of(version)
    if minor not in RELEASES:
        raise ReleaseError(
            f"Istio {version} is not in the table of releases, "
            f"which holds {show(min(RELEASES))} to {show(max(RELEASES))}"
        )
    return RELEASES[minor]


def has(version: str, feature: str) -> bool:
    """Whether an Istio version has one of FEATURES. A version newer than the table counts as its newest.

    Raises ReleaseError for a version older than the table.
    """
    minor, entry = minor_of(version), FEATURES[feature]
    if minor < min(RELEASES):
        raise ReleaseError(f"Istio {version} is too old; {show(min(RELEASES))} is the oldest that is supported")
    return entry.since <= minor and (entry.until is None or minor < entry.until)


def supported(istio: str, kubernetes: str) -> bool:
    """Whether an Istio version supports a Kubernetes version. Raises ReleaseError if the table does not hold istio."""
    window = release(istio)
    return window.oldest <= minor_of(kubernetes) <= window.newest


def istio_for(kubernetes: str) -> list[str]:
    """The Istio minors that support a Kubernetes version, as text, best first; empty if none does."""
    minor = minor_of(kubernetes)
    fitting = [istio for istio, row in RELEASES.items() if row.oldest <= minor <= row.newest]
    first = minor_of(PREFERRED[minor]) if minor in PREFERRED else None
    return [show(istio) for istio in sorted(fitting, key=lambda istio: (istio == first, istio), reverse=True)]


def version_for(kubernetes: str, available: Iterable[str] | None = None) -> str:
    """The whole Istio version for a Kubernetes version, "1.30.5": the preferred one, else the newest of the newest
    minor that supports it. With available, whole versions, only one of those. Raises ReleaseError if there is none.
    """
    fitting, preferred = istio_for(kubernetes), PREFERRED.get(minor_of(kubernetes))
    if not fitting:
        windows = RELEASES.values()
        raise ReleaseError(
            f"no Istio in the table supports Kubernetes {show(minor_of(kubernetes))}; "
            f"the table holds Istio {show(min(RELEASES))} to {show(max(RELEASES))}, which support "
            f"{show(min(x.oldest for x in windows))} to {show(max(x.newest for x in windows))}"
        )
    if available is None:
        return preferred or RELEASES[minor_of(fitting[0])].version
    if preferred and preferred in available:
        return preferred
    there = [version for minor in fitting for version in available if show(minor_of(version)) == minor]
    if not there:
        raise ReleaseError(
            f"Kubernetes {show(minor_of(kubernetes))} is supported by Istio {', '.join(fitting)}, "
            f"and what can be had is {', '.join(map(str, available)) or 'nothing'}"
        )
    best = minor_of(there[0])
    return max((version for version in there if minor_of(version) == best), key=_order)


def _order(version: str) -> tuple[list[int], bool]:
    """What sorts whole versions: by their numbers, and one that is no final release before the one that is."""
    text, dash, _rest = str(version).strip().lstrip("v").partition("-")
    return [int(part) for part in re.findall(r"[0-9]+", text)], not dash


def suggestions(istio: str, kubernetes: str) -> str:
    """One sentence for a pair that does not fit: what would. Raises ReleaseError if the table does not hold istio."""
    window, fitting = release(istio), istio_for(kubernetes)
    return (
        f"Istio {show(window.minor)} supports Kubernetes {show(window.oldest)} to {show(window.newest)}; "
        f"Kubernetes {show(minor_of(kubernetes))} "
        + (f"is supported by Istio {', '.join(fitting)}" if fitting else "is supported by no Istio in the table")
    )


def next_step(installed: str, wanted: str) -> str | None:
    """The minor, as text, to go through on the way from an installed version to a wanted one, up or down.

    None if there is no minor between them: a control plane can go from the one to the other in place.
    """
    (major, minor), target = minor_of(installed), minor_of(wanted)
    if target[0] != major or abs(target[1] - minor) <= 1:
        return None
    return show((major, minor + 1 if target[1] > minor else minor - 1))


def changes_in(minor: Minor) -> list[str]:
    """What is different from a minor on, such as (1, 8), of what FEATURES holds: sentences, first of what ends."""
    ending = [f"no longer: {entry.text}" for entry in FEATURES.values() if entry.until == minor]
    return ending + [entry.text for entry in FEATURES.values() if entry.since == minor]
