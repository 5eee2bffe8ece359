# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of Istio releases: which Kubernetes each supports, and in what their commands differ.

A version is given as text ("1.27.0", "v1.7.4", "1.30") wherever one is asked for; a minor is a pair such as (1, 27).
"""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass


class ReleaseError(Exception):
    """A version that the table cannot answer for, in words for the user."""


@dataclass(frozen=True)
class Release:
    """One Istio minor: itself, the oldest Kubernetes that its installer accepts without a warning, and the oldest and
    newest Kubernetes that it supports, all pairs such as (1, 27); and its newest version, such as "1.27.9"."""

    minor: tuple
    kubernetes_min: tuple
    oldest: tuple
    newest: tuple
    version: str


# Istio minor: (its installer's minimum, oldest and newest Kubernetes minor supported). All of major version 1.
_WINDOWS = {
    7: (16, 16, 18),
    8: (16, 16, 19),
    9: (17, 17, 20),
    10: (17, 18, 21),
    11: (17, 18, 22),
    12: (17, 19, 22),
    13: (19, 20, 23),
    14: (19, 21, 24),
    15: (19, 22, 25),
    16: (19, 22, 25),
    17: (23, 23, 26),
    18: (23, 24, 27),
    19: (25, 25, 28),
    20: (25, 25, 29),
    21: (26, 26, 29),
    22: (26, 27, 30),
    23: (26, 27, 30),
    24: (28, 28, 31),
    25: (28, 29, 32),
    26: (29, 29, 33),
    27: (29, 29, 33),
    28: (30, 30, 34),
    29: (30, 31, 35),
    30: (32, 32, 36),
}

# Where several minors support a Kubernetes, the newest is proposed, except here. Kubernetes minor: whole Istio version.
PREFERRED = {
    (1, 18): "1.7.4",  # the classic pair that this collection is tested with
}

# Istio minor: the newest patch that was announced when this was written, September 2026. Of the announcements that the
# repository istio/istio.io holds below content/en/news/releases.
_NEWEST_PATCH = {
    7: 8,
    8: 6,
    9: 9,
    10: 6,
    11: 8,
    12: 9,
    13: 9,
    14: 6,
    15: 7,
    16: 7,
    17: 8,
    18: 7,
    19: 10,
    20: 8,
    21: 6,
    22: 8,
    23: 6,
    24: 6,
    25: 5,
    26: 8,
    27: 9,
    28: 10,
    29: 8,
    30: 5,
}

RELEASES = {
    (1, minor): Release((1, minor), (1, floor), (1, oldest), (1, newest), f"1.{minor}.{_NEWEST_PATCH[minor]}")
    for minor, (floor, oldest, newest) in _WINDOWS.items()
}


@dataclass(frozen=True)
class Feature:
    """What a release can do: since which Istio minor, and from which on no longer (None: to this day)."""

    since: tuple
    text: str
    until: tuple | None = None


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


def minor_of(version):
    """The minor of a version as a pair: "v1.27.0-rc.1" gives (1, 27). Raises ReleaseError if it has none."""
    match = re.match(r"v?([0-9]+)\.([0-9]+)(?![0-9])", str(version).strip())
    if not match:
        raise ReleaseError(f"'{version}' is not a version; one looks like 1.27.0")
    return int(match[1]), int(match[2])


def show(minor):
    """A minor as text: (1, 27) gives "1.27"."""
    return ".".join(str(part) for part in minor)


def release(version):
    """The Release of an Istio version. Raises ReleaseError if the table does not hold it."""
    minor = minor_of(version)
    if minor not in RELEASES:
        raise ReleaseError(
            f"Istio {version} is not in the table of releases, "
            f"which holds {show(min(RELEASES))} to {show(max(RELEASES))}"
        )
    return RELEASES[minor]


def has(version, feature):
    """Whether an Istio version has one of FEATURES. A version newer than the table counts as its newest.

    Raises ReleaseError for a version older than the table.
    """
    minor, entry = minor_of(version), FEATURES[feature]
    if minor < min(RELEASES):
        raise ReleaseError(f"Istio {version} is too old; {show(min(RELEASES))} is the oldest that is supported")
    return entry.since <= minor and (entry.until is None or minor < entry.until)


def supported(istio, kubernetes):
    """Whether an Istio version supports a Kubernetes version. Raises ReleaseError if the table does not hold istio."""
    window = release(istio)
    return window.oldest <= minor_of(kubernetes) <= window.newest


def can_install(istio, kubernetes):
    """Whether an Istio version can install on a Kubernetes version at all, supported or not."""
    return minor_of(kubernetes) < (1, 22) or has(istio, "v1_webhooks")


def istio_for(kubernetes):
    """The Istio minors that support a Kubernetes version, as text, best first; empty if none does."""
    minor = minor_of(kubernetes)
    fitting = [istio for istio, row in RELEASES.items() if row.oldest <= minor <= row.newest]
    first = minor_of(PREFERRED[minor]) if minor in PREFERRED else None
    return [show(istio) for istio in sorted(fitting, key=lambda istio: (istio == first, istio), reverse=True)]


def version_for(kubernetes, available=None):
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
    if preferred in available:
        return preferred
    there = [version for minor in fitting for version in available if show(minor_of(version)) == minor]
    if not there:
        raise ReleaseError(
            f"Kubernetes {show(minor_of(kubernetes))} is supported by Istio {', '.join(fitting)}, "
            f"and what can be had is {', '.join(map(str, available)) or 'nothing'}"
        )
    best = minor_of(there[0])
    return max((version for version in there if minor_of(version) == best), key=_order)


def _order(version):
    """What sorts whole versions: by their numbers, and one that is no final release before the one that is."""
    text, dash, _rest = str(version).strip().lstrip("v").partition("-")
    return [int(part) for part in re.findall(r"[0-9]+", text)], not dash


def suggestions(istio, kubernetes):
    """One sentence for a pair that does not fit: what would. Raises ReleaseError if the table does not hold istio."""
    window, fitting = release(istio), istio_for(kubernetes)
    return (
        f"Istio {show(window.minor)} supports Kubernetes {show(window.oldest)} to {show(window.newest)}; "
        f"Kubernetes {show(minor_of(kubernetes))} "
        + (f"is supported by Istio {', '.join(fitting)}" if fitting else "is supported by no Istio in the table")
    )


def next_step(installed, wanted):
    """The minor, as text, to go through on the way from an installed version to a wanted one, up or down.

    None if there is no minor between them: a control plane can go from the one to the other in place.
    """
    (major, minor), target = minor_of(installed), minor_of(wanted)
    if target[0] != major or abs(target[1] - minor) <= 1:
        return None
    return show((major, minor + 1 if target[1] > minor else minor - 1))


def changes_in(minor):
    """What is different from a minor on, such as (1, 8), of what FEATURES holds: sentences, first of what ends."""
    ending = [f"no longer: {entry.text}" for entry in FEATURES.values() if entry.until == minor]
    return ending + [entry.text for entry in FEATURES.values() if entry.since == minor]


def upgrade_path(istio, kubernetes, wanted=None, wanted_kubernetes=None):
    """The way from one pair of Istio and Kubernetes to a newer Istio, each pair on the way one that Istio supports.

    wanted: the newest of the table if None; wanted_kubernetes: the oldest that the wanted Istio supports if None.
    Returns steps of one minor each, as dictionaries with "what" (Istio or Kubernetes), "from", "to", and for Istio
    "version" (whole) and "changes" (sentences). Of all ways of the fewest steps it is the one that goes back and forth
    between the two least. Raises ReleaseError if there is none.
    """
    wanted = show(max(RELEASES)) if wanted is None else wanted
    start, goal = (minor_of(istio), minor_of(kubernetes)), release(wanted).minor
    if goal < start[0]:
        raise ReleaseError(f"Istio {show(goal)} is older than the one that is there, {istio}: this is no upgrade")
    if not supported(istio, kubernetes):
        raise ReleaseError(f"there is no supported way to begin: {suggestions(istio, kubernetes)}")
    if wanted_kubernetes and not supported(wanted, wanted_kubernetes):
        raise ReleaseError(suggestions(wanted, wanted_kubernetes))
    seen, ways = set(), [(0, 0, start, ())]
    while ways:
        _length, turns, here, way = heapq.heappop(ways)
        arrived = here[0] == goal and (not wanted_kubernetes or here[1] == minor_of(wanted_kubernetes))
        if arrived:
            return [_step(what, before, after) for what, before, after in way]
        last = way[-1][0] if way else None
        if (here, last) in seen:
            continue
        seen.add((here, last))
        for what, index in (("Istio", 0), ("Kubernetes", 1)):
            there = list(here)
            there[index] = (here[index][0], here[index][1] + 1)
            if there[0] <= goal and there[0] in RELEASES and supported(show(there[0]), show(there[1])):
                turn = turns + (last not in (None, what))
                heapq.heappush(ways, (len(way) + 1, turn, tuple(there), (*way, (what, here[index], there[index]))))
    raise ReleaseError(
        f"the table has no way from Istio {istio} on Kubernetes {kubernetes} to Istio {show(goal)}"
        + (f" on Kubernetes {wanted_kubernetes}" if wanted_kubernetes else "")
    )


def _step(what, before, after):
    more = {"version": RELEASES[after].version, "changes": changes_in(after)} if what == "Istio" else {}
    return {"what": what, "from": show(before), "to": show(after), **more}
