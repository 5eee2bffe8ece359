# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.client import ClusterError
from ansible_collections.meshlab.istio.plugins.module_utils._kubernetes.permissions import unless_forbidden


def answer(status):
    def read():
        if status:
            raise ClusterError(f"answered {status}", status)
        return "read"

    return read


def test_forbidden_request_returns_the_default():
    refused = []
    assert unless_forbidden(answer(None)) == "read"
    assert unless_forbidden(answer(403)) is None
    assert unless_forbidden(answer(403), "default", refused) == "default"
    assert [x.status for x in refused] == [403]


@pytest.mark.parametrize("status", [401, 404, 500])
def test_other_errors_are_raised(status):
    with pytest.raises(ClusterError, match=str(status)):
        unless_forbidden(answer(status))
