#!/usr/bin/env bash
# Every test, quick ones first. With arguments: only those parts (static, unit, faults, molecule, registry, bench).
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh test
export PATH="$PWD/.venv/bin:$PATH" ANSIBLE_CONFIG="$PWD/ansible.cfg" ANSIBLE_NOCOLOR=1 NO_COLOR=1
unset KUBECONFIG K8S_AUTH_KUBECONFIG # no test may reach a cluster that it did not make
passed=0

part() {
  local name=$1 started=$SECONDS
  shift
  echo
  echo "== $name"
  # A failing part ends the run; its own output has said what failed.
  "$@"
  passed=$((passed + 1))
  echo "== $name: passed in $((SECONDS - started)) s"
}

playbooks() {
  for play in "$@"; do
    echo "-- $play"
    ansible-playbook "$play"
  done
}

faults() { playbooks tests/faults/*.yml tests/integration/istioctl_role.yml; }

run() {
  case $1 in
    static) part "static checks" tests/static.sh ;;
    unit) part "unit tests" python -m pytest tests/unit ;;
    faults) part "faults, without a cluster" faults ;;
    molecule) part "the lab on a cluster of its own (molecule default)" molecule test ;;
    registry) part "the lab from a registry (molecule registry)" molecule test --scenario-name registry ;;
    bench) part "benchmarks" playbooks tests/bench/*.yml ;;
    *)
      echo "no such part: $1" >&2
      exit 64
      ;;
  esac
}

if [ $# -gt 0 ]; then
  for name in "$@"; do run "$name"; done
else
  run static
  run unit
  # Faults need no cluster, and a cluster mostly waits: side by side. Their output follows when the cluster's part is over.
  log=$(mktemp)
  (run faults) >"$log" 2>&1 &
  faults_pid=$!
  trap 'kill "$faults_pid" 2>/dev/null || true; rm -f "$log"' EXIT
  run molecule
  faults_ok=true
  wait "$faults_pid" || faults_ok=false
  cat "$log"
  $faults_ok
  passed=$((passed + 1))
  run registry
fi
echo
echo "$passed passed, 0 failed"
