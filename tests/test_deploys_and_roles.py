"""Deploy scripts and roles: found, loaded, explained when wrong; a lab's own beside the built-in ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labprov import deploy, docstrings, role
from labprov.errors import UserError, Where

BUILT_IN = [
    "base",
    "conda_envs",
    "cuda",
    "docker",
    "images",
    "jupyter",
    "miniconda",
    "nvidia_container_toolkit",
    "nvidia_driver",
]


def test_the_built_in_roles_have_all_that_a_role_needs():
    for name in BUILT_IN:
        loaded = role.load(name)
        assert loaded.summary.endswith((".", ",")) or loaded.summary
        assert loaded.settings_class.__doc__
        assert callable(loaded.tasks)
        assert loaded.verify_file.is_file()


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_setting_is_described(name):
    meanings = docstrings.meanings(role.load(name).settings_class)
    assert meanings and [key for key, text in meanings.items() if not text] == []


def test_gpu_node_names_its_roles_in_order():
    names = [r.name for r in deploy.load("gpu-node").roles]
    assert names == [
        "base",
        "nvidia_driver",
        "cuda",
        "docker",
        "nvidia_container_toolkit",
        "images",
        "miniconda",
        "conda_envs",
        "jupyter",
    ]
    assert deploy.load("gpu-node").summary


def test_near_names_are_suggested():
    with pytest.raises(UserError, match="did you mean 'docker'"):
        role.load("dokcer")
    with pytest.raises(UserError, match="did you mean 'gpu-node'"):
        deploy.load("gpu-nod")


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("def", 1, "not valid Python"),
        ("from labprov.deploy import include\nfrom labprov_roles import nothing_like_it\n", 2, "nothing_like_it"),
        ("from labprov.deploy import include\n", 0, "includes no role"),
        ("from labprov.deploy import include\n1 / 0\n", 2, "ZeroDivisionError"),
    ],
)
def test_wrong_scripts_name_file_and_line(tmp_path, monkeypatch, text, line, expected):
    monkeypatch.chdir(tmp_path)
    Path("deploys").mkdir()
    Path("deploys/mine.py").write_text(text)
    with pytest.raises(UserError, match=expected) as error:
        deploy.load("mine")
    assert error.value.where == Where(Path("deploys/mine.py"), line)


def test_a_labs_own_role_and_deploy_load_like_the_built_in_ones(tmp_path):
    folder = tmp_path / "roles" / "hello"
    folder.mkdir(parents=True)
    (tmp_path / "deploys").mkdir()
    (folder / "__init__.py").write_text('"""Say hello."""\n')
    (folder / "settings.py").write_text(
        'from labprov.role import RoleSettings\nclass Settings(RoleSettings):\n    """Hello."""\n    who: str\n'
    )
    (folder / "tasks.py").write_text("def tasks(settings):\n    pass\n")
    (tmp_path / "deploys" / "hi.py").write_text(
        '"""Hi."""\nfrom labprov.deploy import include\nfrom labprov_roles import hello, docker\n'
        "include(hello)\ninclude(docker)\n"
    )
    (tmp_path / "lab.yml").write_text("settings:\n  hello: {}\nhosts: {a: }\n")
    command = [sys.executable, "-m", "labprov", "plan", "hi", "-i", "lab.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "labprov: lab.yml:2: settings.hello: the setting 'who' is missing\n"


def test_hostile_values_are_refused_by_type():
    docker = role.load("docker")
    for value in ("/x;id", "/x$(id)", "/x y", "relative", "/a/../b", "/x\n"):
        with pytest.raises(UserError, match="data_root"):
            docker.settings({"data_root": value}, lambda *path: Where(Path("lab.yml"), 1, ".".join(map(str, path))))
