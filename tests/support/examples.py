# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the YAML examples of Markdown and reStructuredText files as files that can be checked and run.

Prints the paths of those that are playbooks. An example that is not valid YAML is an error.

usage: examples.py DIRECTORY FILE...
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

MARKDOWN = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RST = re.compile(r"^\.\. code-block:: (\S+)\n\n((?:   .*\n|\n)+)", re.MULTILINE)


class Block(NamedTuple):
    """A code block: the line in which its code starts, its language and its text."""

    line: int
    language: str
    text: str


def blocks(path: Path) -> Iterator[Block]:
    """The code blocks of a Markdown or reStructuredText file."""
    text = path.read_text(encoding="utf-8")
    for match in (RST if path.suffix == ".rst" else MARKDOWN).finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        yield Block(line, match[1], textwrap.dedent(match[2]).rstrip("\n") + "\n")


def is_playbook(path: Path, block: Block) -> bool:
    """Whether a YAML block is a playbook; SystemExit if it is not valid YAML."""
    try:
        content = list(yaml.safe_load_all(block.text))
    except yaml.YAMLError as error:
        raise SystemExit(f"{path}, the example in line {block.line}: {error}") from error
    return isinstance(content[0], list) and any("hosts" in play for play in content[0])


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for path in map(Path, sys.argv[2:]):
        for block in blocks(path):
            if block.language != "yaml":
                continue
            playbook = is_playbook(path, block)
            target = directory / f"{'-'.join(path.with_suffix('').parts)}-{block.line}.yml"
            target.write_text(block.text if block.text.startswith("---") else f"---\n{block.text}", encoding="utf-8")
            if playbook:
                print(target)


if __name__ == "__main__":
    main()
