"""Jinja2 in values: what templates see, what they give, and what they cannot do."""

from pathlib import Path
from typing import Any

import pytest

from labprov.errors import UserError
from labprov.inventory import load

BASE = """
vars:
  site: lab.edu
  port_of_lab: 2222
  mixed: {list: [1, two], empty: null}
  greeting: "Grüße von {{ host }} 🎉"
  chain_a: "a{{ chain_b }}"
  chain_b: "b{{ chain_c }}"
  chain_c: "c"
  my-var: dashed
groups:
  gpu: {hosts: ["gpu-[01:02]"], vars: {rack: 7}, groups: [new]}
  new: {hosts: [gpu-03]}
hosts:
  login: {address: "login.{{ site }}", port: 22022}
  gpu-02: {vars: {rack: 8}}
"""


def rendered(tmp_path: Path, template: str, host: str = "gpu-01", base: str = BASE) -> Any:
    path = tmp_path / "lab.yml"
    quoted = template.replace("'", "''")
    path.write_text(f"settings:\n  docker:\n    value: '{quoted}'\n{base}", encoding="utf-8")
    return load(path, {"HOME": "/home/x", "EMPTY": ""}).hosts[host].settings["docker"].plain()["value"]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ dict(a=1) }}", {"a": 1}),
        ("{{ site }}", "lab.edu"),
        ("{{ host }}.{{ site }}", "gpu-01.lab.edu"),
        ("{{ name }}", "gpu-01"),
        ("{{ vars.site }}", "lab.edu"),
        ("{{ vars['my-var'] }}", "dashed"),
        ("{{ greeting }}", "Grüße von gpu-01 🎉"),
        ("{{ chain_a }}", "abc"),
        # a value that is one expression keeps its type
        ("{{ port_of_lab }}", 2222),
        ("  {{ port_of_lab }}", "  2222"),
        ("{{ port_of_lab + 1 }}", 2223),
        ("{{ port_of_lab == 2222 }}", True),
        ("{{ {'host': 1} | items | list }}", [["host", 1]]),
        ("{{ '2222' }}", "2222"),
        ("{{ 22 }}", 22),
        ("{{ none }}", None),
        ("{{ mixed }}", {"list": [1, "two"], "empty": None}),
        ("{{ mixed.list }}", [1, "two"]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ range(3) }}", [0, 1, 2]),
        ("{{ mixed.list | map('upper') }}", ["1", "TWO"]),
        ("{{ vars | length }}", 9),
        ("{{ mixed | tojson }}", '{"empty": null, "list": [1, "two"]}'),
        ("{% if rack | default(0) == 7 %}old{% else %}new{% endif %}", "old"),
        # what else is there
        ("{{ group_names }}", ["gpu"]),
        ("{{ groups.gpu }}", ["gpu-01", "gpu-02", "gpu-03"]),
        ("{{ groups.all | join(' ') }}", "gpu-01 gpu-02 gpu-03 login"),
        ("{{ hosts.login.address }}:{{ hosts.login.port }}", "login.lab.edu:22022"),
        ("{{ hosts['gpu-02'].vars.rack }}", 8),
        ("{{ hosts['gpu-02'].address }} {{ hosts['gpu-02'].port }} {{ hosts['gpu-02'].jump }}", "gpu-02 None None"),
        ("{{ hosts['gpu-03'].groups }}", ["gpu", "new"]),
        ("{% for h in groups.gpu %}{{ hosts[h].vars.rack }} {% endfor %}", "7 8 7 "),
        ("{{ env('HOME') }}", "/home/x"),
        ("{{ env('EMPTY') }}", ""),
        ("{{ env('EMPTY', 'd') }}", ""),
        ("{{ env('NOPE', 'default') }}", "default"),
        ("{{ env('NOPE', none) }}", None),
        # undefined is no error where it is asked about
        ("{{ nothing | default('d') }} {{ nothing is defined }}", "d False"),
        ("{{ mixed.nothing | default(3) }}", 3),
        # text is text
        ("plain", "plain"),
        ("{ not a template }", "{ not a template }"),
        ("{% raw %}{{.Name}}{% endraw %}", "{{.Name}}"),
        ("{{ '{{ site }}' }}", "{{ site }}"),
        ("a{# remark #}b", "ab"),
        ("{{ [] }}", []),
    ],
)
def test_a_template_gives(tmp_path: Path, template: str, value: Any) -> None:
    result = rendered(tmp_path, template)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ sit }}", "the template refers to 'sit', which is not defined for host 'gpu-01' (did you mean 'site'?)"),
        ("a {{ sit }}", "the template refers to 'sit', which is not defined for host 'gpu-01' (did you mean 'site'?)"),
        (
            "{{ vars.sit }}",
            "the template refers to 'sit', which is not defined for host 'gpu-01' (did you mean 'site'?)",
        ),
        (
            "{{ mixed.lst }}",
            "the template refers to 'lst', which is not defined for host 'gpu-01' (did you mean 'list'?)",
        ),
        (
            "{{ groups.gpus }}",
            "the template refers to 'gpus', which is not defined for host 'gpu-01' (did you mean 'gpu'?)",
        ),
        (
            "{{ hosts['gpu-2'].port }}",
            "the template refers to 'gpu-2', which is not defined for host 'gpu-01' (did you mean 'gpu-02'?)",
        ),
        ("{{ site.x }}", "the template cannot be rendered for host 'gpu-01': 'str object' has no attribute 'x'"),
        (
            "{{ env('NOPE') }}",
            "the template cannot be rendered for host 'gpu-01': the environment variable 'NOPE' is not set",
        ),
        ("{{ env() }}", "the template cannot be rendered for host 'gpu-01': TypeError: "),
        ("{{ env }}", "the template cannot be rendered for host 'gpu-01': gives a method, which is not a value"),
        ("{{ 1 / 0 }}", "the template cannot be rendered for host 'gpu-01': ZeroDivisionError: division by zero"),
        ("{% include 'x' %}", "the template cannot be rendered for host 'gpu-01': TypeError: no loader"),
        ("{{ site", "is not a valid template: unexpected end of template"),
        ("{{ 1 + }}", "is not a valid template: unexpected 'end of print statement'"),
        ("{{.Name}}", "is not a valid template: unexpected '.' (for literal braces write {% raw %}...{% endraw %})"),
        ("{{ site | nofilter }}", "is not a valid template: No filter named 'nofilter'"),
    ],
)
def test_a_template_that_fails_says_where_and_why(tmp_path: Path, template: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        rendered(tmp_path, template)
    assert str(error.value).startswith(f"{tmp_path}/lab.yml:3: settings.docker.value: {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ ['x'] | map(attribute='__class__') | list }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{x.__class__}'.format_map({'x': 1}) }}",
        "{{ '{0._keys}'.format(vars) }}",
        "{{ env.__globals__ }}",
        "{{ env.__func__.__globals__ }}",
        "{{ env.__self__._environment }}",
        "{{ vars._value }}",
        "{{ hosts.__init__.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum.__globals__ }}",
        "{{ namespace }}",
        "{{ range(1000000) }}",
        "{% set x = mixed.list.append(1) %}{{ mixed }}",
        "{{ groups.update({'a': 1}) }}",
        "{{ (dict.mro()) }}",
        "{{ ().__getattribute__('x') }}",
        "{% import 'os' as os %}{{ os }}",
    ],
)
def test_a_template_cannot_reach_python(tmp_path: Path, template: str) -> None:
    with pytest.raises(UserError, match=r"lab.yml:3: settings.docker.value: the template"):
        rendered(tmp_path, template)


def test_the_last_newline_of_a_block_stays(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("hosts: [a]\nvars:\n  v: |\n    host {{ host }}\n    end\n")
    assert load(tmp_path / "lab.yml", {}).hosts["a"].vars["v"] == "host a\nend\n"


def test_what_templates_are_given_cannot_be_changed_for_another_host(tmp_path: Path) -> None:
    before = rendered(tmp_path, "{{ mixed.list }}", host="gpu-02")
    with pytest.raises(UserError):
        rendered(tmp_path, "{{ mixed.list.clear() }}")
    assert before == [1, "two"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vars: {a: '{{ a }}'}\nhosts: {x: }\n", "lab.yml:1: vars.a: refers to itself: a -> a"),
        (
            "vars:\n  a: '{{ b }}'\n  b: '{{ vars.c }}'\n  c: 'x{{ a }}'\nhosts: {x: }\n",
            "lab.yml:2: vars.a: refers to itself: a -> b -> c -> a",
        ),
        (
            "address: '{{ hosts.y.address if host == 'x' else hosts.x.address }}'\nhosts: {x: , y: }\n".replace(
                "'x'", '"x"'
            ),
            "lab.yml:1: address: refers to itself: x.address -> y.address -> x.address",
        ),
        (
            "hosts:\n  x: {vars: {a: '{{ hosts.y.vars.b }}'}}\n  y: {vars: {b: '{{ hosts.x.vars.a }}'}}\n",
            "lab.yml:2: hosts.x.vars.a: refers to itself: x.a -> y.b -> x.a",
        ),
        # the mistake is where the broken template stands, not where it is used
        (
            "vars:\n  a: '{{ nothing }}'\n  b: 1\nport: '{{ a }}'\nhosts: {x: }\n",
            "lab.yml:2: vars.a: the template refers to 'nothing', which is not defined for host 'x'",
        ),
        (
            "hosts:\n  x: {address: '{{ hosts.y.address }}'}\n  y: {address: '{{ nothing }}'}\n",
            "lab.yml:3: hosts.y.address: the template refers to 'nothing', which is not defined for host 'y'",
        ),
        # what a template gives is checked like what is written
        (
            "vars: {p: 70000}\nhosts: {x: }\nport: '{{ p }}'\n",
            "lab.yml:3: port: should be less than or equal to 65535, got 70000",
        ),
    ],
)
def test_references_between_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lab.yml").write_text(text)
    with pytest.raises(UserError) as error:
        load(Path("lab.yml"), {})
    assert str(error.value) == message


def test_a_variable_of_a_parent_sees_the_value_of_the_child(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text(
        "vars: {url: 'http://{{ server }}/', server: central}\n"
        "groups: {g: {hosts: [a], vars: {server: near}}}\nhosts: {b: }\n"
    )
    hosts = load(tmp_path / "lab.yml", {}).hosts
    assert (hosts["a"].vars["url"], hosts["b"].vars["url"]) == ("http://near/", "http://central/")
