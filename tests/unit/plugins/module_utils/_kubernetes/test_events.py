# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from kube_objects import event

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.events import last_events


def test_newest_warnings_come_from_every_kind_of_timestamp():
    name = "reviews-v1-7b5d4c9c6b-x2x5s"
    events = [
        event("Third", "c", "2026-02-01T10:00:03Z", kind="Normal", field="creationTimestamp"),
        event("First", "a", "2026-02-01T10:00:01Z", kind="Normal"),
        event("Second", "b", "2026-02-01T10:00:02.000000Z", kind="Normal", field="eventTime"),
        {"type": "Normal", "reason": "Zeroth", "message": None, "metadata": {}, "involvedObject": {"name": name}},
    ]
    assert last_events(events, name) == ["event Second: b", "event Third: c"]
    assert last_events(events, name, count=9)[0] == "event Zeroth: "
    warned = [*events, event("Warned", "w", "2026-02-01T09:00:00Z")]
    assert last_events(warned, name) == ["event Warned: w"]
    assert last_events(events, "other") == []
