"""Bringing a sandbox up and down, listing it, reaching its nodes: the package's public functions. No command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from labprov.errors import UserError
from labprov.lock import file as lock
from labprov.sandbox import gpu, image, mounts, network, node, processes, requirements, server, settings
from labprov.sandbox import inventory_file as inventories
from labprov.sandbox.places import CACHE, STATE, Places
from labprov.sandbox.shell import locked, run, write
from labprov.sandbox.spec import NodeInfo, NodeSpec, Sandbox, check_sandbox_name
from labprov.sandbox.state import Node, State, load, save

Say = Callable[[str], None]
_WAITING = "Waiting for another `labprov sandbox` command to end"


def up(nodes: Sequence[NodeSpec], inventory_file: Path, say: Say, name: str = "default") -> Sandbox:
    """Bring up the sandbox ``name`` with at least ``nodes`` and write its inventory to ``inventory_file``.

    What is up already stays as it is. Raises UserError where this machine cannot carry a sandbox, when a node is there
    with another system or other GPUs, or when ``inventory_file`` is somebody's own; HostError when the machine fails.
    """
    check_sandbox_name(name)
    _check(nodes, inventory_file)
    requirements.ensure(say)
    places = Places(name)
    with locked(places.lock, lambda: say(_WAITING)):
        state = _begin(places, nodes)
        images, mirror = _prepare(nodes, state, say)
        network.up(places, state.subnet)
        state = _start_nodes(places, nodes, images, state, say)
        url = server.serve(places, mirror.root, network.gateway(state.subnet)) if mirror else ""
        infos = _infos(places, state)
        text = _inventory(places, infos, mirror, url)
        write(inventory_file, text)
        write(places.home / "inventory", str(inventory_file.absolute()))
    return Sandbox(name, tuple(infos), inventory_file, places.key, places.known_hosts, url)


def down(say: Say, name: str = "default") -> list[str]:
    """Remove everything that ``up`` made for the sandbox ``name``, also after a crash; give what was removed.

    The cache (images, vendor mirror) stays. Raises UserError unless root, HostError when something cannot be removed.
    """
    check_sandbox_name(name)
    requirements.require_root()
    places = Places(name)
    with locked(places.lock, lambda: say(_WAITING)):
        removed = _remove_servers(places)
        for folder in sorted(places.nodes.glob("*")):
            say(f"Removing node {folder.name}")
            node.remove(places, folder.name)
            removed.append(f"node {folder.name}")
        removed += network.down(places)
        removed += _remove_files(places)
        # Only now: of two sandboxes that end at the same moment, the later one finds no other.
        removed += settings.put_back(places.name)
        image.remove_unfinished()
        places.lock.unlink(missing_ok=True)
    return removed


def listing(name: str = "default") -> list[NodeInfo]:
    """The nodes of the sandbox ``name``; empty where there is none."""
    check_sandbox_name(name)
    places = Places(name)
    return _infos(places, load(places))


def ssh_command(node_name: str, name: str = "default") -> list[str]:
    """The command that logs in to a node as its admin; UserError when there is no such node."""
    known = {info.name: info for info in listing(name)}
    if node_name not in known:
        raise UserError(f"no node {node_name!r} in the sandbox", hint="labprov sandbox list shows them")
    return node.ssh(Places(name), known[node_name].address)


def _check(nodes: Sequence[NodeSpec], file: Path) -> None:
    """Raise UserError for what is wrong with the request, before anything is touched."""
    if file.exists() and not inventories.is_ours(file):
        raise UserError(f"{file} was not made by the sandbox", hint="move it away or name another file")
    names = [spec.name for spec in nodes]
    if twice := {each for each in names if names.count(each) > 1}:
        raise UserError(f"two nodes with the same name: {', '.join(sorted(twice))}")
    for spec in nodes:
        gpu.hardware(spec.gpus)


def _begin(places: Places, nodes: Sequence[NodeSpec]) -> State:
    """The state to go on from: a subnet, a key, and no node that differs from what is asked for."""
    state = load(places)
    for spec in nodes:
        if (there := state.nodes.get(spec.name)) and there.spec != spec:
            raise UserError(
                f"node {spec.name} is there with another system or other GPUs", hint="run `labprov sandbox down` first"
            )
    if not state.subnet:
        state = State(str(network.choose_subnet(places.name, network.taken_networks())))
        save(places, state)
    if not places.key.exists():
        beside = places.home / "key.new"
        beside.unlink(missing_ok=True)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"labprov sandbox {places.name}", "-f", beside])
        beside.with_suffix(".new.pub").rename(places.key.with_suffix(".pub"))
        beside.rename(places.key)
    return state


def _prepare(nodes: Sequence[NodeSpec], state: State, say: Say) -> tuple[dict[str, Path], Any]:
    """The images of the new nodes and the vendor mirror (None where this copy of labprov has none), side by side."""
    systems = sorted({spec.os for spec in nodes if spec.name not in state.nodes})
    with ThreadPoolExecutor() as pool:
        building = {system: pool.submit(image.ensure, system, say) for system in systems}
        mirror: Future[Any] = pool.submit(_mirror, say)
        return {system: future.result() for system, future in building.items()}, mirror.result()


def _mirror(say: Say) -> Any:
    try:
        from labprov.sandbox import mirror
    except ImportError:
        return None
    return mirror.ensure(CACHE / "mirror", say) if hasattr(mirror, "ensure") else None


def _start_nodes(places: Places, nodes: Sequence[NodeSpec], images: dict[str, Path], state: State, say: Say) -> State:
    """Make the nodes that are not there, boot those that do not run, and wait for all of them."""
    for spec in nodes:
        if spec.name not in state.nodes:
            address = network.free_address(state.subnet, (each.address for each in state.nodes.values()))
            made = Node(spec, images[spec.os].name, address)
            say(f"Making node {spec.name}: {spec.os}, {_gpus(spec)}, at {address}")
            node.make(places, made)
            state = state.with_node(made)
            save(places, state)
    for each in state.nodes.values():
        node.start(places, each)
    for each in state.nodes.values():
        node.wait(places, each)
    return state


def _gpus(spec: NodeSpec) -> str:
    return " and ".join(f"{count} simulated {model}" for model, count in spec.gpus) or "no GPU"


def _infos(places: Places, state: State) -> list[NodeInfo]:
    return [
        NodeInfo(each.spec, each.address, bool(processes.supervisors(places, each.spec.name)))
        for each in state.nodes.values()
    ]


def _inventory(places: Places, infos: Sequence[NodeInfo], mirror: Any, url: str) -> str:
    mirrors, settings = (mirror.settings(url), mirror.role_settings(url)) if mirror else ({}, {})
    return inventories.text(infos, places.key, places.known_hosts, mirrors, settings)


def _remove_servers(places: Places) -> list[str]:
    running = processes.servers(places)
    processes.end(running)
    return ["vendor mirror's server"] if running else []


def _remove_files(places: Places) -> list[str]:
    """Delete the sandbox's home, and the inventory if it is still the one that ``up`` wrote."""
    if not places.home.exists():
        return []
    mounts.unmount_under(places.home)
    written = places.home / "inventory"
    removed = []
    if written.exists() and inventories.is_ours(file := Path(written.read_text())):
        file.unlink()
        lock.forget(file)
        removed.append(f"inventory {file}")
    shutil.rmtree(places.home)
    for folder in (STATE, STATE.parent):
        with suppress(OSError):  # another sandbox is there
            folder.rmdir()
    return [*removed, f"files under {places.home}"]
