#!/usr/bin/env bash
# Build the documentation site: pages of docs/docsite/rst, and of all modules, plugins and roles. A warning is an error.
# usage: tools/docsite/build.sh DIRECTORY; the site is in DIRECTORY/html
set -euo pipefail
target=$(realpath "$1")
cd "$(dirname "$0")/../.."
export ANSIBLE_COLLECTIONS_PATH="$PWD/.meshlab/collections"
mkdir -p "$target/rst"
chmod go-w "$target/rst" # antsibull-docs refuses a directory that others can write
antsibull-docs --config-file tools/docsite/antsibull-docs.cfg collection --cleanup everything --fail-on-error --use-current \
  --squash-hierarchy --dest-dir "$target/rst" meshlab.istio
sphinx-build -q -W --keep-going -c tools/docsite -b html "$target/rst" "$target/html"
