#!/usr/bin/env bash
# runc for a machine that lacks CAP_SYS_RESOURCE, where Docker asks for it, and for less than the machine's own place in the
# order of processes that end when memory is short: takes both out of a container's definition, and becomes runc. On a
# machine that has it, nothing is changed.
set -euo pipefail
resource=24 # as in linux/capability.h
bounds=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
if ! (((16#$bounds >> resource) & 1)); then
  own=$(</proc/self/oom_score_adj)
  option=
  for argument; do
    case $option in
      --bundle) definition=$argument/config.json ;;
      --process) definition=$argument ;;
      *) definition= ;;
    esac
    [ -z "$definition" ] || sed -i "s/,\"CAP_SYS_RESOURCE\"//g; s/\"CAP_SYS_RESOURCE\",//g; s/\"oomScoreAdj\":-[0-9]*/\"oomScoreAdj\":$own/" "$definition"
    option=$argument
  done
fi
exec runc "$@"
