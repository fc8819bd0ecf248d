"""A network with a longer round trip: a proxy a host on loopback that holds every byte back for half of it.

For kernels without netem (as this needs neither root nor modules). Started as a process of its own:
``python -m bench.delay SECONDS LISTEN:PORT=TARGET:PORT ...``
"""

from __future__ import annotations

import asyncio
import socket
import sys

_Chunk = tuple[float, bytes]


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Pass on what arrives, ``delay`` seconds later, in order."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[_Chunk] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    delivery = asyncio.ensure_future(deliver())
    while True:
        try:
            data = await reader.read(65536)
        except OSError:
            data = b""
        queue.put_nowait((loop.time() + delay, data))
        if not data:
            break
    await delivery


async def _serve(listen: str, port: int, target: str, target_port: int, delay: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * delay)  # the handshake of TCP itself
        there, back = await asyncio.open_connection(target, target_port)
        for each in (writer, back):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(_forward(reader, back, delay), _forward(there, writer, delay), return_exceptions=True)

    server = await asyncio.start_server(connected, listen, port)
    await server.serve_forever()


async def _main(delay: float, routes: list[str]) -> None:
    pairs = [route.split("=") for route in routes]
    ends = [(*listen.rsplit(":", 1), *target.rsplit(":", 1)) for listen, target in pairs]
    await asyncio.gather(*(_serve(a, int(p), b, int(q), delay) for a, p, b, q in ends))


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1]) / 2, sys.argv[2:]))
