# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expected values are the output of sigs.k8s.io/yaml 1.4.0, which kubectl uses."""

from __future__ import annotations

import json
import math

import pytest

from ansible_collections.meshlab.istio.plugins.module_utils import _yaml_scalars as subject


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("Null", None), ("nULL", "nULL"),
        ("y", True), ("Y", True), ("yes", True), ("On", True), ("TRUE", True), ("oN", "oN"), ("t", "t"),
        ("n", False), ("N", False), ("no", False), ("Off", False),
        ("0", 0), ("-0", 0), ("+1", 1), ("-_1", -1), ("1_", 1), ("_1", "_1"), ("1__000", 1000), ("08", 8), ("-", "-"),
        ("0644", 420), ("0o14", 12), ("0O7", 7), ("0x1_F", 31), ("0X1F", 31), ("+0x1F", 31), ("0_x1F", 31),
        ("0x", "0x"), ("0b1_0", 2), ("0B1", 1), ("0b2", "0b2"), ("0o8", "0o8"),
        ("0x1FFFFFFFFFFFFFFFFFF", "0x1FFFFFFFFFFFFFFFFFF"),
        ("0xFFFFFFFFFFFFFFFF", 2**64 - 1), ("+0xFFFFFFFFFFFFFFFF", "+0xFFFFFFFFFFFFFFFF"),
        ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), ("1_0.5", 10.5), ("1_0e3", 10000.0), (".5_0", 0.5), ("._1", "._1"),
        (".5_", ".5_"), ("1e3", 1000.0), ("1e", "1e"), ("1234e5678", "1234e5678"), (".5e400", ".5e400"),
        ("9" * 5000, "9" * 5000),
        ("22:22", "22:22"), ("2020-01-01", "2020-01-01"), ("1.27.0", "1.27.0"), ("=", "="), ("app", "app"),
    ],
)  # fmt: skip
def test_resolve(text, value):
    assert json.dumps(subject.resolve(text)) == json.dumps(value)


def test_numbers_without_a_json_equivalent():
    assert math.isnan(subject.resolve(".nan"))
    assert (subject.resolve(".Inf"), subject.resolve("-.inf")) == (math.inf, -math.inf)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("a", "a"), ("", ""), (True, "true"), (False, "false"), (8080, "8080"), (None, None), (2**63, None),
        (1.0, "1"), (1.1, "1.1"), (1e3, "1000"), (1e6, "1e+06"), (1e-5, "1e-05"), (0.0001, "0.0001"), (0.0, "0"),
        (-1.5, "-1.5"), (123456789.0, "1.2345679e+08"), (746332929114.9001, "7.4633295e+11"), (1e300, ".inf"),
        (-1e300, "-.inf"), (math.nan, ".nan"), (-math.inf, "-.inf"),
    ],
)  # fmt: skip
def test_key_text(value, key):
    assert subject.key_text(value) == key
