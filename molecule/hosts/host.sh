#!/bin/sh
# Runs a managed host until its process is killed: a root filesystem with its own sshd on loopback.
# Arguments: directory of the host, root filesystem to copy, port. The directory contains "prepare", a script that runs in the host
# before sshd, and optionally "python", a link to a Python of this machine that the host sees at the same path.
#
# The copy is an overlay in memory, and its mounts are in their own namespace: they disappear with the process.
set -eu
if [ "$1" != inside ]; then
  exec unshare --mount --pid --uts --fork --kill-child "$0" inside "$@"
fi
dir=$2 lower=$3 port=$4
mount -t tmpfs -o mode=0755 tmpfs "$dir/live"
mkdir "$dir/live/upper" "$dir/live/work" "$dir/live/root"
root=$dir/live/root
mount -t overlay -o "lowerdir=$lower,upperdir=$dir/live/upper,workdir=$dir/live/work" overlay "$root"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 0666 "$root/dev/${device%:*}" c 1 "${device#*:}"; done
mknod -m 0666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mkdir "$root/run/sshd"
if [ -e "$dir/python" ]; then
  python=$(readlink "$dir/python")
  mkdir -p "$root$python"
  mount --bind -o ro "$python" "$root$python"
fi
hostname "${dir##*/}"
echo "127.0.0.1 localhost ${dir##*/}" >"$root/etc/hosts"
chroot "$root" sh -eu <"$dir/prepare"
exec chroot "$root" /usr/sbin/sshd -D -e -f /dev/null -p "$port" -o ListenAddress=127.0.0.1 -o UsePAM=no \
  -o PasswordAuthentication=no -o HostKey=/etc/ssh/ssh_host_ed25519_key -o "Subsystem=sftp internal-sftp"
