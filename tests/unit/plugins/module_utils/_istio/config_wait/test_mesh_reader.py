# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.meshlab.istio.plugins.module_utils._istio.config_wait.mesh_reader import rejections_in


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
