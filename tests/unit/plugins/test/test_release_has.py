# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleError

from ansible_collections.meshlab.istio.plugins.test.release_has import TestModule as Plugin

release_has = Plugin().tests()["release_has"]


def test_release_has():
    versions = ["1.7.4", "1.21.6", "1.22.0", "1.27.0"]
    assert [release_has(x, "default_tracer") for x in versions] == [True, True, False, False]


@pytest.mark.parametrize(
    ("version", "feature", "message"),
    [
        ("1.27.0", "tracer", "feature must be one of .*, got 'tracer'"),
        ("", "default_tracer", "'' is not a version"),
        ("1.6.0", "default_tracer", "too old"),
    ],
)
def test_errors(version, feature, message):
    with pytest.raises(AnsibleError, match=message):
        release_has(version, feature)
