#!/bin/sh
# shellcheck disable=SC2016 # the shells that are asked expand it
# Read by the login shell of who comes by ssh: what the shells find, and what sudo finds.
say() {
  name=$1
  shift
  echo "$name: $("$@" 2>&1 | tr '\n' ' ' | sed 's/ $//')"
}
look='command -v istioctl; istioctl version --remote=false'
say login eval "$look"
for shell in bash sh ksh zsh; do
  say "$shell" env -i HOME="$HOME" "$(command -v "$shell")" -l -c "$look"
done
# Harmless where nothing may fail and nothing may be unset.
for shell in bash sh ksh zsh; do
  say "strict $shell" env -i "$(command -v "$shell")" -euc 'unset PATH; . /etc/profile.d/istioctl.sh; echo "$PATH"'
done
say completion zsh -c '. /etc/profile.d/istioctl.sh; autoload -Uz compinit; compinit -D; echo "${_comps[istioctl]}"'
# Only where the package bash-completion is; what an interactive shell says of its terminal is nobody's business.
say 'bash completion' sh -c "bash -lic 'complete -p istioctl' 2>/dev/null </dev/null"
say sudo sudo -n sh -c "echo \$PATH; $look"
