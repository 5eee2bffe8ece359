# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from mesh_objects import virtual_service

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.mesh_reader import (
    MeshReader,
    rejections_in,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.rules import Rule


def test_rejected_updates_in_the_log():
    log = (
        '[2026-02-01T10:00:00.000Z] "GET / HTTP/1.1" 200 - rejected: no\n'
        "2026-02-01T10:00:01.000000Z\twarning\tenvoy config source/x/grpc_subscription_impl.cc:138\tgRPC config "
        "for type.googleapis.com/envoy.config.route.v3.RouteConfiguration rejected: missing ): (\tthread=18\n"
        "2026-02-01T10:00:02.000000Z\twarning\tenvoy config\t"
        "gRPC config for type.googleapis.com/envoy.api.v2.Listener rejected: Error adding listener\n"
    )
    assert rejections_in(log * 2) == [
        "RouteConfiguration: missing ): (",
        "Listener: Error adding listener",
    ]


class FakeCluster:
    """Returns objects by path."""

    def __init__(self, objects):
        self.objects = objects

    def get(self, path, **_query):
        return self.objects.get(path)


def test_spec_and_revision_of_a_rule_by_name_are_those_in_the_api():
    by_name = Rule("VirtualService", "shop", "catalog")
    defined = Rule("VirtualService", "shop", "catalog", {"hosts": ["basket"]})
    live = virtual_service()
    live["metadata"]["labels"] = {"istio.io/rev": "canary"}
    reader = MeshReader(FakeCluster({by_name.path: live}), [by_name, defined])
    rules, facts = reader.read_api()
    assert [(x.spec, x.revision) for x in rules] == [(live["spec"], "canary"), ({"hosts": ["basket"]}, "")]
    assert facts.live == {by_name.title: live}
    assert MeshReader(FakeCluster({}), [by_name]).read_api()[0] == [by_name]
