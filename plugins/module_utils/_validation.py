# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that are numbers: what is allowed, and the one sentence for what is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DAY = 86400  # the longest that anything is waited for, in seconds


def number_problem(name: str, value: float | None, low: float, high: float | None = None) -> str | None:
    """What is wrong with an option's number, in a sentence with what is allowed; None if nothing is, or it is not set.

    high: None where there is no end.
    """
    if value is None or (low <= value and (high is None or value <= high)):
        return None
    allowed = f"{low} or more" if high is None else f"within {low}..{high}"
    return f"{name} {value} has to be {allowed}"


def check_numbers(module: AnsibleModule, limits: Mapping[str, tuple[float, float | None]], **result: Any) -> None:
    """Fail for the first of a module's options whose number is not allowed.

    limits: {option: (lowest, highest)}, the highest may be None; result: what the module returns beside the message.
    """
    for name, (low, high) in limits.items():
        told = number_problem(name, module.params[name], low, high)
        if told:
            module.fail_json(msg=told, **result)
