# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    # Must match module_utils/_istio/istioctl.py ISTIOCTL_ARGS.
    DOCUMENTATION = r"""
options:
  binary_path:
    description:
      - Path of C(istioctl).
      - >-
        If not set, the environment variable E(ISTIOCTL_PATH) is used, then the first C(istioctl) in E(PATH), then the
        link of the role P(meshlab.istio.istioctl#role), C(/opt/istio/current/bin/istioctl).
    type: path
"""
