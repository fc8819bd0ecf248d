"""Settings of the role miniconda: checksums, terms, prefixes, and what a hostile inventory cannot smuggle in."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from labprov import role
from labprov.errors import UserError, Where
from labprov_roles.miniconda.settings import Settings

SHA = "a" * 64


def message(values: dict[str, object]) -> str:
    """The one line a user sees for wrong settings."""
    with pytest.raises(UserError) as error:
        role.load("miniconda").settings(values, lambda *path: Where(Path("lab.yml"), 7, ".".join(map(str, path))))
    assert error.value.exit_code == 2
    return str(error.value)


def test_default_needs_no_terms() -> None:
    settings = Settings()
    assert (settings.distribution, settings.channels, settings.auto_activate) == ("miniforge", ("conda-forge",), False)


def test_custom_installer_without_sha256_names_the_key() -> None:
    said = message({"installer_url": "https://files.example.org/Miniforge3.sh"})
    assert said.startswith("lab.yml:7: sha256: sha256 is missing")
    assert "installer_url" in said


def test_unknown_version_without_sha256_names_the_key_and_the_known_version() -> None:
    said = message({"version": "99.1.0-0"})
    assert said.startswith("lab.yml:7: sha256: sha256 is missing")
    assert "miniforge 99.1.0-0" in said and "26.3.2-3" in said


def test_version_of_the_other_distribution_is_unknown() -> None:
    assert "sha256 is missing" in message({"distribution": "miniconda", "version": "26.3.2-3"})


@pytest.mark.parametrize(
    "values",
    [
        {"version": "99.1.0-0", "sha256": SHA},
        {"installer_url": "https://files.example.org/x.sh", "sha256": SHA},
        {"version": "26.3.2-3"},
        {"distribution": "miniconda"},
    ],
)
def test_known_version_or_given_sha256_is_enough(values: dict[str, object]) -> None:
    made = Settings.model_validate(values)
    assert {name: str(getattr(made, name)) for name in values} == values


@pytest.mark.parametrize(
    "channel",
    [
        "defaults",
        "main",
        "r",
        "anaconda",
        "pkgs/main",
        "https://repo.anaconda.com/pkgs/main",
        "https://conda.anaconda.org/anaconda",
        "https://conda.anaconda.org/main/linux-64",
        "https://mirror.example.org/anaconda/pkgs/r",
    ],
)
def test_anacondas_channels_need_the_terms_and_the_message_says_what_to_write(channel: str) -> None:
    said = message({"channels": ["conda-forge", channel]})
    assert said.startswith("lab.yml:7: channels: ")
    assert "accept_anaconda_terms: true" in said
    Settings.model_validate({"channels": ["conda-forge", channel], "accept_anaconda_terms": True})


@pytest.mark.parametrize(
    "channel",
    ["conda-forge", "bioconda", "pytorch/label/dev", "nvidia", "https://mirror.example.org/cloud/conda-forge"],
)
def test_other_channels_need_no_terms(channel: str) -> None:
    made = Settings.model_validate({"channels": [channel]})
    assert list(made.channels) == [channel] and not made.accept_anaconda_terms


def test_default_channels_need_the_terms_too() -> None:
    said = message({"default_channels": ["https://mirror.example.org/anaconda/pkgs/main"]})
    assert "default_channels" in said and "accept_anaconda_terms" in said


def test_no_channel_at_all_would_mean_anacondas() -> None:
    assert "channels: must name at least one channel" in message({"channels": []})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("prefix", "/opt"),
        ("prefix", "/"),
        ("prefix", "opt/conda"),
        ("prefix", "/opt/my conda"),
        ("prefix", "/opt/../etc"),
        ("prefix", "/opt/conda$(id)"),
        ("prefix", "/opt/" + "x" * 90),
        ("version", "26.3.2-3; id"),
        ("version", "../../evil"),
        ("sha256", "A" * 64),
        ("installer_url", "file:///tmp/evil.sh"),
        ("installer_url", "https://x.example.org/a.sh; id"),
        ("channels", ["conda-forge\nchannel_alias: http://evil"]),
        ("channels", ["../evil"]),
        ("channels", ["{{ evil }}"]),
        ("custom_channels", {"conda-forge": "not a url"}),
        ("custom_channels", {"a b": "https://x.example.org"}),
        ("distribution", "anaconda"),
        ("auto_activate", "perhaps"),
    ],
)
def test_hostile_or_wrong_values_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({"sha256": SHA, key: value})
    assert error.value.errors()[0]["loc"][0] == key


def test_a_slash_at_the_end_of_the_prefix_goes() -> None:
    assert Settings(prefix="/opt/conda/").prefix == "/opt/conda"
