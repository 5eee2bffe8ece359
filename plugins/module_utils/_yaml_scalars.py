# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads YAML scalars as kubectl does, that is as sigs.k8s.io/yaml and its goyaml.v2."""

from __future__ import annotations

import math
import re
import struct
from typing import Union

Scalar = Union[str, int, float, bool, None]

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_PREFIXED = re.compile(r"([-+]?)0(?:[xX]([0-9a-fA-F]+)|[bB]([01]+)|[oO]?([0-7]+))")
_DECIMAL = re.compile(r"[-+]?[0-9]+")  # 08 is not octal, so it is 8
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# Without a leading digit, underscores are only allowed between digits.
_LEADING_POINT = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?")
_MAX_UNSIGNED = 2**64 - 1


def resolve(text: str) -> Scalar:
    """Return the value of a plain scalar: a boolean, a number, None, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-0123456789":
        return _number(text.replace("_", ""), text)
    if _LEADING_POINT.fullmatch(text):
        return _finite(text.replace("_", ""), text)
    return text


def _number(plain, text):
    """Return the number in plain, which is text without underscores; text if it is not a number."""
    prefixed = _PREFIXED.fullmatch(plain)
    if prefixed:
        sign, *digits = prefixed.groups()
        base, value = next((base, value) for base, value in zip((16, 2, 8), digits) if value)
        number = int(sign + value, base)
        if -(2**63) <= number <= (2**63 - 1 if sign else _MAX_UNSIGNED):
            return number
    if _DECIMAL.fullmatch(plain):
        # Integers beyond the largest float remain text.
        return text if math.isinf(float(plain)) else int(plain)
    return _finite(plain, text) if _FLOAT.fullmatch(plain) else text


def _finite(plain, text):
    """Return the float in plain; text if it is out of range, as the commit 1234e5678 is."""
    number = float(plain)
    return text if math.isinf(number) else number


def key_text(value: Scalar) -> str | None:
    """Return a resolved scalar as a key of a JSON object; None if it cannot be one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _format_float(value)
    if isinstance(value, int):
        return str(value) if -(2**63) <= value < 2**63 else None
    return value


def _format_float(value):
    """Format a float as Go's strconv.FormatFloat(value, 'g', -1, 32)."""
    if not math.isfinite(value):
        return {math.inf: ".inf", -math.inf: "-.inf"}.get(value, ".nan")
    try:
        single = struct.pack("<f", value)
    except OverflowError:
        return ".inf" if value > 0 else "-.inf"
    (rounded,) = struct.unpack("<f", single)
    shortest = next(
        x for x in (f"{rounded:.{digits}e}" for digits in range(9)) if struct.pack("<f", float(x)) == single
    )
    mantissa, _e, exponent = shortest.partition("e")
    if -4 <= int(exponent) < 6:
        return f"{float(shortest):.{max(0, len(mantissa.partition('.')[2]) - int(exponent))}f}"
    return shortest
