#!/usr/bin/env bash
# usage: docker_node.sh HOST:PORT, the address of a mirror of Docker Hub
# Runs in a kind node with Kubernetes 1.18, and replaces the container runtime containerd by Docker, with the images of the node. Docker
# is already unpacked in the node, and /usr/local/bin contains tests/support/runc-within-bounds.sh.
set -euo pipefail
mirror=$1
flags=/var/lib/kubelet/kubeadm-flags.env
archive=/var/images.tar

systemctl stop kubelet
mapfile -t images < <(ctr --namespace k8s.io images list --quiet | grep -v sha256:)
pause=$(printf '%s\n' "${images[@]}" | grep -m 1 /pause:)
ctr --namespace k8s.io images export "$archive" "${images[@]}"
crictl --timeout 60s rmp --all --force >/dev/null

mkdir -p /etc/docker
cat >/etc/docker/daemon.json <<END
{"bridge": "none", "iptables": false, "exec-opts": ["native.cgroupdriver=cgroupfs"],
 "runtimes": {"within-bounds": {"path": "/usr/local/bin/runc-within-bounds.sh"}}, "default-runtime": "within-bounds",
 "registry-mirrors": ["http://$mirror"], "insecure-registries": ["198.18.0.0/15"]}
END
systemd-run --quiet --unit=node-docker dockerd --containerd=/run/containerd/containerd.sock
for _ in {1..60}; do
  ! docker version >/dev/null 2>&1 || break
  sleep 1
done
docker load --quiet --input "$archive"
rm "$archive"

# With Docker, the kubelet does not use CNI by default.
sed -i "s|--container-runtime=remote|--container-runtime=docker --network-plugin=cni --pod-infra-container-image=$pause|
        s|--container-runtime-endpoint=[^ \"]*||" "$flags"
systemctl start kubelet
