# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Range checks for numeric options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DAY = 86400  # upper limit of every timeout, in seconds


def number_problem(name: str, value: float | None, low: float, high: float | None = None) -> str | None:
    """Return the error message for a number outside low..high; None if the number is valid or not set.

    high: None for no upper limit.
    """
    if value is None or (low <= value and (high is None or value <= high)):
        return None
    allowed = f"at least {low}" if high is None else f"between {low} and {high}"
    return f"{name} must be {allowed}, got {value}"


def check_numbers(module: AnsibleModule, limits: Mapping[str, tuple[float, float | None]], **result: Any) -> None:
    """Fail the module for the first option that is out of range.

    limits: {option: (lowest, highest)}, highest may be None; result: return values besides the message.
    """
    for name, (low, high) in limits.items():
        problem = number_problem(name, module.params[name], low, high)
        if problem:
            module.fail_json(msg=problem, **result)
