# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read facts of any type, and combine verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

PASS, FAIL, INCONCLUSIVE, MISSING = "pass", "fail", "inconclusive", "missing"

Facts = dict[str, Any]
Document = dict[str, Any]
# A check of a chapter: its result in words, and the verdict.
Check = tuple[str, str]


def as_text(value: Any) -> str:
    """A text; empty for None."""
    return "" if value is None else str(value)


def as_list(value: Any) -> list[Any]:
    """A list; empty for a value that is not one."""
    return list(value) if isinstance(value, (list, tuple)) else []


def as_dict(value: Any) -> dict[str, Any]:
    """A dictionary; empty for a value that is not one."""
    return value if isinstance(value, dict) else {}


def as_dicts(value: Any) -> list[dict[str, Any]]:
    """The dictionaries in a list."""
    return [item for item in as_list(value) if isinstance(item, dict)]


def as_number(value: Any) -> float | None:
    """A finite number, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def as_count(value: Any) -> int:
    """A whole number; 0 for a value that is not a number."""
    return int(as_number(value) or 0)


def verdict_of(condition: Any) -> str:
    """PASS if the condition holds, else FAIL."""
    return PASS if condition else FAIL


def known_verdict(verdict: Any) -> str:
    """The verdict of a measurement; INCONCLUSIVE if it is not one."""
    return verdict if verdict in (PASS, FAIL, INCONCLUSIVE) else INCONCLUSIVE


def worst(verdicts: Iterable[str]) -> str:
    """The worst of several verdicts; MISSING ones do not count if there are others."""
    found = set(verdicts)
    return next((verdict for verdict in (FAIL, INCONCLUSIVE, PASS) if verdict in found), MISSING)
