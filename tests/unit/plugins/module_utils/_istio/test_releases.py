# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases
from ansible_collections.meshlab.istio.plugins.module_utils._istio.releases import ReleaseError

MINORS = sorted(releases.RELEASES)
OLDEST, NEWEST = (releases.show(minor) for minor in (MINORS[0], MINORS[-1]))
WINDOWS = releases.RELEASES.values()
KUBERNETES = range(min(x.oldest[1] for x in WINDOWS), max(x.newest[1] for x in WINDOWS) + 1)
TOO_NEW = f"1.{KUBERNETES[-1] + 1}"


def next_minor(text):
    """ "1.30" gives "1.31"."""
    return f"1.{int(text.split('.')[1]) + 1}"


def supporting(kubernetes):
    """The Istio minors that support a minor of Kubernetes such as 33, newest first, read from the table itself."""
    return [
        releases.show(m)
        for m, row in reversed(releases.RELEASES.items())
        if row.oldest[1] <= kubernetes <= row.newest[1]
    ]


@pytest.mark.parametrize(
    ("version", "minor"),
    [("1.27.0", (1, 27)), ("v1.7.4", (1, 7)), ("1.30", (1, 30)), ("1.28-alpha.2f1c", (1, 28)), (" 1.9.9\n", (1, 9))],
)
def test_minor_of(version, minor):
    assert releases.minor_of(version) == minor


@pytest.mark.parametrize("version", ["", "unknown", "1", "1.", "7359d8be2504", None])
def test_minor_of_reports_an_invalid_version(version):
    with pytest.raises(ReleaseError, match=f"'{version}' is not a version"):
        releases.minor_of(version)


@given(st.text())
def test_minor_of_accepts_any_text(text):
    try:
        major, minor = releases.minor_of(text)
    except ReleaseError:
        return
    assert major >= 0 and minor >= 0


def test_the_table_has_no_gap_and_supported_versions_only_increase():
    assert [(1, minor) for minor in range(7, MINORS[-1][1] + 1)] == MINORS
    rows = [releases.RELEASES[minor] for minor in MINORS]
    for row in rows:
        assert row.kubernetes_min <= row.oldest <= row.newest, row
    for older, newer in zip(rows, rows[1:]):
        assert older.oldest <= newer.oldest and older.newest <= newer.newest, (older, newer)


@pytest.mark.parametrize(
    ("istio", "kubernetes", "fits"),
    [
        ("1.7.4", "v1.18.19", True),
        ("1.7.4", "1.19.0", False),
        ("1.27.0", "v1.33.13", True),
        ("1.27.0", "1.34.0", False),
        ("1.27.0", "1.28.9", False),
        ("1.30.3", "1.36.0", True),
    ],
)
def test_supported(istio, kubernetes, fits):
    assert releases.supported(istio, kubernetes) is fits


@pytest.mark.parametrize("version", ["1.6.14", f"{next_minor(NEWEST)}.0", "2.0.0"])
def test_a_release_that_is_not_in_the_table_is_an_error_with_its_range(version):
    with pytest.raises(ReleaseError, match=rf"Istio {version} is not in the table .* {OLDEST} to {NEWEST}$"):
        releases.supported(version, "1.30")


def test_istio_for_sorts_the_newest_first_except_for_the_preferred_one():
    assert releases.istio_for("v1.33.13") == supporting(33)
    assert supporting(33)[-2:] == ["1.27", "1.26"]
    assert releases.istio_for("1.18.19") == ["1.7", "1.11", "1.10", "1.9", "1.8"]
    assert releases.istio_for("1.15") == []


@given(st.sampled_from(MINORS), st.integers(10, 40))
def test_istio_for_and_supported_agree(istio, kubernetes):
    text = releases.show(istio)
    assert releases.supported(text, f"1.{kubernetes}") == (text in releases.istio_for(f"1.{kubernetes}"))


@pytest.mark.parametrize(
    ("kubernetes", "version"),
    [("1.18.19", "1.7.4"), ("1.17", "1.9.9"), ("1.16.15", "1.8.6"), ("v1.27.3", "1.23.6")],
)
def test_version_for_is_the_newest_except_for_the_preferred_one(kubernetes, version):
    assert releases.version_for(kubernetes) == version


@pytest.mark.parametrize(
    ("kubernetes", "available", "version"),
    [
        ("1.33", ["1.26.0", "1.27.0", "1.27.10", "1.27.9", "1.20.0"], "1.27.10"),
        ("1.33", ["1.27.0-rc.1", "1.27.0", "1.27.0-beta.0"], "1.27.0"),
        ("1.33", ["1.25.5", "1.26.0"], "1.26.0"),
        ("1.18", ["1.7.4", "1.7.8", "1.11.8"], "1.7.4"),
        ("1.18", ["1.7.8", "1.7.3", "1.11.8"], "1.7.8"),
        ("1.18", ["1.11.8", "1.8.6"], "1.11.8"),
    ],
)
def test_version_for_uses_only_available_versions(kubernetes, available, version):
    assert releases.version_for(kubernetes, available) == version


@pytest.mark.parametrize(
    ("kubernetes", "available", "message"),
    [
        (
            "1.15",
            None,
            rf"no Istio release in the table supports Kubernetes 1\.15; .* Istio {OLDEST} to {NEWEST}, "
            rf"which support 1\.{KUBERNETES[0]} to 1\.{KUBERNETES[-1]}",
        ),
        (
            f"1.{KUBERNETES[-1] + 1}.1",
            ["1.30.5"],
            rf"no Istio release in the table supports Kubernetes 1\.{KUBERNETES[-1] + 1}",
        ),
        ("1.33", ["1.7.4", "1.20.0"], r"by Istio .*1\.27, 1\.26; available versions: 1\.7\.4, 1\.20\.0"),
        ("1.33", [], "available versions: none"),
        ("1.33", ["latest"], "'latest' is not a version"),
    ],
)
def test_version_for_reports_why_none_matches(kubernetes, available, message):
    with pytest.raises(ReleaseError, match=message):
        releases.version_for(kubernetes, available)


@given(st.sampled_from(KUBERNETES))
def test_version_for_returns_a_version_that_supports_the_cluster(minor):
    assert releases.supported(releases.version_for(f"1.{minor}.0"), f"1.{minor}.0")


def test_the_newest_version_belongs_to_its_minor():
    for minor, row in releases.RELEASES.items():
        assert releases.minor_of(row.version) == minor and row.version.count(".") == 2


def test_suggestions_name_supported_versions():
    assert releases.suggestions("1.7.4", "v1.33.1") == (
        f"Istio 1.7 supports Kubernetes 1.16 to 1.18; Kubernetes 1.33 is supported by Istio {', '.join(supporting(33))}"
    )
    assert releases.suggestions("1.27.0", "1.15.0").endswith(
        "Kubernetes 1.15 is not supported by any Istio in the table"
    )


@pytest.mark.parametrize(
    ("version", "feature", "expected"),
    [
        ("1.7.4", "honors_opt_out", False),
        ("1.8.6", "honors_opt_out", True),
        ("1.9.9", "by_webhook", False),
        ("1.10.0", "by_webhook", True),
        ("1.16.9", "renders_again", False),
        ("1.17.0", "renders_again", True),
        ("1.23.0", "verify_install", True),
        ("1.24.0", "verify_install", False),
        ("1.99.0", "renders_again", True),  # newer than the table: as its newest
        ("1.99.0", "verify_install", False),
    ],
)
def test_has(version, feature, expected):
    assert releases.has(version, feature) is expected


def test_has_refuses_versions_older_than_the_table():
    with pytest.raises(ReleaseError, match=r"Istio 1\.6\.0 is too old; the oldest supported release is 1\.7"):
        releases.has("1.6.0", "by_webhook")


@pytest.mark.parametrize(
    ("installed", "target", "step"),
    [
        ("1.26.0", "1.27.0", None),
        ("1.27.3", "1.27.0", None),
        ("1.28.1", "1.27.0", None),
        ("1.25.9", "1.27.0", "1.26"),
        ("1.30.0", "1.27.0", "1.29"),
        ("1.7.4", "v1.30.0", "1.8"),
        ("1.27.0", "2.0.0", None),
    ],
)
def test_next_step_goes_one_minor_at_a_time_up_and_down(installed, target, step):
    assert releases.next_step(installed, target) == step


@given(st.sampled_from(MINORS), st.sampled_from(MINORS))
def test_next_step_leads_to_the_target_version(installed, target):
    here, steps = releases.show(installed), 0
    while releases.next_step(here, releases.show(target)):
        here, steps = releases.next_step(here, releases.show(target)), steps + 1
    assert steps == max(abs(installed[1] - target[1]) - 1, 0)
