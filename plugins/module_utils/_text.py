# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists in sentences for the user."""

from __future__ import annotations

from collections.abc import Iterable

# How many names a sentence holds before the rest is only counted.
SHOWN_NAMES = 5


def join_and(parts: Iterable[str]) -> str:
    """Join texts as in a sentence: ["a", "b", "c"] gives "a, b and c". Empty for none."""
    parts = list(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def shorten_list(names: Iterable[str], shown: int = SHOWN_NAMES) -> str:
    """The first few of many names: "a, b, c, d, e and 2 more". Empty for none."""
    names = list(names)
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
