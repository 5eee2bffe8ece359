# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send requests from a pod with one kubectl exec each; print the method and the seconds of each request as JSON.

    exec_each.py NAMESPACE POD CONTAINER COUNT COMMAND...     (the cluster of K8S_AUTH_KUBECONFIG)

KUBECTL is the kubectl to use, by default the one in PATH. Without kubectl, the Python client is used, which takes about
half the time because it starts no process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time

import kubernetes
from kubernetes.stream import stream


def by_kubectl(kubectl, namespace, pod, container, command):
    """Return the output of the command in the container."""
    argv = [kubectl, "--kubeconfig", os.environ["K8S_AUTH_KUBECONFIG"], "exec", "--namespace", namespace, pod]
    return subprocess.run([*argv, "--container", container, "--", *command], capture_output=True, check=True).stdout


def by_python(namespace, pod, container, command):
    """Return the output of the command in the container."""
    method = kubernetes.client.CoreV1Api().connect_get_namespaced_pod_exec
    return stream(method, pod, namespace, container=container, command=command, stdout=True, stderr=True)


def main():
    namespace, pod, container, count, *command = sys.argv[1:]
    kubernetes.config.load_kube_config(os.environ["K8S_AUTH_KUBECONFIG"])
    kubectl = shutil.which(os.environ.get("KUBECTL") or "kubectl")
    seconds = []
    for _number in range(int(count)):
        started = time.monotonic()
        if kubectl:
            body = by_kubectl(kubectl, namespace, pod, container, command)
        else:
            body = by_python(namespace, pod, container, command)
        seconds.append(time.monotonic() - started)
        if not body.strip():
            sys.exit("the response is empty")
    print(json.dumps({"how": "kubectl exec" if kubectl else "exec without kubectl", "seconds": seconds}))


if __name__ == "__main__":
    main()
