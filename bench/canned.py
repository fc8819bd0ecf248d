"""An ssh server that plays any number of hosts: it answers from what one real host answered to the same question.

Started as a process of its own: ``python -m bench.canned PORT HOST_KEY CLIENT_KEY.pub STATISTICS LOGIN...``;
LOGIN is the ssh command that reaches the real host. Any address of 127.0.0.0/8 is a host. A question that was not asked
before goes to the real host; STATISTICS (a file, rewritten after each of those) counts them.
"""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

_RANDOM = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-f])")
"""The words by which labprov tells outputs apart: another one in each request, handed back in the answer."""

Question = tuple[bytes, bytes]


@dataclass(frozen=True)
class Answer:
    """What a command gave, with places for the random words."""

    status: int
    stdout: bytes
    stderr: bytes


def neutral(text: bytes, words: dict[bytes, bytes]) -> bytes:
    """``text`` with each random word replaced by a place; ``words`` (word -> place) grows by new ones."""
    return _RANDOM.sub(lambda found: words.setdefault(found.group(), b"\0%d\0" % len(words)), text)


def filled(text: bytes, words: dict[bytes, bytes]) -> bytes:
    """The reverse of ``neutral``."""
    places = {place: word for word, place in words.items()}
    return re.sub(rb"\0\d+\0", lambda found: places[found.group()], text)


@dataclass
class Canned:
    """The answers known so far."""

    login: list[str]
    statistics: Path
    answers: dict[Question, asyncio.Future[Answer]] = field(default_factory=dict)
    asked_live: int = 0

    async def answer(self, command: bytes, stdin: bytes) -> Answer:
        """The answer to one command line and its input."""
        words: dict[bytes, bytes] = {}
        question = neutral(command, words), neutral(stdin, words)
        if question not in self.answers:
            self.answers[question] = asyncio.ensure_future(self._ask(command, stdin, dict(words)))
        known = await self.answers[question]
        return Answer(known.status, filled(known.stdout, words), filled(known.stderr, words))

    async def _ask(self, command: bytes, stdin: bytes, words: dict[bytes, bytes]) -> Answer:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self.login, command, stdin=pipe, stdout=pipe, stderr=pipe)
        out, errors = await process.communicate(stdin)
        self.asked_live += 1
        self.statistics.write_text(str(self.asked_live))
        # Only words of the question are places: the host's own hexadecimal values stay.
        own = re.compile(b"|".join(map(re.escape, words)) or rb"(?!)")

        def places(text: bytes) -> bytes:
            return own.sub(lambda found: words[found.group()], text)

        return Answer(process.returncode or 0, places(out), places(errors))


async def serve(port: int, host_key: str, client_key: str, canned: Canned) -> None:
    """Serve for ever."""

    async def handle(process: asyncssh.SSHServerProcess[bytes]) -> None:
        stdin = await process.stdin.read()
        done = await canned.answer((process.command or "").encode(), stdin)
        process.stdout.write(done.stdout)
        process.stderr.write(done.stderr)
        process.exit(done.status)

    server = await asyncssh.listen(
        "0.0.0.0",  # noqa: S104  # all of 127.0.0.0/8; who has not the sandbox's key is not let in
        port,
        server_host_keys=[host_key],
        authorized_client_keys=client_key,
        process_factory=handle,
        encoding=None,
        backlog=1024,
        login_timeout=600,
    )
    await server.wait_closed()


if __name__ == "__main__":
    number, own_key, users_key, counts, *real = sys.argv[1:]
    asyncio.run(serve(int(number), own_key, users_key, Canned(real, Path(counts))))
