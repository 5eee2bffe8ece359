# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends requests from a pod as one does by hand, an exec for each, and prints the seconds of each as a JSON list.

    exec_each.py NAMESPACE POD CONTAINER COUNT COMMAND...     (the cluster of K8S_AUTH_KUBECONFIG)

By hand it is kubectl that runs the exec: the time that its process takes to start is not even counted here.
"""

from __future__ import annotations

import json
import os
import sys
import time

import kubernetes
from kubernetes.stream import stream


def main():
    namespace, pod, container, count, *command = sys.argv[1:]
    kubernetes.config.load_kube_config(os.environ["K8S_AUTH_KUBECONFIG"])
    method = kubernetes.client.CoreV1Api().connect_get_namespaced_pod_exec
    seconds = []
    for _number in range(int(count)):
        started = time.monotonic()
        body = stream(method, pod, namespace, container=container, command=command, stdout=True, stderr=True)
        seconds.append(time.monotonic() - started)
        if not body.strip():
            sys.exit("no answer")
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
