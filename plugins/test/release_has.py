# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: release_has
short_description: Test whether an Istio release has a feature
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Uses the collection's table of Istio releases.
  - A version that is newer than the table counts as the newest release in it. A version that is older is an error.
options:
  _input:
    description: Istio version.
    type: str
    required: true
  feature:
    description: Name of the feature from C(FEATURES) in C(plugins/module_utils/_istio/releases.py).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show whether a release sends spans by default
  ansible.builtin.debug:
    msg: "{{ '1.27.0' is meshlab.istio.release_has('default_tracer') }}"
"""

RETURN = r"""
_value:
  description: Whether the release has the feature.
  type: bool
"""

from ansible.errors import AnsibleError

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases


def release_has(version, feature):
    """Whether an Istio version has a feature."""
    if feature not in releases.FEATURES:
        raise AnsibleError(
            f"release_has: feature must be one of {', '.join(sorted(releases.FEATURES))}, got {feature!r}"
        )
    try:
        return releases.has(version, feature)
    except releases.ReleaseError as error:
        raise AnsibleError(f"release_has: {error}") from error


class TestModule:
    """Ansible test plugin entry point."""

    def tests(self):
        return {"release_has": release_has}
