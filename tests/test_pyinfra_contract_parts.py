"""The parts of pyinfra that the engine takes one by one: caches, commands, quoting, ssh (see test_pyinfra_contract)."""

from __future__ import annotations

import inspect
from io import BytesIO, StringIO

from pyinfra.api import Config, FactBase, HiddenValue, Host, Inventory, QuoteString, State, StringCommand
from pyinfra.api.command import FileUploadCommand
from pyinfra.api.state import StateStage
from pyinfra.api.util import FILE_SHAS, TEMPLATES, get_file_io
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient import SSHClient
from pyinfra.connectors.sshuserclient import client as ssh_client
from pyinfra.connectors.util import CommandOutput, OutputLine, make_unix_command, make_unix_command_for_host


def test_facts_have_default_process_and_requirements():
    """knowledge.py."""
    for name in ("default", "process", "requires_command", "check_preconditions"):
        assert hasattr(FactBase, name), name


def test_the_stages_are_in_order():
    """session.py, roles.py."""
    assert StateStage.Connect < StateStage.Prepare < StateStage.Execute


def test_the_caches_of_the_process_can_be_cleared():
    """session.py: a second run must not see old files, keys, templates."""
    FILE_SHAS.clear()
    TEMPLATES.clear()
    for function in (Host._get_temp_directory, ssh_client.get_host_keys, ssh_client.get_ssh_config):
        function.cache.clear()
        assert not function.cache
    assert not FILE_SHAS and not TEMPLATES


def test_file_upload_command_has_src_and_dest():
    """diff.py, recorder.py."""
    command = FileUploadCommand(StringIO("x"), "/x")
    assert (command.src.getvalue(), command.dest) == ("x", "/x")


def test_get_file_io_gives_bytes_or_text_of_paths_and_streams(tmp_path):
    """connection.py, diff.py."""
    (tmp_path / "file").write_bytes(b"x")
    for source in (str(tmp_path / "file"), BytesIO(b"x")):
        with get_file_io(source, "rb") as file:
            assert file.read() == b"x"


def test_a_hidden_value_is_masked_and_raw_also_nested_and_quoted():
    """travel.py, hidden.py."""
    secret = HiddenValue("s3 cret")
    command = StringCommand("a", QuoteString(secret), StringCommand("b", secret, _separator="="))
    assert command.get_raw_value() == "a 's3 cret' b=s3 cret"
    assert "s3" not in command.get_masked_value()
    assert (secret.unmask(), QuoteString(secret).obj) == ("s3 cret", secret)
    assert command.bits[0] == "a"


def test_make_unix_command_without_a_shell_gives_the_bare_text():
    """connection.py: what is fed to a shell instead of being its argument."""
    made = make_unix_command(StringCommand("run"), _env={"A": HiddenValue("b")}, _chdir="/x y", _shell_executable=None)
    assert made.get_raw_value() == "cd '/x y' && export A=b && run"


def test_make_unix_command_for_host_wraps_by_privilege():
    """connection.py."""
    inventory = Inventory((["one"], {}))
    state, host = State(inventory, Config()), inventory.get_host("one")
    made = make_unix_command_for_host(state, host, StringCommand("run"), _sudo=True, _sudo_user="me")
    assert made.get_raw_value() == "sudo -H -n -u me sh -c run"
    made = make_unix_command_for_host(state, host, StringCommand("run"), _sudo=False)
    assert made.get_raw_value() == "sh -c run"


def test_make_paramiko_kwargs_gives_what_the_ssh_client_takes():
    """ssh.py."""
    data = {"ssh_hostname": "192.0.2.1", "ssh_port": 2222, "ssh_user": "me", "ssh_known_hosts_file": "/k"}
    inventory = Inventory(([("one", data)], {}))
    state = State(inventory, Config())
    connector = SSHConnector(state, inventory.get_host("one"))
    kwargs = connector.make_paramiko_kwargs()
    assert kwargs["hostname"] == "192.0.2.1"
    assert (kwargs["port"], kwargs["username"]) == (2222, "me")
    assert kwargs["_pyinfra_ssh_known_hosts_file"] == "/k"
    taken = inspect.signature(SSHClient.connect).parameters
    assert {name for name in kwargs if name.startswith("_")} <= set(taken)
    assert callable(SSHClient.gateway)
    assert callable(SSHClient.set_missing_host_key_policy)


def test_append_hostkey_writes_to_the_first_known_hosts_file():
    """hostkeys.py makes its folder."""
    assert "_host_keys_filename" in inspect.getsource(ssh_client.append_hostkey)
    assert "_host_keys_filename" in inspect.getsource(SSHClient.connect)


def test_output_has_lines_of_each_stream_and_of_both():
    """recorder.py."""
    output = CommandOutput([OutputLine("stdout", "o"), OutputLine("stderr", "e")])
    assert (output.output_lines, output.stderr_lines, output.output) == (["o", "e"], ["e"], "o\ne")
