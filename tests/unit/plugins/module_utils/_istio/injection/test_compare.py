# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ways of rendering."""

from __future__ import annotations

from injection_fakes import NAMED, NEW, OLD, inject_all, make_workload, only, rendered

from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import compare, workload


def different(workloads, version=NEW, by_files=True):
    return [
        (one["field"], one["actual"], one["workloads"]) for one in compare.differences(workloads, version, by_files)
    ]


def test_rendering_from_files_differs_from_the_webhook():
    both = [rendered(env=NAMED, name="a"), rendered(env=NAMED, name="b")]
    titles = ["Deployment default/a", "Deployment default/b"]
    assert different(both) == [
        ("sidecar", "an ordinary container", titles),
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "set", titles),
    ]
    assert "the control plane decides" in compare.differences(both, NEW, True)[0]["alternative"]
    assert [field for field, _actual, _workloads in different(both, "1.18.0")] == [
        "ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER"
    ]


def test_rendering_by_webhook_differs_from_files():
    assert different([rendered(native=True)], by_files=False) == [
        ("sidecar", "a native sidecar (init container)", ["Deployment default/web"]),
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "missing", ["Deployment default/web"]),
    ]
    assert different([rendered()], by_files=False) == [
        ("ISTIO_META_WORKLOAD_NAME and ISTIO_META_OWNER", "missing", ["Deployment default/web"]),
    ]


def test_equal_results_have_no_difference():
    assert different([rendered(env=NAMED)], "1.9.0") == different([rendered()], OLD, by_files=False) == []
    assert different([], by_files=True) == []
    decided = rendered(annotations={"sidecar.istio.io/nativeSidecar": "false"})
    assert different([decided]) == []


def test_kind_of_the_sidecar_of_each_workload():
    assert [workload.sidecar_of(one) for one in (rendered(), rendered(native=True), only(make_workload()))] == [
        "container", "native", ""
    ]  # fmt: skip
    injection = inject_all([make_workload(), make_workload(name="host", hostNetwork=True)], by_files=True)
    assert [one["sidecar"] for one in injection.results] == ["container", ""]
    assert injection.differences[0]["workloads"] == ["Deployment default/web"]
