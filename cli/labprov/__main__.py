"""The process: cooperative sockets first (pyinfra needs them before anything opens one), then the command line."""

import atexit
import gc
import os

# Settings are judged by labprov alone, not by plugins that happen to be installed; the searches take 10 ms each.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
os.environ.setdefault("TYPEGUARD_DISABLE_PLUGIN_AUTOLOAD", "1")

# What a run makes, its modules and the facts of hosts, lives until its end: looking through all of it for garbage after
# every 700 new objects took a quarter of the CPU time, and once more at the end 0.2 s.
gc.set_threshold(250_000, 20, 20)
atexit.register(gc.freeze)

from gevent import events, monkey  # noqa: E402

# gevent would ask every installed package for plugins of its own, four times: as long as the patch itself takes.
events.notify_and_call_entry_points = events.notify
monkey.patch_all()

from labprov.main import main  # noqa: E402  (the patch above must come before every other import)

__all__ = ["main"]

if __name__ == "__main__":
    main()
