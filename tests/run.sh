#!/usr/bin/env bash
# Run the parts of the tests that CI runs, or the parts that are named.
# usage: tests/run.sh [PART...]; docs/docsite/rst/testing.rst describes all parts
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh test
export PATH="$PWD/.venv/bin:$PATH" ANSIBLE_CONFIG="$PWD/ansible.cfg" ANSIBLE_NOCOLOR=1 NO_COLOR=1
unset KUBECONFIG K8S_AUTH_KUBECONFIG K8S_AUTH_HOST # no test may reach a cluster that it did not create
passed=0

part() {
  local name=$1 started=$SECONDS
  shift
  echo
  echo "== $name"
  # A part that fails ends the run, after its own output.
  "$@"
  passed=$((passed + 1))
  echo "== $name: passed in $((SECONDS - started)) s"
}

# Scripts for pods are also tested with BusyBox, if it is installed or can be.
# shellcheck disable=SC2329 # "part" calls it
unit() {
  if ! command -v busybox >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    for _ in now updated; do
      ! DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 busybox >/dev/null 2>&1 || break
      apt-get update --quiet=2 || true
    done
  fi
  python -m pytest tests/unit
}

# One at a time, because a cluster that keeps one processor busy runs in parallel.
# shellcheck disable=SC2329 # "part" calls it
offline() { python tests/support/targets.py --at-once 1 offline; }

run() {
  case $1 in
    static) part "static checks" tests/static.sh ;;
    unit) part "unit tests" unit ;;
    offline) part "integration targets that need no cluster" offline ;;
    molecule) part "the lab on a cluster of its own (molecule default)" molecule test ;;
    registry) part "the lab from a registry (molecule registry)" molecule test --scenario-name registry ;;
    images) MESHLAB_TEST_IMAGES=true part "the lab from a registry, and images that cannot be pulled" molecule test --scenario-name registry ;;
    roles) part "the options and error messages of the roles (molecule roles)" molecule test --scenario-name roles ;;
    sources) part "the role istioctl: sources, downloads, shells" python tests/support/targets.py --at-once 2 sources ;;
    hosts) part "the role istioctl on hosts with old and new Pythons (molecule hosts)" molecule test --scenario-name hosts ;;
    interrupted) part "the lab, killed in every chapter (molecule interrupted)" molecule test --scenario-name interrupted ;;
    airgap) part "the lab without a network (molecule airgap)" molecule test --scenario-name airgap ;;
    docker) part "the lab on Docker (molecule docker)" molecule test --scenario-name docker ;;
    releases) part "real releases, old and new" python tests/support/targets.py releases ;;
    upgrade) part "an upgrade of Istio in place (molecule upgrade)" molecule test --scenario-name upgrade ;;
    classic) part "Istio 1.7.4 on Kubernetes 1.18 (molecule classic)" molecule test --scenario-name classic ;;
    bench) part "benchmarks (molecule bench)" molecule test --scenario-name bench ;;
    *)
      echo "no such part: $1" >&2
      exit 64
      ;;
  esac
}

# Run the parts of the second argument in parallel with those of the first, and print their output afterwards.
# The chapters of a lab leave one processor idle.
together() {
  local foreground=$1 background=$2 log ok=true pending=true
  log=$(mktemp)
  set -m # a process group of its own, which can be killed as a whole
  (for name in $background; do run "$name"; done) >"$log" 2>&1 </dev/null &
  local pid=$!
  set +m
  # shellcheck disable=SC2064 # of this call
  trap "kill -- -$pid 2>/dev/null || true; rm -f '$log'" EXIT
  for name in $foreground; do
    run "$name"
    # Report a failure of the parallel parts now, not after the next part.
    if $pending && ! kill -0 "$pid" 2>/dev/null; then
      pending=false
      wait "$pid" || { ok=false; break; }
    fi
  done
  ! $pending || wait "$pid" || ok=false
  cat "$log"
  rm -f "$log"
  trap - EXIT
  $ok
  passed=$((passed + $(wc -w <<<"$background")))
}

all() {
  if [ $# -gt 0 ]; then
    for name in "$@"; do run "$name"; done
  else
    run static # style before anything that takes long
    together "molecule registry" "unit offline"
  fi
  echo
  echo "$passed passed, 0 failed"
}

log=$PWD/.meshlab/test.log
set +e # a failure is summarized first
(
  set -e
  all "$@"
) 2>&1 | tee "$log"
code=${PIPESTATUS[0]}
if [ "$code" -ne 0 ]; then
  echo
  echo "== failed (all of the output: $log)"
  python tests/support/failures.py "$log"
fi
exit "$code"
