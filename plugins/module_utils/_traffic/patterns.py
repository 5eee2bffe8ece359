# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions and header names that every awk, curl and wget accepts."""

from __future__ import annotations

import re

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
META_CHARACTERS = re.compile(r"[][\\.*+?(){}|^$]")
_POSIX_CLASSES = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[[:alnum:]_]",
    "W": "[^[:alnum:]_]",
    "s": "[[:space:]]",
    "S": "[^[:space:]]",
}


def regex_problem(pattern: str) -> str | None:
    """Why a pattern is not a portable POSIX extended regular expression, as a predicate; None if it is one."""
    if not pattern:
        return "is empty and therefore matches every response"
    if re.search(r"[\x00-\x1f\x7f]", pattern):
        return "contains a line break or another control character, but responses are matched line by line"
    escape = re.search(r"(?<!\\)(?:\\\\)*\\([A-Za-z0-9])", pattern)
    if escape:
        posix = _POSIX_CLASSES.get(escape[1])
        hint = f"; use {posix}" if posix else ""
        return f"contains \\{escape[1]}, which is not part of POSIX extended regular expressions{hint}"
    if re.search(r"(?<!\\)(?:\\\\)*\(\?", pattern):
        return "contains (?, which is not part of POSIX extended regular expressions"
    if pattern.endswith("\\") and (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        return "ends with a single backslash"
    try:
        compiled = re.compile(re.sub(r"\[:[a-z]+:\]", "a-z", pattern))  # Python does not support [:alpha:]
    except re.error as error:
        return f"is not a valid regular expression: {error}"
    # The second condition accepts ^$, which matches the empty line only.
    if compiled.search("") and compiled.search("\x7f"):
        return "matches the empty string and therefore every response"
    return None
