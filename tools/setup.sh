#!/usr/bin/env bash
# Makes .venv (Ansible and what the collection needs) and links the checkout to where Ansible looks for meshlab.istio.
# Arguments: lab (what runs the lab) or test (what tests it too). Says plainly what is missing, before it changes anything.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-lab}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/meshlab

# Whether a Python is new enough and can make a virtual environment.
fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
# The system's own is built with its optimizations; one that somebody compiled, a fifth slower, may be first in PATH.
python=${PYTHON:-python3}
if [ -z "${PYTHON:-}" ] && fits /usr/bin/python3; then python=/usr/bin/python3; fi

stop() {
  printf '%s\n' "$@" >&2
  exit 1
}
command -v "$python" >/dev/null || stop "Python is missing: there is no $python in PATH. Install it (apt-get install python3 python3-venv)."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  stop "Python 3.11 or newer is needed, and $python is $("$python" --version 2>&1). Set PYTHON to a newer one."
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
  stop "$python cannot make a virtual environment. Install python3-venv (apt-get install python3-venv)."

# Whoever has a virtual environment active gets one beside it, not one within it.
python=$("$python" -c 'import sys; print(sys._base_executable)')
# Kept by what goes in, so that a new checkout need not fetch it again.
key=$({ "$python" -c 'import sys; print(sys.version, sys.base_prefix)'; cat requirements.txt; } | sha256sum | cut -c1-12)
venv=$cache/venv/$key
if [ ! -e "$venv/.lab" ]; then
  echo "== Ansible and its libraries (about 1 min) -> $venv"
  rm -rf "$venv"
  mkdir -p "$cache/venv"
  "$python" -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement requirements.txt
  touch "$venv/.lab"
fi
if [ "$what" = test ]; then
  wanted=$(sha256sum requirements-test.txt | cut -c1-12)
  if [ "$(cat "$venv/.test" 2>/dev/null)" != "$wanted" ]; then
    echo "== The tools that test it (about 1 min)"
    "$venv/bin/pip" install --quiet --requirement requirements-test.txt
    echo "$wanted" >"$venv/.test"
  fi
fi
[ ! -d .venv ] || [ -L .venv ] || rm -rf .venv
ln -sfn "$venv" .venv
# Ansible finds a collection by its folder's name: this link gives the checkout that name.
mkdir -p .meshlab/collections/ansible_collections/meshlab
ln -sfn ../../../.. .meshlab/collections/ansible_collections/meshlab/istio
