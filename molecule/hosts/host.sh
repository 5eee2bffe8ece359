#!/bin/sh
# A managed host: a root folder with an sshd of its own on loopback. Runs until its process is killed.
# Arguments: its folder, the root folder that it is a copy of, its port. The first holds "prepare", what is run in it before
# its sshd, and perhaps "python", a link to a Python of this machine that it is to see at the same path.
#
# The copy is an overlay in memory, and its mounts are in a namespace of its own: with the process, everything is gone.
set -eu
if [ "$1" != inside ]; then
  exec unshare --mount --pid --uts --fork --kill-child "$0" inside "$@"
fi
folder=$2 lower=$3 port=$4
mount -t tmpfs -o mode=0755 tmpfs "$folder/live"
mkdir "$folder/live/upper" "$folder/live/work" "$folder/live/root"
root=$folder/live/root
mount -t overlay -o "lowerdir=$lower,upperdir=$folder/live/upper,workdir=$folder/live/work" overlay "$root"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 0666 "$root/dev/${device%:*}" c 1 "${device#*:}"; done
mknod -m 0666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mkdir "$root/run/sshd"
if [ -e "$folder/python" ]; then
  python=$(readlink "$folder/python")
  mkdir -p "$root$python"
  mount --bind -o ro "$python" "$root$python"
fi
hostname "${folder##*/}"
echo "127.0.0.1 localhost ${folder##*/}" >"$root/etc/hosts"
chroot "$root" sh -eu <"$folder/prepare"
exec chroot "$root" /usr/sbin/sshd -D -e -f /dev/null -p "$port" -o ListenAddress=127.0.0.1 -o UsePAM=no \
  -o PasswordAuthentication=no -o HostKey=/etc/ssh/ssh_host_ed25519_key -o "Subsystem=sftp internal-sftp"
