"""A small web server for the vendor mirror, ``python -m labprov.sandbox.serve``: one folder, read-only.

Below ``/v2/`` it answers as a registry of container images does, as far as pulling goes: a stand-in.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_REGISTRY = "/v2/"
_API = ("Docker-Distribution-Api-Version", "registry/2.0")


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder; those of the registry with the headers that Docker needs."""

    protocol_version = "HTTP/1.1"  # apt asks for many small files on one connection

    def do_GET(self) -> None:
        """Send a file."""
        if self.path.startswith(_REGISTRY):
            self._registry()
        else:
            super().do_GET()

    def do_HEAD(self) -> None:
        """Send a file's headers."""
        if self.path.startswith(_REGISTRY):
            self._registry()
        else:
            super().do_HEAD()

    def _registry(self) -> None:
        path = Path(self.translate_path(self.path))
        if self.path == _REGISTRY:
            self._answer(HTTPStatus.OK, b"{}", "application/json")
        elif (path.parent.parent / "denied").is_file():
            self._refuse(HTTPStatus.FORBIDDEN, "DENIED", "this repository refuses everybody")
        elif not path.is_file():
            code = "MANIFEST_UNKNOWN" if path.parent.name == "manifests" else "NAME_UNKNOWN"
            self._refuse(HTTPStatus.NOT_FOUND, code, "not here")
        else:
            data = path.read_bytes()
            manifest = path.parent.name == "manifests"
            kind = json.loads(data)["mediaType"] if manifest else "application/octet-stream"
            self._answer(HTTPStatus.OK, data, kind)

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        said = {"errors": [{"code": code, "message": message}]}
        self._answer(status, json.dumps(said).encode(), "application/json")

    def _answer(self, status: HTTPStatus, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header(*_API)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if status is HTTPStatus.OK:
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(data).hexdigest()}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    for option in ("--sandbox", "--root", "--address", "--port"):
        parser.add_argument(option, required=True)
    given = parser.parse_args()
    sys.setswitchinterval(0.001)
    handler = partial(Handler, directory=given.root)
    with ThreadingHTTPServer((given.address, int(given.port)), handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
