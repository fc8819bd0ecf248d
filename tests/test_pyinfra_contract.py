"""What the engine leans on inside pyinfra, by name: a new pyinfra that breaks it fails here, not in a run.

No host is needed. Each test says in its name what must hold; the module that leans on it is named beside.
"""

from __future__ import annotations

import inspect
from io import StringIO

import pytest
from pyinfra import context
from pyinfra.api import Config, Inventory, QuoteString, State, StringCommand, operation
from pyinfra.api.exceptions import ConnectError, NestedOperationError, PyinfraError
from pyinfra.api.operation import OperationMeta
from pyinfra.api.state import StateOperationHostData, StateStage
from pyinfra.connectors.base import BaseConnector
from pyinfra.connectors.util import CommandOutput, OutputLine
from pyinfra.operations import files


class Spy(BaseConnector):
    """A connector that answers everything with success and remembers what it was told."""

    handles_execution = True

    def __init__(self, state, host):
        super().__init__(state, host)
        self.told: list[str] = []
        self.arguments: list[dict] = []

    @staticmethod
    def make_names_data(name):
        yield name, {}, []

    def connect(self):
        self.told.append("connect")

    def disconnect(self):
        self.told.append("disconnect")

    def run_shell_command(self, command, print_output=False, print_input=False, **arguments):
        self.told.append(command.get_raw_value())
        self.arguments.append(arguments)
        return "false" not in self.told[-1], CommandOutput([OutputLine("stdout", "out"), OutputLine("stderr", "err")])

    def put_file(self, filename_or_io, remote_filename, remote_temp_filename=None, **arguments):
        self.told.append(f"put {remote_filename}")
        return True

    def get_file(self, *args, **kwargs):
        raise NotImplementedError


@operation()
def two(first, second="x"):
    """An operation of two commands."""
    yield StringCommand("echo", QuoteString(first))
    yield StringCommand("echo", second)


class Run:
    """A State of two hosts whose connector is Spy, as session.py makes it."""

    def __init__(self):
        inventory = Inventory(([("one", {}), ("two", {})], {}))
        for host in inventory:
            host.connector_cls = Spy
        config = Config()
        config.FAIL_PERCENT = None
        self.state = State(inventory, config, check_for_changes=False)
        for index, host in enumerate(inventory):
            host.loop_position = [index]
        self.one, self.two = inventory.get_host("one"), inventory.get_host("two")

    def executing(self):
        self.state.set_stage(StateStage.Connect)
        self.state.set_stage(StateStage.Prepare)
        self.state.set_stage(StateStage.Execute)
        self.state.is_executing = True
        return self

    def do(self, host, function, **arguments):
        with context.ctx_config.use(self.state.config.copy()), context.ctx_host.use(host):
            return function(**arguments)


@pytest.fixture
def run():
    made = Run()
    with context.ctx_inventory.use(made.state.inventory), context.ctx_state.use(made.state):
        yield made
    for manager in (context.ctx_state, context.ctx_inventory, context.ctx_host, context.ctx_config):
        manager.reset()


def test_connector_cls_decides_the_connector(run):
    """session.py."""
    assert isinstance(run.one.connector, Spy)


def test_is_executing_makes_an_operation_run_as_it_is_called(run):
    """roles.py: immediate mode."""
    run.executing()
    meta = run.do(run.one, two, first="a b")
    assert run.one.connector.told == ["echo 'a b'", "echo x"]
    assert meta.did_change() and meta.did_succeed()
    assert meta.stdout_lines == ["out", "out"]


def test_a_failing_operation_raises_nested_operation_error_in_immediate_mode(run):
    """roles.py."""
    run.executing()
    with pytest.raises(NestedOperationError):
        run.do(run.one, two, first="false")
    assert issubclass(NestedOperationError, PyinfraError)
    assert issubclass(ConnectError, PyinfraError)


def test_any_other_exception_of_a_connector_reaches_the_caller(run):
    """connection.py raises HostError through pyinfra."""

    class Ours(Exception):
        pass

    def lost(*args, **kwargs):
        raise Ours

    run.executing()
    run.one.connector.run_shell_command = lost
    with pytest.raises(Ours):
        run.do(run.one, two, first="x")


def test_without_executing_nothing_runs_and_the_meta_can_be_completed_by_us(run):
    """recorder.py: the plan."""
    meta = run.do(run.one, two, first="x")
    assert run.one.connector.told == []
    data = run.state.ops[run.one][run.one.op_hash_order[0]]
    commands = run.do(run.one, lambda: list(data.command_generator()))
    assert [str(command) for command in commands] == ["echo x", "echo x"]
    meta.set_complete(True, commands, CommandOutput([]))
    assert meta.did_change() is True


def test_set_op_data_for_host_is_called_for_each_operation_before_it_runs(run, monkeypatch):
    """recorder.py overrides it."""
    seen = []

    def spy(self, host, op_hash, op_data):
        seen.append((host.name, list(host.connector.told), type(op_data)))
        usual(self, host, op_hash, op_data)

    usual = State.set_op_data_for_host
    monkeypatch.setattr(State, "set_op_data_for_host", spy)
    run.executing()
    run.do(run.one, two, first="x")
    assert seen == [("one", [], StateOperationHostData)]
    assert list(inspect.signature(usual).parameters) == ["self", "host", "op_hash", "op_data"]


def test_set_complete_of_the_meta_is_called_at_the_end_with_success_commands_and_output(run):
    """recorder.py replaces it on the instance."""
    parameters = list(inspect.signature(OperationMeta.set_complete).parameters)
    assert parameters[:4] == ["self", "success", "commands", "combined_output"]
    assert hasattr(OperationMeta("hash", False), "retry_attempts")


def test_op_data_has_a_generator_global_arguments_and_the_meta(run):
    """recorder.py, asked.py."""
    run.do(run.one, two, first="x", _env={"A": "b"}, _if=[lambda: True])
    data = run.state.get_op_data_for_host(run.one, run.one.op_hash_order[0])
    assert data.global_arguments["_env"] == {"A": "b"}
    assert len(data.global_arguments["_if"]) == 1
    assert isinstance(data.operation_meta, OperationMeta)


def test_the_generator_s_closure_holds_func_args_and_kwargs(run):
    """asked.py: the mode that a file will have, before it is written."""
    run.do(run.one, files.put, src=StringIO("x"), dest="/x", mode="600", user="root")
    data = run.state.get_op_data_for_host(run.one, run.one.op_hash_order[0])
    kept = inspect.getclosurevars(data.command_generator).nonlocals
    assert kept["kwargs"] | {"src": None} == {"src": None, "dest": "/x", "mode": "600", "user": "root"}
    assert kept["args"] == ()
    assert "mode" in inspect.signature(kept["func"]).parameters


def test_current_op_hash_is_set_while_an_operation_runs(run):
    """asked.py."""
    seen = []
    run.executing()
    run.one.connector.run_shell_command = lambda *a, **k: (
        seen.append(run.one.current_op_hash),
        (True, CommandOutput([])),
    )[1]
    run.do(run.one, two, first="x")
    assert seen == [run.one.op_hash_order[0]] * 2
    assert run.one.current_op_hash is None


def test_loop_position_keeps_the_same_operation_on_two_hosts_apart(run):
    """session.py."""
    run.do(run.one, two, first="x")
    run.do(run.two, two, first="x")
    assert set(run.one.op_hash_order).isdisjoint(run.two.op_hash_order)


def test_op_hash_order_op_meta_and_ops_can_be_cleared_and_filled_again(run):
    """session.py: start_over."""
    run.do(run.one, two, first="x")
    before = list(run.one.op_hash_order)
    for op_hash in before:
        run.state.op_meta.pop(op_hash)
    run.one.op_hash_order.clear()
    run.state.ops[run.one].clear()
    run.do(run.one, two, first="x", name="Named")
    assert run.one.op_hash_order == before
    assert run.state.op_meta[before[0]].names == {"Named"}


def test_get_fact_can_be_replaced_on_one_host(run):
    """knowledge.py: pyinfra's operations must ask through it."""
    asked = []

    def get_fact(cls, *args, **kwargs):
        asked.append(cls.__name__)
        return None

    run.one.get_fact = get_fact
    run.executing()
    run.do(run.one, files.put, src=StringIO("x"), dest="/x")
    assert "File" in asked


def test_hosts_have_what_the_engine_reads():
    """knowledge.py, asked.py, session.py."""
    names = (
        "current_op_global_arguments", "current_deploy_kwargs", "current_op_hash", "op_hash_order", "loop_position",
        "connector", "connected",
    )  # fmt: skip
    host = Run().one
    for name in names:
        assert hasattr(host, name), name


def test_connect_raises_connect_error_itself_when_asked_to(run):
    """session.py reads its __cause__."""

    def refuse():
        raise ConnectError("why") from OSError("cause")

    run.one.connector.connect = refuse
    run.state.set_stage(StateStage.Connect)
    with pytest.raises(ConnectError) as error:
        run.one.connect(show_errors=False, raise_exceptions=True)
    assert isinstance(error.value.__cause__, OSError)


def test_contexts_can_be_used_set_and_reset(run):
    """session.py."""
    for manager in (context.ctx_state, context.ctx_inventory, context.ctx_host, context.ctx_config):
        for name in ("use", "set", "reset", "get"):
            assert callable(getattr(manager, name))
    context.ctx_host.set(run.one)
    assert context.ctx_host.get() is run.one
    context.ctx_host.reset()
    assert context.ctx_host.get() is None
