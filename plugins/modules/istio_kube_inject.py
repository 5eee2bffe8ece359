#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_kube_inject
short_description: Inject the Istio sidecar into a manifest
version_added: "1.0.0"
description:
  - >-
    Runs C(istioctl kube-inject) on a manifest, returns the injected manifest as text and as definitions, and writes it
    to O(dest) if set.
  - >-
    Workloads are Deployments, DaemonSets, StatefulSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs, Pods and
    DeploymentConfigs, including those within objects of kind List. All other objects remain unchanged.
  - >-
    Reports for each workload whether it was injected, and if not, why. C(istioctl) succeeds in both cases and only logs
    the reason.
  - >-
    Guards against double injection. In a namespace with automatic injection, the webhook injects an already
    injected workload again. With Istio 1.7 and 1.8, C(istio-proxy) then ends in a crash loop with the message
    V(application port is the same as agent port). See O(on_already_injected).
  - >-
    With the three files O(inject_config_file), O(mesh_config_file) and O(values_file), neither a cluster nor a network
    is required.
    With O(config_dir), the module reads these files from the cluster and keeps them. Without any of them, C(istioctl)
    gets the configuration from the cluster (since Istio 1.10, through the injection webhook).
  - >-
    The results of webhook and files differ. With the webhook, the control plane decides whether the sidecar is a native
    one (an init container that keeps running). C(istioctl) does not send it the name of the workload, so
    C(ISTIO_META_WORKLOAD_NAME) and C(ISTIO_META_OWNER) are missing and telemetry does not contain the name. With the
    three files, the sidecar is an ordinary container with both variables. See RV(differences).
  - C(istioctl) should have the same minor version as the control plane.
extends_documentation_fragment:
  - meshlab.istio.attributes
  - meshlab.istio.attributes.action_group
  - meshlab.istio.cluster
  - kubernetes.core.k8s_auth_options
  - meshlab.istio.istioctl
  - ansible.builtin.files
attributes:
  check_mode:
    support: full
    details: >-
      The manifest is rendered and returned. Neither O(dest) nor the files in O(config_dir) are written.
  diff_mode:
    support: full
    details: >-
      Shows the changes to O(dest), without differences in formatting, and to the files in O(config_dir). Values of
      Secrets are hidden.
  idempotent:
    support: full
    details: >-
      O(dest) is compared by its objects, not by its formatting. Without the three files, the result also depends on the
      control plane of the cluster.
options:
  src:
    description:
      - Path of the manifest, a YAML file on the host where the module runs.
      - Exactly one of O(src), O(content), and O(definition) is required.
    type: path
  content:
    description:
      - Manifest as YAML text.
    type: str
  definition:
    description:
      - Manifest as a dictionary or a list of dictionaries, one per object. Empty items are ignored.
    type: raw
  inject_config_file:
    description:
      - >-
        Path of a file with the injection configuration, which is the key C(config) of the ConfigMap
        C(istio-sidecar-injector).
      - It must be from the same Istio release as C(istioctl).
      - >-
        With the three files, O(kubeconfig) is optional. If it is set, the module only reads the labels of the
        workloads' namespaces and the injection webhooks. Set it to an empty string to ignore a cluster that the
        environment names.
    type: path
  mesh_config_file:
    description:
      - Path of a file with the mesh configuration, which is the key C(mesh) of the ConfigMap C(istio).
    type: path
  values_file:
    description:
      - >-
        Path of a file with the values for the injection, which is the key C(values) of the ConfigMap
        C(istio-sidecar-injector).
    type: path
  config_dir:
    description:
      - >-
        Directory for the three files. The module reads them from the ConfigMaps C(istio-sidecar-injector) and C(istio)
        of O(revision), updates C(inject-config.yaml), C(mesh-config.yaml) and C(inject-values.yaml), and injects with
        them.
      - This is manual injection as in Istio's documentation. It does not require a running C(istiod).
      - The directory is created if it does not exist. It is only modified if the injection succeeds.
      - Without O(dest), nothing changes if the files are up to date.
      - Mutually exclusive with O(inject_config_file), O(mesh_config_file) and O(values_file).
    type: path
  namespace:
    description:
      - Namespace of the workloads without one in the manifest.
      - It is not added to the manifest. Apply the manifest to the same namespace.
    type: str
    default: default
  revision:
    description:
      - Revision of the control plane. The default revision if not set.
    type: str
  istio_namespace:
    description:
      - Namespace of the control plane and its ConfigMaps.
    type: str
    default: istio-system
  on_already_injected:
    description:
      - How to handle a workload that would be injected twice.
      - >-
        Either the workload is already injected, as shown by the annotation C(sidecar.istio.io/status) or a rendered
        container C(istio-proxy).
      - >-
        Or a webhook would inject it once the manifest is applied. With a cluster, this is decided by
        the selectors of its injection webhooks, the labels of the namespace (in the cluster and in the manifest),
        the labels and annotations of the pod template, and the injector's policy, C(neverInjectSelector) and
        C(alwaysInjectSelector). Without a cluster, or without the permission to list
        MutatingWebhookConfigurations, the labels C(istio-injection) and C(istio.io/rev) decide as if every revision
        existed. See RV(decided_by). Istio never injects in some namespaces, such as C(kube-system).
      - V(fail) fails with the reason and the remedy for each such workload, and writes nothing.
      - V(skip) leaves the workload unchanged.
      - >-
        V(replace) renders an already injected workload again, which requires C(istioctl) 1.17 or newer and the
        annotation. It injects a workload that the webhook would inject, and sets the label and the annotation
        C(sidecar.istio.io/inject=false) on the pod template, so that the webhook ignores it.
    type: str
    choices: [fail, skip, replace]
    default: fail
  dest:
    description:
      - Path of the file for the injected manifest on the host where the module runs. It may be the same as O(src).
      - >-
        The file is replaced atomically, and only if its objects change. If it is a symbolic link, the target is
        replaced.
      - Comments in O(src) are not kept.
      - A new file has the mode C(0600) if the manifest contains a Secret, unless O(mode) is set.
    type: path
  return_secrets:
    description:
      - Whether to return RV(content) and RV(definitions) of a manifest that contains Secrets.
      - >-
        Returned values appear in logs, registered variables and callbacks. Therefore O(dest) is required for a manifest
        that contains Secrets, unless this option is set. Set C(no_log=true) on a task that sets this option.
    type: bool
    default: false
  backup:
    description:
      - Whether to create a backup of O(dest) in the same directory before it is replaced.
    type: bool
    default: false
  timeout:
    description:
      - >-
        Maximum run time of C(istioctl) in seconds. After a failure, this includes the additional runs that find the
        workload that causes it.
    type: int
    default: 60
requirements:
  - python >= 3.9
  - istioctl 1.7 or newer
  - PyYAML >= 3.11
  - kubernetes >= 24.2.0 (Python library), unless the three files are given
seealso:
  - name: Installing the sidecar
    description: Istio's documentation of manual and automatic injection.
    link: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Inject a manifest with the configuration of the control plane in the cluster
  meshlab.istio.istio_kube_inject:
    kubeconfig: ~/.kube/lab
    src: /opt/istio/current/samples/sleep/sleep.yaml
    namespace: manual
  register: sleep

- name: Apply the injected manifest
  kubernetes.core.k8s:
    kubeconfig: ~/.kube/lab
    namespace: manual
    definition: "{{ sleep.definitions }}"

- name: Inject with the configuration of the cluster and keep its three files
  meshlab.istio.istio_kube_inject:
    kubeconfig: ~/.kube/lab
    src: /opt/istio/current/samples/sleep/sleep.yaml
    namespace: manual
    config_dir: /etc/istio-lab
    dest: /etc/istio-lab/sleep-injected.yaml
    mode: "0644"

- name: Inject with these files, without a cluster
  meshlab.istio.istio_kube_inject:
    kubeconfig: ""
    src: /opt/istio/current/samples/sleep/sleep.yaml
    namespace: manual
    inject_config_file: /etc/istio-lab/inject-config.yaml
    mesh_config_file: /etc/istio-lab/mesh-config.yaml
    values_file: /etc/istio-lab/inject-values.yaml
    dest: /etc/istio-lab/sleep-injected.yaml
    mode: "0644"
    backup: true

- name: Inject in a namespace with automatic injection and exclude the workload from the webhook
  meshlab.istio.istio_kube_inject:
    kubeconfig: ~/.kube/lab
    content: "{{ lookup('ansible.builtin.file', '/opt/istio/current/samples/httpbin/httpbin.yaml') }}"
    namespace: shop
    on_already_injected: replace
  register: httpbin

- name: Inject a manifest that contains a Secret
  meshlab.istio.istio_kube_inject:
    kubeconfig: ~/.kube/lab
    definition:
      - {apiVersion: v1, kind: Secret, metadata: {name: db}, stringData: {password: "{{ db_password }}"}}
      - {apiVersion: v1, kind: Pod, metadata: {name: db}, spec: {containers: [{name: db, image: "postgres:17"}]}}
    namespace: manual
    dest: /etc/istio-lab/db-injected.yaml

- name: Show which workloads were not injected, and why
  ansible.builtin.debug:
    msg: "{{ item.kind }} {{ item.name }}: {{ item.reason }}"
  loop: "{{ httpbin.workloads | rejectattr('result', 'equalto', 'injected') }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
content:
  description: Injected manifest as YAML text.
  returned: success, if the manifest contains no Secret or O(return_secrets=true)
  type: str
  sample: |
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: sleep
definitions:
  description: Injected manifest as a list of definitions in the order of the input.
  returned: success, if the manifest contains no Secret or O(return_secrets=true)
  type: list
  elements: dict
  sample: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: sleep}}]
secrets:
  description: Secrets in the manifest. Their values are never shown in C(diff).
  returned: success
  type: list
  elements: str
  sample: ["Secret default/db"]
workloads:
  description: Result of each workload, in the order of the input.
  returned: success, and when O(on_already_injected=fail) refuses one
  type: list
  elements: dict
  contains:
    kind:
      description: Kind of the workload.
      returned: always
      type: str
      sample: Deployment
    namespace:
      description: Namespace of the workload, O(namespace) if it has none.
      returned: always
      type: str
      sample: default
    name:
      description: Name of the workload. A C(generateName) is followed by C(*).
      returned: always
      type: str
      sample: sleep
    sidecar:
      description: >-
        Kind of the sidecar in the returned manifest, V(native) for an init container that keeps running or V(container)
        for an ordinary container. Empty if there is none.
      returned: always
      type: str
      sample: native
    result:
      description:
        - V(injected) if the workload was injected.
        - V(skipped) if it was not injected and is unchanged.
        - V(already_injected) if it had a sidecar before and is unchanged.
        - V(refused) if it would be injected twice, in which case the module fails.
      returned: always
      type: str
      sample: skipped
    reason:
      description: Reason for the result. May be empty for an injected workload.
      returned: always
      type: str
      sample: istioctl reports that it has host networking enabled
decided_by:
  description:
    - V(webhooks) if the selectors of the cluster's injection webhooks decided whether they inject a workload.
    - V(labels) if only labels and annotations decided, because the webhooks could not be read.
  returned: success
  type: str
  sample: webhooks
rendered_by:
  description:
    - V(webhook) if C(istioctl) used the configuration in the cluster.
    - V(files) if it used the three files, whether given or read into O(config_dir).
  returned: success
  type: str
  sample: webhook
differences:
  description:
    - >-
      How the injected workloads would, or may, differ if they were rendered the other way (see RV(rendered_by)).
      Empty before Istio 1.10, where the results are the same.
  returned: success
  type: list
  elements: dict
  contains:
    field:
      description: The part of the workload that differs.
      returned: always
      type: str
      sample: sidecar
    actual:
      description: Its value in the returned manifest.
      returned: always
      type: str
      sample: an ordinary container
    alternative:
      description: Its value, or what decides it, when rendered the other way.
      returned: always
      type: str
      sample: >-
        the control plane decides by its ENABLE_NATIVE_SIDECARS, whose default follows the Kubernetes version of the
        nodes since Istio 1.27
    workloads:
      description: The affected workloads.
      returned: always
      type: list
      elements: str
      sample: ["Deployment default/sleep"]
config_files:
  description: Paths of the injection configuration, the mesh configuration and the values in O(config_dir).
  returned: success and O(config_dir) is set
  type: list
  elements: str
  sample:
    - /etc/istio-lab/inject-config.yaml
    - /etc/istio-lab/mesh-config.yaml
    - /etc/istio-lab/inject-values.yaml
version:
  description: Version of C(istioctl).
  returned: success
  type: str
  sample: 1.27.0
command:
  description:
    - The C(istioctl) command, which reads the manifest from its standard input. Empty if it did not run.
    - C(KUBECONFIG_FILE) replaces the path of a temporary kubeconfig.
  returned: success, and when istioctl fails
  type: str
  sample: >-
    /opt/istio/current/bin/istioctl kube-inject -f - --istioNamespace istio-system --kubeconfig /home/me/.kube/lab
dest:
  description: Path of the injected manifest.
  returned: success and O(dest) is set
  type: str
  sample: /etc/istio-lab/sleep-injected.yaml
backup_file:
  description: Path of the backup of O(dest).
  returned: if O(dest) existed and changed, and O(backup=true)
  type: str
  sample: /etc/istio-lab/sleep-injected.yaml.4711.2026-02-01@10:00:00~
rc:
  description: Exit code of C(istioctl). Null if it timed out.
  returned: when istioctl fails
  type: int
  sample: 1
stdout:
  description: Standard output of C(istioctl).
  returned: when istioctl fails
  type: str
  sample: ""
stderr:
  description: Standard error of C(istioctl).
  returned: when istioctl fails
  type: str
  sample: "Error: loading --injectConfigFile"
"""

import math
import time

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.meshlab.istio.plugins.module_utils import _manifests
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection import configuration
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.cluster import (
    open_cluster,
    read_namespace_labels,
    read_policies,
    read_webhooks,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.configuration import FILE_OPTIONS
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.files import (
    check_places,
    keep_configuration,
    read_text,
    stage_configuration,
    write_dest,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.guard import DoubleInjection
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.inject import inject as inject_definitions
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.manifest import (
    find_secrets,
    read_definitions,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.injection.policy import parse_policy
from ansible_collections.meshlab.istio.plugins.module_utils._istio.istioctl import (
    ISTIOCTL_ARGS,
    Istioctl,
    IstioctlError,
)
from ansible_collections.meshlab.istio.plugins.module_utils._istio.releases import ReleaseError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.errors import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.options import ClusterModule
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.redaction import HIDDEN
from ansible_collections.meshlab.istio.plugins.module_utils._validation import DAY, check_numbers

MANIFEST_ARGUMENTS = ("content", "definition")


class InjectModule(ClusterModule):
    """A module whose log and returned invocation do not contain a manifest that may contain Secrets.

    The option no_log would hide every word of the manifest in all results.
    """

    def log(self, msg, log_args=None):
        if log_args and self._secret_arguments():
            msg, log_args = "Invoked with a manifest that may contain a Secret; arguments not logged", None
        super().log(msg, log_args)

    def _without_secrets(self, result):
        result, hidden = super()._without_secrets(result), self._secret_arguments()
        if not hidden:
            return result
        arguments = (result.get("invocation") or {"module_args": self.params})["module_args"]
        return {**result, "invocation": {"module_args": {**arguments, **hidden}}}

    def _secret_arguments(self):
        """Return a replacement for each argument that may contain a Secret."""
        params = getattr(self, "params", None) or {}
        return {name: HIDDEN for name in MANIFEST_ARGUMENTS if "Secret" in str(params.get(name))}


def inject(module):
    """Inject and return the Injection, the files for config_dir and the module's results so far.

    Writes only temporary files.
    """
    params = module.params
    check_places(params["config_dir"], params["dest"])
    definitions, result, temporary = read_definitions(params), {"changed": False, "diff": []}, {}
    result["secrets"] = find_secrets(params, definitions)
    files = [params[name] for name in FILE_OPTIONS] if params["values_file"] else None
    for name in FILE_OPTIONS if files else ():
        read_text(params[name], name)
    with open_cluster(params) as (cluster, kubeconfig):
        if params["config_dir"]:
            texts = configuration.live_configuration(cluster.get, params["revision"], params["istio_namespace"])
            files, temporary, staged = stage_configuration(module, texts)
            result.update(staged)
        istioctl = Istioctl(params["binary_path"], None if files else kubeconfig, timeout=params["timeout"])
        arguments = configuration.arguments(istioctl.version, params["revision"], files, params["istio_namespace"])
        result.update(version=istioctl.version, command="", rendered_by="files" if files else "webhook")
        deadline = None

        def render(text):
            # After a failure, there are more runs; the timeout applies to all of them together.
            nonlocal deadline
            deadline = deadline or time.monotonic() + params["timeout"]
            output = istioctl.run(*arguments, stdin=text, timeout=max(1, math.ceil(deadline - time.monotonic())))
            result["command"] = configuration.with_final_paths(output.command, temporary)
            return output

        webhooks = read_webhooks(cluster, params) if cluster else None
        injection = inject_definitions(
            definitions,
            istioctl.version,
            render,
            params["on_already_injected"],
            params["namespace"],
            (lambda namespace: read_namespace_labels(cluster, namespace, params)) if cluster else None,
            webhooks,
            read_policies(cluster, webhooks, params) if cluster else _policies_in_file(params),
            by_files=bool(files),
        )
        result["decided_by"] = injection.decided_by
        return injection, temporary, result


def _policies_in_file(params):
    """Return the policy in inject_config_file by its revision."""
    return {
        params["revision"] or "default": parse_policy(read_text(params["inject_config_file"], "inject_config_file"))
    }


def write_files(module, injection, content, temporary, result):
    """Write config_dir and dest, and add the changes to the module's results."""
    if module.params["config_dir"] and not module.check_mode:
        keep_configuration(module, temporary)
    if module.params["dest"]:
        written = write_dest(module, injection.definitions, content, private=bool(result["secrets"]))
        written["changed"] = written["changed"] or result["changed"]
        written["diff"] = [*result["diff"], *written.get("diff", [])]
        result.update(written)


def main():
    module = InjectModule(
        argument_spec={
            **ISTIOCTL_ARGS,
            "src": {"type": "path"},
            "content": {"type": "str"},
            "definition": {"type": "raw"},
            "inject_config_file": {"type": "path"},
            "mesh_config_file": {"type": "path"},
            "values_file": {"type": "path"},
            "config_dir": {"type": "path"},
            "namespace": {"type": "str", "default": "default"},
            "revision": {"type": "str"},
            "istio_namespace": {"type": "str", "default": "istio-system"},
            "on_already_injected": {"type": "str", "choices": ["fail", "skip", "replace"], "default": "fail"},
            "dest": {"type": "path"},
            "return_secrets": {"type": "bool", "default": False},
            "backup": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 60},
        },
        mutually_exclusive=[("src", "content", "definition"), *((name, "config_dir") for name in FILE_OPTIONS)],
        required_one_of=[("src", "content", "definition")],
        required_together=[FILE_OPTIONS],
        add_file_common_args=True,
        supports_check_mode=True,
    )
    if _manifests.YAML_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=_manifests.YAML_IMPORT_ERROR)
    check_numbers(module, {"timeout": (1, DAY)})
    try:
        injection, temporary, result = inject(module)
        for warning in injection.warnings:
            module.warn(warning)
        content = _manifests.dump_manifest(injection.definitions)
        write_files(module, injection, content, temporary, result)
    except IstioctlError as error:
        module.fail_json(**error.result())
    except DoubleInjection as error:
        module.fail_json(msg=str(error), workloads=error.results)
    except (_manifests.ManifestError, configuration.ConfigurationError, ClusterError, ReleaseError) as error:
        module.fail_json(msg=str(error))
    if module.params["return_secrets"] or not result["secrets"]:
        result.update(content=content, definitions=injection.definitions)
    result.update(workloads=injection.results, differences=injection.differences)
    if not (module._diff and result["diff"]):
        del result["diff"]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
