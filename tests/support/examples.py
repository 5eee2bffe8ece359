"""The examples in the project's Markdown files, as files that can be checked and run.

    examples.py FOLDER FILE...   writes each YAML example of the files into FOLDER and prints the paths of the playbooks

An example that is no YAML stops it, with the file and the line that it begins in.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import yaml

FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(path):
    """(line, text, is a playbook) of each YAML example in a Markdown file; SystemExit for one that is no YAML."""
    text = path.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 2
        try:
            content = yaml.safe_load(match[1])
        except yaml.YAMLError as error:
            raise SystemExit(f"{path}, the example in line {line}: {error}") from error
        yield line, match[1], isinstance(content, list) and any("hosts" in play for play in content)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for path in map(Path, sys.argv[2:]):
        for line, text, is_playbook in examples(path):
            target = folder / f"{'-'.join(path.with_suffix('').parts)}-{line}.yml"
            target.write_text(text if text.startswith("---") else f"---\n{text}", encoding="utf-8")
            if is_playbook:
                print(target)


if __name__ == "__main__":
    main()
