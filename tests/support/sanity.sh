#!/usr/bin/env bash
# Run ansible-test sanity on a copy of the collection, without containers, with packages from pip's index only.
# usage: sanity.sh COPY [OPTION...]; COPY is a directory .../ansible_collections/NAMESPACE/NAME, the options are ansible-test's
#
# Tests that do not run:
#   compile, import   on Pythons that are not in PATH
#   pslint            the collection contains no PowerShell
set -euo pipefail
cd "$(dirname "$0")/../.."
tree=$1
shift
python=$PWD/.venv/bin/python
# The virtual environments of ansible-test are below HOME, named by their content, and are reused by the next run.
home=${XDG_CACHE_HOME:-$HOME/.cache}/meshlab/sanity
mkdir -p "$home/.ansible/test/cache" "$home/.config/pip"

# The version of pip that ansible-test expects, the version of this Python, and the versions of every Python that it can test.
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

# ansible-test installs pip into these environments with get-pip.py, which it downloads unless its cache has it.
# This replacement uses the pip that comes with Python.
cat >"$home/.ansible/test/cache/get_pip_${pip//./_}.py" <<'EOP'
"""Take the arguments of get-pip.py: what to install, without setuptools and wheel."""
import runpy
import subprocess
import sys

subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
sys.argv[1:] = ["install", *(x for x in sys.argv[1:] if x not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
EOP

# ansible-test hides the environment from pip and sets another HOME, so pip's settings are passed in a file.
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

# Modules import kubernetes.core and use its documentation. ansible-test looks for it beside the copy.
ln -sfn "$("$python" -c 'from importlib.util import find_spec; print(find_spec("ansible_collections.kubernetes").submodule_search_locations[0])')" \
  "$(cd "$tree/../.." && pwd)/kubernetes"

cd "$tree"
HOME=$home ansible-test sanity --color no "${arguments[@]}" "$@"
