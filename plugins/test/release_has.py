# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: release_has
short_description: Whether an Istio release has a feature
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Asks the collection's one table of Istio releases, which its modules go by too.
  - A version newer than the table counts as its newest. One that is older fails.
options:
  _input:
    description: Version of Istio.
    type: str
    required: true
  feature:
    description: Name of the feature, as C(plugins/module_utils/_istio/releases.py) has it in C(FEATURES).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Say whether spans are sent without being told to
  ansible.builtin.debug:
    msg: "{{ '1.27.0' is meshlab.istio.release_has('default_tracer') }}"
"""

RETURN = r"""
_value:
  description: Whether the release has it.
  type: bool
"""

from ansible.errors import AnsibleError

from ansible_collections.meshlab.istio.plugins.module_utils._istio import releases


def release_has(version, feature):
    """Whether an Istio version has one of FEATURES."""
    if feature not in releases.FEATURES:
        raise AnsibleError(f"release_has: no feature {feature!r}; there are {', '.join(sorted(releases.FEATURES))}")
    try:
        return releases.has(version, feature)
    except releases.ReleaseError as error:
        raise AnsibleError(f"release_has: {error}") from error


class TestModule:
    """What Ansible looks for."""

    def tests(self):
        return {"release_has": release_has}
