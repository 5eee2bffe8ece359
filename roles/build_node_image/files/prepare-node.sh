#!/usr/bin/env bash
# Turns a Debian root filesystem into a node that kind can use, and loads the images of the control plane.
# Runs as root, with that filesystem as its root directory, in separate mount and process namespaces.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mknod -m 666 /dev/null c 1 3 2>/dev/null || true

chmod 0755 /usr/local/bin/entrypoint /kind /kind/bin /kind/bin/*

# kind's systemd units expect these paths, which are not those of Debian's packages.
for program in containerd containerd-shim-runc-v2 ctr; do
  ln -sf "/usr/bin/$program" "/usr/local/bin/$program"
done
mkdir -p /opt/cni /etc/cni/net.d /etc/kubernetes/manifests
ln -sfn /usr/lib/cni /opt/cni/bin
ln -sf /usr/lib/systemd/systemd /sbin/init

# Start only what a node needs: no logins, devices or kernel log.
rm -f /etc/systemd/system/*.wants/* /usr/lib/systemd/system/multi-user.target.wants/* \
  /usr/lib/systemd/system/local-fs.target.wants/* /usr/lib/systemd/system/sockets.target.wants/*udev* \
  /usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
printf 'ReadKMsg=no\n' >>/etc/systemd/journald.conf
systemctl enable containerd.service kubelet.service undo-mount-hacks.service
systemctl mask systemd-binfmt.service
rm -f /etc/machine-id

# The base specification of all containers: with kind's hook, without resource limits, which the machine may not allow.
ctr oci spec |
  jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
    >/etc/containerd/cri-base.json
# Lowering the OOM score of a sandbox needs CAP_SYS_RESOURCE.
sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml
grep -q 'restrict_oom_score_adj = true' /etc/containerd/config.toml

if [[ $(cat /kind/version) == v1.18.* ]]; then
  # kind configures kubelets before 1.24 to create cgroups without systemd, so the container runtime must do the same.
  sed -i 's/SystemdCgroup = true/SystemdCgroup = false/' /etc/containerd/config.toml
  # kind bind-mounts the kubelet's cgroups. This kubelet would take the last mount of a controller for its root.
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
  # The node unpacks an image when it starts a container; without unpacking, the node image is half the size.
  ctr --namespace k8s.io images import --label io.cri-containerd.pinned=pinned --no-unpack "$archive"
done
kill %1
wait
