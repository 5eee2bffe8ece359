#!/usr/bin/env bash
# Starts a current Envoy with the arguments that the pilot-agent of Istio 1.7 passes to Envoy 1.15.
# Istio 1.7 refers to extensions by name, which a current Envoy supports only with a runtime flag.
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --log-format-prefix-with-location) shift ;; # an option that was removed, and its value
    *) arguments+=("$1") ;;
  esac
  shift
done
exec /usr/local/lib/envoy/envoy "${arguments[@]}" --config-yaml \
  '{layered_runtime: {layers: [{name: names, static_layer: {envoy.reloadable_features.no_extension_lookup_by_name: false}}]}}'
