"""The documentation is held to the code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click
import pytest

from labprov import deploy, role
from labprov.main import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_reference_is_what_the_code_says():
    written = (ROOT / "docs" / "reference.md").read_text()
    assert written == runpy.run_path(str(ROOT / "docs" / "generate.py"))["text"](), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_names_every_role_and_deploy():
    text = (ROOT / "README.md").read_text()
    assert [name for name in role.names() if f"`{name}`" not in text] == []
    assert [name for name in deploy.available() if f"`{name}`" not in text and f" {name}" not in text] == []


def commands(command: click.Command, words: str = "labprov"):
    yield words, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from commands(child, f"{words} {name}")


@pytest.mark.parametrize("words", [words for words, _ in commands(main)])
def test_every_command_and_option_has_help(words):
    command = dict(commands(main))[words]
    assert command.help
    undescribed = [p.name for p in command.params if isinstance(p, click.Option) and not p.help and p.name != "form"]
    assert undescribed == []


def test_commands_in_the_readme_exist():
    known = {words for words, _ in commands(main)}
    used = re.findall(r"^\$ (labprov \w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert used
    assert [words for words in used if words not in known] == []


def test_modules_are_small_and_say_what_they_are():
    files = [*(ROOT / "cli").rglob("*.py"), *(ROOT / "roles").rglob("*.py")]
    long = {str(f.relative_to(ROOT)): n for f in files if (n := len(f.read_text().splitlines())) > 300}
    silent = [str(f.relative_to(ROOT)) for f in files if not f.read_text().lstrip().startswith(('"""', "#!"))]
    assert long == {}
    assert silent == []
