#!/bin/sh
# Lists every file of a running host: kind, mode, owner, size, time and target. Argument: its folder.
# Left out: what belongs to the connection and not to the role (Ansible's temporary folders, records of who logged in, and what
# Python compiles when it first reads it), and the times of folders.
set -eu
init=$(pgrep --parent "$(cat "$1/pid")")
cd "/proc/$init/root"
find . -xdev \( -path ./var/log -o -path ./tmp -o -name .ansible -o -name __pycache__ -o -name '*.pyc' \) -prune -o \
  \( -type d -printf '%P %y %m %U %G\n' -o -printf '%P %y %m %U %G %s %T@ %l\n' \)
