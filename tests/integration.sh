#!/usr/bin/env bash
# Run integration targets with ansible-test, on a copy of the collection and against a running lab.
# usage: tests/integration.sh TARGET|GROUP/...; the environment may name the lab: K8S_AUTH_KUBECONFIG, ISTIO_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || {
  echo "usage: tests/integration.sh TARGET...; the targets are the directories in tests/integration/targets" >&2
  exit 64
}
tools/setup.sh test
PATH="$(cd .venv/bin && pwd -P):$PATH"
export PATH
kubeconfig=${K8S_AUTH_KUBECONFIG:-${XDG_CACHE_HOME:-$HOME/.cache}/meshlab/clusters/meshlab/kubeconfig}
istio_dir=${ISTIO_DIR:-/opt/istio/current}
[ -e "$istio_dir" ] || istio_dir=$HOME/.local/share/meshlab/istio/current

# ansible-test needs a directory .../ansible_collections/meshlab/istio that is neither a link nor ignored by git, and finds the other
# collections beside it.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/ansible_collections/meshlab/istio
mkdir -p "$tree"
tests/support/list_files.sh | tar --create --null --files-from=- | tar --extract --directory "$tree"
for collection in kubernetes community; do
  ln -sfn "$(python -c 'import sys; from importlib.util import find_spec; print(find_spec("ansible_collections." + sys.argv[1]).submodule_search_locations[0])' $collection)" \
    "$tree/../../$collection"
done
# The variables of the targets.
printf '%s: "%s"\n' kubeconfig "$kubeconfig" istio_dir "$istio_dir" collection_dir "$tree" >"$tree/tests/integration/integration_config.yml"

cd "$tree"
ansible-test integration --color no --python "$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" --allow-root --allow-destructive "$@"
