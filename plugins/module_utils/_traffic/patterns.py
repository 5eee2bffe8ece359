# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions and header names that a probe with any awk, curl or wget accepts."""

from __future__ import annotations

import re

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
META_CHARACTERS = re.compile(r"[][\\.*+?(){}|^$]")
_INSTEAD = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[[:alnum:]_]",
    "W": "[^[:alnum:]_]",
    "s": "[[:space:]]",
    "S": "[^[:space:]]",
}


def regex_problem(pattern: str) -> str | None:
    """Why a pattern is not a POSIX extended regular expression that every awk accepts; None if no problem is found."""
    if not pattern:
        return "it is empty, and would match every response"
    if re.search(r"[\x00-\x1f\x7f]", pattern):
        return "it has a line break or another control character; responses are matched line by line"
    escape = re.search(r"(?<!\\)(?:\\\\)*\\([A-Za-z0-9])", pattern)
    if escape:
        instead = _INSTEAD.get(escape[1])
        hint = f"; write {instead}" if instead else ""
        return f"\\{escape[1]} is not part of POSIX extended regular expressions{hint}"
    if re.search(r"(?<!\\)(?:\\\\)*\(\?", pattern):
        return "(? is not part of POSIX extended regular expressions"
    if pattern.endswith("\\") and (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        return "it ends with a lone backslash"
    try:
        known = re.compile(re.sub(r"\[:[a-z]+:\]", "a-z", pattern))  # Python does not know [:alpha:] and the like
    except re.error as error:
        return str(error)
    # Both, as ^$ matches nothing, too, but means it.
    if known.search("") and known.search("\x7f"):
        return "it matches nothing at all, too, and so every response"
    return None
