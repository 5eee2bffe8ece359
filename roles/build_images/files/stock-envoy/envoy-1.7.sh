#!/usr/bin/env bash
# Starts an Envoy of today as the pilot-agent of Istio 1.7 starts one of 2020.
# That one's extensions were found by name; today's asks for the type of their configuration, unless a runtime flag says no.
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --log-format-prefix-with-location) shift ;; # an option that is gone, and its value
    *) arguments+=("$1") ;;
  esac
  shift
done
exec /usr/local/lib/envoy/envoy "${arguments[@]}" --config-yaml \
  '{layered_runtime: {layers: [{name: names, static_layer: {envoy.reloadable_features.no_extension_lookup_by_name: false}}]}}'
