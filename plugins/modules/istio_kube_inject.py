#!/usr/bin/python
# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: istio_kube_inject
short_description: Put the Istio sidecar into a manifest
version_added: "1.0.0"
description:
  - >-
    Runs C(istioctl kube-inject) on a manifest and returns the injected one, as text and as definitions, and writes it
    to O(dest) if that is set.
  - >-
    Workloads are Deployments, DaemonSets, StatefulSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs, Pods and
    DeploymentConfigs, also within objects of kind List. Everything else in the manifest stays as it is.
  - >-
    Says of every workload whether it was injected, and if not why. C(istioctl) itself succeeds and only mentions it on
    its standard error.
  - >-
    Guards against double injection. Pods that were injected here are injected again by the webhook where their
    namespace has automatic injection, and with Istio 1.7 and 1.8 C(istio-proxy) then ends in a crash loop, saying
    V(application port is the same as agent port). See O(on_already_injected).
  - >-
    With O(inject_config_file), O(mesh_config_file) and O(values_file) neither a cluster nor a network is needed.
    With O(config_dir) they are read from the cluster and kept. Without them, C(istioctl) asks the cluster, since Istio
    1.10 by way of its injection webhook.
  - >-
    The two ways do not render quite the same. By way of the webhook, the control plane decides whether the sidecar is a
    native one (an init container that keeps running), and C(istioctl) does not tell it the name of the workload, so
    C(ISTIO_META_WORKLOAD_NAME) and C(ISTIO_META_OWNER) are missing and telemetry cannot name it. With the three files
    the sidecar is an ordinary container and has both. See RV(differences) for what that means for a manifest.
  - The C(istioctl) should be of the same minor release as the control plane.
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
      The manifest is rendered, which changes nothing, and returned. Neither O(dest) nor the files in O(config_dir) are
      written.
  diff_mode:
    support: full
    details: >-
      Shows what changes in O(dest), without differences in the way it is written, and in O(config_dir). Values of
      Secrets are hidden.
  idempotent:
    support: full
    details: >-
      O(dest) is compared by what it holds, not by how it is written. Without the three files, what is rendered also
      follows the control plane of the cluster.
options:
  src:
    description:
      - The manifest as a YAML file on the host where the module runs.
      - Exactly one of O(src), O(content), and O(definition) is required.
    type: path
  content:
    description:
      - The manifest as YAML text.
    type: str
  definition:
    description:
      - The manifest as a dictionary or a list of dictionaries, one per object. Empty ones are left out.
    type: raw
  inject_config_file:
    description:
      - The injection configuration as a file, such as the key C(config) of the ConfigMap C(istio-sidecar-injector).
      - It must be of the same Istio release as C(istioctl).
      - >-
        With the three files, O(kubeconfig) is not required. If it is set, the cluster is only asked for the labels of
        the workloads' namespaces. Set it to an empty text to stay away from a cluster that the environment names.
    type: path
  mesh_config_file:
    description:
      - The mesh configuration as a file, such as the key C(mesh) of the ConfigMap C(istio).
    type: path
  values_file:
    description:
      - The values for the injection as a file, such as the key C(values) of the ConfigMap C(istio-sidecar-injector).
    type: path
  config_dir:
    description:
      - >-
        A folder to keep the three files in. They are read from the ConfigMaps C(istio-sidecar-injector) and C(istio) of
        the cluster (of O(revision)), written to C(inject-config.yaml), C(mesh-config.yaml) and C(inject-values.yaml)
        where they differ, and used for the injection.
      - This is manual injection as Istio's documentation has it. C(istiod) need not run for it.
      - >-
        The folder is made where it is not there. It is only written to when the injection succeeded.
      - Without O(dest) and with files that are up to date, nothing changes.
      - Mutually exclusive with O(inject_config_file), O(mesh_config_file) and O(values_file).
    type: path
  namespace:
    description:
      - The namespace of the workloads that name none. They are rendered for it and guarded for it.
      - It is not written into the manifest; apply it to the same namespace.
    type: str
    default: default
  revision:
    description:
      - The revision of the control plane. The default one if not set.
    type: str
  istio_namespace:
    description:
      - The namespace of the control plane, whose ConfigMaps are read.
    type: str
    default: istio-system
  on_already_injected:
    description:
      - What to do with a workload that would end up injected twice.
      - >-
        That is one that is injected already, by the annotation C(sidecar.istio.io/status) or by its container
        C(istio-proxy).
      - >-
        It is also one that a webhook injects when it is applied. Where a cluster is named, the selectors of its
        injection webhooks decide, on the labels of the namespace, in the cluster and in the manifest itself, and on
        the labels and annotations of the pods. Without a cluster, or the permission to list
        MutatingWebhookConfigurations, the labels C(istio-injection) and C(istio.io/rev) decide as if every revision
        were installed. RV(decided_by) says which. Namespaces that Istio never injects in, such as C(kube-system), are
        known.
      - V(fail) fails and names each such workload, why, and the cure. Nothing is written.
      - V(skip) leaves the workload as it is.
      - >-
        V(replace) renders one that is injected already again, which takes C(istioctl) 1.17 or newer and the annotation.
        One that the webhook would inject is injected here, and its pods get the label and the annotation
        C(sidecar.istio.io/inject=false), so that the webhook leaves them alone.
    type: str
    choices: [fail, skip, replace]
    default: fail
  dest:
    description:
      - Where to write the injected manifest, as a file on the host where the module runs. It may be O(src).
      - >-
        It is replaced in one step, and only if something else is to be in it. A link stays, and what it points to is
        replaced.
      - Comments of O(src) are not kept.
      - A new file has the mode C(0600) if the manifest holds a Secret, unless O(mode) is set.
    type: path
  return_secrets:
    description:
      - Whether to return RV(content) and RV(definitions) of a manifest that holds Secrets.
      - >-
        Returned values end up in logs, registered variables and callbacks. So they are left out where the manifest
        holds a Secret, and O(dest) is required, which gets the whole manifest. Set C(no_log=true) on a task that sets
        this option.
    type: bool
    default: false
  backup:
    description:
      - Keep what O(dest) held before, in a file beside it.
    type: bool
    default: false
  timeout:
    description:
      - >-
        How long C(istioctl) may run, in seconds. Where it fails, this includes the runs that find out which workload it
        fails on.
    type: int
    default: 60
requirements:
  - python >= 3.9
  - istioctl 1.7 or newer
  - PyYAML >= 3.11
  - kubernetes >= 24.2.0 (Python library), where a cluster is named
seealso:
  - name: Installing the sidecar
    description: Istio's own documentation of manual and automatic injection.
    link: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
author:
  - The meshlab.istio founders (@meshlab)
"""

EXAMPLES = r"""
- name: Inject a manifest as the control plane in the cluster would
  meshlab.istio.istio_kube_inject:
    kubeconfig: ~/.kube/lab
    src: /opt/istio/current/samples/sleep/sleep.yaml
    namespace: manual
  register: sleep

- name: Apply it
  kubernetes.core.k8s:
    kubeconfig: ~/.kube/lab
    namespace: manual
    definition: "{{ sleep.definitions }}"

- name: Inject with the configuration of the cluster, and keep its three files
  meshlab.istio.istio_kube_inject:
    kubeconfig: ~/.kube/lab
    src: /opt/istio/current/samples/sleep/sleep.yaml
    namespace: manual
    config_dir: /etc/istio-lab
    dest: /etc/istio-lab/sleep-injected.yaml
    mode: "0644"

- name: Inject with those files, and no cluster at hand
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

- name: Inject in a namespace that has automatic injection too, and keep the webhook away
  meshlab.istio.istio_kube_inject:
    kubeconfig: ~/.kube/lab
    content: "{{ lookup('ansible.builtin.file', '/opt/istio/current/samples/httpbin/httpbin.yaml') }}"
    namespace: shop
    on_already_injected: replace
  register: httpbin

- name: Inject a manifest that holds a Secret into a file
  meshlab.istio.istio_kube_inject:
    kubeconfig: ~/.kube/lab
    definition:
      - {apiVersion: v1, kind: Secret, metadata: {name: db}, stringData: {password: "{{ db_password }}"}}
      - {apiVersion: v1, kind: Pod, metadata: {name: db}, spec: {containers: [{name: db, image: "postgres:17"}]}}
    namespace: manual
    dest: /etc/istio-lab/db-injected.yaml

- name: Show what was not injected, and why
  ansible.builtin.debug:
    msg: "{{ item.kind }} {{ item.name }}: {{ item.reason }}"
  loop: "{{ httpbin.workloads | rejectattr('result', 'equalto', 'injected') }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
content:
  description: The manifest with the sidecars, as YAML text.
  returned: success, and the manifest holds no Secret or O(return_secrets=true)
  type: str
  sample: |
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: sleep
definitions:
  description: The manifest with the sidecars, as a list of definitions in the order of the input.
  returned: success, and the manifest holds no Secret or O(return_secrets=true)
  type: list
  elements: dict
  sample: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: sleep}}]
secrets:
  description: The Secrets in the manifest. Their values are never in C(diff).
  returned: success
  type: list
  elements: str
  sample: ["Secret default/db"]
workloads:
  description: What became of each workload, in the order of the input.
  returned: success, and when O(on_already_injected=fail) refuses one
  type: list
  elements: dict
  contains:
    kind:
      description: Its kind.
      returned: always
      type: str
      sample: Deployment
    namespace:
      description: Its namespace, or O(namespace) if it names none.
      returned: always
      type: str
      sample: default
    name:
      description: Its name. One that the cluster is to complete ends in C(*).
      returned: always
      type: str
      sample: sleep
    sidecar:
      description: >-
        What it has now, as it is returned here: V(native) is an init container that keeps running, V(container) an
        ordinary one. Empty if there is none.
      returned: always
      type: str
      sample: native
    result:
      description:
        - V(injected) has a sidecar now.
        - V(skipped) has none, and stays as it was.
        - V(already_injected) had one before, and stays as it was.
        - V(refused) would end up injected twice. Only when the module fails for it.
      returned: always
      type: str
      sample: skipped
    reason:
      description: Why. Empty for a workload that was simply injected.
      returned: always
      type: str
      sample: istioctl says that it has host networking enabled
decided_by:
  description:
    - V(webhooks) if the selectors of the cluster's injection webhooks decided what they inject.
    - >-
      V(labels) if only labels and annotations were known, because no cluster was named or its webhooks may not be
      read.
  returned: success
  type: str
  sample: webhooks
rendered_by:
  description:
    - V(webhook) if C(istioctl) asked the cluster.
    - V(files) if it had the three files, as they were given, or as they were read into O(config_dir).
  returned: success
  type: str
  sample: webhook
differences:
  description:
    - >-
      In what the workloads that were injected would, or may, look different had they been rendered in the other way
      (see RV(rendered_by)). Empty where the two are the same, as before Istio 1.10.
  returned: success
  type: list
  elements: dict
  contains:
    what:
      description: What differs.
      returned: always
      type: str
      sample: sidecar
    here:
      description: What it is in the manifest that is returned.
      returned: always
      type: str
      sample: an ordinary container
    otherwise:
      description: What it would be, or what decides it, in the other way.
      returned: always
      type: str
      sample: >-
        the control plane decides, by its ENABLE_NATIVE_SIDECARS, which since Istio 1.27 follows the Kubernetes version
        of the nodes
    workloads:
      description: The workloads that it is about.
      returned: always
      type: list
      elements: str
      sample: ["Deployment default/sleep"]
config_files:
  description: The three files in O(config_dir), in the order of the options that take them.
  returned: success and O(config_dir) is set
  type: list
  elements: str
  sample:
    - /etc/istio-lab/inject-config.yaml
    - /etc/istio-lab/mesh-config.yaml
    - /etc/istio-lab/inject-values.yaml
version:
  description: The version of C(istioctl).
  returned: success
  type: str
  sample: 1.27.0
command:
  description:
    - The command that injected, for a manifest on its standard input. Empty if there was nothing to inject.
    - C(KUBECONFIG_FILE) replaces the path of a temporary kubeconfig.
  returned: success, and when istioctl fails
  type: str
  sample: >-
    /opt/istio/current/bin/istioctl kube-inject -f - --istioNamespace istio-system --kubeconfig /home/me/.kube/lab
dest:
  description: The file that holds the injected manifest.
  returned: success and O(dest) is set
  type: str
  sample: /etc/istio-lab/sleep-injected.yaml
backup_file:
  description: The file that holds what O(dest) held before.
  returned: O(dest) was there and changed, and O(backup=true)
  type: str
  sample: /etc/istio-lab/sleep-injected.yaml.4711.2026-02-01@10:00:00~
rc:
  description: The exit code of C(istioctl). Null if it did not end by itself.
  returned: when istioctl fails
  type: int
  sample: 1
stdout:
  description: What C(istioctl) printed.
  returned: when istioctl fails
  type: str
  sample: ""
stderr:
  description: What C(istioctl) printed to its standard error.
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
    """A module whose log and returned invocation do not show a manifest that may hold Secrets.

    The option no_log would hide, in all that is returned, every word that the manifest holds.
    """

    def log(self, msg, log_args=None):
        if log_args and self._secret_arguments():
            msg, log_args = "Invoked with a manifest that may hold a Secret, so its arguments are not logged", None
        super().log(msg, log_args)

    def _without_secrets(self, result):
        result, hidden = super()._without_secrets(result), self._secret_arguments()
        if not hidden:
            return result
        arguments = (result.get("invocation") or {"module_args": self.params})["module_args"]
        return {**result, "invocation": {"module_args": {**arguments, **hidden}}}

    def _secret_arguments(self):
        """The arguments that may hold a Secret, each with the text that is shown instead."""
        params = getattr(self, "params", None) or {}
        return {name: HIDDEN for name in MANIFEST_ARGUMENTS if "Secret" in str(params.get(name))}


def inject(module):
    """Inject as the parameters say; returns the Injection, what to keep in config_dir and the module's results so far.

    Nothing is written but temporary files.
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
        until = None

        def render(text):
            # More than one run is made where one fails, and the time is that of all together.
            nonlocal until
            until = until or time.monotonic() + params["timeout"]
            output = istioctl.run(*arguments, stdin=text, timeout=max(1, math.ceil(until - time.monotonic())))
            result["command"] = configuration.with_final_paths(output.command, temporary)
            return output

        injection = inject_definitions(
            definitions,
            istioctl.version,
            render,
            params["on_already_injected"],
            params["namespace"],
            (lambda namespace: read_namespace_labels(cluster, namespace, params)) if cluster else None,
            read_webhooks(cluster, params) if cluster else None,
            by_files=bool(files),
        )
        result["decided_by"] = injection.decided_by
        return injection, temporary, result


def write_files(module, injection, content, temporary, result):
    """Write config_dir and dest as the parameters say, and add what changed to the module's results."""
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
