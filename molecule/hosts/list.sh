#!/bin/sh
# Lists every file of a running host: type, mode, owner, size, time and target. Argument: the directory of the host.
# Omits files that come from the connection and not from the role (Ansible's temporary directories, login records and compiled
# Python files), and the times of directories.
set -eu
init=$(pgrep --parent "$(cat "$1/pid")")
cd "/proc/$init/root"
find . -xdev \( -path ./var/log -o -path ./tmp -o -name .ansible -o -name __pycache__ -o -name '*.pyc' \) -prune -o \
  \( -type d -printf '%P %y %m %U %G\n' -o -printf '%P %y %m %U %G %s %T@ %l\n' \)
