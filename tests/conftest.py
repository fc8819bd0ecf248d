"""For all tests: keep threads as they are.

pyinfra-testing imports pyinfra's command line, which patches threads, sockets and more when it is imported, and
pytest-xdist's workers stop at that. Nothing in these tests needs the patch: the engine is run as a process of its own.
"""

from gevent import monkey

monkey.patch_all = lambda *args, **kwargs: None
