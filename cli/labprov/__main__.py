"""The process: cooperative sockets first (pyinfra needs them before anything opens one), then the command line."""

from gevent import monkey

monkey.patch_all()

from labprov.main import main  # noqa: E402  (the patch above must come before every other import)

__all__ = ["main"]

if __name__ == "__main__":
    main()
