"""Checks that the declared images are there, as was decided, and that containers start of them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from testinfra.host import Host

from labprov_roles.docker.minimal_image import said
from labprov_roles.images import pins
from labprov_roles.images.references import parse
from labprov_roles.images.settings import Settings

_RUN = "docker run --rm --pull never --network none"
_BY_RUNTIME = "--runtime=nvidia --env NVIDIA_VISIBLE_DEVICES=all --env PATH=/usr/local/bin:/usr/bin:/bin"


def _declared(settings: Settings) -> list[str]:
    return [*(parse(text).here for text in settings.pull), *(settings.tag_of(name) for name in settings.build)]


def _inspect(host: Host, name: str) -> dict[str, Any]:
    asked = host.run("docker image inspect %s", name)
    assert asked.rc == 0, f"{name}: {said(asked)}"
    found: dict[str, Any] = json.loads(asked.stdout)[0]
    return found


def _needs_images(settings: Settings) -> None:
    if not _declared(settings):
        pytest.skip("not set: no images are declared")


def test_pulled_images_are_what_the_lock_says(host: Host, settings: Settings) -> None:
    """By Docker's list of names and digests, each tag stands for the digest of the lock or the inventory."""
    _needs_images(settings)
    listed = host.run("docker images --digests --no-trunc --format '{{.ID}} {{.Repository}} {{.Tag}} {{.Digest}}'")
    assert listed.rc == 0, said(listed)
    rows = [line.split() for line in listed.stdout.splitlines()]
    decided = pins.read(settings.locks)
    for reference in map(parse, settings.pull):
        digest = reference.digest or decided.of(reference.here)
        assert digest, f"{reference.here} was never decided on: apply, or labprov lock"
        having = {row[0] for row in rows if row[1] == reference.name and row[3] == digest}
        assert having, f"{reference.name} is not here with {digest}"
        if reference.tag:
            tagged = {row[0] for row in rows if row[1:3] == [reference.name, reference.tag]}
            assert tagged == having, f"{reference.here} is another image than {digest}"


def test_built_images_are_there(host: Host, settings: Settings) -> None:
    """Each declared build has its tag, and says what it was built from."""
    _needs_images(settings)
    for name in settings.build:
        labels = _inspect(host, settings.tag_of(name))["Config"].get("Labels") or {}
        content = labels.get("labprov.content", "")
        assert re.fullmatch("[0-9a-f]{64}", content), f"{settings.tag_of(name)} was built by somebody else"


def test_a_container_starts_of_every_image(host: Host, settings: Settings) -> None:
    """Docker unpacks it and comes as far as its first program; an image without ``true`` need not have it."""
    _needs_images(settings)
    for name in _declared(settings):
        done = host.run(f"{_RUN} --entrypoint true %s", name)
        without = done.rc == 127 and "executable file not found" in done.stderr
        assert done.rc == 0 or without, f"{name}: {said(done)}"


def test_gpu_images_see_the_gpus(host: Host, settings: Settings) -> None:
    """In an image that asks for GPUs (``NVIDIA_VISIBLE_DEVICES``) nvidia-smi lists those of the host."""
    _needs_images(settings)
    asking = [name for name in _declared(settings) if _asks_for_gpus(host, name)]
    if not asking:
        pytest.skip("not needed: no declared image asks for GPUs")
    on_host = host.run("nvidia-smi -L")
    if on_host.rc != 0:
        pytest.skip("no driver answers on this server")
    if "nvidia" not in host.run("docker info --format '{{json .Runtimes}}'").stdout:
        pytest.skip("Docker has no nvidia runtime here: the role nvidia_container_toolkit brings it")
    for name in asking:
        listed = host.run(f"{_RUN} {_BY_RUNTIME} --entrypoint nvidia-smi %s -L", name)
        if listed.rc != 0 and "no such file or directory" in listed.stderr:  # it is there; its loader is not
            pytest.skip(f"{name} has no C library that nvidia-smi could run with")
        assert listed.rc == 0, f"{name}: {said(listed)}"
        assert _uuids(listed.stdout) == _uuids(on_host.stdout), f"{name} does not see the host's GPUs"


def _asks_for_gpus(host: Host, name: str) -> bool:
    env = _inspect(host, name)["Config"].get("Env") or []
    return any(each.startswith("NVIDIA_VISIBLE_DEVICES=") and not each.endswith("=void") for each in env)


def _uuids(text: str) -> list[str]:
    return sorted(re.findall(r"UUID: (GPU-[0-9a-fA-F-]+)\)", text))
