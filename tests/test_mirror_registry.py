"""The sandbox's registry of images: what Docker asks of one when it pulls. No host, no Docker."""

from __future__ import annotations

import hashlib
import json
import threading
import urllib.error
import urllib.request
from functools import partial
from http.server import ThreadingHTTPServer

import pytest

from labprov.sandbox.mirror import registry
from labprov.sandbox.serve import Handler

PROGRAM = b"not really a program"


@pytest.fixture
def served(tmp_path):
    """The mirror's folder, and a function that gets a path: status, headers, body."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def get(path: str, method: str = "GET"):
        request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    yield tmp_path, get
    server.shutdown()
    server.server_close()


def test_a_tag_leads_to_every_byte_of_its_image(served):
    root, get = served
    digest = registry.publish(root, "lab/x", "1", {"a": "b"}, PROGRAM)
    assert get("/v2/")[0] == 200
    status, headers, body = get("/v2/lab/x/manifests/1")
    assert (status, headers["Content-Type"], headers["Docker-Content-Digest"]) == (200, registry.INDEX_TYPE, digest)
    assert get(f"/v2/lab/x/manifests/{digest}")[2] == body
    (described,) = json.loads(body)["manifests"]
    manifest = json.loads(get(f"/v2/lab/x/manifests/{described['digest']}")[2])
    for part in (manifest["config"], *manifest["layers"]):
        data = get(f"/v2/lab/x/blobs/{part['digest']}")[2]
        assert (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}") == (part["size"], part["digest"])


def test_a_question_for_the_headers_sends_no_body(served):
    root, get = served
    digest = registry.publish(root, "lab/x", "1", {}, PROGRAM)
    status, headers, body = get("/v2/lab/x/manifests/1", "HEAD")
    assert (status, headers["Docker-Content-Digest"], body) == (200, digest, b"")


def test_a_tag_moves_and_the_old_digest_stays(served):
    root, get = served
    first = registry.publish(root, "lab/x", "1", {"n": "1"}, PROGRAM)
    second = registry.publish(root, "lab/x", "1", {"n": "2"}, PROGRAM)
    assert first != second
    assert get("/v2/lab/x/manifests/1")[1]["Docker-Content-Digest"] == second
    assert get(f"/v2/lab/x/manifests/{first}")[0] == 200


def test_what_is_not_there_and_what_is_refused_are_told_apart(served):
    root, get = served
    (root / "v2/lab/secret").mkdir(parents=True)
    (root / "v2/lab/secret" / registry.DENIED).touch()
    status, _, body = get("/v2/lab/x/manifests/9")
    assert (status, json.loads(body)["errors"][0]["code"]) == (404, "MANIFEST_UNKNOWN")
    assert get("/v2/lab/secret/manifests/1")[0] == 403
    assert get("/v2/../../etc/passwd")[0] == 404
