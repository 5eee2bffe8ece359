#!/usr/bin/env bash
# Runs in a kind node of Kubernetes 1.18: gives it Docker for a container runtime in the place of containerd, with what the
# node had. Docker is unpacked in it already.
#   docker_node.sh HOST:PORT   of a registry that is a mirror of Docker Hub
set -euo pipefail
mirror=$1
flags=/var/lib/kubelet/kubeadm-flags.env
archive=/var/images.tar

systemctl stop kubelet
mapfile -t images < <(ctr --namespace k8s.io images list --quiet | grep -v sha256:)
pause=$(printf '%s\n' "${images[@]}" | grep -m 1 /pause:)
ctr --namespace k8s.io images export "$archive" "${images[@]}"
crictl rmp --all --force >/dev/null

mkdir -p /etc/docker
cat >/etc/docker/daemon.json <<END
{"bridge": "none", "iptables": false, "exec-opts": ["native.cgroupdriver=cgroupfs"],
 "registry-mirrors": ["http://$mirror"], "insecure-registries": ["198.18.0.0/15"]}
END
systemd-run --quiet --unit=docker dockerd --containerd=/run/containerd/containerd.sock
for _ in {1..60}; do
  ! docker version >/dev/null 2>&1 || break
  sleep 1
done
docker load --quiet --input "$archive"
rm "$archive"

# Networks by CNI are the default of every other runtime only.
sed -i "s|--container-runtime=remote|--container-runtime=docker --network-plugin=cni --pod-infra-container-image=$pause|
        s|--container-runtime-endpoint=[^ \"]*||" "$flags"
systemctl start kubelet
