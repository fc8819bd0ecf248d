"""The mirror's conda: installers, the channel's index, packages from wheels, configuration files. No host."""

import importlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from labprov.sandbox.mirror import catalogue
from labprov.sandbox.mirror.conda.installer import FILES as CONDA_FILES
from labprov.sandbox.mirror.conda.installer import Installer
from labprov.sandbox.mirror.conda.package import CondaPackage, repodata
from labprov.sandbox.mirror.conda.wheels import as_conda


@pytest.mark.parametrize("item", catalogue.INSTALLERS, ids=lambda item: item.file_name)
def test_installers_have_the_vendors_names_and_find_their_archive(item: Installer):
    text = item.head("3.11").decode()
    offset = int(re.search(r"tail -c \+(\d+)", text)[1])
    assert offset == len(text.encode()) + 1
    assert "@" not in re.sub(r"@PREFIX@", "", text)
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0
    assert item.path in {
        "miniconda/Miniconda3-py313_26.5.3-2-Linux-x86_64.sh",
        "miniconda/Miniconda3-py313_26.7.1-1-Linux-x86_64.sh",
        "miniforge/26.3.2-3/Miniforge3-26.3.2-3-Linux-x86_64.sh",
    }


def test_channel_index_has_what_a_solver_reads(tmp_path):
    package = CondaPackage("hello", "1.0", tmp_path, "0", ("python >=3.9",), noarch=True)
    found = json.loads(repodata("noarch", {package.file_name: package.index()}))
    assert found["info"] == {"subdir": "noarch"}
    entry = found["packages.conda"]["hello-1.0-0.conda"]
    assert (entry["name"], entry["depends"], entry["noarch"]) == ("hello", ["python >=3.9"], "python")


def test_a_wheel_becomes_a_package_with_its_commands(tmp_path):
    wheel = tmp_path / "Tool_Box-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tool_box.py", "")
        archive.writestr("Tool_Box-1.2.dist-info/entry_points.txt", "[console_scripts]\ntool = tool_box:main\n")
    package = as_conda(wheel, tmp_path / "tree", ["python"])
    assert (package.version, package.entry_points) == ("1.2", ("tool = tool_box:main",))
    assert (tmp_path / "tree/site-packages/tool_box.py").is_file()


@pytest.fixture
def conda_settings(monkeypatch, tmp_path):
    """The stand-in's own settings module, with an installation and a home of its own."""
    monkeypatch.syspath_prepend(str(CONDA_FILES))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CONDA_PREFIX", "CONDARC", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    module = importlib.import_module("conda_stand_in.settings")
    monkeypatch.setattr(module, "ROOT", tmp_path / "root")
    places = [tmp_path / name for name in ("system", "system.d", "root/.condarc", "home/.condarc")]
    monkeypatch.setattr(module, "search_path", lambda: places)
    yield module, tmp_path
    for name in [name for name in sys.modules if name.startswith("conda_stand_in")]:
        del sys.modules[name]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_condarc_files_merge_as_condas_do(conda_settings):
    module, folder = conda_settings
    assert module.merged()["channels"] == ["defaults"]
    write(folder / "system", "channels: [conda-forge]\nauto_activate_base: false\ncustom_channels: {a: http://a}\n")
    write(folder / "system.d/20.yml", "channel_alias: http://second\n")
    write(folder / "system.d/10.yml", "channel_alias: http://first\n")
    write(folder / "system.d/ignored.txt", "channel_alias: http://third\n")
    assert module.merged()["channel_alias"] == "http://second"
    write(
        folder / "home/.condarc", "channels: [mine, conda-forge]\nauto_activate: true\ncustom_channels: {b: http://b}\n"
    )
    merged = module.merged()
    assert merged["channels"] == ["mine", "conda-forge"]
    assert merged["auto_activate"] is True
    assert merged["custom_channels"] == {"a": "http://a", "b": "http://b"}


def test_nodefaults_takes_the_defaults_away(conda_settings):
    module, folder = conda_settings
    write(folder / "system", "channels: [defaults, x]\n")
    write(folder / "home/.condarc", "channels: [conda-forge, nodefaults]\n")
    assert module.merged()["channels"] == ["conda-forge", "x"]


def test_config_edits_one_file(conda_settings):
    module, folder = conda_settings
    path = folder / "home/.condarc"
    module.edit(
        path, [("set", "plugins.auto_accept_tos", "yes"), ("prepend", "channels", "a"), ("prepend", "channels", "b")]
    )
    assert module.merged()["plugins"] == {"auto_accept_tos": True}
    assert module.merged()["channels"] == ["b", "a"]
    module.edit(path, [("remove", "channels", "b"), ("remove-key", "plugins", "")])
    assert module.merged()["channels"] == ["a"]
    with pytest.raises(Exception, match="undefined in config"):
        module.edit(path, [("remove-key", "plugins", "")])
