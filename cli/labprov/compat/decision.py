"""From the best candidate to the whole decision: flavour, packages, toolkits, wheels, fabric manager, with reasons."""

from __future__ import annotations

from labprov.compat import flavour as flavours
from labprov.compat import gpus, toolkits
from labprov.compat.answer import Choice, Cuda, Decision, Framework, Packages, RuledOut
from labprov.compat.branch import Candidate, Search
from labprov.compat.frameworks import Wheels
from labprov.compat.packages import Driver, fabric_manager, packages
from labprov.compat.preference import branch_choice, source_choice
from labprov.compat.request import Request
from labprov.compat.rows import Flavour
from labprov.compat.tables import Tables
from labprov.compat.warnings import warnings


def make(found: Search, wheels: list[Wheels], request: Request, tables: Tables) -> Decision:
    """The decision for the best candidate of a search that found one."""
    best = found.candidates[0]
    entry, wish = best.offered, request.wishes
    driver = _driver(best, request, tables)
    names = packages(entry.offer.packages, driver)
    cuda, cuda_choice = _cuda(best, request, tables)
    fitting = tuple(wheel for each in wheels if (wheel := each.for_driver(entry.branch, wish.version, tables)))
    fabric, fabric_choices = _fabric(entry.offer.packages, driver, request)
    return Decision(
        cards=tuple(card.name for card in request.cards),
        system=request.system,
        source=entry.source,
        branch=entry.branch,
        version=wish.version,
        flavour=best.flavour,
        packages=names,
        fabric_manager=fabric,
        cuda=cuda,
        frameworks=fitting,
        choices=(
            source_choice(found, request),
            branch_choice(found, request),
            _flavour(best),
            Choice("packages", ", ".join(names.install), _package_reasons(names)),
            *fabric_choices,
            cuda_choice,
            *(_framework(wheel, each) for wheel, each in zip(fitting, wheels, strict=True)),
        ),
        warnings=tuple(dict.fromkeys(warnings(best, cuda, wheels, request, tables))),
        tables=tables.version,
    )


def _driver(best: Candidate, request: Request, tables: Tables) -> Driver:
    digits = request.system.lstrip("abcdefghijklmnopqrstuvwxyz")
    return Driver(
        branch=best.offered.branch,
        version=request.wishes.version,
        flavour=best.flavour,
        scope=request.wishes.scope,
        kernel=request.kernel,
        own_kernel=tables.systems[request.system].kernel,
        release=f"{digits[:2]}.{digits[2:]}" if len(digits) == 4 else digits,
        legacy=best.offered.package,
    )


def _flavour(best: Candidate) -> Choice:
    other: Flavour = "proprietary" if best.flavour == "open" else "open"
    entry = best.offered
    why = flavours.against(other, entry.branch, entry.row, entry.offer)
    if not best.either:
        return Choice("kernel modules", best.flavour, (best.why,))
    lost = RuledOut(other, why or f"would do as well: flavour: {other}")
    return Choice("kernel modules", best.flavour, (best.why,), (lost,))


def _package_reasons(names: Packages) -> tuple[str, ...]:
    reasons = [f"module stream {names.stream}"] if names.stream else []
    if names.lock and names.lock != names.stream:
        reasons.append(f"{'pinned to version' if names.lock[0].isdigit() else 'kept at the branch by'} {names.lock}")
    if names.remove:
        reasons.append(f"in the same transaction, where installed, these go: {', '.join(names.remove)}")
    return tuple(reasons)


def _fabric(scheme: str, driver: Driver, request: Request) -> tuple[tuple[str, ...], tuple[Choice, ...]]:
    nvlink5 = any(card.device in gpus.needs_nvlink5() for card in request.cards)
    if not nvlink5 and not request.nvswitches:
        boards = [card.name for card in request.cards if "SXM" in card.name or "HBM3" in card.name]
        if not boards:
            return (), ()
        return (), (
            Choice("fabric manager", "none", (f"no NVSwitch is known of; a board with them needs it ({boards[0]})",)),
        )
    names = fabric_manager(scheme, driver, nvlink5)
    why = "fifth-generation NVLink" if nvlink5 else "NVSwitches on the PCI bus"
    return names, (Choice("fabric manager", ", ".join(names), (f"{why}: it must be exactly the driver's version",)),)


def _cuda(best: Candidate, request: Request, tables: Tables) -> tuple[tuple[Cuda, ...], Choice]:
    if request.wishes.cuda:
        pairs = zip(request.wishes.cuda, best.cuda, strict=True)
        chosen = tuple(toolkits.cuda(version, support, request) for version, support in pairs)
        return chosen, Choice("CUDA", ", ".join(request.wishes.cuda), ("asked for",))
    version, reasons, ruled_out = toolkits.default(request, best.offered.branch, tables)
    if version is None:
        return (), Choice("CUDA", "none", reasons, ruled_out)
    return (toolkits.cuda(version, "full", request),), Choice("CUDA", version, reasons, ruled_out)


def _framework(wheel: Framework, wheels: Wheels) -> Choice:
    plain = (
        "the wheel that pip brings by itself"
        if wheel.cuda == wheels.plain
        else "the newest wheel with code for every card"
    )
    reasons = (f"{plain} (CUDA {wheel.cuda})", wheel.install)
    return Choice(wheel.name, wheel.version, reasons, wheels.ruled_out)
