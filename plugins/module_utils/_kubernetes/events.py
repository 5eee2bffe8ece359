# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events about one object."""

from __future__ import annotations

from collections.abc import Iterable


def events_about(events: Iterable[dict], name: str) -> list[dict]:
    """Return the events about one object. events: all events of its namespace."""
    return [x for x in events if (x.get("involvedObject") or {}).get("name") == name]


def last_events(events: Iterable[dict], name: str, count: int = 2) -> list[str]:
    """Return one line for each of the newest warnings about one object, or newest events if there are no warnings."""
    about = events_about(events, name)
    about = [x for x in about if x.get("type") == "Warning"] or about
    about.sort(
        key=lambda x: x.get("lastTimestamp") or x.get("eventTime") or x["metadata"].get("creationTimestamp") or ""
    )
    return [f"event {x.get('reason')}: {(x.get('message') or '').strip()}" for x in about[-count:]]
