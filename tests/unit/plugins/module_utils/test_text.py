# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils._text import join_and, shorten_list


@pytest.mark.parametrize(
    ("parts", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (iter("abc"), "a, b and c")]
)
def test_join_and(parts, text):
    assert join_and(parts) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [("", ""), ("a", "a"), ("abcde", "a, b, c, d, e"), (iter("abcdefg"), "a, b, c, d, e and 2 more")],
)
def test_shorten_list(names, text):
    assert shorten_list(names) == text


def test_shorten_list_to_a_given_length():
    assert shorten_list(["a", "b", "c"], shown=2) == "a, b and 1 more"
