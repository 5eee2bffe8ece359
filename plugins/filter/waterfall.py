# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: waterfall
short_description: Format a trace as lines of text
version_added: "1.0.0"
author: The meshlab.istio founders (@meshlab)
description:
  - Returns a line for each span of a trace, below its parent, with a bar that shows its start and duration.
options:
  _input:
    description: A trace, one of RV(meshlab.istio.jaeger_trace_info#module:traces).
    type: dict
    required: true
  width:
    description: Width of the whole trace's bar in characters.
    type: int
    default: 40
"""

EXAMPLES = r"""
- name: Show the newest trace
  ansible.builtin.debug:
    msg: "{{ found.traces | first | meshlab.istio.waterfall }}"
"""

RETURN = r"""
_value:
  description: Lines of text.
  type: list
  elements: str
  sample:
    - "istio-ingressgateway.istio-system  client   27.5 ms  |========================================|"
    - "  productpage.default              server   26.0 ms  | ====================================== |"
"""

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.meshlab.istio.plugins.module_utils._tracing import traces


def waterfall(trace: dict[str, Any], width: int = 40) -> list[str]:
    """Return the lines of a trace of traces.summarize()."""
    try:
        return traces.waterfall(trace, int(width))
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"waterfall: the input must be a trace of jaeger_trace_info: {error!r}") from error


class FilterModule:
    """Ansible filter plugin entry point."""

    def filters(self):
        return {"waterfall": waterfall}
