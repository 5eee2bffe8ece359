#!/usr/bin/env bash
# ansible-test sanity on a copy of the collection, without containers, from nothing but a package index that pip knows.
# Arguments: the copy (a folder .../ansible_collections/NAMESPACE/NAME), then anything that ansible-test sanity takes.
#
# What does not run:
#   compile, import   on Pythons that are not in PATH
#   pslint            there is no PowerShell in the collection
set -euo pipefail
cd "$(dirname "$0")/../.."
tree=$1
shift
python=$PWD/.venv/bin/python
# The tests' virtual environments are below HOME, and stay there for the next run; ansible-test names them by what is in them.
home=${XDG_CACHE_HOME:-$HOME/.cache}/meshlab/sanity
mkdir -p "$home/.ansible/test/cache" "$home/.config/pip"

# The versions of pip that ansible-test wants, of this Python, and of every Python that it can test.
read -r pip mine supported < <("$python" -c '
from sys import version_info
from types import SimpleNamespace
from ansible_test._internal.constants import SUPPORTED_PYTHON_VERSIONS
from ansible_test._internal.python_requirements import get_venv_packages
mine = "%d.%d" % version_info[:2]
print(get_venv_packages(SimpleNamespace(version=mine))["pip"], mine, *SUPPORTED_PYTHON_VERSIONS)')
arguments=(--controller "origin:python=$mine")
for version in $supported; do
  # Modules run on 3.9 and newer (tests/config.yml). A pyenv has commands for Pythons that it does not run.
  if [ "${version#3.}" -ge 9 ] && { [ "$version" = "$mine" ] || "python$version" -c '' 2>/dev/null; }; then
    arguments+=(--target-python "$version")
  fi
done

# To put pip into those environments, ansible-test fetches get-pip.py from a host of its own, unless its cache has it.
# Python can do the same with what it brings.
cat >"$home/.ansible/test/cache/get_pip_${pip//./_}.py" <<'EOP'
"""Called as get-pip.py is: what to install, and that setuptools and wheel are not wanted."""
import runpy
import subprocess
import sys

subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
sys.argv[1:] = ["install", *(x for x in sys.argv[1:] if x not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
EOP

# ansible-test hides the environment from pip, and HOME is another: pip's settings are handed on as a file meanwhile.
trap 'rm -f "$home/.config/pip/pip.conf"' EXIT
(umask 077 && "$python" -m pip config list | "$python" -c '
import ast, sys
settings = {"quiet": "1"}
order = ("global", "install", ":env:")  # the later ones win
lines = [x.strip().partition("=") for x in sys.stdin]
lines = [(*key.rpartition(".")[::2], ast.literal_eval(value)) for key, _, value in lines]
for _section, name, value in sorted((x for x in lines if x[0] in order), key=lambda x: order.index(x[0])):
    settings[name] = value.strip().replace("\n", "\n  ")
print("[global]", *(" = ".join(x) for x in settings.items()), sep="\n")
' >"$home/.config/pip/pip.conf")

# Modules import kubernetes.core and use its documentation: ansible-test looks for it beside the copy.
ln -sfn "$("$python" -c 'from importlib.util import find_spec; print(find_spec("ansible_collections.kubernetes").submodule_search_locations[0])')" \
  "$(cd "$tree/../.." && pwd)/kubernetes"

cd "$tree"
HOME=$home ansible-test sanity --color no "${arguments[@]}" "$@"
