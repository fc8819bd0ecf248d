"""Wheels of PyTorch and TensorFlow against cards and drivers. They bring CUDA along: the driver is what counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labprov.compat.answer import Framework, RuledOut
from labprov.compat.gpus import GpuModel
from labprov.compat.request import Request, number
from labprov.compat.tables import Tables
from labprov.compat.toolkits import dropped, supported

_INDEX = "https://download.pytorch.org/whl/cu{}"


@dataclass(frozen=True, slots=True)
class Wheels:
    """The wheels of one release that have code for all cards, best first, and those that have not."""

    name: str
    release: str
    builds: tuple[str, ...]
    """CUDA versions."""
    plain: str
    """The one that ``pip install`` brings by itself."""
    uncertain: bool
    ruled_out: tuple[RuledOut, ...]

    def for_driver(self, branch: int, driver: str | None, tables: Tables) -> Framework | None:
        """The best wheel that runs on a driver, or None."""
        for cuda in self.builds:
            if supported(cuda, branch, driver, tables):
                return Framework(self.name, self.release, cuda, self._install(cuda))
        return None

    def oldest_driver(self, tables: Tables) -> str:
        """The oldest driver on which one of the wheels runs."""
        return min((tables.oldest_driver(cuda) or "?" for cuda in self.builds), default="?")

    def _install(self, cuda: str) -> str:
        if self.name == "tensorflow":
            return f"pip install 'tensorflow[and-cuda]=={self.release}'"
        index = "" if cuda == self.plain else f" --index-url {_INDEX.format(cuda.replace('.', ''))}"
        return f"pip install torch=={self.release}{index}"


def wished(request: Request, tables: Tables) -> tuple[list[Wheels], str]:
    """The wheels of every wished framework, and why one of them is impossible (else empty)."""
    found: list[Wheels] = []
    for name, asked in (("torch", request.wishes.torch), ("tensorflow", request.wishes.tensorflow)):
        if asked is None:
            continue
        release = newest(asked, tables.torch if name == "torch" else tables.tensorflow)
        if release is None:
            known = sorted(tables.torch if name == "torch" else tables.tensorflow, key=number)
            return found, f"{name} {asked} is not in the tables, which have {known[0]} to {known[-1]}"
        wheels = (
            _torch(release, request.cards, tables) if name == "torch" else _tensorflow(release, request.cards, tables)
        )
        if not wheels.builds:
            whys = "; ".join(f"{entry.what}: {entry.why}" for entry in wheels.ruled_out)
            return found, f"no wheel of {name} {release} works with these cards ({whys})"
        found.append(wheels)
    return found, ""


def newest(asked: str, releases: Iterable[str]) -> str | None:
    """The newest release that is, or begins with, what was asked."""
    fitting = [release for release in releases if f"{release}.".startswith(f"{asked}.")]
    return max(fitting, key=number, default=None)


def _torch(release: str, cards: Sequence[GpuModel], tables: Tables) -> Wheels:
    row = tables.torch[release]
    order = sorted(row.builds, key=lambda cuda: (cuda != row.pypi, *(-part for part in number(cuda))))
    whys = {cuda: _without_code(cuda, cards, tables) for cuda in order}
    fitting = tuple(cuda for cuda, why in whys.items() if not why)
    uncertain = row.uncertain or any(tables.torch_builds[cuda].uncertain for cuda in fitting[:1])
    lost = tuple(RuledOut(f"CUDA {cuda} wheel", why) for cuda, why in whys.items() if why)
    return Wheels("torch", release, fitting, row.pypi, uncertain, lost)


def _without_code(cuda: str, cards: Sequence[GpuModel], tables: Tables) -> str:
    oldest, newest_ = tables.torch_builds[cuda].capabilities
    for card in cards:
        if card.architecture == "fermi or older" or (card.capability and number(card.capability) < number(oldest)):
            return f"no code for {card.name}: capability {oldest} and newer only"
        if card.capability and number(card.capability)[0] > number(newest_)[0]:
            return f"no code for {card.name} (capability {card.capability}): up to {newest_} only"
    return ""


def _tensorflow(release: str, cards: Sequence[GpuModel], tables: Tables) -> Wheels:
    row = tables.tensorflow[release]
    lost = next((card.name for card in cards if dropped(card, tables.toolkits[row.cuda])), "")
    ruled_out = (RuledOut(f"CUDA {row.cuda} wheel", f"no code for {lost}"),) if lost else ()
    return Wheels("tensorflow", release, () if lost else (row.cuda,), row.cuda, row.uncertain, ruled_out)
