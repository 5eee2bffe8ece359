#!/usr/bin/env bash
# Runs as root inside the node's root folder, in mount and process namespaces of its own.
# Makes of a Debian system what kind expects of a node, and loads the control plane's images.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mknod -m 666 /dev/null c 1 3 2>/dev/null || true

chmod 0755 /usr/local/bin/entrypoint /kind /kind/bin /kind/bin/*

# kind's units name these places; Debian's packages put the programs elsewhere.
for program in containerd containerd-shim-runc-v2 ctr; do
  ln -sf "/usr/bin/$program" "/usr/local/bin/$program"
done
mkdir -p /opt/cni /etc/cni/net.d /etc/kubernetes/manifests
ln -sfn /usr/lib/cni /opt/cni/bin
ln -sf /usr/lib/systemd/systemd /sbin/init

# Only what a node needs starts with it: no logins, no devices, no kernel log.
rm -f /etc/systemd/system/*.wants/* /usr/lib/systemd/system/multi-user.target.wants/* \
  /usr/lib/systemd/system/local-fs.target.wants/* /usr/lib/systemd/system/sockets.target.wants/*udev* \
  /usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
printf 'ReadKMsg=no\n' >>/etc/systemd/journald.conf
systemctl enable containerd.service kubelet.service undo-mount-hacks.service
systemctl mask systemd-binfmt.service
rm -f /etc/machine-id

# Every container's base: kind's hook, and no limit that the machine may not grant.
ctr oci spec |
  jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
    >/etc/containerd/cri-base.json
# A machine without CAP_SYS_RESOURCE cannot lower a sandbox's OOM score.
sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml
grep -q 'restrict_oom_score_adj = true' /etc/containerd/config.toml

if [[ $(cat /kind/version) == v1.18.* ]]; then
  # kind has kubelets before 1.24 make cgroups by themselves: the container runtime must then not do it through systemd.
  sed -i 's/SystemdCgroup = true/SystemdCgroup = false/' /etc/containerd/config.toml
  # kind mounts the kubelet's cgroups onto themselves until it runs. This one takes a controller's last mount for its root.
  printf '[Service]\nExecStartPre=-/bin/sh -c "umount %s"\n' '/sys/fs/cgroup/*/kubelet /sys/fs/cgroup/*/kubelet.slice' \
    >/etc/systemd/system/kubelet.service.d/12-cgroups.conf
fi

printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >/tmp/preload.toml
containerd --config /tmp/preload.toml --log-level error &
if ! timeout 30 bash -c 'until ctr version >/dev/null 2>&1; do sleep 0.2; done'; then
  echo "containerd did not answer within 30 s" >&2
  exit 1
fi
for archive in /meshlab-images/*.tar; do
  # Not unpacked: the node does that when it starts a container, and the image is half the size.
  ctr --namespace k8s.io images import --label io.cri-containerd.pinned=pinned --no-unpack "$archive"
done
kill %1
wait
