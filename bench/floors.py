"""The floor: one ssh connection a host, all at once, one script fed to a root shell, the answers read. No more.

``python -m bench.floors asyncssh|openssh TARGETS.json SCRIPT``: a script for each host (``{host}`` in SCRIPT is
replaced by its name). Exits with 1 when a host's script fails or prints nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = "sudo -H -n sh -c sh"
Target = dict[str, Any]


async def by_asyncssh(target: Target, script: bytes) -> int:
    """Returns how many bytes the script printed."""
    import asyncssh

    async with asyncssh.connect(
        target["address"],
        target["port"],
        username=target["user"],
        client_keys=[target["key"]],
        known_hosts=target["known_hosts"],
        config=None,
        agent_path=None,
    ) as connection:
        done = await connection.run(ROOT, input=script, encoding=None, check=True)
    return len(done.stdout or b"")


async def by_openssh(target: Target, script: bytes) -> int:
    """Returns how many bytes the script printed."""
    options = ["-F", "none", "-i", target["key"], "-o", f"UserKnownHostsFile={target['known_hosts']}"]
    command = ["ssh", *options, "-p", str(target["port"]), f"{target['user']}@{target['address']}", ROOT]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    out, errors = await process.communicate(script)
    if process.returncode:
        raise RuntimeError(f"{target['name']}: {errors[-500:]!r}")
    return len(out)


async def _all(ask: Callable[[Target, bytes], Awaitable[int]], targets: list[Target], script: str) -> list[int]:
    texts = [Path(script.format(host=target["name"])).read_bytes() for target in targets]
    return list(await asyncio.gather(*(ask(*pair) for pair in zip(targets, texts, strict=True))))


if __name__ == "__main__":
    way, file, script = sys.argv[1:]
    sizes = asyncio.run(
        _all({"asyncssh": by_asyncssh, "openssh": by_openssh}[way], json.loads(Path(file).read_text()), script)
    )
    print(f"answers: {len(sizes)} hosts, {min(sizes)} to {max(sizes)} bytes")
    sys.exit(0 if min(sizes) else 1)
