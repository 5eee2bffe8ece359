#!/usr/bin/env bash
# Wrapper of runc for machines without CAP_SYS_RESOURCE. Docker requests this capability for containers, and an OOM score that cannot be set
# without it. The wrapper removes both from the definition of a container. On a machine with the capability it changes nothing.
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
