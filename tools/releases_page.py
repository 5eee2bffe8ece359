# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the documentation's page of releases from the table of releases in the code.

usage: releases_page.py [FILE]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/docsite/rst/releases.rst"

TEMPLATE = """\
.. _ansible_collections.meshlab.istio.docsite.releases:

Istio releases and Kubernetes
=============================

.. Written by tools/releases_page.py from plugins/module_utils/_istio/releases.py. Change the table there.

The Istio project tests each of its releases with a few Kubernetes versions. ``istio_install`` and the role ``istio``
check both versions before they change anything. They refuse a combination that is not supported, and name the releases
that fit (``skip_version_check`` overrides this). A control plane is upgraded one minor release at a time.
The filter ``istio_upgrade_path`` plans an upgrade over many minor releases of Istio and Kubernetes:
:ref:`ansible_collections.meshlab.istio.docsite.upgrade`.

Compatibility matrix
--------------------

{matrix}

Releases before {webhooks} cannot be installed on Kubernetes 1.22 or newer, which dropped the webhook API that they use.

Choose a release for a cluster
------------------------------

The filter ``meshlab.istio.istio_version_for`` chooses the newest Istio that supports a Kubernetes version. Kubernetes
1.18 is an exception: it gets the tested 1.7.4. A list of available versions limits the choice.

{chosen}

With an empty ``lab_istio_version``, the lab chooses by this table. Without the variable, it installs
``istioctl_version``, by default {default}.

.. code-block:: bash

   ansible-playbook playbooks/full_lab.yml -e lab_cluster=existing -e lab_kubeconfig=/path -e lab_istio_version=

If the lab builds its images, an empty ``lab_istio_version`` means {default}.

.. code-block:: yaml

   - name: Install the release for a cluster
     hosts: localhost
     tasks:
       - name: Read the version of the cluster
         kubernetes.core.k8s_cluster_info:
           kubeconfig: /path/to/kubeconfig
         register: cluster

       - name: Install one of the two releases that the mirror has
         ansible.builtin.include_role:
           name: meshlab.istio.istioctl
         vars:
           istioctl_version: "{{{{ cluster.version.server.kubernetes.gitVersion
             | meshlab.istio.istio_version_for(['1.26.8', '1.27.9']) }}}}"
           istioctl_mirror: /srv/mirror

Differences between releases
----------------------------

The modules of this collection handle these differences. If you use ``istioctl`` directly, consider them yourself.

{differences}
"""


def table(*rows: Iterable[str]) -> str:
    """A list-table in reStructuredText; the first row is the heading."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        lines += [f"   {mark} - {cell}" for mark, cell in zip("*" + " " * len(list(row)), row)]
    return "\n".join(lines)


def span(releases: ModuleType, feature: object) -> str:
    """The releases that have a feature: "1.9 and newer" or "1.7 to 1.9"."""
    if feature.until is None:
        return f"{releases.show(feature.since)} and newer"
    return f"{releases.show(feature.since)} to {releases.show((feature.until[0], feature.until[1] - 1))}"


def page(releases: ModuleType) -> str:
    """The text of the page; releases is the module that holds the table."""
    show = releases.show
    rows = sorted(releases.RELEASES.values(), key=lambda row: row.minor, reverse=True)
    matrix = [
        (show(x.minor), x.version, f"{show(x.oldest)} to {show(x.newest)}", f"{show(x.kubernetes_min)} and newer")
        for x in rows
    ]
    oldest, newest = min(x.oldest for x in rows), max(x.newest for x in rows)
    clusters = [show((1, minor)) for minor in range(newest[1], oldest[1] - 1, -1)]
    features = sorted(releases.FEATURES.values(), key=lambda feature: (feature.since, feature.text), reverse=True)
    return TEMPLATE.format(
        matrix=table(("Istio", "Newest patch", "Supported Kubernetes", "Accepted by istioctl install"), *matrix),
        webhooks=show(releases.FEATURES["v1_webhooks"].since),
        chosen=table(("Kubernetes", "Istio"), *((x, releases.version_for(x)) for x in clusters)),
        default=releases.DEFAULT,
        differences=table(("Istio", "Difference"), *((span(releases, x), x.text) for x in features)),
    )


def main() -> None:
    sys.path.insert(0, str(ROOT / "plugins/module_utils/_istio"))
    import releases

    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.write_text(page(releases), encoding="utf-8")


if __name__ == "__main__":
    main()
