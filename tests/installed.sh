#!/usr/bin/env bash
# usage: tests/installed.sh PACKAGE.tar.gz
# Installs the collection's package into an empty directory, with the newest and with the lowest allowed versions of its dependencies,
# and uses its playbooks, a role, a module, a filter and a test by their full names.
set -euo pipefail
package=$(realpath "$1")
cd "$(dirname "$0")/.."
checkout=$PWD
PATH="$(cd .venv/bin && pwd -P):$PATH"
export PATH
unset ANSIBLE_CONFIG ANSIBLE_COLLECTIONS_PATH ANSIBLE_INVENTORY ANSIBLE_ROLES_PATH KUBECONFIG K8S_AUTH_KUBECONFIG K8S_AUTH_HOST
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

stop() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Run a command; print its output only if it fails.
quietly() {
  "$@" >"$scratch/output" 2>&1 || stop "failed: $*" "$(cat "$scratch/output")"
}

# Install the package and its dependencies ("newest" or "lowest") into an empty directory, and change to it.
install() {
  mkdir "$scratch/$1"
  python "$checkout/tests/support/dependencies.py" "$1" "$scratch/$1/collections" | tr '\n' ' '
  echo
  cd "$scratch/$1"
  # The collections of the Python package "ansible" must not be used.
  printf '[defaults]\ncollections_path = collections\ncollections_scan_sys_path = false\nlocalhost_warning = false\n' >ansible.cfg
  quietly ansible-galaxy collection install --offline --collections-path collections "$package"
}

use() {
  local playbooks=()
  for file in collections/ansible_collections/meshlab/istio/playbooks/*.yml; do
    name=$(basename "$file" .yml)
    # The name of a collection's playbook may contain only letters, digits and underscores.
    [ "$name" = full-lab ] || playbooks+=("meshlab.istio.$name")
  done
  quietly ansible-playbook --syntax-check "${playbooks[@]}"
  cp "$checkout/tests/support/installed_collection.yml" .
  quietly ansible-playbook installed_collection.yml
}

# Playbooks must find their files in the collection: traffic includes a file of tasks, which fails; report uses a template.
run_playbooks() {
  local facts='{"lab_kubeconfig": "/nowhere", "lab_image_source": "build", "lab_report_facts": {"lab_kubeconfig": "/nowhere", "istio_version": "1.27.0"}}'
  quietly ansible-playbook meshlab.istio.full_lab --list-tasks
  mapfile -t chapters < <(sed -n 's/^  - name: //p' "$checkout/playbooks/vars/chapters.yml")
  for chapter in "${chapters[@]}"; do
    grep -qE "TAGS: \\[.*\\b$chapter\\b" "$scratch/output" || stop "full_lab does not have the chapter $chapter:" "$(cat "$scratch/output")"
  done
  ! ansible-playbook meshlab.istio.traffic -e lab_cluster=existing >"$scratch/output" 2>&1 || stop "traffic ran without a cluster"
  grep -q 'no kubeconfig given: set lab_kubeconfig' "$scratch/output" || stop "traffic did not report that no cluster is named:" "$(cat "$scratch/output")"
  quietly ansible-playbook meshlab.istio.report -e "$facts"
  grep -q 'report: .*meshlab-report.html' "$scratch/output" || stop "report did not show the summary:" "$(cat "$scratch/output")"
  [ -s meshlab-report.html ] || stop "report did not write meshlab-report.html into the current directory"
}

for versions in newest lowest; do
  install "$versions"
  use
  [ "$versions" = lowest ] || run_playbooks
done
