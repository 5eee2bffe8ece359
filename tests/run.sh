#!/usr/bin/env bash
# Every test, quick ones first. With arguments: only those parts (static, unit, faults, molecule, registry, bench).
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh test
export PATH="$PWD/.venv/bin:$PATH" ANSIBLE_CONFIG="$PWD/ansible.cfg" ANSIBLE_FORCE_COLOR=0 ANSIBLE_NOCOLOR=1
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
playbooks() { for play in "$@"; do echo "-- $play" && ansible-playbook "$play"; done; }

run() {
  case $1 in
    static) part "static checks" tests/static.sh ;;
    unit) part "unit tests" python -m pytest tests/unit ;;
    faults) part "faults, without a cluster" playbooks tests/faults/*.yml tests/integration/istioctl_role.yml ;;
    molecule) part "the lab on a cluster of its own (molecule default)" molecule test ;;
    registry) part "the lab from a registry (molecule registry)" molecule test --scenario-name registry ;;
    bench) part "benchmarks" playbooks tests/bench/*.yml ;;
    *) echo "no such part: $1" >&2; exit 64 ;;
  esac
}

for name in "${@:-static}"; do run "$name"; done
if [ $# -eq 0 ]; then
  for name in unit faults molecule registry; do run "$name"; done
fi
echo
echo "$passed passed, 0 failed"
