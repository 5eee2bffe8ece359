"""Writes docs/releases.md from the table of releases, which is the one place for what it says.

releases_page.py        writes it
releases_page.py FILE   writes FILE instead
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "releases.md"

HEAD = """\
# Istio releases and Kubernetes

<!-- Written by tools/releases_page.py from plugins/module_utils/_istio/releases.py. Change it there. -->

Each Istio release is tested by its makers with a few Kubernetes versions. `istio_install` and the role `istio` look at
both before they change anything: a pair that does not fit is refused, and the refusal names what would fit
(`skip_version_check` overrules it). A control plane is upgraded one minor at a time: from 1.26 to 1.28 by way of 1.27.
The way over many minors, in turns with Kubernetes, is worked out by the filter `istio_upgrade_path`
([upgrade.md](upgrade.md)).

## Which goes with which

| Istio | newest version | Kubernetes supported | its installer takes |
|---|---|---|---|
"""

PICKED = """
## Which release for a cluster

The filter `meshlab.istio.istio_version_for` picks by the cluster: the newest version of the newest Istio that supports
its Kubernetes, as below. With a list of the versions that can be had, it picks of those.

| Kubernetes | Istio |
|---|---|
"""

USED = """
The lab does so where `lab_istio_version` is set and empty, and takes the version where it names one. By itself the role
`istioctl` sees no cluster: it installs `istioctl_version`, by default {default}.

```bash
ansible-playbook playbooks/full_lab.yml -e lab_cluster=existing -e lab_kubeconfig=/path -e lab_istio_version=
```

Where the lab builds its own images, Istio is one of them: an empty `lab_istio_version` is {default} there.

```yaml
---
- name: Put the release for a cluster on the machine
  hosts: localhost
  tasks:
    - name: Ask the cluster for its version
      kubernetes.core.k8s_cluster_info:
        kubeconfig: /path/to/kubeconfig
      register: cluster

    - name: Bring the release that goes with it, of two that the mirror has
      ansible.builtin.include_role:
        name: meshlab.istio.istioctl
      vars:
        istioctl_version: "{{{{ cluster.version.server.kubernetes.gitVersion
          | meshlab.istio.istio_version_for(['1.26.8', '1.27.9']) }}}}"
        istioctl_mirror: /srv/mirror
```
"""

CEILING = """
Installers of releases before {webhooks} cannot work on Kubernetes 1.22 or newer at all: that Kubernetes dropped the
webhook API that they use.
"""

MIDDLE = """
## What differs between releases

The modules know these differences and act on them; by hand, one has to.

| Istio | what |
|---|---|
"""


def page(releases):
    """The page's text, of the module that holds the table."""
    lines = [
        f"| {releases.show(row.minor)} | {row.version} | {releases.show(row.oldest)} to {releases.show(row.newest)} "
        f"| {releases.show(row.kubernetes_min)} and newer |"
        for row in sorted(releases.RELEASES.values(), key=lambda row: row.minor, reverse=True)
    ]
    since = sorted(releases.FEATURES.values(), key=lambda feature: (feature.since, feature.text), reverse=True)
    features = [f"| {span(releases, feature)} | {feature.text} |" for feature in since]
    ceiling = CEILING.format(webhooks=releases.show(releases.FEATURES["v1_webhooks"].since))
    oldest = min(row.oldest for row in releases.RELEASES.values())
    newest = max(row.newest for row in releases.RELEASES.values())
    clusters = [releases.show((1, minor)) for minor in range(newest[1], oldest[1] - 1, -1)]
    picked = [f"| {version} | {releases.version_for(version)} |" for version in clusters]
    used = USED.format(default=releases.DEFAULT)
    windows, kubernetes, differences = ("\n".join(table) + "\n" for table in (lines, picked, features))
    return HEAD + windows + ceiling + PICKED + kubernetes + used + MIDDLE + differences


def span(releases, feature):
    """For which releases a feature is there: "1.9 and newer"."""
    if feature.until is None:
        return f"{releases.show(feature.since)} and newer"
    return f"{releases.show(feature.since)} to {releases.show((feature.until[0], feature.until[1] - 1))}"


def main():
    sys.path.insert(0, str(ROOT / "plugins" / "module_utils" / "_istio"))
    import releases

    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.parent.mkdir(exist_ok=True)
    target.write_text(page(releases), encoding="utf-8")


if __name__ == "__main__":
    main()
