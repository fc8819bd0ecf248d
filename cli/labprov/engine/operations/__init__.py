"""Operations that pyinfra lacks or has unsafe.

Each validates, reads a fact, compares, and then says why nothing is to be done or yields commands.
"""

from collections.abc import Generator

from pyinfra.api import StringCommand

Commands = Generator[StringCommand, None, None]
"""What an operation gives."""
