"""What Vagrant prints is read rightly: states, escapes, the ways in by ssh, host keys. No program is run."""

from __future__ import annotations

import pytest

from labprov.vagrant import hostkeys, output
from labprov.vagrant.output import Machine, Way
from vagrant_lab import KEY

STATUS = """\
1700000000,gpu,metadata,provider,libvirt
1700000000,docker,metadata,provider,libvirt
1700000000,gpu,provider-name,libvirt
1700000000,gpu,state,running
1700000000,gpu,state-human-short,running
1700000000,gpu,state-human-long,It is running. To stop it%!(VAGRANT_COMMA) you can run\\n`halt`
1700000000,docker,provider-name,libvirt
1700000000,docker,state,not_created
1700000000,,ui,info,Current machine states:\\n\\ngpu  running (libvirt)
"""


def test_states_are_read_from_machine_readable_output():
    found = output.machines(STATUS)
    assert list(found) == ["gpu", "docker"]
    assert (found["gpu"].state, found["gpu"].provider, found["gpu"].running) == ("running", "libvirt", True)
    assert (found["docker"].created, found["docker"].running) == (False, False)


def test_commas_and_line_ends_are_escaped_in_machine_readable_output():
    text = "1,,error-exit,Vagrant::Errors::X,No%!(VAGRANT_COMMA) really\\nnot.\\n\\nMore of it\n"
    assert output.problem(text) == "No, really not."
    assert output.problem(STATUS) == ""


def test_a_vagrantfile_that_fails_is_quoted_by_its_message():
    said = "There was an error loading a Vagrantfile. The file\nand the error:\n\nPath: /x\nLine number: 0\n\nMessage: "
    stack = "from /x/Vagrantfile:26:in `read' from /usr/share/vagrant/loader.rb:37:in `load'"
    assert output.one_line(f"{said}LoadError: no such file {stack}\n") == "LoadError: no such file"


def test_ssh_config_is_read_with_quotes_ports_and_several_keys():
    text = """
        Host gpu
          HostName 127.0.0.1
          User vagrant
          Port 2222
          StrictHostKeyChecking no
          IdentityFile "/home/a b/.vagrant/machines/gpu/virtualbox/private_key"
          IdentityFile /second
        Host docker
          HostName 192.168.121.7
    """
    assert output.ways(text) == {
        "gpu": Way("127.0.0.1", 2222, "vagrant", ("/home/a b/.vagrant/machines/gpu/virtualbox/private_key", "/second")),
        "docker": Way("192.168.121.7", 22, "vagrant", ()),
    }


@pytest.mark.parametrize("line", ["ProxyCommand ssh host nc %h %p", "ProxyJump other"])
def test_a_machine_behind_another_one_is_refused(line):
    with pytest.raises(ValueError, match="through another one"):
        output.ways(f"Host gpu\n  HostName 10.0.0.1\n  {line}\n")


def test_only_public_keys_are_taken_for_host_keys():
    text = f"Warning: something\n{KEY} root@gpu\nssh-rsa\n\necdsa-sha2-nistp256 AAAAE2Vj x\n"
    assert hostkeys.parse(text) == (KEY, "ecdsa-sha2-nistp256 AAAAE2Vj")


def test_known_hosts_names_a_port_that_is_not_22():
    here = Machine("a", "running", way=Way("127.0.0.1", 2222), host_keys=(KEY,))
    there = Machine("b", "running", way=Way("10.0.0.2"), host_keys=(KEY,))
    gone = Machine("c", "not_created")
    assert hostkeys.known_hosts([here, there, gone]) == f"[127.0.0.1]:2222 {KEY}\n10.0.0.2 {KEY}\n"
