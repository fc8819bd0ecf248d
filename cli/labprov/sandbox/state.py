"""What a sandbox consists of, as a JSON file that outlives the process that made it. Touches that file only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

from labprov.sandbox.places import Places
from labprov.sandbox.shell import write
from labprov.sandbox.spec import NodeSpec


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it was made: its spec, the image that it lies on, and its address."""

    spec: NodeSpec
    image: str
    address: str


@dataclass(frozen=True, slots=True)
class State:
    """A sandbox's network (``10.x.y.0/24``; empty before it was chosen) and its nodes by name."""

    subnet: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)

    def with_node(self, node: Node) -> State:
        """The same state with ``node`` in it."""
        return replace(self, nodes={**self.nodes, node.spec.name: node})


def load(places: Places) -> State:
    """The sandbox's state; an empty one where there is no sandbox."""
    try:
        data = json.loads(places.state.read_text())
    except FileNotFoundError:
        return State()
    return State(data["subnet"], {name: _node(node) for name, node in data["nodes"].items()})


def save(places: Places, state: State) -> None:
    """Write ``state`` in one step."""
    write(places.state, json.dumps(asdict(state), indent=2) + "\n", mode=0o600)


def _node(data: dict[str, object]) -> Node:
    spec = data["spec"]
    assert isinstance(spec, dict)
    gpus = tuple((str(model), int(count)) for model, count in spec["gpus"])
    return Node(
        NodeSpec(spec["name"], spec["os"], gpus, bool(spec["nouveau"])), str(data["image"]), str(data["address"])
    )
