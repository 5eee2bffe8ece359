"""Print the failures in the log of a test run again, shortened, because they are far above its end.

usage: failures.py LOG
"""

from __future__ import annotations

import re
import sys
from collections import deque
from pathlib import Path

SHOWN = 6  # failures, the last ones
LINES = 20  # of each
WIDTH = 400  # characters of a line
NEXT = ("TASK [", "PLAY ", "fatal: [", "failed: [", "...ignoring")


def failures(lines):
    """The lines of each failed task that was not ignored, its title first. Finds tasks of nested playbooks too."""
    task, block = "", None
    for line in [*lines, ""]:
        text = line.strip()
        if block is not None and (not text or text.startswith(NEXT)):
            if not text.startswith("...ignoring"):
                yield block
            block = None
        if text.startswith("TASK ["):
            task = text.rstrip("* ")
        elif text.startswith(("fatal: [", "failed: [")):
            block = [task, text]
        elif block is not None:
            block.append(line)
        elif re.match(r"(FAILED|ERROR)\b(?! - RETRYING)", text):
            yield [text]


def main(log):
    lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    for block in deque(failures(lines), SHOWN):
        print()
        for line in block[:LINES]:
            print(line if len(line) <= WIDTH else line[:WIDTH] + " [...]")
        if len(block) > LINES:
            print(f"[... {len(block) - LINES} more lines]")


if __name__ == "__main__":
    main(sys.argv[1])
