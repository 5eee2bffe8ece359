#!/usr/bin/env bash
# Print the path of a Python for the environment of the lab, or what is wrong with each candidate.
# usage: tools/find_python.sh [PYTHON...]
set -euo pipefail
# The system's Python comes first: it is built with optimizations, and one that was compiled later is a fifth slower.
[ $# -gt 0 ] || set -- /usr/bin/python3 python3 python3.13 python3.12 python3.11 python3.15 python3.14

looked=() newer='' without_venv=''
for candidate in "$@"; do
  path=$(type -P "$candidate") || {
    looked+=("$candidate: not found")
    continue
  }
  version=$("$path" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || {
    looked+=("$path: does not run")
    continue
  }
  if [ "${version%%.*}" -lt 3 ] || [ "${version#*.}" -lt 11 ]; then
    looked+=("$path: Python $version is too old")
  elif ! "$path" -c 'import venv, ensurepip' 2>/dev/null; then
    looked+=("$path: Python $version lacks the module venv or ensurepip")
    without_venv=${without_venv:-$version}
  elif [ "${version#*.}" -gt 13 ]; then
    newer=${newer:-$path} # supported, but not tested
  else
    echo "$path"
    exit 0
  fi
done
if [ -n "$newer" ]; then
  echo "$newer"
  exit 0
fi

{
  echo "Python 3.11 or newer with the module venv is required. Looked at:"
  printf '  %s\n' "${looked[@]}"
  if [ -n "$without_venv" ] && type -P apt-get >/dev/null; then
    echo "Install the module: apt-get install python$without_venv-venv"
  elif type -P apt-get >/dev/null; then
    echo "Install one: apt-get install python3 python3-venv; on Ubuntu 22.04: apt-get install python3.11 python3.11-venv"
  elif type -P dnf >/dev/null; then
    echo "Install one: dnf install python3.12"
  else
    echo "Install one with your package manager."
  fi
  echo "To use a Python that is not in PATH: PYTHON=/path/to/python3 make setup"
} >&2
exit 1
