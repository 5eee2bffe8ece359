# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.meshlab.istio.plugins.module_utils._istio.info import proxy_status as subject
from ansible_collections.meshlab.istio.plugins.module_utils._istio.info.proxy_status import ProxyStatusError

LAYOUTS = {
    "1.7": ["NAME", "CDS", "LDS", "EDS", "RDS", "ISTIOD", "VERSION"],
    "1.14": ["NAME", "CLUSTER", "CDS", "LDS", "EDS", "RDS", "ECDS", "ISTIOD", "VERSION"],
    "1.27": ["NAME", "CLUSTER", "ISTIOD", "VERSION", "SUBSCRIBED TYPES"],
    "1.27 --verbosity 1": ["NAME", "CLUSTER", "CDS", "ECDS", "EDS", "LDS", "RDS", "ISTIOD", "VERSION"],
}


def table(columns, rows):
    """Rows (dictionaries by column) as Go's tabwriter formats them for istioctl: columns end five namespaces after the
    widest cell, and the last one is not padded."""
    lines = [columns, *([row.get(title, "") for title in columns] for row in rows)]
    widths = [max(len(line[i]) for line in lines) + 5 for i in range(len(columns))]
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(line[:-1], widths)) + line[-1] + "\n" for line in lines
    )


ROWS = [
    {
        "NAME": "httpd-6b5954fd87-rfdrn.traffic-shifting",
        "CLUSTER": "Kubernetes",
        "CDS": "SYNCED",
        "LDS": "STALE (Never Acknowledged)",
        "EDS": "SYNCED",
        "RDS": "NOT SENT",
        "ECDS": "IGNORED",
        "ISTIOD": "istiod-866fd487f5-xqjzk",
        "VERSION": "1.7.4",
        "SUBSCRIBED TYPES": "4 (CDS,LDS,EDS,RDS)",
    },
    {
        "NAME": "web.0.shop",
        "CDS": "SYNCED (2m34s)",
        "LDS": "SYNCED (2m34s)",
        "EDS": "SYNCED (36s)",
        "RDS": "STALE (1s)",
        "ECDS": "NOT_SENT",
        "ISTIOD": "istiod-canary-7c4",
        "VERSION": "1.15.1*",
        "SUBSCRIBED TYPES": "0",
    },
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_parsed_to_the_same_rows(layout):
    columns = LAYOUTS[layout]
    first, second = subject.parse(table(columns, ROWS))
    assert (first["name"], first["namespace"]) == ("httpd-6b5954fd87-rfdrn", "traffic-shifting")
    assert (second["name"], second["namespace"]) == ("web.0", "shop")
    assert (first["istiod"], first["version"]) == ("istiod-866fd487f5-xqjzk", "1.7.4")
    assert (second["istiod"], second["version"]) == ("istiod-canary-7c4", "1.15.1")
    assert first["cluster"] == ("Kubernetes" if "CLUSTER" in columns else None)
    assert second["cluster"] is None
    if layout == "1.27":
        assert first["types"] is second["types"] is None
        return
    types = {"CDS": "SYNCED", "LDS": "STALE", "EDS": "SYNCED", "RDS": "NOT SENT", "ECDS": "IGNORED"}
    assert first["types"] == {x: types[x] for x in types if x in columns}
    types = {"CDS": "SYNCED", "LDS": "SYNCED", "EDS": "SYNCED", "RDS": "STALE", "ECDS": "NOT SENT"}
    assert second["types"] == {x: types[x] for x in types if x in columns}


def test_output_of_istioctl_1_27():
    text = (
        "NAME                                                   CLUSTER        CDS              ECDS        "
        "EDS              LDS              RDS              ISTIOD                      VERSION\n"
        "details-v1-766844796b-jrlhx.default                    Kubernetes     SYNCED (23s)     IGNORED     "
        "SYNCED (33s)     SYNCED (23s)     SYNCED (23s)     istiod-866fd487f5-xqjzk     1.27.0\n"
        "istio-egressgateway-84b9f5595c-vl85d.istio-system      Kubernetes     SYNCED (36s)     IGNORED     "
        "SYNCED (33s)     SYNCED (23s)     IGNORED          istiod-866fd487f5-xqjzk     1.27.0\n"
    )
    details, egress = subject.parse(text)
    assert details == {
        "name": "details-v1-766844796b-jrlhx",
        "namespace": "default",
        "cluster": "Kubernetes",
        "istiod": "istiod-866fd487f5-xqjzk",
        "version": "1.27.0",
        "types": {"CDS": "SYNCED", "ECDS": "IGNORED", "EDS": "SYNCED", "LDS": "SYNCED", "RDS": "SYNCED"},
    }
    assert subject.unsynced(details["types"]) == subject.unsynced(egress["types"]) == []


def test_lines_before_the_table_are_skipped():
    warning = "a warning about NAME\nNAMED something\n"
    assert len(subject.parse(warning + table(LAYOUTS["1.7"], ROWS))) == 2
    assert subject.parse(table(LAYOUTS["1.27"], [])) == []
    assert len(subject.parse(table(LAYOUTS["1.7"], ROWS) + "\n\n")) == 2


@pytest.mark.parametrize("text", ["", "no running Istio pods\n", '{"versionInfo": "x"}\n', "NAME\n"])
def test_output_without_a_table_is_refused(text):
    with pytest.raises(ProxyStatusError, match="no line that begins with NAME"):
        subject.parse(text)


CELLS = st.sampled_from(["SYNCED", "NOT SENT", "IGNORED", "STALE", "STALE (Never Acknowledged)", "SYNCED (3h2m)", ""])


@given(
    st.sampled_from(sorted(LAYOUTS)),
    st.lists(st.tuples(st.from_regex(r"[a-z][a-z0-9.-]{0,60}\.[a-z]{1,20}", fullmatch=True), CELLS, CELLS), max_size=9),
)
def test_cells_of_any_width_are_separated(layout, drawn):
    rows = [
        {**ROWS[0], "NAME": name, "CDS": cds, "RDS": rds, "CLUSTER": "c" * (len(name) % 30)} for name, cds, rds in drawn
    ]
    parsed = subject.parse(table(LAYOUTS[layout], rows))
    assert [f"{x['name']}.{x['namespace']}" for x in parsed] == [x["NAME"] for x in rows]
    assert {x["version"] for x in parsed} <= {"1.7.4"}
    if layout != "1.27":
        assert [(x["types"]["CDS"], x["types"]["RDS"]) for x in parsed] == [
            (subject.state_of(cds), subject.state_of(rds)) for _name, cds, rds in drawn
        ]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ({"CDS": "SYNCED", "RDS": "NOT SENT", "ECDS": "IGNORED"}, []),
        ({"CDS": "STALE", "LDS": "SYNCED", "RDS": "ERROR"}, ["CDS STALE", "RDS ERROR"]),
        ({"CDS": "NOT SENT", "LDS": "NOT SENT"}, ["nothing sent"]),
        ({"CDS": "", "LDS": "SYNCED"}, []),
    ],
)
def test_types_that_are_not_in_sync(types, expected):
    assert subject.unsynced(types) == expected


@pytest.mark.parametrize(
    ("version", "revision", "more"),
    [
        ("1.7.4", None, []),
        ("1.7.4", "default", []),
        ("1.26.2", "canary", ["--revision", "canary"]),
        ("1.27.0", "default", ["--verbosity", "1"]),
        ("1.30.3", "canary", ["--revision", "canary", "--verbosity", "1"]),
    ],
)
def test_arguments_for_each_release(version, revision, more):
    expected = ["proxy-status", "--istioNamespace", "istio-system", *more]
    assert subject.arguments(version, "istio-system", revision) == expected
