"""The program that decides and builds environments, on the host, by conda's own Python. Standard library only.

================  ======================================================================================
``main``          reads a job (JSON) from standard input, does it, says what went wrong in one line
``programs``      running conda and pip: a clean environment, and what their complaints mean
``deciding``      who installs what: conda's part solved, pip's part resolved on top, the lock
``building``      from a lock to a folder, and the swap
``places``        where environments lie, which are used, what is left over
================  ======================================================================================

It knows no inventory, no pyinfra and no network address: a job says all of it.
"""
