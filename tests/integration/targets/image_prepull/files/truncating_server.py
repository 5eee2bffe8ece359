# Copyright (c) 2026 the meshlab.istio authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxy that exits in the middle of a download: forwards connections until it has returned a number of bytes.

    truncating_server.py LISTEN_HOST:PORT TARGET_HOST:PORT BYTES

Exits after ten minutes at the latest.
"""

from __future__ import annotations

import asyncio
import sys

CHUNK = 1 << 16


async def forward(reader, writer, consume):
    while data := await reader.read(CHUNK):
        writer.write(data[: consume(len(data))])
        await writer.drain()
    writer.close()


async def main(listen, target, limit):
    remaining, finished = limit, asyncio.Event()

    def consume(size):
        nonlocal remaining
        size = min(size, remaining)
        remaining -= size
        if remaining == 0:
            finished.set()
        return size

    async def handle(reader, writer):
        target_reader, target_writer = await asyncio.open_connection(*target)
        await asyncio.gather(
            forward(reader, target_writer, lambda size: size),
            forward(target_reader, writer, consume),
            return_exceptions=True,
        )

    await asyncio.start_server(handle, *listen)
    await asyncio.wait_for(finished.wait(), 600)


def address(text):
    host, _colon, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    asyncio.run(main(address(sys.argv[1]), address(sys.argv[2]), int(sys.argv[3])))
