"""apt-get's command lines in full; the operation cases abbreviate them."""

import pytest

from labprov.engine.operations import apt


def test_apt_get_never_asks_waits_keeps_configuration_and_takes_names_literally():
    assert apt.apt_get("install", "vim", "docker-ce=5:28.*", "a b").get_raw_value() == (
        "DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l APT_LISTCHANGES_FRONTEND=none "
        "apt-get -q -y -o DPkg::Lock::Timeout=600 "
        "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -o APT::Cmd::Pattern-Only=true "
        "install -- vim 'docker-ce=5:28.*' 'a b'"
    )


@pytest.mark.parametrize(
    ("spec", "name", "pattern"),
    [("vim", "vim", "*"), ("vim=9.*", "vim", "9.*"), ("vim=", "vim", "*"), ("vim=1:2=3", "vim", "1:2=3")],
)
def test_split(spec, name, pattern):
    assert apt.split(spec) == (name, pattern)


@pytest.mark.parametrize(
    ("installed", "missing"),
    [({}, ["a", "b=1.*"]), ({"a": "7", "b": "1.2"}, []), ({"a": "", "b": "2"}, ["b=1.*"]), ({"b": "1."}, ["a"])],
)
def test_missing_keeps_the_order(installed, missing):
    assert apt.missing(["a", "b=1.*"], installed) == missing
