"""A small web server for the vendor mirror, ``python -m labprov.sandbox.serve``: one folder, read-only."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # apt asks for many small files on one connection


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    for option in ("--sandbox", "--root", "--address", "--port"):
        parser.add_argument(option, required=True)
    given = parser.parse_args()
    sys.setswitchinterval(0.001)
    handler = partial(_Handler, directory=given.root)
    with ThreadingHTTPServer((given.address, int(given.port)), handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
