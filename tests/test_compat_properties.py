"""What holds for every decision: no table is violated. Every card on every system gets an answer, and quickly.

The checker reads the YAML files by itself and shares no code with the resolver.
"""

import time
from datetime import date
from importlib import resources

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from labprov.compat import gpus, tables
from labprov.compat.answer import Decision, Refusal
from labprov.compat.request import Policy, Request, Wishes
from labprov.compat.resolve import resolve

TABLES = tables.load()
TODAY = date(2026, 11, 22)
DATA = {
    name: yaml.safe_load(resources.files("labprov.compat").joinpath(f"data/{name}.yml").read_text())
    for name in ("drivers", "cuda", "frameworks", "systems", "gpus")
}
GPUS = {line.split(" ", 1)[0]: line.split(" ", 5)[1:] for line in DATA["gpus"]["gpus"].splitlines()}
DEVICES = [*GPUS, *(device for ids in DATA["gpus"]["before_kepler"].values() for device in ids.split()[:3])]


def number(version):
    return tuple(int(part) for part in version.split("."))


def limits(device):
    """First branch, last branch, open module, capability of a card, straight from the file."""
    for branch, ids in DATA["gpus"]["before_kepler"].items():
        if device in ids.split():
            return 0, branch, "unsupported", "0.0"
    _, chip, _, branches, _ = GPUS[device]
    architecture, capability = DATA["gpus"]["chips"][chip]
    row = DATA["gpus"]["architectures"][architecture]
    first, last = branches.split("-")
    module = "required" if device in DATA["gpus"]["open_module_required"] else row["open_module"]
    first = max(int(first or 0), row.get("first_branch", 0))
    return first, int(last or row.get("last_branch", 9999)), module, capability


def check(answer, request):
    """Assert that a decision violates no table."""
    wish, branch = request.wishes, answer.branch
    row = DATA["drivers"]["branches"][branch]
    offer = DATA["systems"]["systems"][request.system]["drivers"][answer.source]
    listed = {*offer["branches"][request.machine], *offer.get("legacy", {})}
    assert branch in listed or (offer.get("follows") and branch > max(listed))
    assert branch not in offer.get("blocked", {})
    for card in request.cards:
        first, last, module, _ = limits(card.device)
        assert first <= branch <= last, card.name
        assert (answer.flavour, module) not in [("open", "unsupported"), ("proprietary", "required")], card.name
    assert not (answer.flavour == "proprietary" and row["open"] == "only")
    assert not (answer.flavour == "open" and (row["open"] == "none" or offer.get("open") is False))
    named = wish.branch or wish.version or wish.source == "distro" or request.policy.allow_end_of_life
    ended = row["eol"] and row["eol"] <= request.policy.day
    assert named or not ended
    past = row["eol"] and row["eol"] <= request.policy.today
    assert bool(past) == any(f"{branch} is end of life" in text for text in answer.warnings)
    check_cuda(answer, request)
    assert wish.source in (None, answer.source) and wish.branch in (None, branch)
    assert wish.flavour in (None, answer.flavour)


def check_cuda(answer, request):
    assert not request.wishes.cuda or tuple(chosen.version for chosen in answer.cuda) == request.wishes.cuda
    capabilities = [number(limits(card.device)[3]) for card in request.cards]
    for chosen in answer.cuda:
        toolkit = DATA["cuda"]["toolkits"][chosen.version]
        oldest = DATA["cuda"]["majors"][chosen.version.split(".")[0]]["oldest_driver"]
        runs = oldest and answer.branch >= number(oldest)[0]
        if chosen.support == "forward":
            assert all(GPUS[card.device][2] == "datacenter" for card in request.cards) and chosen.compat
            assert not runs
        else:
            assert (chosen.support == "full") == (answer.branch >= toolkit["branch"])
            assert chosen.support == "full" or runs
        built = [any(c[0] == t[0] and t[1] <= c[1] for t in map(number, toolkit["targets"])) for c in capabilities]
        oldest_target = min(map(number, toolkit["targets"]))
        assert not capabilities or any(capability >= oldest_target for capability in capabilities)
        if not request.wishes.cuda:
            assert all(built)
    for wheel in answer.frameworks:
        oldest = DATA["cuda"]["majors"][wheel.cuda.split(".")[0]]["oldest_driver"]
        assert answer.branch >= number(oldest)[0]
        if wheel.name == "torch":
            low, high = (number(each) for each in DATA["frameworks"]["torch_builds"][wheel.cuda]["capabilities"])
            assert all(low <= capability and capability[0] <= high[0] for capability in capabilities)


def card(device):
    found = gpus.lookup(device)
    assert found is not None
    return found


def answered(requests):
    """The answers, and their CPU seconds: the least of three, since a busy neighbour slows a core down too."""
    took = []
    for _ in range(3):
        began = time.process_time()
        answers = [resolve(request, TABLES) for request in requests]
        took.append(time.process_time() - began)
    return answers, min(took)


def test_every_card_on_every_system_gets_an_answer_in_2_s():
    requests = [Request((card(d),), s, Policy(TODAY)) for d in gpus.devices() for s in TABLES.systems]
    assert len(requests) == 661 * 8
    answers, took = answered(requests)
    decided = 0
    for request, answer in zip(requests, answers, strict=True):
        if isinstance(answer, Decision):
            decided += 1
            check(answer, request)
        else:
            assert answer.reason and request.cards[0].name in answer.reason
    assert 3500 < decided < 661 * 8
    assert took < 2


def test_a_thousand_hosts_are_resolved_in_1_s():
    devices, systems = gpus.devices(), list(TABLES.systems)
    requests = [
        Request((card(devices[i * 7 % 661]),) * (1 + i % 8), systems[i % 8], Policy(TODAY), kernel=f"6.8.0-{i}-generic")
        for i in range(1000)
    ]
    answers, took = answered(requests)
    assert took < 1
    assert len(answers) == 1000


def test_cards_that_are_no_longer_cared_for_are_refused_everywhere():
    kepler = [device for device in gpus.devices() if card(device).architecture == "kepler"]
    for system in TABLES.systems:
        answers = [resolve(Request((card(device),), system, Policy(TODAY)), TABLES) for device in kepler]
        assert all(isinstance(answer, Refusal) for answer in answers)


REQUESTS = st.builds(
    Request,
    cards=st.lists(st.sampled_from(DEVICES), max_size=3).map(lambda devices: tuple(card(device) for device in devices)),
    system=st.sampled_from(sorted(TABLES.systems)),
    policy=st.builds(
        Policy,
        today=st.dates(date(2024, 1, 1), date(2028, 1, 1)),
        prefer=st.sampled_from(["long-term", "newest"]),
        allow_end_of_life=st.booleans(),
        chosen_on=st.sampled_from([None, TODAY]),
    ),
    machine=st.sampled_from(["x86_64", "x86_64", "aarch64"]),
    kernel=st.sampled_from(["", "6.1.0-40-amd64", "6.8.0-41-generic", "6.17.0-19-generic", "5.14.0-687.15.el9"]),
    nvswitches=st.booleans(),
    secure_boot=st.booleans(),
    wishes=st.builds(
        Wishes,
        source=st.sampled_from([None, None, "vendor", "distro"]),
        branch=st.sampled_from([None, None, None, *TABLES.branches]),
        flavour=st.sampled_from([None, None, "open", "proprietary"]),
        scope=st.sampled_from(["compute", "full"]),
        cuda=st.lists(st.sampled_from(list(TABLES.toolkits)), max_size=2, unique=True).map(tuple),
        torch=st.sampled_from([None, None, *TABLES.torch]),
        tensorflow=st.sampled_from([None, None, *TABLES.tensorflow]),
    ),
)


@settings(max_examples=400, deadline=None)
@given(REQUESTS)
def test_no_decision_violates_a_table(request):
    answer = resolve(request, TABLES)
    if isinstance(answer, Decision):
        check(answer, request)
        assert answer.packages.install and all(
            choice.reasons or choice.subject == "packages" for choice in answer.choices
        )
    else:
        assert answer.reason and "\n" not in answer.reason


@settings(max_examples=100, deadline=None)
@given(REQUESTS)
def test_the_same_question_has_the_same_answer(request):
    assert resolve(request, TABLES) == resolve(request, tables.load.__wrapped__())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(list(GPUS)), min_size=2, max_size=4), st.sampled_from(sorted(TABLES.systems)))
def test_cards_together_never_get_what_one_of_them_cannot_have(devices, system):
    together = resolve(Request(tuple(card(d) for d in devices), system, Policy(TODAY)), TABLES)
    alone = [resolve(Request((card(d),), system, Policy(TODAY)), TABLES) for d in devices]
    if isinstance(together, Decision):
        assert all(isinstance(answer, Decision) for answer in alone)


@pytest.mark.parametrize("device", ["ffff", "0000"])
def test_a_card_that_the_tables_do_not_know_is_taken_as_new_with_a_warning(device):
    from labprov.compat.cards import unknown

    answer = resolve(Request((unknown(device),), "debian12", Policy(TODAY)), TABLES)
    assert isinstance(answer, Decision) and answer.branch == 580
    assert any("taken as newer than the tables" in text for text in answer.warnings)
