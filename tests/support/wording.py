# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report phrases of wording.txt in text files. The exit status is 1 if there are any.

usage: wording.py FILE...
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

LIST = Path(__file__).with_name("wording.txt")
# Other people's texts, generated texts, and the list itself.
EXEMPT = re.compile(r"(^|/)(LICENSE|go\.(mod|sum)|changelog\.yaml|wording\.txt|test_wording\.py)$|/files/locks/")


def phrases(text: str) -> list[tuple[re.Pattern[str], str]]:
    """The expressions and the advice of a list such as wording.txt."""
    rows = [line.split(" => ") for line in text.splitlines() if line and not line.startswith("#")]
    return [(re.compile(expression, re.IGNORECASE), advice) for expression, advice in rows]


def findings(text: str, rows: list[tuple[re.Pattern[str], str]]) -> Iterator[str]:
    """A line "NUMBER: PHRASE (ADVICE)" for each phrase in the text."""
    for number, line in enumerate(text.splitlines(), 1):
        for expression, advice in rows:
            for match in expression.finditer(line):
                yield f"{number}: {match[0]} ({advice})"


def main(paths: list[str]) -> int:
    rows = phrases(LIST.read_text(encoding="utf-8"))
    found = 0
    for path in paths:
        if EXEMPT.search(path):
            continue
        try:
            text = Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError:  # an image or an archive
            continue
        for finding in findings(text, rows):
            print(f"{path}:{finding}")
            found += 1
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
