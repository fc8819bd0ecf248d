"""The process: cooperative sockets first (pyinfra needs them before anything opens one), then the command line."""

import gc

# What a run makes, its modules and the facts of hosts, lives until its end: looking through all of it for garbage after
# every 700 new objects took a quarter of the CPU time.
gc.set_threshold(100_000, 20, 20)

from gevent import monkey  # noqa: E402

monkey.patch_all()

from labprov.main import main  # noqa: E402  (the patch above must come before every other import)

__all__ = ["main"]

if __name__ == "__main__":
    main()
