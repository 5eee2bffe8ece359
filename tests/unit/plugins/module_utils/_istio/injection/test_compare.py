# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ways of rendering."""

from __future__ import annotations

from injection_fakes import NAMED, NEW, OLD, inject_all, make_workload, only, rendered

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import compare, workload


def different(workloads, version=NEW, by_files=True):
    return [(one["what"], one["here"], one["workloads"]) for one in compare.differences(workloads, version, by_files)]


def test_by_files_the_cluster_may_have_made_it_native_and_nameless():
    both = [rendered(env=NAMED, name="a"), rendered(env=NAMED, name="b")]
    titles = ["Deployment default/a", "Deployment default/b"]
    assert different(both) == [
        ("sidecar", "an ordinary container", titles),
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "set", titles),
    ]
    assert "the control plane decides" in compare.differences(both, NEW, True)[0]["otherwise"]
    assert [what for what, _here, _of in different(both, "1.18.0")] == ["ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER"]


def test_by_the_webhook_the_files_give_an_ordinary_container_with_a_name():
    assert different([rendered(native=True)], by_files=False) == [
        ("sidecar", "a native sidecar (init container)", ["Deployment default/web"]),
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "missing", ["Deployment default/web"]),
    ]
    assert different([rendered()], by_files=False) == [
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "missing", ["Deployment default/web"]),
    ]


def test_where_both_ways_give_the_same_there_is_no_difference():
    assert different([rendered(env=NAMED)], "1.9.0") == different([rendered()], OLD, by_files=False) == []
    assert different([], by_files=True) == []
    decided = rendered(annotations={"sidecar.istio.io/nativeSidecar": "false"})
    assert different([decided]) == []


def test_the_kind_of_sidecar_is_told_of_each_workload():
    assert [workload.sidecar_of(one) for one in (rendered(), rendered(native=True), only(make_workload()))] == [
        "container", "native", ""
    ]  # fmt: skip
    injection = inject_all([make_workload(), make_workload(name="host", hostNetwork=True)], by_files=True)
    assert [one["sidecar"] for one in injection.results] == ["container", ""]
    assert injection.differences[0]["workloads"] == ["Deployment default/web"]
