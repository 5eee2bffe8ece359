#!/usr/bin/env bash
# Print the files that are in the repository or can be added, neither ignored nor deleted ones, each with a null byte after it.
set -euo pipefail
cd "$(dirname "$0")/../.."
git ls-files -z --cached --others --exclude-standard --deduplicate |
  while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done
