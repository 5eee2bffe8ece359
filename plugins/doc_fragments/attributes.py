# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description: A second run with the same arguments reports no change.
"""

    # For modules that connect to a cluster, which module_defaults can set for all of them.
    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/meshlab.istio.istio) in C(module_defaults) to set the cluster once for all modules.
    support: full
    membership:
      - meshlab.istio.istio
"""
