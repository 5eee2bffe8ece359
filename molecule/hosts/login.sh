#!/bin/sh
# shellcheck disable=SC2016 # the tested shells expand it
# Runs in the login shell of an ssh session, and prints which istioctl the shells and sudo find.
show() {
  name=$1
  shift
  echo "$name: $("$@" 2>&1 | tr '\n' ' ' | sed 's/ $//')"
}
look='command -v istioctl; istioctl version --remote=false'
show login eval "$look"
for shell in bash sh ksh zsh; do
  show "$shell" env -i HOME="$HOME" "$(command -v "$shell")" -l -c "$look"
done
# The profile file must work under set -eu.
for shell in bash sh ksh zsh; do
  show "strict $shell" env -i "$(command -v "$shell")" -euc 'unset PATH; . /etc/profile.d/istioctl.sh; echo "$PATH"'
done
show completion zsh -c '. /etc/profile.d/istioctl.sh; autoload -Uz compinit; compinit -D; echo "${_comps[istioctl]}"'
# Only with the package bash-completion; messages of the interactive shell about its terminal are ignored.
show 'bash completion' sh -c "bash -lic 'complete -p istioctl' 2>/dev/null </dev/null"
show sudo sudo -n sh -c "echo \$PATH; $look"
