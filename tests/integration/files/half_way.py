# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry that stops half-way: passes connections on to another, and ends after so many bytes of its answers.

    half_way.py LISTEN_HOST:PORT TARGET_HOST:PORT BYTES

Ends by itself after ten minutes too.
"""

from __future__ import annotations

import asyncio
import sys

CHUNK = 1 << 16


async def passed(reader, writer, spend):
    while data := await reader.read(CHUNK):
        writer.write(data[: spend(len(data))])
        await writer.drain()
    writer.close()


async def main(listen, target, limit):
    left, over = limit, asyncio.Event()

    def spend(size):
        nonlocal left
        size = min(size, left)
        left -= size
        if left == 0:
            over.set()
        return size

    async def connected(reader, writer):
        there_reader, there_writer = await asyncio.open_connection(*target)
        await asyncio.gather(
            passed(reader, there_writer, lambda size: size), passed(there_reader, writer, spend), return_exceptions=True
        )

    await asyncio.start_server(connected, *listen)
    await asyncio.wait_for(over.wait(), 600)


def address(text):
    host, _colon, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    asyncio.run(main(address(sys.argv[1]), address(sys.argv[2]), int(sys.argv[3])))
