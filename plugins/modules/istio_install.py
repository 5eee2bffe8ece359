#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_install
short_description: Install, upgrade or uninstall an Istio control plane
version_added: "1.0.0"
description:
  - >-
    Installs, reconfigures and upgrades a control plane with C(istioctl install), repairs objects that were changed or
    deleted, and waits until the control plane is ready.
  - >-
    First compares the output of C(istioctl manifest generate) with the cluster, object by object, if necessary with a
    dry run of the API server. C(istioctl install) runs only if something differs. Check mode and diff mode show the
    result of this comparison.
  - >-
    Removes objects of an earlier run that are no longer rendered, such as a gateway that has been disabled. They are
    identified by the labels of C(istioctl install): the revision, and the name and namespace of the IstioOperator.
    Objects of another installation and shared objects are never removed. The module fails before any change if the
    labels do not show which installation owns an object, or if a control plane would be removed. Gateways that are
    installed separately from their control plane therefore require an IstioOperator with a unique C(metadata.name).
  - >-
    Never runs C(istioctl install --dry-run), which writes to the cluster in some releases.
  - >-
    Installs the version of C(istioctl) unless O(tag) is set. The module fails before any change if that version does
    not support the Kubernetes version of the cluster, or if an upgrade or downgrade in place would skip a minor
    release. See O(skip_version_check).
notes:
  - >-
    Fields that the API server sets are not compared: C(status), and C(creationTimestamp), C(generation),
    C(managedFields), C(resourceVersion), C(selfLink) and C(uid) in C(metadata).
  - >-
    Labels that C(istioctl install) adds are not compared: those with the prefixes C(operator.istio.io/) and
    C(install.operator.istio.io/), and C(istio.io/rev) on objects that are rendered without it.
  - >-
    Fields of webhooks that istiod and the default revision tag rewrite are not compared: C(clientConfig.caBundle),
    C(failurePolicy), C(namespaceSelector) and C(objectSelector).
  - >-
    C(spec.replicas) of a Deployment with an autoscaler is not compared, unless it is 0. An autoscaler never starts such
    a Deployment, so the module scales it to C(minReplicas).
  - >-
    Additional values that C(istioctl) does not render, such as an annotation of another tool, are not a difference.
    Values that C(istioctl) has set and no longer renders are a difference if it installed with server-side apply (Istio
    1.10 and newer).
  - >-
    The namespace is created if it does not exist. Its labels are not compared.
  - >-
    Diff mode hides the schemas of custom resource definitions, the values of Secrets, and the annotation
    C(kubectl.kubernetes.io/last-applied-configuration).
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
  - meshlab.istio.istioctl
attributes:
  check_mode:
    support: full
    details: Renders and compares as in a run, but does not wait.
  diff_mode:
    support: full
    details: Shows each object that differs, before and after.
  idempotent:
    support: full
options:
  state:
    description:
      - Whether the control plane is installed (V(present)) or removed (V(absent)).
      - >-
        V(absent) removes everything that C(istioctl install) installed, such as control planes, gateways, webhooks and
        roles. These objects are identified by their labels and their field managers. It also removes the certificates,
        the CA key and the leader election locks that istiod created, identified by their exact names. Everything else
        is kept, such as your own copies of these objects, even with the same labels, and your custom resources. See
        O(revision), O(remove_crds) and O(remove_namespace).
      - >-
        V(absent) does not require C(istioctl), and does not run C(istioctl uninstall --purge), which in some releases
        removes the custom resource definitions and with them every VirtualService. Of the options, only O(revision),
        O(namespace), O(timeout), O(remove_crds) and O(remove_namespace) apply.
      - >-
        V(absent) fails before any change if Helm or another tool installed the control plane.
    type: str
    choices: [present, absent]
    default: present
  profile:
    description:
      - The profile to install, such as V(demo) or V(minimal).
      - If not set, the profile of O(file) or O(operator) is used, else V(default).
    type: str
  values:
    description:
      - Helm values, as C(spec.values) of an IstioOperator.
    type: dict
  set:
    description:
      - >-
        Single values by dotted path, as for C(istioctl --set), such as C(values.pilot.traceSampling). They override all
        other options.
      - A dot within a name is written C(\.).
    type: dict
  components:
    description:
      - Components, as C(spec.components) of an IstioOperator.
    type: dict
  mesh_config:
    description:
      - The mesh configuration, as C(spec.meshConfig) of an IstioOperator.
    type: dict
  file:
    description:
      - Path of a YAML file with an IstioOperator, on the host where the module runs.
      - >-
        O(profile), O(values), O(components), O(mesh_config), O(hub), O(tag), O(revision) and O(namespace) are merged
        over it. Lists are replaced, not merged.
    type: path
  operator:
    description:
      - IstioOperator as a dictionary, instead of O(file).
    type: dict
  revision:
    description:
      - >-
        Revision of the control plane, for several control planes in one cluster. V(default) is the revision without a
        name.
      - >-
        With O(state=absent), the revision to remove; all if not set. Objects that all revisions share are removed with
        the last revision. Revisions whose istiod runs in another cluster also count.
    type: str
  hub:
    description:
      - Registry and repository prefix of the images, such as V(docker.io/istio).
    type: str
  tag:
    description:
      - Tag of the images. Defaults to the version of C(istioctl).
    type: str
  namespace:
    description:
      - Namespace of the control plane.
    type: str
    default: istio-system
  manifests:
    description:
      - >-
        Directory of the charts and profiles to render (C(istioctl --manifests)), such as C(manifests) in an unpacked
        release. Required for an C(istioctl) that does not contain them.
    type: path
  wait:
    description:
      - Whether to wait until every rendered Deployment is rolled out, even if nothing differs.
      - C(istioctl install) always waits.
    type: bool
    default: true
  timeout:
    description:
      - Maximum time until the control plane is ready or, with O(state=absent), removed, in seconds.
      - C(istioctl install) is terminated 30 seconds after this time.
    type: int
    default: 300
    aliases: [wait_timeout]
  skip_version_check:
    description:
      - >-
        Whether to warn instead of failing if the release does not support the Kubernetes version, or if an upgrade or
        downgrade in place skips a minor release.
    type: bool
    default: false
  remove_crds:
    description:
      - >-
        Whether O(state=absent) removes Istio's custom resource definitions, and with them all their objects, such as
        VirtualServices and Gateways, in every namespace.
      - >-
        The module fails before any change if Helm or another tool installed one of the definitions, or if the webhooks
        of another control plane show that it uses them.
    type: bool
    default: false
  remove_namespace:
    description:
      - Whether O(state=absent) removes O(namespace) with all objects in it.
    type: bool
    default: false
requirements:
  - python >= 3.9
  - istioctl 1.7 or newer (only with O(state=present))
  - PyYAML >= 3.11
  - kubernetes >= 24.2.0 (Python library)
seealso:
  - name: Install with istioctl
    description: Istio's own documentation of profiles and settings.
    link: https://istio.io/latest/docs/setup/install/istioctl/
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Install the demo profile
  meshlab.istio.istio_install:
    kubeconfig: ~/.kube/lab
    profile: demo

- name: Install the ingress gateway on node ports, without an egress gateway
  meshlab.istio.istio_install:
    kubeconfig: ~/.kube/lab
    profile: demo
    values:
      gateways:
        istio-ingressgateway:
          type: NodePort
    components:
      egressGateways:
        - name: istio-egressgateway
          enabled: false
    mesh_config:
      accessLogFile: /dev/stdout
    set:
      values.pilot.traceSampling: 100

- name: Compare the cluster with an IstioOperator file
  meshlab.istio.istio_install:
    kubeconfig: ~/.kube/lab
    file: /etc/istio-lab/operator.yml
  check_mode: true
  diff: true
  register: drift

- name: Show the differences
  ansible.builtin.debug:
    msg: "{{ item.kind }} {{ item.namespace }}/{{ item.name }} {{ item.reason }}"
  loop: "{{ drift.differences }}"

- name: Upgrade in place with the istioctl of another release
  meshlab.istio.istio_install:
    kubeconfig: ~/.kube/lab
    binary_path: /opt/istio/istio-1.27.0/bin/istioctl
    profile: demo

- name: Uninstall Istio with its custom resource definitions and its namespace
  meshlab.istio.istio_install:
    kubeconfig: ~/.kube/lab
    state: absent
    remove_crds: true
    remove_namespace: true
"""

RETURN = r"""
installed:
  description: Whether the control plane is installed. In check mode, whether it was before the run.
  returned: success
  type: bool
  sample: true
version:
  description:
    - >-
      Version of the control plane, from the tag of its image, else from the label that C(istioctl) sets, else as istiod
      reports it. In check mode, the version before the run. Null if not installed or unknown.
  returned: success
  type: str
  sample: 1.27.0
revision:
  description:
    - Revision of the control plane. V(default) for the revision without a name.
    - With O(state=absent), the value of O(revision). Null if all revisions were removed.
  returned: success
  type: str
  sample: default
kubernetes:
  description: Version of the cluster's API server.
  returned: success, with O(state=present)
  type: str
  sample: v1.33.4
differences:
  description: Each object that differed from the specification before the run.
  returned: success, and on failure after possible changes
  type: list
  elements: dict
  contains:
    kind:
      description: Kind of the object.
      returned: always
      type: str
      sample: Service
    namespace:
      description: Namespace of the object. Empty for a cluster-scoped object.
      returned: always
      type: str
      sample: istio-system
    name:
      description: Name of the object.
      returned: always
      type: str
      sample: istio-ingressgateway
    reason:
      description: How the object differs, or why it is removed.
      returned: always
      type: str
      sample: differs in spec.type
objects:
  description: Number of rendered objects. With O(state=absent), number of objects to remove.
  returned: success
  type: int
  sample: 44
pods:
  description: The pods of the rendered Deployments. Empty in check mode and with O(state=absent).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the pod.
      returned: always
      type: str
      sample: istiod-5c7b8f6d9c-4x7zq
    ready:
      description: Number of ready containers and of all containers, as C(kubectl get pods) shows them.
      returned: always
      type: str
      sample: 1/1
    phase:
      description: Phase of the pod.
      returned: always
      type: str
      sample: Running
    restarts:
      description: Number of restarts of its containers.
      returned: always
      type: int
      sample: 0
    sidecar:
      description: Whether the pod has a container C(istio-proxy), as gateways do.
      returned: always
      type: bool
      sample: false
    ip:
      description: IP address of the pod.
      returned: always
      type: str
      sample: 198.18.64.12
command:
  description:
    - The C(istioctl install) command, which reads an IstioOperator from standard input.
    - C(KUBECONFIG_FILE) replaces the path of a temporary kubeconfig.
  returned: when C(istioctl install) ran, and when C(istioctl) fails
  type: str
  sample: >-
    /opt/istio/current/bin/istioctl install --filename - --skip-confirmation --readiness-timeout 300s
    --kubeconfig /home/me/.kube/lab
stdout:
  description: Standard output of C(istioctl).
  returned: when C(istioctl install) ran, and when C(istioctl) fails
  type: str
  sample: "\u2714 Istio core installed"
stderr:
  description: Standard error of C(istioctl).
  returned: when C(istioctl install) ran, and when C(istioctl) fails
  type: str
  sample: ""
rc:
  description: Exit code of C(istioctl). Null if it was terminated.
  returned: when C(istioctl) fails
  type: int
  sample: 1
"""

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.absent import absent
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.errors import InstallError
from ansible_collections.meshlab.istio.plugins.module_utils._istio.install.present import present
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import (
    ISTIOCTL_ARGS,
    Istioctl,
    IstioctlError,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.releases import ReleaseError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import connect
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.kubeconfig import kubeconfig_file
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers


def returned(module, result):
    """Prepare a result of present() or absent() for the module, and issue its warnings."""
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    differences = result.get("differences")
    if differences is not None:
        result["differences"] = [difference.report() for difference in differences]
        if module._diff:
            result["diff"] = [difference.diff() for difference in differences]
    return result


def main():
    module = ClusterModule(
        argument_spec={
            **ISTIOCTL_ARGS,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "profile": {"type": "str"},
            "values": {"type": "dict"},
            "set": {"type": "dict"},
            "components": {"type": "dict"},
            "mesh_config": {"type": "dict"},
            "file": {"type": "path"},
            "operator": {"type": "dict"},
            "revision": {"type": "str"},
            "hub": {"type": "str"},
            "tag": {"type": "str"},
            "namespace": {"type": "str", "default": "istio-system"},
            "manifests": {"type": "path"},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 300, "aliases": ["wait_timeout"]},
            "skip_version_check": {"type": "bool", "default": False},
            "remove_crds": {"type": "bool", "default": False},
            "remove_namespace": {"type": "bool", "default": False},
        },
        mutually_exclusive=[("file", "operator")],
        supports_check_mode=True,
    )
    if _manifests.YAML_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=_manifests.YAML_IMPORT_ERROR)
    params = module.params
    check_numbers(module, {"timeout": (1, DAY)})
    try:
        with connect(params) as cluster, kubeconfig_file(cluster.connection) as kubeconfig:
            if params["state"] == "present":
                istioctl = Istioctl(params["binary_path"], kubeconfig)
                result = present(params, cluster, istioctl, module.check_mode)
            else:
                result = absent(params, cluster, module.check_mode)
    except IstioctlError as error:
        module.fail_json(**error.result())
    except InstallError as error:
        module.fail_json(msg=str(error), **returned(module, error.result))
    except (ClusterError, ReleaseError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**returned(module, result))


if __name__ == "__main__":
    main()
