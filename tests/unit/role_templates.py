# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions of roles, evaluated as Ansible does."""

from __future__ import annotations

from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar


def evaluate(expression: str, variables: dict[str, Any]) -> Any:
    """Return the value of a template with these variables."""
    try:
        from ansible.template import trust_as_template  # templates are trusted explicitly since ansible-core 2.19
    except ImportError:
        trust_as_template = str
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(expression))
