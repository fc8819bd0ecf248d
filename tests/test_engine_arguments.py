"""Global arguments known from before are the ones that pyinfra itself would have worked out."""

from __future__ import annotations

import pytest
from pyinfra import context
from pyinfra.api import Config, Inventory, State, deploy, operation
from pyinfra.api.arguments import pop_global_arguments
from pyinfra.api.exceptions import ArgumentTypeError

from labprov.engine import arguments
from labprov.engine.arguments import quick


def always() -> bool:
    return True


@pytest.fixture
def place():
    inventory = Inventory((["a"], {}), override_data={"_sudo": True, "_env": {"LANG": "C"}})
    state = State(inventory, Config())
    return state, next(iter(inventory))


def both(place, **kwargs):
    """What pyinfra says and what we say, with what each left of the keyword arguments; ours from a warm memory."""
    state, host = place
    theirs, ours = dict(kwargs), dict(kwargs)
    expected = (*pop_global_arguments(state, host, theirs), theirs)
    quick(state, host, dict(kwargs))
    return expected, (*quick(state, host, ours), ours)


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"name": "Install"},
        {"name": None, "path": "/etc"},
        {"name": "x", "_if": always},
        {"_sudo_user": "b", "path": "/etc", "name": "y"},
        {"_env": {"A": "b"}},
        {"_success_exit_codes": [0, 1]},
        {"path": "/etc"},
    ],
)
def test_the_same_as_pyinfra(place, kwargs):
    theirs, ours = both(place, **kwargs)
    assert ours == theirs


def test_the_same_in_a_deploy_within_a_deploy(place):
    _, host = place
    outer, _ = quick(*place, {"_if": [always]})
    with host.deploy("outer", outer, None):
        theirs, ours = both(place, name="one")
        assert ours == theirs
        assert ours[0]["_if"] == [always]
        inner, _ = quick(*place, {"_sudo_user": "b"})
        with host.deploy("inner", inner, None):
            theirs, ours = both(place, name="two")
            assert ours == theirs
            assert ours[0]["_sudo_user"] == "b"
        assert both(place)[1][0]["_sudo_user"] is None
    assert both(place)[1][0]["_if"] == []


def test_a_change_of_the_configuration_counts(place):
    state, _ = place
    assert both(place)[1][0]["_su_user"] is None
    state.config.SU_USER = "b"
    assert both(place)[1][0]["_su_user"] == "b"


def test_host_data_set_meanwhile_counts(place):
    _, host = place
    both(place)
    host.data._chdir = "/srv"
    theirs, ours = both(place)
    assert ours == theirs
    assert ours[0]["_chdir"] == "/srv"


def test_a_later_deploy_that_was_given_something_else_gets_its_own(place):
    _, host = place
    for given in ({}, {"_if": [always]}, {}, {"_sudo_user": "b"}, {"_sudo_user": "c"}):
        outer, _ = quick(*place, dict(given))
        with host.deploy("a deploy", outer, None):
            theirs, ours = both(place, name="one")
        assert ours == theirs


def test_what_the_deploy_was_given_may_change_on_the_way(place):
    _, host = place
    outer, _ = quick(*place, {"_env": {"A": "1"}})
    with host.deploy("a deploy", outer, None):
        assert both(place)[1][0]["_env"]["A"] == "1"
        outer["_env"]["A"] = "2"
        theirs, ours = both(place)
    assert ours == theirs
    assert ours[0]["_env"]["A"] == "2"


def test_data_of_a_deploy_counts(place):
    _, host = place
    both(place)
    with host.deploy("with data", None, {"_chdir": "/srv"}):
        theirs, ours = both(place)
        assert ours == theirs
        assert ours[0]["_chdir"] == "/srv"


def test_what_an_operation_changes_in_its_arguments_is_its_own(place):
    first, _ = quick(*place, {})
    first["_env"]["X"] = "1"
    first["_success_exit_codes"].append(5)
    assert both(place)[0] == both(place)[1]


def test_a_name_of_another_type_is_refused_as_by_pyinfra(place):
    with pytest.raises(ArgumentTypeError):
        quick(*place, {"name": 5})


@operation(is_idempotent=False)
def nothing():
    """An operation that does nothing."""
    yield from ()


@deploy("Three")
def three():
    for _ in range(3):
        nothing(name="again")


def test_pyinfra_works_them_out_once_a_host(place, monkeypatch):
    state, host = place
    asked = []

    def counting(*args):
        asked.append(args)
        return pop_global_arguments(*args)

    monkeypatch.setattr(arguments, "pop_global_arguments", counting)
    arguments.install()
    with context.ctx_state.use(state), context.ctx_host.use(host), context.ctx_config.use(state.config.copy()):
        three()
        assert len(asked) == 2  # the deploy's own, and those of its three operations
        three()
    assert len(asked) == 2
    assert len(host.op_hash_order) == 6
