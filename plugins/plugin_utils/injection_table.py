# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats the workloads of istio_info as a text table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# (key of a workload, heading)
COLUMNS = (
    ("namespace", "NAMESPACE"),
    ("workload", "WORKLOAD"),
    ("injected_by", "INJECTED BY"),
    ("sidecar", "SIDECAR"),
    ("reason", "REASON"),
)


def injection_table(workloads: Iterable[Mapping[str, str]]) -> list[str]:
    """Return a heading and one line per workload, with aligned columns."""
    rows = [[heading for _key, heading in COLUMNS]]
    rows += [[str(workload[key] or "-") for key, _heading in COLUMNS] for workload in workloads]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
