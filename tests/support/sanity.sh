#!/usr/bin/env bash
# ansible-test sanity on a copy of the collection, without containers, from nothing but a package index that pip knows.
# Arguments: the copy (a folder .../ansible_collections/NAMESPACE/NAME), then anything that ansible-test sanity takes.
#
# Everything runs but, each said by ansible-test itself:
#   compile, import  on Pythons that are not on this machine
#   pslint           there is no PowerShell in the collection
set -euo pipefail
cd "$(dirname "$0")/../.."
tree=$1
shift
# The tests' virtual environments are below HOME, and stay here for the next run.
home=$PWD/.meshlab/sanity
mkdir -p "$home/.ansible/test/cache" "$home/.config/pip"
python=$PWD/.venv/bin/python

# ansible-test fetches get-pip.py, which puts pip into those environments, from a host of its own, unless it is in its
# cache. Python can do the same from what it has. The name holds the version of pip, which ansible-test knows.
version=$("$python" -c 'from ansible_test._internal.python_requirements import get_venv_packages as packages
from types import SimpleNamespace
import sys
print(packages(SimpleNamespace(version="%d.%d" % sys.version_info[:2]))["pip"])')
cat >"$home/.ansible/test/cache/get_pip_${version//./_}.py" <<'PY'
"""Called as get-pip.py is: what to install, and that setuptools and wheel are not wanted."""
import runpy
import subprocess
import sys

subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
wanted = [x for x in sys.argv[1:] if x not in ("--no-setuptools", "--no-wheel")]
sys.argv[1:] = ["install", "--quiet", *wanted]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
PY

# ansible-test keeps the environment's settings from pip: they are handed on as a file, for as long as this runs.
trap 'rm -f "$home/.config/pip/pip.conf"' EXIT
(umask 077 && "$python" -m pip config list | "$python" -c '
import ast, sys
settings = {}
order = ("global", "install", ":env:")
lines = [x.strip().partition("=") for x in sys.stdin]
lines = [(*key.rpartition(".")[::2], ast.literal_eval(value)) for key, _, value in lines]
for _section, name, value in sorted((x for x in lines if x[0] in order), key=lambda x: order.index(x[0])):
    settings[name] = value.strip().replace("\n", "\n  ")
print("[global]", *(" = ".join(x) for x in settings.items()), sep="\n")
' >"$home/.config/pip/pip.conf")

cd "$tree"
HOME=$home ansible-test sanity --color no "$@"
