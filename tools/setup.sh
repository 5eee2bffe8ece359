#!/usr/bin/env bash
# Create .venv (Ansible and the requirements of the collection), and link the checkout to where Ansible finds meshlab.istio.
# Reports missing prerequisites before it changes anything.
# usage: tools/setup.sh [lab|test]; test also installs the tools of the tests
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-lab}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/meshlab

# Whether a Python is new enough and can create a virtual environment.
fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
# Prefer the system's Python, which is built with optimizations: one that was compiled later, and is a fifth slower, may be first in PATH.
python=${PYTHON:-python3}
if [ -z "${PYTHON:-}" ] && fits /usr/bin/python3; then python=/usr/bin/python3; fi

stop() {
  printf '%s\n' "$@" >&2
  exit 1
}
command -v "$python" >/dev/null || stop "$python is not in PATH. Install Python 3.11 or newer (apt-get install python3 python3-venv)."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  stop "Python must be 3.11 or newer, but $python is $("$python" --version 2>&1). Set PYTHON to a newer one."
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  stop "$python cannot create a virtual environment. Install python3-venv (apt-get install python3-venv)."

# If a virtual environment is active, use the Python that it was created from.
python=$("$python" -c 'import sys; print(sys._base_executable)')
# Named by a hash of its content, so that a new checkout reuses it.
key=$({ "$python" -c 'import sys; print(sys.version, sys.base_prefix)'; cat requirements.txt; } | sha256sum | cut -c1-12)
venv=$cache/venv/$key
if [ ! -e "$venv/.lab" ]; then
  echo "== Installing Ansible and its libraries into $venv (about 1 min)"
  rm -rf "$venv"
  mkdir -p "$cache/venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement requirements.txt
  touch "$venv/.lab"
fi
if [ "$what" = test ]; then
  wanted=$(sha256sum requirements-test.txt | cut -c1-12)
  if [ "$(cat "$venv/.test" 2>/dev/null)" != "$wanted" ]; then
    echo "== Installing the tools of the tests (about 1 min)"
    "$venv/bin/pip" install --quiet --requirement requirements-test.txt
    echo "$wanted" >"$venv/.test"
  fi
fi
[ ! -d .venv ] || [ -L .venv ] || rm -rf .venv
ln -sfn "$venv" .venv
# Ansible finds a collection by the name of its directory: the link gives the checkout that name.
mkdir -p .meshlab/collections/ansible_collections/meshlab
ln -sfn ../../../.. .meshlab/collections/ansible_collections/meshlab/istio
