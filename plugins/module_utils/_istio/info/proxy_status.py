# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the output of istioctl proxy-status: which proxies are in sync with their istiod.

Every release prints a table whose first line names the columns:

  1.7    NAME CDS LDS EDS RDS ISTIOD VERSION
  1.10   NAME CLUSTER CDS LDS EDS RDS ECDS ISTIOD VERSION, at first without CLUSTER and ECDS
  1.27   NAME CLUSTER ISTIOD VERSION SUBSCRIBED TYPES; with --verbosity 1, a column for each type

With -o json, 1.27 prints the same table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases

# Columns that are not a type of configuration.
_OTHERS = {"NAME", "CLUSTER", "ISTIOD", "VERSION", "SUBSCRIBED TYPES"}

SYNCED = "SYNCED"
# There is nothing to send, or the proxy did not subscribe to the type. Neither is a problem.
IDLE = ("NOT SENT", "IGNORED")


class ProxyStatusError(Exception):
    """The output of istioctl is not a table of proxies."""


def arguments(version: str, namespace: str, revision: str | None = None) -> list[str]:
    """The arguments of istioctl. version: of istioctl; namespace: of the control plane; revision: of the proxies.

    The default revision must not be named, because newer releases derive the name of a Service from it.
    """
    args = ["proxy-status", "--istioNamespace", namespace]
    if revision and revision != "default":
        args += ["--revision", revision]
    if releases.has(version, "status_verbosity"):
        args += ["--verbosity", "1"]
    return args


def parse(text: str) -> list[dict[str, Any]]:
    """The rows of the table, in order, each with name, namespace, cluster, istiod, version and types.

    types: the state of each type of configuration, such as {"CDS": "SYNCED"}; None where the table has no such columns.
    Raises ProxyStatusError if there is no table.
    """
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if re.match(r"NAME\s{2,}", line)), None)
    if start is None:
        raise ProxyStatusError("the output has no line that begins with NAME")
    # Cells may be empty or contain single spaces: the header sets the offsets of the columns.
    columns = [(match.start(), match[0]) for match in re.finditer(r"\S+(?: \S+)*", lines[start])]
    rows = []
    for line in lines[start + 1 :]:
        ends = [begin for begin, _title in columns[1:]] + [len(line)]
        cells = {title: line[begin:end].strip() for (begin, title), end in zip(columns, ends)}
        if cells["NAME"]:
            rows.append(_row(cells))
    return rows


def _row(cells):
    name, _dot, namespace = cells["NAME"].rpartition(".")  # only the name of the pod may contain dots
    types = {title: state_of(cell) for title, cell in cells.items() if title not in _OTHERS}
    return {
        "name": name,
        "namespace": namespace,
        "cluster": cells.get("CLUSTER") or None,
        "istiod": cells.get("ISTIOD") or None,
        # An asterisk marks the version of Envoy, shown where that of Istio is unknown.
        "version": (cells.get("VERSION") or "").rstrip("*") or None,
        "types": types or None,
    }


def state_of(cell: str) -> str:
    """A state without its suffix and underscores: "SYNCED (4m)" gives "SYNCED", and NOT_SENT gives "NOT SENT"."""
    return re.sub(r"\s*\(.*", "", cell).replace("_", " ").upper()


def unsynced(types: Mapping[str, str]) -> list[str]:
    """The configuration types that are not in sync, such as "CDS STALE"; empty if the proxy is in sync.

    types: as parse() returns them. A proxy that received nothing is not in sync.
    """
    wrong = [f"{name} {state}" for name, state in types.items() if state and state not in (SYNCED, *IDLE)]
    if not wrong and SYNCED not in types.values():
        return ["nothing sent"]
    return wrong
