"""Mistakes in an inventory: each gives exactly one line, a UserError that names the file, the line and the key."""

from pathlib import Path

import pytest

from labprov.errors import UserError
from labprov.inventory import load
from labprov.inventory.schema import GROUP_KEYS, TOP_KEYS

KNOWN_TOP = f"known keys: {', '.join(TOP_KEYS)}"
QUOTE = 'quote a value that begins with {{ and a range within [...]: "gpu-[01:12]"'
NAME = "letters, digits and _ . - in between"
PRECEDENCE = "both have the same precedence: keep one, or decide it on the host"
NO_HOSTS = "names no host (list hosts under the key 'hosts')"

CASES = {
    # --- the file ---
    "empty": ("", "lab.yml: is empty (an inventory has at least the key 'hosts')"),
    "only comments": ("# soon\n", "lab.yml: is empty (an inventory has at least the key 'hosts')"),
    "a list": ("\n- a\n", "lab.yml:2: should be a mapping (key: value)"),
    "text": ("gpu-01", "lab.yml:1: should be a mapping (key: value)"),
    "not UTF-8": (b"hosts:\n  b\xfcro: {}\n", "lab.yml:2: is not UTF-8: byte 0xfc"),
    "control character": ("hosts:\n  a: {user: x\x07}\n", "lab.yml:2: holds the control character U+0007"),
    "two documents": (
        "hosts: {a: }\n---\nhosts: {b: }\n",
        "lab.yml:2: holds a second YAML document (an inventory is one document)",
    ),
    "no hosts": ("vars: {a: 1}\n", f"lab.yml: {NO_HOSTS}"),
    "groups without hosts": ("hosts:\ngroups: {gpu: }\n", f"lab.yml: {NO_HOSTS}"),
    # --- YAML ---
    "unclosed": ("hosts:\n  a: [1\n", "lab.yml:3: is not valid YAML: did not find expected ',' or ']'"),
    "tab": (
        "hosts:\n  a:\n\tport: 22\n",
        "lab.yml:3: is not valid YAML: found character that cannot start any token (indent with spaces, not with tabs)",
    ),
    "range without quotes": (
        "groups:\n  g: {hosts: [gpu-[01:04]]}\n",
        f"lab.yml:2: is not valid YAML: did not find expected ',' or ']' ({QUOTE})",
    ),
    "template without quotes": (
        "hosts: {a: }\nvars: {s: x}\nport: {{ s }}\n",
        'lab.yml:3: port: a key should be text (quote a template: "{{ ... }}")',
    ),
    "template begins text without quotes": (
        "hosts: {a: }\nvars: {s: x}\naddress: {{ host }}.{{ s }}\n",
        'lab.yml:3: address: a key should be text (quote a template: "{{ ... }}")',
    ),
    "duplicate key": (
        "hosts: {a: }\nsettings:\n  docker: {}\n  cuda: {}\n  docker: {x: 1}\n",
        "lab.yml:5: settings.docker: is written twice (first on line 3)",
    ),
    "duplicate key, nested": (
        "hosts: {a: }\nvars:\n  net:\n    - mtu: 1\n      mtu: 1\n",
        "lab.yml:5: vars.net.0.mtu: is written twice (first on line 4)",
    ),
    "empty key": ("hosts: {a: }\nvars: {'': 1}\n", "lab.yml:2: vars: a key should be one line of plain text"),
    "key of two lines": (
        'hosts: {a: }\nvars:\n  "a\\nb": 1\n',
        "lab.yml:3: vars: a key should be one line of plain text",
    ),
    "python object": (
        "hosts: {a: }\nvars: {x: !!python/object/apply:os.system [id]}\n",
        "lab.yml:2: vars.x: the YAML tag '!!python/object/apply:os.system' is not allowed",
    ),
    "python name": (
        "hosts: {a: }\nvars: {x: !!python/name:os.system ''}\n",
        "lab.yml:2: vars.x: the YAML tag '!!python/name:os.system' is not allowed",
    ),
    "unknown tag": (
        "hosts: {a: {user: !vault abc}}\n",
        "lab.yml:1: hosts.a.user: the YAML tag '!vault' is not allowed",
    ),
    "tag that does not fit": (
        "hosts: {a: {port: !!int abc}}\n",
        "lab.yml:1: hosts.a.port: is not a value of the kind int",
    ),
    "alias to nothing": (
        "hosts: {a: *x}\n",
        "lab.yml:1: hosts.a: the alias '*x' has no complete anchor '&x' before it",
    ),
    "alias within its anchor": (
        "hosts: {a: }\nvars: &v\n  x: [*v]\n",
        "lab.yml:3: vars.x.0: the alias '*v' has no complete anchor '&v' before it",
    ),
    "merge of a scalar": (
        "hosts: {a: }\nvars: {<<: 5}\n",
        "lab.yml:2: vars.<<: '<<' takes a mapping or a list of mappings",
    ),
    # --- keys and types ---
    "unknown key at the top": ("hots: {a: }\n", "lab.yml:1: hots: unknown key (did you mean 'hosts'?)"),
    "unknown key, nothing near": ("hosts: {a: }\nxyz: 1\n", f"lab.yml:2: xyz: unknown key ({KNOWN_TOP})"),
    "unknown key in a group": (
        "hosts: {a: }\ngroups:\n  gpu:\n    setings: {}\n",
        "lab.yml:4: groups.gpu.setings: unknown key (did you mean 'settings'?)",
    ),
    "unknown key on a host": (
        "hosts:\n  a: {prot: 22}\n",
        "lab.yml:2: hosts.a.prot: unknown key (did you mean 'port'?)",
    ),
    "unknown key on a host of a group": (
        "groups:\n  gpu:\n    hosts:\n      a: {adress: x}\n",
        "lab.yml:4: groups.gpu.hosts.a.adress: unknown key (did you mean 'address'?)",
    ),
    "simulation is not for groups": (
        "groups: {g: {hosts: [a], simulation: x}}\n",
        f"lab.yml:1: groups.g.simulation: unknown key (known keys: {', '.join(GROUP_KEYS)})",
    ),
    "hosts is text": ("hosts: gpu\n", "lab.yml:1: hosts: should be a list of hosts, or a mapping (host: values)"),
    "host is text": ("hosts: {a: 192.0.2.1}\n", "lab.yml:1: hosts.a: should be a mapping (key: value)"),
    "groups is a list": ("hosts: {a: }\ngroups: [g]\n", "lab.yml:2: groups: should be a mapping (key: value)"),
    "vars is a list": ("hosts: {a: }\nvars: [g]\n", "lab.yml:2: vars: should be a mapping (key: value)"),
    "role is a list": (
        "hosts: {a: }\nsettings:\n  docker: [g]\n",
        "lab.yml:3: settings.docker: should be a mapping (key: value)",
    ),
    "simulation is a number": (
        "hosts: {a: }\nsimulation: 3\n",
        "lab.yml:2: simulation: should be text (quote what looks like a number or yes/no)",
    ),
    "reserved variable": (
        "hosts:\n  a:\n    vars: {host: b}\n",
        "lab.yml:3: hosts.a.vars.host: templates have 'host' already (choose another name)",
    ),
    # --- hosts and groups ---
    "host is a number": (
        "hosts:\n  - 12\n",
        "lab.yml:2: hosts.0: should be the name of a host (quote what looks like a number or yes/no)",
    ),
    "host is a mapping": ("hosts:\n  - a: {port: 2}\n", "lab.yml:2: hosts.0: should be the name of a host"),
    "host name": ("hosts: {gpü: }\n", f"lab.yml:1: hosts.gpü: 'gpü' is not a host name ({NAME})"),
    "host name with a space": ("hosts: ['a b']\n", f"lab.yml:1: hosts.0: 'a b' is not a host name ({NAME})"),
    "group name": ("hosts: {a: }\ngroups: {'g*': }\n", f"lab.yml:2: groups.g*: is not a group name ({NAME})"),
    "range backwards": (
        "hosts:\n  gpu-[04:01]: {}\n",
        "lab.yml:2: hosts.gpu-[04:01]: bad range [04:01]: the last comes before the first",
    ),
    "host twice": ("hosts:\n  a: {}\n  a: {}\n", "lab.yml:3: hosts.a: is written twice (first on line 2)"),
    "host twice by ranges": (
        "hosts:\n  gpu-[01:04]: {}\n  gpu-[03:06]: {}\n",
        "lab.yml:3: hosts.gpu-[03:06]: the host 'gpu-03' is written twice (also at lab.yml:2: hosts.gpu-[01:04])",
    ),
    "host twice in a group": (
        "groups:\n  gpu:\n    hosts:\n    - gpu-[01:04]\n    - gpu-04\n",
        "lab.yml:5: groups.gpu.hosts.1: the host 'gpu-04' is written twice (also at lab.yml:4: groups.gpu.hosts.0)",
    ),
    "host that is a group": (
        "groups:\n  gpu: {hosts: [new]}\n  new: {hosts: [a]}\n",
        "lab.yml:2: groups.gpu.hosts.0: 'new' is a group (a group's children stand under its key 'groups')",
    ),
    "host called all": (
        "hosts: {all: }\n",
        "lab.yml:1: hosts.all: 'all' is a group (a group's children stand under its key 'groups')",
    ),
    "group called all": (
        "hosts: {a: }\ngroups: {all: {port: 2}}\n",
        "lab.yml:2: groups.all: is every host already (what is for all hosts stands at the top of the file)",
    ),
    "unknown child": (
        "hosts: {a: }\ngroups:\n  gpu:\n    groups: [gpu-nwe]\n  gpu-new:\n",
        "lab.yml:4: groups.gpu.groups.0: unknown group 'gpu-nwe' (did you mean 'gpu-new'?)",
    ),
    "child twice": (
        "hosts: {a: }\ngroups:\n  g: {groups: [h, h]}\n  h:\n",
        "lab.yml:3: groups.g.groups.1: 'h' is listed twice (also at lab.yml:3: groups.g.groups.0)",
    ),
    "children as a mapping": (
        "hosts: {a: }\ngroups:\n  g: {groups: {h: }}\n  h:\n",
        "lab.yml:3: groups.g.groups: should be a list of group names",
    ),
    "cycle of groups": (
        "hosts: {x: }\ngroups:\n  a: {groups: [b]}\n  b: {groups: [c]}\n  c: {groups: [a]}\n",
        "lab.yml:3: groups.a.groups.0: groups contain themselves: a > b > c > a",
    ),
    "group in itself": (
        "hosts: {x: }\ngroups:\n  a: {groups: [a]}\n",
        "lab.yml:3: groups.a.groups.0: groups contain themselves: a > a",
    ),
    "conflict": (
        "groups:\n  a: {hosts: [x], port: 1}\n  b: {hosts: [y, x], port: 2}\n",
        f"lab.yml:3: groups.b.port: conflicts with lab.yml:2: groups.a.port for host 'x' ({PRECEDENCE})",
    ),
    "conflict of an option": (
        "groups:\n  a: {hosts: [x], settings: {docker: {users: [u]}}}\n"
        "  b: {hosts: [x], settings: {docker: {users: [v]}}}\n",
        "lab.yml:3: groups.b.settings.docker.users: conflicts with lab.yml:2: groups.a.settings.docker.users "
        f"for host 'x' ({PRECEDENCE})",
    ),
    "conflict of a mapping with a value": (
        "groups:\n  a: {hosts: [x], mirrors: {cuda: {url: u}}}\n  b: {hosts: [x], mirrors: {cuda: u}}\n",
        "lab.yml:3: groups.b.mirrors.cuda: conflicts with lab.yml:2: groups.a.mirrors.cuda "
        f"for host 'x' ({PRECEDENCE})",
    ),
    "conflict of 1 with true": (
        "groups:\n  a: {hosts: [x], vars: {v: 1}}\n  b: {hosts: [x], vars: {v: true}}\n",
        f"lab.yml:3: groups.b.vars.v: conflicts with lab.yml:2: groups.a.vars.v for host 'x' ({PRECEDENCE})",
    ),
    "conflict of one host in two groups": (
        "groups:\n  a: {hosts: {x: {port: 1}}}\n  b: {hosts: {x: {port: 2}}}\n",
        "lab.yml:3: groups.b.hosts.x.port: conflicts with lab.yml:2: groups.a.hosts.x.port "
        f"for host 'x' ({PRECEDENCE})",
    ),
    # --- connections ---
    "port": (
        "hosts:\n  a:\n    port: 70000\n",
        "lab.yml:3: hosts.a.port: should be less than or equal to 65535, got 70000",
    ),
    "port is text": (
        "port: ssh\nhosts: {a: }\n",
        "lab.yml:1: port: should be a valid integer, unable to parse string as an integer, got 'ssh'",
    ),
    "port is a boolean": ("port: yes\nhosts: {a: }\n", "lab.yml:1: port: should be a number, got True"),
    "user": ("user: a b\nhosts: {a: }\n", "lab.yml:1: user: should be a login name, got 'a b'"),
    "address": (
        "hosts: {a: {address: -oX}}\n",
        "lab.yml:1: hosts.a.address: should be a host name or an IP address, got '-oX'",
    ),
    "host keys": (
        "hosts: {a: {host_keys: off}}\n",
        "lab.yml:1: hosts.a.host_keys: should be 'strict' or 'accept-new', got False",
    ),
    "jump": (
        "hosts: {a: {jump: '-oProxyCommand=x'}}\n",
        "lab.yml:1: hosts.a.jump: should be [user@]host[:port], got '-oProxyCommand=x'",
    ),
    "key": ("hosts: {a: {key: [x]}}\n", "lab.yml:1: hosts.a.key: should be the path of a file, got ['x']"),
    "connect_timeout": (
        "hosts: {a: {connect_timeout: 0}}\n",
        "lab.yml:1: hosts.a.connect_timeout: should be greater than 0, got 0",
    ),
    "bad value in a group": (
        "groups:\n  g:\n    hosts: [a]\n    sudo: maybe\n",
        "lab.yml:4: groups.g.sudo: should be a valid boolean, unable to interpret input, got 'maybe'",
    ),
    # --- templates (more in test_inventory_templates.py) ---
    "template that refers to nothing": (
        "hosts: {a: }\nvars: {site: x}\naddress: '{{ host }}.{{ sit }}'\n",
        "lab.yml:3: address: the template refers to 'sit', which is not defined for host 'a' (did you mean 'site'?)",
    ),
}


@pytest.mark.parametrize(("text", "message"), CASES.values(), ids=CASES)
def test_a_mistake_is_one_line_with_its_place(
    text: str | bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lab.yml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UserError) as error:
        load(Path("lab.yml"), {})
    assert str(error.value) == message


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        load(tmp_path / "lab.yml", {})
    assert str(error.value) == f"{tmp_path}/lab.yml: no such file"


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        load(tmp_path, {})
    assert str(error.value) == f"{tmp_path}: cannot be read: Is a directory"
