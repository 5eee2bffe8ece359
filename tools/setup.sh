#!/usr/bin/env bash
# Create .venv (Ansible and the requirements of the collection), and link the checkout to where Ansible finds meshlab.istio.
# Reports missing prerequisites before it changes anything.
# usage: tools/setup.sh [lab|test]; test also installs the tools of the tests
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-lab}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/meshlab

stop() {
  printf '%s\n' "$@" >&2
  exit 1
}
[ "$(uname -s)" = Linux ] ||
  stop "The lab runs on Linux only, this is $(uname -s). On macOS, use a Linux VM with Docker: Lima, Multipass or an OrbStack machine."
python=$(tools/find_python.sh ${PYTHON:+"$PYTHON"})

# Install the packages of a file, and show the name of each package.
install() {
  "$venv/bin/pip" install --disable-pip-version-check --requirement "$1" |
    sed -un -e 's/^Collecting \([^ <>=!~;[(]*\).*/   \1/p' -e 's/^Installing collected packages.*/   writing the files of all packages/p'
}
# The first digits of the SHA-256 checksum of standard input.
checksum() { "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:12])'; }

# If a virtual environment is active, use the Python that it was created from.
python=$("$python" -c 'import sys; print(sys._base_executable)')
# Named by a hash of its content, so that a new checkout reuses it.
key=$({ "$python" -c 'import sys; print(sys.version, sys.base_prefix)'; cat requirements.txt; } | checksum)
venv=$cache/venv/$key
if [ ! -e "$venv/.lab" ]; then
  echo "== Installing Ansible and its libraries into $venv (about 1 min)"
  rm -rf "$venv"
  mkdir -p "$cache/venv"
  "$python" -m venv "$venv"
  install requirements.txt
  touch "$venv/.lab"
fi
if [ "$what" = test ]; then
  wanted=$(checksum <requirements-test.txt)
  if [ "$(cat "$venv/.test" 2>/dev/null)" != "$wanted" ]; then
    echo "== Installing the tools of the tests (about 1 min)"
    install requirements-test.txt
    echo "$wanted" >"$venv/.test"
  fi
fi
[ ! -d .venv ] || [ -L .venv ] || rm -rf .venv
ln -sfn "$venv" .venv
# Ansible finds a collection by the name of its directory: the link gives the checkout that name.
mkdir -p .meshlab/collections/ansible_collections/meshlab
ln -sfn ../../../.. .meshlab/collections/ansible_collections/meshlab/istio
# With sudo, the checkout still belongs to its user, who may replace the links later.
if [ "$(id -u)" = 0 ] && [ -n "${SUDO_UID:-}" ] && [ "$(stat -c %u .)" = "$SUDO_UID" ]; then
  chown -hR "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" .venv .meshlab
fi
