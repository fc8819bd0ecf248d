"""Merging into daemon.json: whose word counts, what stays, and that an invalid file is refused."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labprov_roles.docker import ledger as ledgers
from labprov_roles.docker.daemon import SETS, ConfigError, Wanted, merge, parse
from labprov_roles.docker.tree import find, leaves, same

LOG = {"log-driver": "json-file", "log-opts": {"max-size": "50m", "max-file": "3"}}
RUNTIME = {"runtimes": {"nvidia": {"args": [], "path": "nvidia-container-runtime"}}, "features": {"cdi": True}}


def docker(defaults=(LOG, {"live-restore": True}), **keys):
    return Wanted("docker", keys, defaults)


TOOLKIT = Wanted("toolkit", RUNTIME)


def after(text, ledger, *wanted):
    """The file and ledger after each role had its turn."""
    for each in wanted:
        merged = merge(text, ledger, each)
        text, ledger = merged.text, merged.ledger
    return text, ledger


def test_a_bare_host_gets_all_of_it_readably():
    text, ledger = after("", {}, docker())
    assert json.loads(text) == {**LOG, "live-restore": True}
    assert text.startswith('{\n    "log-driver": "json-file",\n    "log-opts": {\n        "max-size"')
    assert text.endswith("}\n")
    assert ledger["docker"][("log-opts", "max-size")] == "50m"


def test_a_second_time_changes_nothing():
    text, ledger = after("", {}, docker(mtu=1400), TOOLKIT)
    for wanted in (docker(mtu=1400), TOOLKIT):
        again = merge(text, ledger, wanted)
        assert (again.text, again.ledger, again.action) == (text, ledger, "")


def test_what_a_person_wrote_stays_in_its_order_and_form_when_nothing_changes():
    text = '{"mtu": 1450,   "log-driver":"json-file"}'
    assert merge(text, {}, Wanted("docker", {"mtu": 1450})).text is text


def test_added_keys_stay_where_they_were():
    text, _ = after('{"mtu": 1450, "features": {"buildkit": false}, "debug": true}', {}, docker(), TOOLKIT)
    assert list(json.loads(text))[:3] == ["mtu", "features", "debug"]
    assert json.loads(text)["features"] == {"buildkit": False, "cdi": True}
    assert json.loads(text)["mtu"] == 1450


def test_a_named_key_wins_over_a_person():
    text, _ = after('{"mtu": 1450}', {}, docker(mtu=1400))
    assert json.loads(text)["mtu"] == 1400


def test_a_default_gives_way_to_a_person_with_all_that_goes_with_it():
    text, ledger = after('{"log-driver": "journald"}', {}, docker())
    assert json.loads(text) == {"log-driver": "journald", "live-restore": True}, "max-size would stop journald"
    assert ("log-driver",) not in ledger["docker"]


def test_a_default_that_a_person_changed_later_leaves_the_rest_of_its_group_alone():
    text, ledger = after("", {}, docker())
    edited = text.replace("50m", "7m")
    again = merge(edited, ledger, docker())
    assert again.text == edited
    assert set(again.ledger["docker"]) == {("live-restore",)}, "the log is the person's now"
    assert merge(edited, again.ledger, docker()).ledger == again.ledger


def test_a_default_that_changes_reaches_hosts_where_nobody_interfered():
    text, ledger = after("", {}, docker(defaults=[{"live-restore": True}]))
    text, _ = after(text, ledger, docker(defaults=[{"live-restore": False}]))
    assert json.loads(text) == {"live-restore": False}


def test_what_is_no_longer_named_is_taken_back():
    text, ledger = after('{"debug": true}', {}, docker(mtu=1400, builder={"gc": {"enabled": True}}), TOOLKIT)
    text, ledger = after(text, ledger, docker(), Wanted("toolkit", {}))
    assert json.loads(text) == {"debug": True, **LOG, "live-restore": True}
    assert set(ledger) == {"docker"}


def test_what_a_person_changed_since_is_not_taken_back():
    text, ledger = after("", {}, Wanted("docker", {"mtu": 1400}))
    text, ledger = after(text.replace("1400", "9000"), ledger, Wanted("docker", {}))
    assert json.loads(text) == {"mtu": 9000}
    assert ledger == {}


def test_what_a_person_wrote_before_is_not_taken_back_though_a_role_named_the_same():
    text, ledger = after('{"mtu": 1400}', {}, Wanted("docker", {"mtu": 1400}))
    assert ledger == {}
    assert after(text, ledger, Wanted("docker", {}))[0] == text


def test_a_key_of_two_roles_goes_with_the_last_of_them():
    one, other = Wanted("docker", {"features": {"cdi": True}}), TOOLKIT
    text, ledger = after("", {}, one)
    ledger = {**ledger, "toolkit": {("features", "cdi"): True}}
    text, ledger = after(text, ledger, Wanted("docker", {}))
    assert json.loads(text) == {"features": {"cdi": True}}
    text, ledger = after(text, ledger, Wanted(other.owner, {}))
    assert json.loads(text) == {}


def test_roles_that_disagree_are_refused_and_named():
    text, ledger = after("", {}, TOOLKIT)
    with pytest.raises(ConfigError, match=r"docker and toolkit .* features\.cdi \(false and true\)"):
        merge(text, ledger, docker(features={"cdi": False}))


def test_lists_that_are_sets_keep_what_a_person_added():
    mirrors = {"registry-mirrors": ["https://a", "https://b"]}
    text, ledger = after('{"registry-mirrors": ["https://mine", "https://b"]}', {}, Wanted("docker", mirrors))
    assert json.loads(text) == {"registry-mirrors": ["https://a", "https://b", "https://mine"]}
    assert ledger["docker"] == {("registry-mirrors",): ["https://a"]}, "b was the person's"
    text, ledger = after(text, ledger, Wanted("docker", {"registry-mirrors": ["https://c"]}))
    assert json.loads(text) == {"registry-mirrors": ["https://c", "https://b", "https://mine"]}
    text, _ = after(text, ledger, Wanted("docker", {}))
    assert json.loads(text) == {"registry-mirrors": ["https://b", "https://mine"]}


def test_a_set_that_a_person_wrote_in_full_is_not_ours():
    assert (
        merge('{"registry-mirrors": ["https://a"]}', {}, Wanted("docker", {"registry-mirrors": ["https://a"]})).ledger
        == {}
    )


def test_a_set_that_was_all_ours_goes_altogether():
    text, ledger = after("", {}, Wanted("docker", {"registry-mirrors": ["https://a"]}))
    assert json.loads(after(text, ledger, Wanted("docker", {}))[0]) == {}


def test_another_list_is_one_value():
    pools = {"default-address-pools": [{"base": "10.1.0.0/16", "size": 24}]}
    text, _ = after('{"default-address-pools": [{"base": "10.9.0.0/16", "size": 24}]}', {}, Wanted("docker", pools))
    assert json.loads(text) == pools


def test_numbers_and_truth_are_not_the_same():
    assert json.loads(merge('{"debug": 1}', {}, Wanted("docker", {"debug": True})).text)["debug"] is True


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"mtu": 1,}', "line 1, column 11: invalid JSON"),
        ('{\n  "mtu": 1\n  "debug": true\n}', "line 3, column 3: invalid JSON"),
        ("# comment\n{}", "line 1, column 1: invalid JSON"),
        ("[]", "expected a JSON object {...}, found list"),
        ("null", "expected a JSON object {...}, found NoneType"),
        ('{"mtu": NaN}', "NaN is not valid JSON"),
        ("{" * 3, "invalid JSON"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_docker_would_not_read_is_refused_with_its_place(text, says):
    with pytest.raises(ConfigError) as error:
        merge(text, {}, docker())
    assert says in str(error.value)


@pytest.mark.parametrize("text", ["", "\n", "  \n\n", "{}"])
def test_an_empty_file_is_an_empty_object(text):
    assert parse(text) == {}


@pytest.mark.parametrize(
    ("keys", "action"),
    [
        ({}, ""),
        ({"live-restore": False}, "reload"),
        ({"runtimes": {"x": {"path": "x"}}, "default-runtime": "x"}, "reload"),
        ({"features": {"cdi": True}}, "restart"),
        ({"live-restore": False, "data-root": "/data"}, "restart"),
    ],
)
def test_a_restart_only_for_keys_that_a_reload_does_not_reach(keys, action):
    assert merge("{}", {}, Wanted("docker", keys)).action == action


def test_a_restart_for_a_key_that_goes_since_a_reload_does_not_notice():
    text, ledger = after("", {}, Wanted("toolkit", {"default-runtime": "nvidia", "debug": True}))
    assert merge(text, ledger, Wanted("toolkit", {"debug": True})).action == "restart"


def test_keys_that_an_old_engine_does_not_know_are_left_out():
    wanted = Wanted("toolkit", RUNTIME, since={"features.cdi": 25})
    assert set(wanted.known_to(20).keys) == {"runtimes"}, "no empty 'features' is left"
    assert wanted.known_to(25).keys == RUNTIME
    assert wanted.known_to(0).keys == RUNTIME, "not installed yet: the newest is coming"
    with_more = Wanted("toolkit", {"features": {"cdi": True, "x": True}}, since={"features.cdi": 25})
    assert with_more.known_to(20).keys == {"features": {"x": True}}


def test_a_ledger_survives_being_written():
    _, ledger = after("", {}, docker(), TOOLKIT)
    assert ledgers.read(ledgers.write(ledger)) == ledger


@pytest.mark.parametrize("text", ["", "{", "[]", '{"owners": 1}', '{"owners": {"docker": [1]}}', '{"owners": []}'])
def test_a_ledger_that_cannot_be_read_takes_nothing_back(text):
    assert ledgers.read(text) == {}


scalars = st.sampled_from([True, False, 0, 1, "x", "y", None, [], ["x"], ["x", "y"], {}])
values = scalars | st.dictionaries(st.sampled_from("ab"), scalars | st.just({"a": 1}), max_size=2)
configs = st.dictionaries(st.sampled_from(["a", "b", "features", "registry-mirrors"]), values, max_size=4)
often = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine


@often
@given(before=configs, keys=configs, default=configs)
def test_whatever_is_there_and_wanted_a_second_merge_changes_nothing(before, keys, default):
    text, ledger = after(json.dumps(before), {}, Wanted("docker", keys, [default]))
    again = merge(text, ledger, Wanted("docker", keys, [default]))
    assert (again.text, again.ledger) == (text, ledger)


@often
@given(before=configs, keys=configs)
def test_keys_that_nobody_names_stay_and_named_ones_arrive(before, keys):
    merged = merge(json.dumps(before), {}, Wanted("docker", keys)).config
    for key in before.keys() - keys.keys():
        assert same(merged[key], before[key])
    for path, value in leaves(keys).items():
        found = find(merged, path)
        if path in SETS and isinstance(value, list) and isinstance(found, list):
            assert [item for item in found if item in value] == value or len(set(map(str, value))) < len(value)
        elif value != {}:
            assert same(found, value)


@often
@given(before=configs, keys=configs)
def test_adding_to_a_file_and_taking_back_gives_the_file(before, keys):
    added = {key: value for key, value in keys.items() if key not in before}
    text, ledger = after(json.dumps(before), {}, Wanted("docker", added))
    back, ledger = after(text, ledger, Wanted("docker", {}))
    assert same(json.loads(back), before)
    assert ledger == {}


@pytest.mark.parametrize("written", [False, True], ids=["cut off before the file was written", "after"])
def test_a_run_that_was_cut_off_is_made_up_for(written):
    text, old = after("", {}, docker(mtu=1400, debug=True))
    later = docker(
        [LOG | {"log-opts": {"max-size": "9m", "max-file": "3"}}, {"live-restore": True}], mtu=1500, bip="10.0.0.1/24"
    )
    change = merge(text, old, later)
    between = ledgers.both(old, change.ledger)
    again = merge(change.text if written else text, between, later)
    assert again.config == change.config, "what is ours was not taken for a person's"
    assert again.config["log-opts"]["max-size"] == "9m"
    assert again.ledger == change.ledger
