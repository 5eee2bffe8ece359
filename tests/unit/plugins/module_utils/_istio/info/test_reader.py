# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from info_objects import Lab, istiod, workload

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.reader import Reader, list_paths
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError

PODS, DEPLOYMENTS = "/api/v1/pods", "/apis/apps/v1/deployments"


def test_refused_requests_are_recorded():
    reader = Reader(Lab(control_planes=[istiod()], refused=[PODS, "/apis"]))
    assert reader.items(DEPLOYMENTS) == [istiod()]
    assert (reader.answered, reader.refused) == (1, [])
    assert (reader.items(PODS), reader.get("/apis"), list(reader.each(PODS))) == (None, None, [])
    assert (reader.answered, [x.status for x in reader.refused]) == (1, [403, 403, 403])


def test_a_long_list_is_read_in_parts_until_it_is_refused():
    class Changing(Lab):
        def items(self, path, **query):
            yield from super().items(path, **query)
            raise ClusterError("403", 403)

    pods = [workload("web"), workload("db")]
    reader = Reader(Changing(pods=pods))
    assert list(reader.each(PODS)) == pods
    assert len(reader.refused) == 1


def test_any_other_failure_is_raised():
    class Broken(Lab):
        def _record(self, path):
            raise ClusterError("cannot reach it")

    for read in (Reader.items, lambda *args: list(Reader.each(*args)), Reader.get):
        with pytest.raises(ClusterError, match="cannot reach it"):
            read(Reader(Broken()), PODS)


def test_list_paths_name_the_namespaces_or_none():
    assert list_paths("/apis/batch/v1", "jobs", []) == ["/apis/batch/v1/jobs"]
    assert list_paths("/api/v1", "pods", ["a", "b/c"]) == [
        "/api/v1/namespaces/a/pods",
        "/api/v1/namespaces/b%2Fc/pods",
    ]
