# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.filter.istio_upgrade_path import FilterModule
from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases

istio_upgrade_path = FilterModule().filters()["istio_upgrade_path"]

PAIRS = [
    (minor, (1, kubernetes))
    for minor, row in releases.RELEASES.items()
    for kubernetes in range(row.oldest[1], row.newest[1] + 1)
]


def short(steps):
    """The steps in short form, such as I1.8 and K1.19."""
    return [f"{step['product'][0]}{step['to']}" for step in steps]


def test_the_path_from_the_oldest_tested_pair():
    steps = istio_upgrade_path("1.7.4", "v1.18.19", "1.13.9")
    assert short(steps) == ["I1.8", "I1.9", "I1.10", "I1.11", "K1.19", "K1.20", "I1.12", "I1.13"]
    assert steps[0]["version"] == "1.8.6"
    assert any("kube-inject does not inject a pod" in change for change in steps[0]["changes"])
    assert any(change.startswith("no longer: ") for change in steps[2]["changes"])
    assert "changes" not in steps[4]


def test_path_to_a_newer_kubernetes():
    assert short(istio_upgrade_path("1.26.0", "1.31", "1.27.0", "1.33")) == ["I1.27", "K1.32", "K1.33"]
    assert istio_upgrade_path("1.27.0", "1.33", "1.27.9") == []
    assert istio_upgrade_path("1.27.0", "1.33")[-1]["to"] == releases.show(max(releases.RELEASES))


@given(st.sampled_from(PAIRS), st.sampled_from(PAIRS))
def test_every_intermediate_pair_is_supported_with_the_fewest_steps(start, end):
    versions = [releases.show(x) for x in (*start, *end)]
    if end[0] < start[0] or end[1] < start[1]:
        with pytest.raises(AnsibleFilterError, match=r"this is not an upgrade|the table has no supported path"):
            istio_upgrade_path(*versions)
        return
    steps = istio_upgrade_path(*versions)
    pair = {"Istio": versions[0], "Kubernetes": versions[1]}
    for step in steps:
        assert step["from"] == pair[step["product"]]
        pair[step["product"]] = step["to"]
        assert releases.supported(pair["Istio"], pair["Kubernetes"])
    assert [pair["Istio"], pair["Kubernetes"]] == versions[2:]
    assert len(steps) == (end[0][1] - start[0][1]) + (end[1][1] - start[1][1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1.27.0", "1.33", "1.26.0"), "Istio 1.26 is older than the installed 1.27.0; this is not an upgrade"),
        (
            ("1.7.4", "1.22.0", "1.10.0"),
            "the starting combination is not supported: Istio 1.7 supports Kubernetes 1.16 to 1.18",
        ),
        (("1.26.0", "1.30", "1.27.0", "1.36"), "Istio 1.27 supports Kubernetes 1.29 to 1.33"),
        (("1.26.0", "1.30", "2.0"), "Istio 2.0 is not in the table"),
        (("1.26.0", "1.30", ""), "'' is not a version"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(AnsibleFilterError, match=f"istio_upgrade_path: {message}"):
        istio_upgrade_path(*arguments)
