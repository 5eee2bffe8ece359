# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._traffic.patterns import regex_problem


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("", "empty"),
        ("a\nb", "line break"),
        (r"v\d", r"contains \\d, which is not part.*use \[0-9\]"),
        (r"\\\w", r"use \[\[:alnum:\]_\]"),
        (r"\bword", r"\\b, which is not part"),
        ("(?i)tomcat", r"\(\?, which is not part"),
        ("(a", "unterminated"),
        ("[a", "unterminated"),
        ("*a", "nothing to repeat"),
        ("a\\", "single backslash"),
        (".*", "every response"),
        ("x?", "every response"),
    ],
)
def test_rejected_patterns(pattern, problem):
    assert re.search(problem, regex_problem(pattern))


@pytest.mark.parametrize(
    "pattern", ["^$", ".", r"\.", r"\\d", "[[:alpha:]]+", "^(a|b){2}$", r"x\(?", "a'b", "[]x]", "größe", r"\\\\"]
)
def test_accepted_patterns(pattern):
    assert regex_problem(pattern) is None
