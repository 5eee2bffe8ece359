# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What istioctl proxy-status prints, in the layout of every release: which proxies are in step with their istiod.

All of them are tables whose first line names the columns:

  1.7    NAME CDS LDS EDS RDS ISTIOD VERSION
  1.10   NAME CLUSTER CDS LDS EDS RDS ECDS ISTIOD VERSION, at first without CLUSTER and ECDS
  1.27   NAME CLUSTER ISTIOD VERSION SUBSCRIBED TYPES, and with --verbosity 1 a column for each type again

1.27 takes -o json too, and prints the same table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases

# Columns that are not a type of configuration.
_OTHERS = {"NAME", "CLUSTER", "ISTIOD", "VERSION", "SUBSCRIBED TYPES"}

SYNCED = "SYNCED"
# Nothing to send, or nothing that this proxy asked for: both are as they should be.
IDLE = ("NOT SENT", "IGNORED")


class ProxyStatusError(Exception):
    """istioctl printed something that is no table of proxies."""


def arguments(version: str, namespace: str, revision: str | None = None) -> list[str]:
    """istioctl's arguments; version: istioctl's; namespace: the control plane's; revision: only this one's proxies.

    The default revision has to go unnamed: late releases make the name of a Service from it.
    """
    args = ["proxy-status", "--istioNamespace", namespace]
    if revision and revision != "default":
        args += ["--revision", revision]
    if releases.has(version, "status_verbosity"):
        args += ["--verbosity", "1"]
    return args


def parse(text: str) -> list[dict[str, Any]]:
    """The rows of the table as a list of {name, namespace, cluster, istiod, version, types}, in its order.

    types: the state of each type of configuration, such as {"CDS": "SYNCED"}; None where the table has no such columns.
    Raises ProxyStatusError if there is no table.
    """
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if re.match(r"NAME\s{2,}", line)), None)
    if start is None:
        raise ProxyStatusError("it printed no line that begins with NAME")
    # Columns are apart by spaces alone, cells may hold single ones or nothing: where the header's begin, theirs do.
    columns = [(match.start(), match[0]) for match in re.finditer(r"\S+(?: \S+)*", lines[start])]
    rows = []
    for line in lines[start + 1 :]:
        ends = [begin for begin, _title in columns[1:]] + [len(line)]
        cells = {title: line[begin:end].strip() for (begin, title), end in zip(columns, ends)}
        if cells["NAME"]:
            rows.append(_row(cells))
    return rows


def _row(cells):
    name, _dot, namespace = cells["NAME"].rpartition(".")  # a pod's name may have dots, a namespace's has none
    types = {title: state_of(cell) for title, cell in cells.items() if title not in _OTHERS}
    return {
        "name": name,
        "namespace": namespace,
        "cluster": cells.get("CLUSTER") or None,
        "istiod": cells.get("ISTIOD") or None,
        # An asterisk marks what Envoy says of itself where it does not know of Istio.
        "version": (cells.get("VERSION") or "").rstrip("*") or None,
        "types": types or None,
    }


def state_of(cell: str) -> str:
    """A state without what is told beside it: "SYNCED (4m)" gives "SYNCED", and NOT_SENT is NOT SENT."""
    return re.sub(r"\s*\(.*", "", cell).replace("_", " ").upper()


def behind(types: Mapping[str, str]) -> list[str]:
    """The types that a proxy has not taken, in words such as "CDS STALE"; empty if it is in step.

    types: as parse gives them. A proxy that took nothing at all is behind with all of it.
    """
    wrong = [f"{name} {state}" for name, state in types.items() if state and state not in (SYNCED, *IDLE)]
    if not wrong and SYNCED not in types.values():
        return ["nothing sent"]
    return wrong
