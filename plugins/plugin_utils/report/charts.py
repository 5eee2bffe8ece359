# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry that the charts of the report's page share."""

from __future__ import annotations

import math

# Number of colors that the page has for services and backends.
COLORS = 8


def position(fraction: float) -> str:
    """A fraction of a chart's width in percent, limited to the chart."""
    return f"{100 * min(max(fraction, 0.0), 1.0):.3f}%"


def anchor(percent: float) -> str:
    """The text-anchor of a label at this position of an axis that keeps the label within the chart."""
    return "start" if percent <= 0 else "end" if percent >= 100 else "middle"


def tick_step(total: float) -> float:
    """A round distance between ticks, in milliseconds, that divides an axis of this length into three to five parts."""
    power = 10.0 ** math.floor(math.log10(total / 5))
    return next(x * power for x in (1, 2, 5, 10) if x * power * 5 >= total)


def ticks(total: float) -> list[dict[str, str]]:
    """The ticks of an axis from 0 to this number of milliseconds."""
    step = tick_step(total)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    positions = [number * step for number in range(int(total / step + 1e-9) + 1)]
    return [
        {"x": position(x / total), "text": f"{x:.{digits}f} ms", "anchor": anchor(round(100 * x / total, 3))}
        for x in positions
    ]
