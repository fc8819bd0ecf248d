"""Facts about divided GPUs (MIG): what a driver that answers says of modes, instances and who uses the cards."""

from __future__ import annotations

from dataclasses import dataclass

from pyinfra.api import FactBase


@dataclass(frozen=True, slots=True)
class Divided:
    """One GPU as the driver sees it."""

    index: str
    uuid: str
    mode: str
    """``Enabled``, ``Disabled``, or empty: it cannot be divided."""
    profiles: tuple[str, ...] = ()
    """Of its instances, sorted: ``3g.20gb``."""
    users: tuple[str, ...] = ()
    """Processes on it: ``python (pid 4711)``."""


class DividedGpus(FactBase[list[Divided]]):
    """Every GPU; none where no driver answers."""

    default = list

    def command(self) -> str:
        """Three questions to nvidia-smi, each line after a word."""
        csv = "--format=csv,noheader"
        return (
            f"nvidia-smi --query-gpu=index,uuid,mig.mode.current {csv} 2>/dev/null | sed 's/^/card /'; "
            "nvidia-smi -L 2>/dev/null | sed -n 's/^GPU \\([0-9]*\\):.*/gpu \\1/p; s/^ *MIG \\([^ ]*\\) .*/mig \\1/p'; "
            f"nvidia-smi --query-compute-apps=gpu_uuid,pid,process_name {csv} 2>/dev/null | sed 's/^/app /'; true"
        )

    def process(self, output: list[str]) -> list[Divided]:
        """``card 0, GPU-..., Enabled``; ``gpu 0`` before its ``mig 3g.20gb``; ``app GPU-..., 4711, python``."""
        instances: dict[str, list[str]] = {}
        users: dict[str, list[str]] = {}
        cards, current = [], ""
        for word, _, rest in (line.partition(" ") for line in output):
            fields = [field.strip() for field in rest.split(",", 2)]
            if word == "gpu":
                current = rest
            elif word == "mig":
                instances.setdefault(current, []).append(rest)
            elif word == "app" and len(fields) == 3:
                users.setdefault(fields[0], []).append(f"{fields[2]} (pid {fields[1]})")
            elif word == "card" and len(fields) == 3:
                cards.append(fields)
        return [
            Divided(
                index,
                uuid,
                mode if mode in ("Enabled", "Disabled") else "",
                tuple(sorted(instances.get(index, ()))),
                tuple(users.get(uuid, ())),
            )
            for index, uuid, mode in cards
        ]
