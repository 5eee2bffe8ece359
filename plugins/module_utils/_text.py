# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of names for messages."""

from __future__ import annotations

from collections.abc import Iterable

# Names in a sentence before the rest is only counted.
SHOWN_NAMES = 5


def join_and(parts: Iterable[str]) -> str:
    """Join texts: ["a", "b", "c"] gives "a, b and c", an empty list gives ""."""
    parts = list(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def shorten_list(names: Iterable[str], shown: int = SHOWN_NAMES) -> str:
    """Join the first names and count the rest: "a, b, c, d, e and 2 more"; an empty list gives ""."""
    names = list(names)
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
