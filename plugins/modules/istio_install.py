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
    Ensures that a control plane is installed as specified, by C(istioctl install), and waits until it is ready.
    Installs, reconfigures, upgrades in place, and repairs objects that were changed or deleted.
  - >-
    Runs C(istioctl install) only where something differs. The output of C(istioctl manifest generate) is compared with
    the cluster first, object by object, in doubt by a dry run of the API server. Where nothing differs, nothing is
    changed. Check mode and diff mode show the result of this comparison.
  - >-
    Removes what an earlier run installed and what is no longer rendered, such as a gateway that is switched off. It
    knows those objects by the labels of C(istioctl install): the revision, and the name and namespace of the
    IstioOperator. Objects of another installation, and those that installations share, are never removed. Where the
    labels do not tell which installation owns an object, or where a control plane would be removed, the module fails
    before it changes anything. Gateways that are installed beside a control plane, without rendering it, thus need a
    C(metadata.name) of their own in the IstioOperator.
  - >-
    Never runs C(istioctl install --dry-run), which has written to clusters.
  - >-
    Installs the version of C(istioctl). The module fails before it changes anything if that version does not support
    the Kubernetes version of the cluster, or if an upgrade or downgrade in place would skip a minor release. See
    O(skip_version_check).
notes:
  - >-
    Not compared, because the API server or the control plane writes it: C(status), and C(creationTimestamp),
    C(generation), C(managedFields), C(resourceVersion), C(selfLink) and C(uid) in C(metadata).
  - >-
    Not compared either: the labels below C(operator.istio.io/) and C(install.operator.istio.io/), and C(istio.io/rev)
    on what is rendered without it, which C(istioctl install) adds to what it renders; C(clientConfig.caBundle),
    C(failurePolicy), C(namespaceSelector) and C(objectSelector) of each webhook, which istiod and the default revision
    tag rewrite; C(spec.replicas) of a Deployment that has an autoscaler, unless it is 0: an autoscaler never starts a
    Deployment that is scaled to 0, so the module scales it to C(minReplicas).
  - >-
    Values that others added and that C(istioctl) does not render, such as an annotation, are not a difference. Values
    that C(istioctl) set and no longer renders are one, where it installed by server-side apply (Istio 1.10 and newer).
  - >-
    The namespace is created if it does not exist. Its labels are not compared.
  - >-
    In diff mode, custom resource definitions are shown without their schemas, Secrets without their data, and every
    object without the annotation C(kubectl.kubernetes.io/last-applied-configuration).
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
  - meshlab.istio.istioctl
attributes:
  check_mode:
    support: full
    details: Renders and compares as a run does. It does not wait.
  diff_mode:
    support: full
    details: Shows each object that differs, before and after.
  idempotent:
    support: full
options:
  state:
    description:
      - Whether the control plane is in the cluster.
      - >-
        With V(absent) and without O(revision), every control plane, gateway, webhook and role that C(istioctl install)
        installed is removed, identified by its labels and its field managers, and the certificates, the CA key and the
        election locks that istiod created, identified by their exact names. Everything else stays, also in
        O(namespace): copies that have the labels of C(istioctl), and your own custom resources. See O(remove_crds) and
        O(remove_namespace).
      - >-
        V(absent) does not need C(istioctl). C(istioctl uninstall --purge) removes the custom resource definitions in
        some releases, and with them every VirtualService. Of the options, only O(revision), O(namespace), O(timeout),
        O(remove_crds) and O(remove_namespace) matter then.
      - >-
        A control plane that Helm or another tool installed is refused with V(absent), before anything is removed.
    type: str
    choices: [present, absent]
    default: present
  profile:
    description:
      - The profile to install, such as V(demo) or V(minimal).
      - That of O(file) or O(operator) if not set, else V(default).
    type: str
  values:
    description:
      - Helm values, as C(spec.values) of an IstioOperator.
    type: dict
  set:
    description:
      - >-
        Single values by their dotted paths, as C(istioctl --set) takes them, such as
        C(values.pilot.traceSampling). They override everything else.
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
      - An IstioOperator as a YAML file on the host where the module runs.
      - >-
        O(profile), O(values), O(components), O(mesh_config), O(hub), O(tag), O(revision) and O(namespace) are merged
        over it. Lists are replaced as a whole.
    type: path
  operator:
    description:
      - An IstioOperator as a dictionary, in place of O(file).
    type: dict
  revision:
    description:
      - >-
        Revision of the control plane, for several control planes beside each other. V(default) is the one without a
        name.
      - >-
        With O(state=absent), the only revision to remove; nothing changes if it is not installed. Objects that all
        revisions share are removed with the last revision. A revision whose istiod runs in another cluster counts, too.
    type: str
  hub:
    description:
      - Registry and path of the images, such as C(docker.io/istio).
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
        Directory with the charts and profiles to render (C(istioctl --manifests)), such as C(manifests) of an unpacked
        release. For an C(istioctl) that does not contain them.
    type: path
  wait:
    description:
      - Whether to wait until every rendered Deployment is rolled out, also where nothing differs.
      - C(istioctl install) itself always waits.
    type: bool
    default: true
  timeout:
    description:
      - Time to wait until the control plane is ready, or with O(state=absent) until it is removed, in seconds.
      - C(istioctl install) is terminated 30 seconds later.
    type: int
    default: 300
  skip_version_check:
    description:
      - >-
        Whether to install also on a Kubernetes version that the release does not support, and across more than one
        minor release. The module then warns instead of failing.
    type: bool
    default: false
  remove_crds:
    description:
      - >-
        Whether O(state=absent) removes Istio's custom resource definitions, and with them every VirtualService, Gateway
        and other object of theirs in every namespace.
      - >-
        Refused, before anything is removed, where Helm or another tool installed one of the definitions, or where the
        webhooks of another control plane show that it uses them.
    type: bool
    default: false
  remove_namespace:
    description:
      - Whether O(state=absent) removes O(namespace) with everything in it.
    type: bool
    default: false
requirements:
  - python >= 3.9
  - istioctl 1.7 or newer, with O(state=present)
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
      Version of the control plane in the cluster, from the tag of its image, else from the label that istioctl sets,
      else as istiod reports it. In check mode, the version before the run. Null if it is not installed or unknown.
  returned: success
  type: str
  sample: 1.27.0
revision:
  description:
    - The revision of the control plane. V(default) for the one without a name.
    - With O(state=absent), the value of O(revision). Null if all revisions were removed.
  returned: success
  type: str
  sample: default
kubernetes:
  description: The version of the cluster's API server.
  returned: success, with O(state=present)
  type: str
  sample: v1.33.4
differences:
  description: Each object that differs from what is specified, before the run.
  returned: success, and when it fails after it may have changed something
  type: list
  elements: dict
  contains:
    kind:
      description: Its kind.
      returned: always
      type: str
      sample: Service
    namespace:
      description: Its namespace. Empty for an object without one.
      returned: always
      type: str
      sample: istio-system
    name:
      description: Its name.
      returned: always
      type: str
      sample: istio-ingressgateway
    reason:
      description: How it differs, or why it is removed.
      returned: always
      type: str
      sample: differs in spec.type
objects:
  description: Number of rendered objects. With O(state=absent), of the objects to remove.
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
      description: Ready containers of all that keep running, as C(kubectl get pods) counts them.
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
      description: Whether it has a container C(istio-proxy), as gateways do.
      returned: always
      type: bool
      sample: false
    ip:
      description: Address of the pod.
      returned: always
      type: str
      sample: 198.18.64.12
command:
  description:
    - The command that installed, for an IstioOperator on its standard input.
    - C(KUBECONFIG_FILE) replaces the path of a temporary kubeconfig.
  returned: when C(istioctl install) ran, and when C(istioctl) fails
  type: str
  sample: >-
    /opt/istio/current/bin/istioctl install --filename - --skip-confirmation --readiness-timeout 300s
    --kubeconfig /home/me/.kube/lab
stdout:
  description: What C(istioctl) printed.
  returned: when C(istioctl install) ran, and when C(istioctl) fails
  type: str
  sample: "\u2714 Istio core installed"
stderr:
  description: What C(istioctl) printed to its standard error.
  returned: when C(istioctl install) ran, and when C(istioctl) fails
  type: str
  sample: ""
rc:
  description: The exit code of C(istioctl). Null if it did not end by itself.
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
    """What the module returns, from what install gives; warns of what is to be warned of."""
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
            "timeout": {"type": "int", "default": 300},
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
